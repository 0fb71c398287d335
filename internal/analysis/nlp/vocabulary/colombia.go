package vocabulary

import (
	_ "embed"
	"slices"
	"strings"
	"sync"

	"openlearn/internal/analysis/nlp/pack"
	"openlearn/internal/analysis/nlp/text"
)

//go:embed colombia.bin
var packed []byte

// Colombianism is a word of Colombian Spanish.
type Colombianism struct {
	Lemma   string
	Meaning string // in general Spanish; "" if it is not known
	Use     string // coloquial, general, administración …; "" if it is not known
	// Weak is true for general words that also have a Colombian sense: the text may mean either.
	Weak bool
}

// Entry is a Colombianism with its forms.
type Entry struct {
	Colombianism
	Forms []string // the lemma and inflected forms, in lower case; phrases with single spaces
}

type dictionary struct {
	entries []Entry
	byForm  map[string]int
	longest map[string]int // first word of phrases → most words
}

const format = "colombia 1"

// Encode packs entries.
func Encode(entries []Entry) ([]byte, error) {
	var w pack.Writer
	w.Uint(uint64(len(entries)))
	for _, e := range entries {
		weak := byte(0)
		if e.Weak {
			weak = 1
		}
		w.String(e.Lemma)
		w.String(e.Meaning)
		w.String(e.Use)
		w.Byte(weak)
		w.Strings(e.Forms)
	}
	return w.Pack(format)
}

func decode(packed []byte) (*dictionary, error) {
	r, err := pack.Open(packed, format)
	if err != nil {
		return nil, err
	}
	d := &dictionary{byForm: map[string]int{}, longest: map[string]int{}}
	for range r.Count(4) {
		e := Entry{Colombianism: Colombianism{Lemma: r.String(), Meaning: r.String(), Use: r.String(), Weak: r.Byte() == 1}, Forms: r.Strings()}
		for _, f := range e.Forms {
			if _, ok := d.byForm[f]; !ok {
				d.byForm[f] = len(d.entries)
			}
			if first, _, ok := strings.Cut(f, " "); ok {
				d.longest[first] = max(d.longest[first], strings.Count(f, " ")+1)
			}
		}
		d.entries = append(d.entries, e)
	}
	return d, r.Err()
}

var embedded = sync.OnceValue(func() *dictionary {
	d, err := decode(packed)
	if err != nil {
		panic("vocabulary: the embedded words of Colombia are damaged: " + err.Error()) // a broken build, found by any test
	}
	return d
})

// Lookup finds the Colombianism for a form in lower case or a phrase.
func Lookup(lower string) (Colombianism, bool) {
	d := embedded()
	i, ok := d.byForm[lower]
	if !ok {
		return Colombianism{}, false
	}
	return d.entries[i].Colombianism, true
}

// Mention is a Colombianism in a document: Document.Tokens[First:Last].
type Mention struct {
	Colombianism
	First, Last int
}

// Colombianisms finds the Colombianisms of a document in order, preferring the longest phrase. Names do not count.
func Colombianisms(d *text.Document) []Mention {
	dict := embedded()
	var out []Mention
	for _, s := range d.Sentences {
		for i := s.First; i < s.Last; i++ {
			t := &d.Tokens[i]
			if t.Kind != text.Word || i > s.First && t.Norm != t.Lower {
				continue
			}
			found, last := -1, i+1
			if k, ok := dict.byForm[t.Lower]; ok {
				found = k
			}
			if most := dict.longest[t.Lower]; most > 0 {
				key := t.Lower
				for j := i + 1; j < s.Last && j < i+most; j++ {
					key += " " + d.Tokens[j].Lower
					if k, ok := dict.byForm[key]; ok {
						found, last = k, j+1
					}
				}
			}
			if found >= 0 {
				out = append(out, Mention{dict.entries[found].Colombianism, i, last})
				i = last - 1
			}
		}
	}
	return slices.Clip(out)
}
