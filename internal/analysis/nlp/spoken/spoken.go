// Package spoken knows how common words are in speech, judged by film subtitles: the order in which learners meet them.
// Forms come from the 50,000 most frequent of OpenSubtitles 2018 (CC BY-SA 4.0), lemmas from Wiktionary (CC BY-SA 3.0); see
// NOTICE.
package spoken

import (
	_ "embed"
	"math"
	"sync"

	"openlearn/internal/analysis/nlp/pack"
	"openlearn/internal/analysis/nlp/words"
)

//go:embed spoken.bin
var packed []byte

const format = "spoken 1"

// Ranks holds the ranks of words by frequency: 1 for the most common; 0 for an unknown word.
type Ranks struct{ table *words.Table }

// Default returns the embedded ranks, decoded at the first call.
var Default = sync.OnceValue(func() Ranks {
	r, err := Decode(packed)
	if err != nil {
		panic("spoken: the embedded ranks are damaged: " + err.Error()) // a broken build, found by any test
	}
	return r
})

// steps is the resolution of ranks: about 3 %.
const steps = 16

func code(rank int) uint16 {
	if rank <= 0 {
		return 0
	}
	return uint16(math.Round(steps*math.Log2(float64(rank)))) + 1
}

func rank(code uint16) int {
	if code == 0 {
		return 0
	}
	return int(math.Round(math.Exp2(float64(code-1) / steps)))
}

// Encode packs the ranks of forms and lemmas.
func Encode(forms, lemmas map[string]int) ([]byte, error) {
	values := map[string]uint16{}
	for w, n := range forms {
		values[w] = code(n) << 8
	}
	for w, n := range lemmas {
		values[w] |= code(n)
	}
	var w pack.Writer
	words.New(values).Write(&w)
	return w.Pack(format)
}

// Decode unpacks what Encode packed.
func Decode(packed []byte) (Ranks, error) {
	r, err := pack.Open(packed, format)
	if err != nil {
		return Ranks{}, err
	}
	t := words.Read(r)
	return Ranks{t}, r.Err()
}

// Form is the rank of a form in lower case among forms.
func (r Ranks) Form(lower string) int {
	v, _ := r.table.Lookup(lower)
	return rank(v >> 8)
}

// Lemma is the rank of a lemma among lemmas.
func (r Ranks) Lemma(lemma string) int {
	v, _ := r.table.Lookup(lemma)
	return rank(v & 0xff)
}
