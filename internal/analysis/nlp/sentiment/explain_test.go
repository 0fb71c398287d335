package sentiment

import (
	"fmt"
	"strings"

	"openlearn/internal/analysis/nlp/text"
)

// Explain lists the value of each word after the rules, for messages of failing tests.
func Explain(d *text.Document) string {
	var b strings.Builder
	t := embedded()
	for _, s := range d.Sentences {
		cs := t.cells(d.In(s))
		rules(cs)
		for i, c := range cs {
			if c.value != 0 {
				fmt.Fprintf(&b, "%s:%.1f ", d.In(s)[i].Lower, c.value)
			}
		}
	}
	return b.String()
}
