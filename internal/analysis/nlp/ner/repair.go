package ner

import (
	"strings"

	"openlearn/internal/analysis/nlp/text"
)

// personal are abbreviated titles: they are outside the name, and a person's name follows. streets are abbreviated kinds of
// streets.
var (
	personal = wordSet(`sr. sra. srta. dr. dra. don. doña. ing. lic. prof. gral. cnel. cap. tte. mons. pbro. sres. dres. arq. abg. hno. hna.`)
	streets  = wordSet(`cra. cl. cll. kr. av. ave. tv. dg. diag. transv. km. calle carrera avenida transversal diagonal`)
)

// repair removes abbreviated titles from names, and makes streets places, or drops them if they have neither number nor
// name.
func repair(d *text.Document, spans []Span) []Span {
	out := spans[:0]
	for _, s := range spans {
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
