// Package morph finds the syntactic words of Spanish text, their parts of speech, lemmas and features, following Universal
// Dependencies (UD AnCora): contractions are split, and enclitic pronouns are separate words.
package morph

import (
	"crypto/sha256"
	_ "embed"
	"encoding/hex"
	"fmt"
	"sync"

	"openlearn/internal/analysis/nlp/corpus"
	"openlearn/internal/analysis/nlp/lexicon"
	"openlearn/internal/analysis/nlp/pack"
	"openlearn/internal/analysis/nlp/seq"
	"openlearn/internal/analysis/nlp/text"
)

const format = "morph 1"

// Word is a syntactic word.
type Word struct {
	Form  string // as it would be written alone; the token's Text if the token is one word
	Lower string
	Lemma string
	POS   lexicon.POS
	// Codes is the inflection, as in the lexicon (see lexicon.Reading), one reading; "" if it is not known.
	Codes string
	Token int // index in Document.Tokens
	Part  corpus.Part
}

// Analysis holds the words of a document.
type Analysis struct {
	Words []Word
	// First is, for each token, the index of its first word, and len(Words) at the end.
	First []int32
}

// Of returns the words of the tokens first … last-1.
func (a *Analysis) Of(first, last int) []Word { return a.Words[a.First[first]:a.First[last]] }

type dictEntry struct {
	tags    uint32
	sure    bool // frequent enough to have shown all its tags
	cluster uint16
}

// Model is immutable and safe for concurrent use.
type Model struct {
	lex        *lexicon.Lexicon
	weights    *seq.Weights
	trigrams   *seq.Trigrams
	dictionary map[string]dictEntry
	lemmas     lemmatizer
}

//go:embed morph.bin
var embedded []byte

// Default is the model in the binary, decoded at the first call.
var Default = sync.OnceValue(func() *Model {
	m, err := Decode(embedded, lexicon.Default())
	if err != nil {
		panic("the embedded morphology is damaged: " + err.Error()) // a broken build, found by any test
	}
	return m
})

// scratch is the temporary memory of tagging.
type scratch struct {
	words      []word
	features   []uint64
	scores     []float32
	candidates [][]uint8
	pool       []uint8
	tags       []uint8
	decoder    seq.Decoder
}

var scratches = sync.Pool{New: func() any { return new(scratch) }}

// maxChunk is how many words are decoded at once: a "sentence" of 50,000 words is cut.
const maxChunk = 512

// Tag analyses the words of a document.
func (m *Model) Tag(d *text.Document) Analysis {
	a := Analysis{Words: make([]Word, 0, len(d.Tokens)+len(d.Tokens)/8), First: make([]int32, len(d.Tokens)+1)}
	s := scratches.Get().(*scratch)
	defer scratches.Put(s)
	for _, sentence := range d.Sentences {
		begin := len(a.Words)
		for i := sentence.First; i < sentence.Last; i++ {
			t := &d.Tokens[i]
			a.First[i] = int32(len(a.Words))
			first := i == sentence.First || i == sentence.First+1 && d.Tokens[i-1].Kind == text.Punct
			if p := parts(m.lex, t, first); p != nil {
				for k, form := range p {
					w := Word{Form: form, Lower: form, Token: i, Part: corpus.Inner}
					if k == 0 {
						w.Part = corpus.Begin
						if t.Norm != t.Lower {
							w.Form = text.Title(form)
						}
					}
					a.Words = append(a.Words, w)
				}
				continue
			}
			a.Words = append(a.Words, Word{Form: t.Norm, Lower: t.Lower, Token: i})
		}
		m.tag(s, a.Words[begin:], d.Tokens)
	}
	a.First[len(d.Tokens)] = int32(len(a.Words))
	return a
}

// TagForms tags the words of one sentence that is already split: for scoring on treebanks.
func (m *Model) TagForms(forms []string, part []corpus.Part) []Word {
	words := make([]Word, len(forms))
	for i, f := range forms {
		words[i] = Word{Form: f, Lower: lowered(f), Token: i, Part: part[i]}
	}
	m.recase(words)
	s := scratches.Get().(*scratch)
	defer scratches.Put(s)
	m.tag(s, words, nil)
	return words
}

// recase turns the words of a headline in capitals to lower case if the lexicon knows them.
func (m *Model) recase(words []Word) {
	upper := 0
	for i := range words {
		switch shapeOf(words[i].Form) {
		case shapeUpper:
			upper++
		case shapeLower, shapeMixed:
			return
		}
	}
	if upper < 3 {
		return
	}
	for i := range words {
		if w := &words[i]; m.lex.Zipf(w.Lower) >= 3.2 && len(m.lex.Readings(w.Lower)) > 0 {
			w.Form = w.Lower
		}
	}
}

func (m *Model) tag(s *scratch, words []Word, tokens []text.Token) {
	for len(words) > maxChunk {
		m.tagChunk(s, words[:maxChunk], tokens)
		words = words[maxChunk:]
	}
	m.tagChunk(s, words, tokens)
}

func (m *Model) tagChunk(s *scratch, words []Word, tokens []text.Token) {
	n := len(words)
	for len(s.words) < n {
		s.words = append(s.words, word{})
	}
	labels := int(lexicon.POSCount)
	if cap(s.scores) < n*labels {
		s.scores = make([]float32, n*labels)
		s.tags = make([]uint8, n)
	}
	s.scores, s.tags = s.scores[:n*labels], s.tags[:n]
	for i := range words {
		w := &s.words[i]
		w.norm, w.lower, w.part = words[i].Form, words[i].Lower, words[i].Part
		m.prepare(w, m.lex)
	}
	s.pool = s.pool[:0]
	s.candidates = s.candidates[:0]
	begins := make([]int, n+1)
	for i := range n {
		begins[i] = len(s.pool)
		s.pool = m.limited(&s.words[i], kindOf(tokens, words[i].Token), s.pool)
	}
	begins[n] = len(s.pool)
	var sums [lexicon.POSCount]int32
	for i := range n {
		c := s.pool[begins[i]:begins[i+1]]
		s.candidates = append(s.candidates, c)
		if len(c) == 1 {
			clear(s.scores[i*labels : (i+1)*labels])
			continue
		}
		clear(sums[:])
		s.features = features(s.words[:n], i, s.features[:0])
		m.weights.Add(sums[:], s.features)
		for l, v := range sums {
			s.scores[i*labels+l] = float32(v) * m.weights.Scale()
		}
	}
	s.decoder.Best(m.trigrams, s.scores, s.candidates, s.tags)
	for i := range words {
		words[i].POS = lexicon.POS(s.tags[i])
		m.lemma(&words[i], &s.words[i])
	}
}

func kindOf(tokens []text.Token, i int) text.Kind {
	if tokens == nil {
		return text.Word
	}
	return tokens[i].Kind
}

// limited appends the candidate tags of a word; the kind of its token may leave only one.
func (m *Model) limited(w *word, kind text.Kind, dst []uint8) []uint8 {
	switch kind {
	case text.URL, text.Email, text.Mention, text.Hashtag:
		return append(dst, uint8(lexicon.PROPN))
	case text.Emoji, text.Symbol:
		return append(dst, uint8(lexicon.SYM))
	case text.Markup:
		return append(dst, uint8(lexicon.X))
	}
	return m.candidates(w, dst)
}

// Encode returns the model as a file.
func (m *Model) Encode() ([]byte, error) {
	var w pack.Writer
	m.weights.Write(&w)
	m.trigrams.Write(&w)
	forms := sortedKeys(m.dictionary)
	w.Sorted(forms)
	for _, f := range forms {
		e := m.dictionary[f]
		sure := uint64(0)
		if e.sure {
			sure = 1
		}
		w.Uint(uint64(e.tags)<<1 | sure)
	}
	for _, f := range forms {
		w.Uint(uint64(m.dictionary[f].cluster))
	}
	m.lemmas.write(&w)
	return w.Pack(format)
}

// Decode reads what Encode made.
func Decode(data []byte, lex *lexicon.Lexicon) (*Model, error) {
	r, err := pack.Open(data, format)
	if err != nil {
		return nil, err
	}
	m := &Model{lex: lex}
	if m.weights, err = seq.ReadWeights(r); err != nil {
		return nil, fmt.Errorf("weights: %w", err)
	}
	if m.trigrams, err = seq.ReadTrigrams(r, int(lexicon.POSCount)); err != nil {
		return nil, fmt.Errorf("transitions: %w", err)
	}
	forms := r.Sorted()
	m.dictionary = make(map[string]dictEntry, len(forms))
	entries := make([]dictEntry, len(forms))
	for i := range entries {
		v := r.Uint()
		entries[i] = dictEntry{tags: uint32(v >> 1), sure: v&1 == 1}
	}
	for i := range entries {
		entries[i].cluster = uint16(r.Uint())
	}
	for i, f := range forms {
		m.dictionary[f] = entries[i]
	}
	m.lemmas.read(r)
	return m, r.Err()
}

// Fingerprint identifies the model in the binary.
func Fingerprint() string {
	sum := sha256.Sum256(embedded)
	return hex.EncodeToString(sum[:8])
}
