package ner

import (
	"slices"
	"strings"

	"openlearn/internal/analysis/nlp/text"
	"openlearn/internal/analysis/nlp/vocabulary"
)

// personal are abbreviated titles: they are outside the name, and a person's name follows. streets are abbreviated kinds of
// streets.
var (
	personal = wordSet(`sr. sra. srta. dr. dra. don. doña. ing. lic. prof. gral. cnel. cap. tte. mons. pbro. sres. dres. arq. abg. hno. hna.`)
	streets  = wordSet(`cra. cl. cll. kr. av. ave. tv. dg. diag. transv. km. calle carrera avenida transversal diagonal`)
)

// repair removes abbreviated titles from names, and makes streets places, or drops them if they have neither number nor
// name. Colloquial words at the beginning of a sentence are dropped too.
func (m *Model) repair(d *text.Document, spans []Span) []Span {
	out := spans[:0]
	for _, s := range spans {
		if m.colloquial(d, s) {
			continue
		}
		if first := d.Tokens[s.First].Lower; personal[first] {
			for s.First < s.Last && personal[d.Tokens[s.First].Lower] {
				s.First++
			}
			if s.First == s.Last {
				continue
			}
			s.Type = PER
		} else if streets[first] && strings.HasSuffix(first, ".") {
			if s.Last == s.First+1 {
				continue
			}
			s.Type = LOC
		}
		out = append(out, s)
	}
	return out
}

// colloquial reports that a "name" is a Colombian word with which a sentence begins and somebody is addressed, such as
// "Parce, …": the corpora have no such sentences. Words that are also names of people or of anything in the lists are left alone.
func (m *Model) colloquial(d *text.Document, s Span) bool {
	t := &d.Tokens[s.First]
	if s.Last != s.First+1 || m.lists.given[t.Lower] > 0 || m.lists.family[t.Lower] > 0 || len(m.lists.Lookup(t.Lower)) > 0 {
		return false
	}
	if s.Last == len(d.Tokens) || d.Tokens[s.Last].Kind != text.Punct {
		return false
	}
	word, found := vocabulary.Lookup(t.Lower)
	if !found || word.Weak {
		return false
	}
	if s.First == 0 || d.Tokens[s.First-1].Kind == text.Punct {
		return true
	}
	_, begins := slices.BinarySearchFunc(d.Sentences, s.First, func(x text.Sentence, first int) int { return x.First - first })
	return begins
}
