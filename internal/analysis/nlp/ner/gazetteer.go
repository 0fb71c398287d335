package ner

import (
	"strings"

	"openlearn/internal/analysis/nlp/pack"
)

// Class is the class of a name in the lists.
type Class uint8

// The classes of the lists.
const (
	NoClass Class = iota
	Municipality
	Department
	Place   // regions, waters, mountains, roads, quarters
	Country // and foreign cities
	Institution
	Party
	Company
	Armed
	Media
	Club
	University
	Organisation // any other
	Person       // known to the public
	WikiPlace    // titles of Wikipedia
	WikiPerson
	WikiOrganisation
	WikiOther
	classCount
)

var classNames = [...]string{"", "municipality", "department", "place", "country", "institution", "party", "company", "armed_group", "media", "club", "university", "organisation", "person", "place", "person", "organisation", ""}

// String is the class's name in results, "" for none.
func (c Class) String() string { return classNames[c] }

// IsPlace says whether names of the class are places.
func (c Class) IsPlace() bool { return c >= Municipality && c <= Country || c == WikiPlace }

// Entry is a name in the lists.
type Entry struct {
	Class     Class
	Code      string // DIVIPOLA, for municipalities and departments
	Canonical string // the full name
	Role      string // of a person: the office; of a municipality: its department's code
}

// Gazetteer holds the lists of names. It is immutable.
type Gazetteer struct {
	entries map[string][]Entry
	// first maps the first word of every name to the number of words in the longest one.
	first map[string]uint8
	// given and family are how common a word is as a name: 0…15 on a logarithmic scale.
	given, family map[string]uint8
}

// maxNameWords bounds the words of a name that is looked up.
const maxNameWords = 10

// Lookup returns the entries of a name, given in lower case with single spaces.
func (g *Gazetteer) Lookup(lower string) []Entry { return g.entries[lower] }

func (g *Gazetteer) add(name string, e Entry) {
	key := strings.ToLower(name)
	for _, old := range g.entries[key] {
		if old == e || old.Class == e.Class && e.Class >= WikiPlace {
			return
		}
	}
	g.entries[key] = append(g.entries[key], e)
	g.index(key)
}

func (g *Gazetteer) index(key string) {
	first, _, _ := strings.Cut(key, " ")
	n := min(strings.Count(key, " ")+1, maxNameWords)
	if uint8(n) > g.first[first] {
		g.first[first] = uint8(n)
	}
}

// NewGazetteer makes an empty gazetteer.
func NewGazetteer() *Gazetteer {
	return &Gazetteer{entries: map[string][]Entry{}, first: map[string]uint8{}, given: map[string]uint8{}, family: map[string]uint8{}}
}

func (g *Gazetteer) write(w *pack.Writer) {
	keys := sortedKeys(g.entries)
	w.Sorted(keys)
	for _, k := range keys {
		w.Byte(byte(len(g.entries[k])))
		for _, e := range g.entries[k] {
			w.Byte(byte(e.Class))
			if e.Class < WikiPlace {
				w.String(e.Code)
				if strings.ToLower(e.Canonical) == k {
					w.String("\x01" + capitals(e.Canonical))
				} else {
					w.String(e.Canonical)
				}
				w.String(e.Role)
			}
		}
	}
	for _, m := range []map[string]uint8{g.given, g.family} {
		keys := sortedKeys(m)
		w.Sorted(keys)
		for _, k := range keys {
			w.Byte(m[k])
		}
	}
}

// capitals says where the capitals of a name are, with a letter for each word: c for an initial capital, u for all
// capitals, l for none.
func capitals(name string) string {
	var b strings.Builder
	for _, w := range strings.Split(name, " ") {
		switch {
		case w == strings.ToLower(w):
			b.WriteByte('l')
		case w == title(strings.ToLower(w)):
			b.WriteByte('c')
		case w == strings.ToUpper(w):
			b.WriteByte('u')
		default:
			return "=" + name
		}
	}
	return b.String()
}

func restore(key, how string) string {
	if s, ok := strings.CutPrefix(how, "="); ok {
		return s
	}
	words := strings.Split(key, " ")
	if len(words) != len(how) {
		return key
	}
	for i := range words {
		switch how[i] {
		case 'c':
			words[i] = title(words[i])
		case 'u':
			words[i] = strings.ToUpper(words[i])
		}
	}
	return strings.Join(words, " ")
}

func readGazetteer(r *pack.Reader) *Gazetteer {
	g := NewGazetteer()
	keys := r.Sorted()
	for _, k := range keys {
		n := int(r.Byte())
		if r.Err() != nil {
			return g
		}
		list := make([]Entry, n)
		for i := range list {
			e := Entry{Class: Class(r.Byte())}
			if e.Class >= classCount {
				e.Class = NoClass
			}
			if e.Class < WikiPlace {
				e.Code = r.String()
				e.Canonical = r.String()
				if how, ok := strings.CutPrefix(e.Canonical, "\x01"); ok {
					e.Canonical = restore(k, how)
				}
				e.Role = r.String()
			}
			list[i] = e
		}
		g.entries[k] = list
		g.index(k)
	}
	for _, m := range []map[string]uint8{g.given, g.family} {
		for _, k := range r.Sorted() {
			m[k] = 0
		}
		for _, k := range sortedKeys(m) {
			m[k] = r.Byte()
		}
	}
	return g
}

// Is says whether the lists have a name with this class.
func (g *Gazetteer) Is(name string, class Class) bool {
	for _, e := range g.entries[strings.ToLower(spaced(name))] {
		if e.Class == class {
			return true
		}
	}
	return false
}

// Names returns the full names of each class, in order.
func (g *Gazetteer) Names() map[Class][]string {
	out := map[Class][]string{}
	for _, k := range sortedKeys(g.entries) {
		for _, e := range g.entries[k] {
			if e.Canonical != "" && strings.ToLower(spaced(e.Canonical)) == k {
				out[e.Class] = append(out[e.Class], e.Canonical)
			}
		}
	}
	return out
}

// CommonNames returns the most common given names and family names, in order.
func (g *Gazetteer) CommonNames() (given, family []string) {
	for _, k := range sortedKeys(g.given) {
		if g.given[k] >= 7 && g.family[k] < g.given[k] && len(k) > 3 {
			given = append(given, title(k))
		}
	}
	for _, k := range sortedKeys(g.family) {
		if g.family[k] >= 8 && g.given[k] < g.family[k] && len(k) > 3 {
			family = append(family, title(k))
		}
	}
	return given, family
}
