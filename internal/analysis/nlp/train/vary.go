package train

import (
	"math/rand/v2"
	"slices"
	"strings"

	"openlearn/internal/analysis/nlp/ner"
	"openlearn/internal/analysis/nlp/text"
)

// pools are names that can replace others of the same kind.
type pools struct {
	lists *ner.Gazetteer
	byKey map[ner.Class][]string
	given []string
	last  []string
}

func newPools(lists *ner.Gazetteer) *pools {
	p := &pools{lists: lists, byKey: lists.Names()}
	p.given, p.last = lists.CommonNames()
	return p
}

// vary replaces the names in a sentence by others of the same kind: persons, also by persons known to the public, places and
// organisations by those of the same list, companies also by invented names.
func (p *pools) vary(s marked, rng *rand.Rand) (marked, bool) {
	out := slices.Clone(s)
	changed := false
	for i := range out {
		x := &out[i]
		name := ""
		switch x.kind {
		case "PER":
			name = p.person(x.text, rng)
		case "LOC", "ORG":
			name = p.other(x, rng)
		}
		if name != "" {
			x.text = name
			changed = true
		}
	}
	return out, changed
}

// person is another person's name with as many words, or that of a known person, "" if there is none.
func (p *pools) person(name string, rng *rand.Rand) string {
	if strings.HasPrefix(name, "El ") || len(p.given) == 0 {
		return ""
	}
	words := strings.Fields(name)
	if known := p.byKey[ner.Person]; len(words) > 1 && len(known) > 0 && rng.IntN(10) < 3 {
		return known[rng.IntN(len(known))]
	}
	for k := range words {
		switch {
		case words[k] == strings.ToLower(words[k]):
		case k == 0 && len(words) > 1:
			words[k] = p.given[rng.IntN(len(p.given))]
		default:
			words[k] = p.last[rng.IntN(len(p.last))]
		}
	}
	return strings.Join(words, " ")
}

// varied are the classes whose names replace each other.
var varied = []ner.Class{ner.Municipality, ner.Club, ner.Company, ner.Party, ner.Armed, ner.Media, ner.Institution, ner.Department, ner.Country, ner.University, ner.Organisation}

// other is another name of the same list, "" if the name is in none.
func (p *pools) other(x *piece, rng *rand.Rand) string {
	for _, class := range varied {
		names := p.byKey[class]
		if class.IsPlace() != (x.kind == "LOC") || len(names) == 0 || !p.lists.Is(x.text, class) {
			continue
		}
		if class == ner.Company && rng.IntN(10) < 4 {
			return invented(rng)
		}
		return names[rng.IntN(len(names))]
	}
	return ""
}

// invented makes up the name of a company, so that the model learns such names by their context.
func invented(rng *rand.Rand) string {
	pick := func(list string) string {
		all := strings.Fields(list)
		return all[rng.IntN(len(all))]
	}
	if rng.IntN(6) == 0 {
		b := make([]byte, 3+rng.IntN(2))
		for i := range b {
			b[i] = byte('A' + rng.IntN(26))
		}
		return string(b)
	}
	var b strings.Builder
	for range 1 + rng.IntN(2) {
		b.WriteString(pick("b br c cr d dr f fl g gr j k kr l m n p pl pr r s st t tr v z x w sh") + pick("a e i o u a e i o ai ea ie io"))
	}
	b.WriteString(pick("bank tec tex pay com gas lab med net nova sa plast quim seg sol tron vial x ral mar ley son ker den wick ndo nsa rco lix"))
	word := text.Title(b.String())
	switch rng.IntN(5) {
	case 0:
		return pick("Grupo Constructora Inversiones Seguros Laboratorios Transportes Consorcio") + " " + word
	case 1:
		return word + " " + pick("Colombia Energy Capital Group Pharma S.A.S Research Digital")
	}
	return word
}
