package ner

import (
	"strings"
	"unicode"
	"unicode/utf8"

	"openlearn/internal/analysis/nlp/lexicon"
	"openlearn/internal/analysis/nlp/morph"
	"openlearn/internal/analysis/nlp/seq"
	"openlearn/internal/analysis/nlp/text"
)

// token is a token that is being labelled.
type token struct {
	norm, lower string
	hash        uint64 // of norm
	low         uint64 // of lower
	shape       uint64
	ends        [4]uint64 // hashes of the last 2…5 letters of norm
	begins      [3]uint64 // of the first 2…4
	pos         lexicon.POS
	capital     bool
	active      bool // can be in a name
	given       uint8
	family      uint8
	common      uint8  // how common the word is in lower case
	trigger     uint16 // of the form
	lowTrigger  uint16 // of the form in lower case
	cluster     [groupCount]uint16
	place       uint8  // in the list entry: 1 begins, 2 continues, 3 ends, 4 is the whole entry
	lists       uint32 // two sets of bits per class of list entries: those that begin here, those that continue here
	run         int32  // index of its run of capitals, -1 for none
	global      uint32
	sentence    int32
	first       bool // of its sentence, apart from punctuation
}

// run is a sequence of capitalised words with the connectors between them.
type run struct{ from, to int32 }

// maxForm bounds how many bytes of a form are used.
const maxForm = 64

// sportWords mark reports of games: in these a city is a team, and a name in brackets is a player's team.
var sportWords = wordSet(`gol goles partido partidos minuto minutos árbitro jugador jugadores equipo equipos liga copa torneo campeonato campeón campeones entrenador técnico delantero
	delantera defensa portero arquero mediocampista empate empató goleó venció derrotó ganó perdió victoria derrota fútbol baloncesto tenis ciclismo etapa pelotón clasificación final semifinal semifinales
	penalti penal estadio cancha hinchas hinchada afición set sets juegos puntos marcador eliminatoria eliminatorias selección club ciclista tenista mundial fecha jornada titular lesión balón`)

// findSport rates from 0 to 3 how much each sentence and the document are about sport.
func (w *work) findSport(d *text.Document) {
	w.sport, w.bare = w.sport[:0], w.bare[:0]
	all, words := 0, 0
	for _, s := range d.Sentences {
		n := 0
		bare := uint8(1)
		for i := s.First; i < s.Last; i++ {
			switch t := &w.tokens[i]; {
			case t.norm == "," || t.norm == "(":
				bare = 0
			case sportWords[t.lower]:
				n++
			}
		}
		w.bare = append(w.bare, bare)
		all += n
		words += s.Last - s.First
		w.sport = append(w.sport, uint8(min(n, 1)))
	}
	if all*50 > words && all > 1 {
		for i := range w.sport {
			w.sport[i] += 2
		}
	}
}

// work is the scratch space of one document.
type work struct {
	tokens   []token
	runs     []run
	key      []byte
	features []uint64
	scores   []float32
	fixed    []bool
	labels   []uint8
	back     []uint8
	// confidence is the probability of each token's label.
	confidence []float32
	memory     memory
	sport      []uint8 // per sentence
	bare       []uint8 // per sentence: 1 if it has neither commas nor brackets; some sites lose them, and names stand side by side
	globals    map[string]uint32
	marginals  seq.Marginals
}

// prepare fills in the tokens of a document.
func (m *Model) prepare(w *work, d *text.Document, words *morph.Analysis) {
	if cap(w.tokens) < len(d.Tokens) {
		w.tokens = make([]token, len(d.Tokens)*5/4)
	}
	w.tokens = w.tokens[:len(d.Tokens)]
	for i := range d.Tokens {
		m.prepareToken(&w.tokens[i], &d.Tokens[i])
		w.tokens[i].pos = words.Words[words.First[i]].POS
	}
	for n, s := range d.Sentences {
		first := true
		for i := s.First; i < s.Last; i++ {
			t := &w.tokens[i]
			t.sentence = int32(n)
			t.first = first
			if d.Tokens[i].Kind != text.Punct && d.Tokens[i].Kind != text.Emoji {
				first = false
			}
		}
	}
	w.findSport(d)
	m.findRuns(w, d)
	m.findLists(w, d)
	m.findGlobals(w, d)
}

func (m *Model) prepareToken(t *token, x *text.Token) {
	*t = token{norm: x.Norm, lower: x.Lower, run: -1}
	form := clipped(x.Norm)
	t.hash = seq.Hash(form)
	t.low = seq.Hash(clipped(x.Lower))
	t.shape = shape(form)
	r, _ := utf8.DecodeRuneInString(form)
	t.capital = unicode.IsUpper(r) || x.Kind == text.Word && strings.IndexFunc(form, unicode.IsUpper) >= 0
	at := len(form)
	for k := -1; k < len(t.ends); k++ {
		if at > 0 {
			_, size := utf8.DecodeLastRuneInString(form[:at])
			at -= size
		}
		if k >= 0 {
			t.ends[k] = seq.Hash(form[at:])
		}
	}
	at = 0
	for k := -1; k < len(t.begins); k++ {
		if at < len(form) {
			_, size := utf8.DecodeRuneInString(form[at:])
			at += size
		}
		if k >= 0 {
			t.begins[k] = seq.Hash(form[:at])
		}
	}
	if x.Kind == text.Word {
		t.trigger = m.triggers[form]
		t.lowTrigger = m.triggers[x.Lower]
		if t.capital {
			plain := plainVowels.Replace(x.Lower)
			t.given, t.family = m.lists.given[plain], m.lists.family[plain]
			if z := m.lex.Zipf(x.Lower); z > 0 && len(x.Lower) <= lexicon.MaxForm {
				var buf [6]lexicon.Reading
				if len(m.lex.Append(buf[:0], x.Lower)) > 0 {
					t.common = uint8(min(7, z))
				}
			}
		}
	}
	t.cluster = m.clusters.get(x.Norm, x.Lower)
}

func clipped(s string) string {
	if len(s) <= maxForm {
		return s
	}
	return s[:maxForm]
}

// shape is the pattern of a form: Xx for capital and small letters, repetitions once, 9 for digits, punctuation unchanged.
func shape(form string) uint64 {
	var b [16]byte
	n := 0
	last := byte(0)
	for _, r := range form {
		c := byte('x')
		switch {
		case unicode.IsUpper(r):
			c = 'X'
		case unicode.IsDigit(r):
			c = '9'
		case r < 0x80 && !unicode.IsLetter(r):
			c = byte(r)
		case !unicode.IsLetter(r):
			c = '?'
		}
		if c == last && n > 1 {
			continue
		}
		if n == len(b) {
			break
		}
		b[n] = c
		last = c
		n++
	}
	return seq.Hash(string(b[:n]))
}

// findRuns groups capitalised words with the connectors between them, and says which tokens can be in a name.
func (m *Model) findRuns(w *work, d *text.Document) {
	w.runs = w.runs[:0]
	for _, s := range d.Sentences {
		for i := s.First; i < s.Last; {
			if !w.tokens[i].capital {
				i++
				continue
			}
			end := i + 1
			for end < s.Last {
				if w.tokens[end].capital {
					end++
					continue
				}
				k := end
				for k < s.Last && k < end+3 && connector[w.tokens[k].norm] {
					k++
				}
				if k > end && k < s.Last && w.tokens[k].capital {
					end = k + 1
					continue
				}
				break
			}
			for k := i; k < end; k++ {
				w.tokens[k].run = int32(len(w.runs))
				w.tokens[k].active = true
			}
			w.runs = append(w.runs, run{int32(i), int32(end)})
			i = end
		}
		m.activate(w, d, s)
	}
}

// activate marks further tokens that can be in a name: those between capitalised words close to each other, numbers after
// these, quotations.
func (m *Model) activate(w *work, d *text.Document, s text.Sentence) {
	last := -9
	for i := s.First; i < s.Last; i++ {
		t := &w.tokens[i]
		if t.active {
			if i-last <= 5 {
				for k := last + 1; k < i; k++ {
					w.tokens[k].active = true
				}
			}
			last = i
			continue
		}
		switch {
		case d.Tokens[i].Kind == text.Number && i-last <= 2:
			t.active = true
			last = i
		case d.Tokens[i].Kind == text.Hashtag, d.Tokens[i].Kind == text.Mention:
			t.active = true
		case isQuote(t.norm) && i+1 < s.Last && w.tokens[i+1].capital:
			for k := i; k < s.Last && k < i+10; k++ {
				w.tokens[k].active = true
				if k > i && isQuote(w.tokens[k].norm) {
					break
				}
			}
		}
	}
}

func isQuote(s string) bool { return s == `"` || s == "'" }

// findLists marks the names that are in the lists, the longest ones only.
func (m *Model) findLists(w *work, d *text.Document) {
	for _, s := range d.Sentences {
		for i := s.First; i < s.Last; {
			entries, n := m.longest(w, i, s.Last)
			if n == 0 {
				i++
				continue
			}
			bits := uint32(0)
			for _, e := range entries {
				bits |= 1 << e.Class
			}
			if n == 1 {
				bits |= 1 // a name of one word
			}
			for k := i; k < i+n; k++ {
				w.tokens[k].lists = bits
				w.tokens[k].place = 2
			}
			w.tokens[i].place, w.tokens[i+n-1].place = 1, 3
			if n == 1 {
				w.tokens[i].place = 4
			}
			i += n
		}
	}
}

// longest is the longest name of the lists that begins at token i and is written with a capital there.
func (m *Model) longest(w *work, i, limit int) ([]Entry, int) {
	if !w.tokens[i].capital {
		return nil, 0
	}
	most := int(m.lists.first[w.tokens[i].lower])
	if most == 0 {
		return nil, 0
	}
	var entries []Entry
	n := 0
	w.key = append(w.key[:0], w.tokens[i].lower...)
	for k := i; ; {
		if e, ok := m.lists.entries[string(w.key)]; ok && (w.tokens[k].capital || w.tokens[k].norm[0] <= '9') {
			entries, n = e, k-i+1
		}
		if k++; k >= limit || k-i >= most || len(w.key) > 200 {
			return entries, n
		}
		w.key = append(append(w.key, ' '), w.tokens[k].lower...)
	}
}

// contentBefore is the last token before i that is not a connector, at most three away, -1 if there is none.
func (m *Model) contentBefore(w *work, i, first int) int {
	for k := i - 1; k >= first && k >= i-4; k-- {
		if !connector[w.tokens[k].lower] {
			return k
		}
	}
	return -1
}
