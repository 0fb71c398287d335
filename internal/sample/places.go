package sample

import (
	"fmt"
	"slices"
	"strings"
)

// place is a municipality.
type place struct {
	name string
	dept int
	city bool // called "la ciudad", not "el municipio"

	short, long value // Quibdó; Quibdó (Chocó)
}

// department is one of Colombia's 32, named with its article if it has one: el Chocó, La Guajira, Antioquia.
type department struct {
	name    string
	rivers  []value
	phrase  value    // el Chocó
	gentile [4]value // adjective by feature: antioqueño, antioqueña …
	places  []int
}

type places struct {
	depts  []department
	all    []place
	byName map[string]int // department by bare name
}

// parsePlaces reads lines of name|adjective|rivers;…|municipality;municipality*;… where * marks a city.
func parsePlaces(text string) (*places, error) {
	p := &places{byName: map[string]int{}}
	for i, l := range strings.Split(text, "\n") {
		if l = strings.TrimSpace(l); l == "" || l[0] == '#' {
			continue
		}
		f := strings.Split(l, "|")
		if len(f) != 4 {
			return nil, fmt.Errorf("grammar: places.txt:%d: want 4 fields", i+1)
		}
		d := department{name: f[0], phrase: located(f[0])}
		for _, r := range strings.Split(f[2], ";") {
			d.rivers = append(d.rivers, located("el río "+r))
		}
		for k := range d.gentile {
			d.gentile[k] = plain(decline(f[1], feature{feminine: k&1 == 1, plural: k&2 == 2}))
		}
		for _, m := range strings.Split(f[3], ";") {
			name, city := strings.CutSuffix(m, "*")
			d.places = append(d.places, len(p.all))
			m := place{name: name, dept: len(p.depts), city: city, short: located(name)}
			m.long = m.short
			if name != "Bogotá" { // the capital is a district of its own
				m.long = value{text: name + " (" + d.phrase.bare + ")", mentions: slices.Concat(m.short.mentions, d.phrase.mentions)}
				m.long.bare = m.long.text
			}
			p.all = append(p.all, m)
		}
		if len(d.places) < 3 {
			return nil, fmt.Errorf("grammar: places.txt:%d: want at least 3 municipalities", i+1)
		}
		p.byName[strings.TrimPrefix(d.name, "el ")] = len(p.depts)
		p.depts = append(p.depts, d)
	}
	return p, nil
}

// decline gives an adjective's form: antioqueño, antioqueña, antioqueños, antioqueñas; caldense, caldenses; cordobés, cordobesa.
func decline(adj string, f feature) string {
	if stem, ok := strings.CutSuffix(adj, "és"); ok && (f.feminine || f.plural) {
		adj = stem + "es"
		if f.feminine {
			adj += "a"
		} else {
			return adj + "es"
		}
	}
	if stem, ok := strings.CutSuffix(adj, "o"); ok && f.feminine {
		adj = stem + "a"
	}
	if f.plural {
		adj += "s"
	}
	return adj
}
