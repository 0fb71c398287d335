package sentiment

import (
	_ "embed"
	"fmt"
	"strconv"
	"strings"
	"sync"

	"openlearn/internal/analysis/nlp/pack"
	"openlearn/internal/analysis/nlp/words"
)

//go:embed lexicon.txt
var ownLexicon string

//go:embed sentiment.bin
var packed []byte

// OwnLexicon is the list of words written for this project.
func OwnLexicon() string { return ownLexicon }

// Roles of words, as bits in the roles table.
const (
	up uint16 = 1 << iota
	down
	goodQuantity
	badQuantity
	shift
	intensify
	diminish
	negate
	adversative
	concessive
	hedge
	subjectGood
	subjectBad
	objectGood
	objectBad
	heal
)

var sections = map[string]uint16{
	"up": up, "down": down, "good-quantity": goodQuantity, "bad-quantity": badQuantity, "shift": shift, "heal": heal, "intensify": intensify, "diminish": diminish,
	"negate": negate, "adversative": adversative, "concessive": concessive, "hedge": hedge,
	"subject+object-": subjectGood | objectBad, "subject+object+": subjectGood | objectGood, "subject-object-": subjectBad | objectBad,
	"object-": objectBad, "subject-": subjectBad, "subject+": subjectGood,
}

// Lexicon is the list as written: lemmas with their polarity and roles.
type Lexicon struct {
	Polarity map[string]float64 // of lemmas
	Exact    map[string]float64 // of forms
	Phrases  map[string]float64 // forms joined by _
	Roles    map[string]uint16  // of lemmas
	// PhraseRoles are the roles of phrases.
	PhraseRoles map[string]uint16
}

// ParseLexicon reads the format of lexicon.txt.
func ParseLexicon(s string) (*Lexicon, error) {
	l := &Lexicon{map[string]float64{}, map[string]float64{}, map[string]float64{}, map[string]uint16{}, map[string]uint16{}}
	section, score := "", 0.0
	for i, line := range strings.Split(s, "\n") {
		switch {
		case line == "" || strings.HasPrefix(line, "#"):
			continue
		case strings.HasPrefix(line, "["):
			section = strings.Trim(line, "[]")
			continue
		}
		name, phrase := section, strings.HasPrefix(section, "phrases ")
		name = strings.TrimPrefix(name, "phrases ")
		role, isRole := sections[name]
		if !isRole {
			n, err := strconv.ParseFloat(name, 64)
			if err != nil {
				return nil, fmt.Errorf("line %d: section %q is not known", i+1, section)
			}
			score = n
		}
		for _, w := range strings.Fields(line) {
			exact := strings.HasPrefix(w, "=")
			w = strings.TrimPrefix(w, "=")
			joined := strings.Contains(w, "_")
			switch {
			case isRole && joined:
				l.PhraseRoles[w] |= role
			case isRole:
				l.Roles[w] |= role
			case joined || phrase:
				l.Phrases[w] = score
			case exact:
				l.Exact[w] = score
			default:
				l.Polarity[w] = score
			}
		}
	}
	return l, nil
}

// Values of the phrase table: a phrase's polarity or role, and whether longer phrases begin with it.
const (
	phraseBegins uint16 = 1 << 15
	phraseEnds   uint16 = 1 << 14
	phraseRole   uint16 = 1 << 13
)

// PhraseTable maps phrases and their beginnings to their values.
func (l *Lexicon) PhraseTable() map[string]uint16 {
	t := map[string]uint16{}
	put := func(p string, v uint16) {
		t[p] |= v | phraseEnds
		for i, r := range p {
			if r == '_' {
				t[p[:i]] |= phraseBegins
			}
		}
	}
	for p, v := range l.Phrases {
		put(p, uint16(v*2+16))
	}
	for p, r := range l.PhraseRoles {
		switch r {
		case adversative:
			put(p, phraseRole|1)
		case concessive:
			put(p, phraseRole|2)
		}
	}
	return t
}

const evaluativeBit = 1 << 15

// Pack encodes a polarity (-4…4) for the polarity table.
func Pack(polarity float64, evaluative bool) uint16 {
	v := uint16(max(-4, min(4, polarity))*1000 + 8000)
	if evaluative {
		v |= evaluativeBit
	}
	return v
}

func unpack(v uint16) (polarity float64, evaluative bool) {
	return (float64(v&^evaluativeBit) - 8000) / 1000, v&evaluativeBit != 0
}

type tables struct{ polarity, roles, phrases *words.Table }

// format is the name of the tables' pack; it changes when their meaning does.
const format = "sentiment 1"

// PackTables makes what the package embeds: polarities of forms, their roles, and phrases.
func PackTables(polarity, roles, phrases map[string]uint16) ([]byte, error) {
	var w pack.Writer
	for _, t := range []map[string]uint16{polarity, roles, phrases} {
		words.New(t).Write(&w)
	}
	return w.Pack(format)
}

func load(packed []byte) (*tables, error) {
	r, err := pack.Open(packed, format)
	if err != nil {
		return nil, err
	}
	t := &tables{words.Read(r), words.Read(r), words.Read(r)}
	return t, r.Err()
}

// embedded returns the embedded tables, unpacked at the first call.
var embedded = sync.OnceValue(func() *tables {
	t, err := load(packed)
	if err != nil {
		panic("sentiment: the embedded tables are damaged: " + err.Error()) // a build error, found by every test
	}
	return t
})
