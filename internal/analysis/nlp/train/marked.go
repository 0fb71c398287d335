package train

import (
	"fmt"
	"slices"
	"strings"

	"openlearn/internal/analysis/nlp/ner"
	"openlearn/internal/analysis/nlp/text"
)

// marked is a sentence split into pieces: text, and names with their type.
type marked []piece

type piece struct{ kind, text string }

// parseMarked reads "El alcalde de {LOC Soacha}".
func parseMarked(line string) (marked, error) {
	var m marked
	for line != "" {
		before, rest, ok := strings.Cut(line, "{")
		if before != "" {
			m = append(m, piece{"", before})
		}
		if !ok {
			break
		}
		name, after, ok := strings.Cut(rest, "}")
		kind, form, ok2 := strings.Cut(name, " ")
		if !ok || !ok2 {
			return nil, fmt.Errorf("marks do not match: %q", line)
		}
		m = append(m, piece{kind, form})
		line = after
	}
	return m, nil
}

// bare is the sentence as some sites publish it: their conversion to plain text loses commas and brackets, so that names stand side
// by side.
func (m marked) bare() (marked, bool) {
	out := slices.Clone(m)
	changed := false
	for i := range out {
		if out[i].kind == "" {
			t := noCommas.Replace(out[i].text)
			changed = changed || t != out[i].text
			out[i].text = t
		}
	}
	return out, changed
}

var noCommas = strings.NewReplacer(",", "", " (", " ", ")", "", "(", "")

func (m marked) example(weight float32) ner.Example {
	var b strings.Builder
	type span struct {
		from, to int
		kind     string
	}
	var spans []span
	for _, p := range m {
		from := b.Len()
		b.WriteString(p.text)
		if p.kind != "" {
			spans = append(spans, span{len([]rune(b.String()[:from])), len([]rune(b.String())), p.kind})
		}
	}
	d := text.Analyze(b.String())
	e := ner.Example{Weight: weight}
	for _, s := range d.Sentences {
		var tokens, tags []string
		for _, t := range d.In(s) {
			tag := "O"
			for _, sp := range spans {
				if t.Start >= sp.from && t.End <= sp.to {
					tag = "I-" + sp.kind
					if t.Start == sp.from {
						tag = "B-" + sp.kind
					}
				}
			}
			tokens, tags = append(tokens, t.Text), append(tags, tag)
		}
		e.Sentences, e.Tags = append(e.Sentences, tokens), append(e.Tags, tags)
	}
	return e
}
