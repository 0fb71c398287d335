package ner

import (
	"strings"

	"openlearn/internal/analysis/nlp/text"
)

// maxChains bounds with how many chains a mention is compared, counted from the latest.
const maxChains = 400

// link groups the mentions of one entity. It matches persons by the words of their names (Gustavo Petro … Petro),
// organisations and places by name, full name or acronym, and "el presidente" by the office that the text gave to somebody.
func link(d *text.Document, r *Result) {
	byName := map[string]int{}
	keyOf := func(t Type, name, code string) string {
		return string('0'+rune(t)) + code + "\x00" + strings.ToLower(name)
	}
	start := func(i int) int {
		e := &r.Entities[i]
		r.Chains = append(r.Chains, Chain{Name: e.Name, Type: e.Type, Class: e.Class, Code: e.Code, Role: e.Role})
		return len(r.Chains) - 1
	}
	// Full names first, because a short mention may come before them, in the headline.
	full := map[string][]int{} // last and other words of persons' full names to chains
	for i := range r.Entities {
		e := &r.Entities[i]
		e.Chain = -1
		if e.Type == PER && !strings.Contains(e.Name, " ") {
			continue
		}
		k := keyOf(e.Type, e.Name, e.Code)
		c, ok := byName[k]
		if !ok && e.Type == PER {
			c, ok = longerName(r, full, e)
		}
		if !ok && e.Type == ORG {
			c, ok = headOf(r, byName, e)
		}
		if !ok {
			c = start(i)
			if e.Type == ORG {
				acronym(d, r, byName, i, c)
			}
		}
		byName[k] = c
		e.Chain = c
		if e.Type == PER {
			for w := range strings.FieldsSeq(strings.ToLower(e.Name)) {
				if !connector[w] && (len(full[w]) == 0 || full[w][len(full[w])-1] != c) {
					full[w] = append(full[w], c)
				}
			}
		}
	}
	latest := map[int]int{} // chain to the last mention
	for i := range r.Entities {
		e := &r.Entities[i]
		if e.Chain < 0 {
			e.Chain = shortName(r, full, latest, i)
			if e.Chain < 0 {
				k := keyOf(PER, e.Name, "")
				c, ok := byName[k]
				if !ok {
					c = start(i)
					byName[k] = c
				}
				e.Chain = c
			}
		}
		latest[e.Chain] = i
		c := &r.Chains[e.Chain]
		c.Mentions = append(c.Mentions, i)
		if len(e.Name) > len(c.Name) && e.Type == PER {
			c.Name = e.Name
		}
		if c.Role == "" {
			c.Role = e.Role
		}
		if c.Class == "" || e.Class == "official" {
			c.Class = e.Class
		}
	}
	for i := range r.Entities {
		e := &r.Entities[i]
		c := &r.Chains[e.Chain]
		if len(c.Name) > len(e.Name) {
			e.Name = c.Name
		}
		if e.Type == PER && e.Class == "" {
			e.Class = c.Class
		}
	}
	nominal(d, r)
}

// shortName finds the chain of a full name to which a mention by a single name belongs: the one mentioned last before it,
// else the first one after it, -1 if there is none.
func shortName(r *Result, full map[string][]int, latest map[int]int, i int) int {
	candidates := full[strings.ToLower(r.Entities[i].Name)]
	best, at := -1, -1
	for _, c := range tail(candidates) {
		if l, ok := latest[c]; ok && l > at {
			best, at = c, l
		}
	}
	if best < 0 && len(candidates) > 0 {
		best = candidates[0]
	}
	return best
}

func tail(list []int) []int {
	if len(list) > maxChains {
		return list[len(list)-maxChains:]
	}
	return list
}

// longerName finds the chain of a person whose name has all the words of this one, or the reverse: "Juan Manuel Santos" and
// "Juan Manuel Santos Calderón".
func longerName(r *Result, full map[string][]int, e *Entity) (int, bool) {
	words := strings.Fields(strings.ToLower(e.Name))
	for _, c := range tail(full[words[len(words)-1]]) {
		if contains(strings.Fields(strings.ToLower(r.Chains[c].Name)), words) {
			return c, true
		}
	}
	for _, c := range tail(full[words[0]]) {
		other := strings.Fields(strings.ToLower(r.Chains[c].Name))
		if len(other) > 1 && contains(words, other) {
			return c, true
		}
	}
	return 0, false
}

// contains says whether name has the words in this order.
func contains(name, words []string) bool {
	k := 0
	for _, w := range name {
		if k < len(words) && words[k] == w {
			k++
		}
	}
	return k == len(words)
}

// headOf links "Fiscalía" to "Fiscalía General de la Nación".
func headOf(r *Result, byName map[string]int, e *Entity) (int, bool) {
	if strings.Contains(e.Text, " ") || e.Name != e.Text {
		return 0, false
	}
	first := max(0, len(r.Chains)-maxChains)
	for c := len(r.Chains) - 1; c >= first; c-- {
		if r.Chains[c].Type == ORG && strings.HasPrefix(r.Chains[c].Name, e.Text+" ") {
			return c, true
		}
	}
	return 0, false
}

// acronym makes "Name (ACR)" one chain: the acronym in brackets will be found under it.
func acronym(d *text.Document, r *Result, byName map[string]int, i, c int) {
	if i+1 >= len(r.Entities) {
		return
	}
	next := &r.Entities[i+1]
	e := &r.Entities[i]
	if next.Type != ORG || next.Last != next.First+1 || next.First != e.Last+1 || d.Tokens[e.Last].Text != "(" {
		return
	}
	if strings.Contains(next.Text, " ") {
		return
	}
	byName[string('0'+rune(ORG))+"\x00"+strings.ToLower(next.Name)] = c
}

// nominal finds mentions of persons by their office alone: "el presidente", "la ministra".
func nominal(d *text.Document, r *Result) {
	byOffice := map[string]int{}
	next := 0
	for i := range d.Tokens {
		for next < len(r.Entities) && r.Entities[next].First <= i {
			if e := &r.Entities[next]; e.Type == PER && r.Chains[e.Chain].Role != "" {
				office, _, _ := strings.Cut(strings.ToLower(r.Chains[e.Chain].Role), " ")
				byOffice[office] = e.Chain
				if office == "presidente" || office == "alcalde" || office == "gobernador" {
					byOffice["mandatario"] = e.Chain
				}
			}
			next++
		}
		t := &d.Tokens[i]
		if t.Norm != t.Lower || !offices[t.Lower] || i == 0 || d.Tokens[i-1].Lower != "el" && d.Tokens[i-1].Lower != "la" && d.Tokens[i-1].Lower != "al" && d.Tokens[i-1].Lower != "del" {
			continue
		}
		if i+1 < len(d.Tokens) {
			// "el presidente Petro", "el presidente de la junta": here the office is not the whole mention.
			n := &d.Tokens[i+1]
			if n.Lower == "de" || n.Lower == "del" || n.Norm != n.Lower && n.Kind == text.Word {
				continue
			}
		}
		if c, ok := byOffice[t.Lower]; ok {
			r.Chains[c].Nominal = append(r.Chains[c].Nominal, [2]int{d.Tokens[i-1].Start, t.End})
		}
	}
}
