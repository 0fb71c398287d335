package sample

import (
	"strings"
	"time"
)

// Members of an article's cast: values chosen once, in code rather than by the grammar, and used throughout the article.
const (
	castPlace     = iota // Quibdó
	castPlaceLong        // Quibdó (Chocó)
	castDept             // el Chocó
	castRiver            // el río Atrato
	castPlace2           // two more municipalities of the department
	castPlace3           //
	castKind             // la ciudad, el municipio
	castGentM            // chocoano, chocoana, chocoanos, chocoanas
	castGentF            //
	castGentMP           //
	castGentFP           //
	castToday            // este martes: the day of publication
	castMonth            // the month before
	castYear             // of publication
	castLastYear         //
	castNextYear
	castMedium   // the newspaper
	castPerson   // the person whose role is being made: for its gender
	castOfficial // the three speakers: an official,
	castCitizen  // someone concerned,
	castExpert   // an expert
	castOther    // the second topic's subject
	castMembers
)

var castNames = map[string]int{
	"lugar": castPlace, "lugarlargo": castPlaceLong, "dep": castDept, "rio": castRiver, "muni2": castPlace2,
	"muni3": castPlace3, "pobl": castKind, "gentm": castGentM, "gentf": castGentF, "gentmp": castGentMP,
	"gentfp": castGentFP, "hoy": castToday, "mes": castMonth, "año": castYear, "añopasado": castLastYear, "añoproximo": castNextYear,
	"medio": castMedium, "P": castPerson, "P1": castOfficial, "P2": castCitizen, "P3": castExpert, "otro": castOther,
}

// The keys of Article.Entities that the cast fills; banks name theirs in their headings.
const (
	locations = "locations"
	people    = "people"
	political = "political_figures"
)

// mention is a name that a text contains if it contains the value to which it belongs.
type mention struct{ text, key, typ string }

// value is a phrase ready for use.
type value struct {
	text, bare string // bare: without article
	feat       feature
	mentions   []mention
}

func located(text string) value {
	bare := withoutArticle(text)
	return value{text: text, bare: bare, mentions: []mention{{bare, locations, "LOC"}}}
}

// person is a speaker in an article.
type person struct {
	name, surname, role string // role with its article: la alcaldesa de Pasto
	key                 string // people or political_figures
	feat                feature
	roleMentions        []mention
	known               bool // introduced with name and role
}

var weekdays = [...]string{"este domingo", "este lunes", "este martes", "este miércoles", "este jueves", "este viernes", "este sábado"}

var months = [...]string{
	"enero", "febrero", "marzo", "abril", "mayo", "junio", "julio", "agosto", "septiembre", "octubre", "noviembre", "diciembre",
}

// yearText is a year of four digits.
func yearText(y int) string {
	var b [4]byte
	for i := 3; i >= 0; i-- {
		b[i] = byte('0' + y%10)
		y /= 10
	}
	return string(b[:])
}

// stage chooses the places and dates of an article; its people follow later, when the topic's roles are known.
func (w *writer) stage(p newspaper, published time.Time) {
	ps := w.g.grammar.places
	var d int
	if len(p.regions) > 0 && w.rng.chance(p.regional) {
		d = p.regions[w.rng.below(len(p.regions))]
	} else {
		d = ps.all[w.rng.below(len(ps.all))].dept // departments are weighted by their number of places
	}
	dept := &ps.depts[d]
	n := len(dept.places)
	first := w.rng.below(n)
	if w.rng.chance(35) {
		first = 0 // the capital is in the news more often
	}
	second := (first + 1 + w.rng.below(n-1)) % n
	third := (second + 1) % n
	if third == first {
		third = (third + 1) % n
	}
	here := &ps.all[dept.places[first]]
	w.dept = dept

	c := &w.cast
	c[castPlace], c[castPlaceLong], c[castDept] = here.short, here.long, dept.phrase
	c[castRiver] = dept.rivers[w.rng.below(len(dept.rivers))]
	c[castPlace2], c[castPlace3] = ps.all[dept.places[second]].short, ps.all[dept.places[third]].short
	c[castKind] = value{text: "el municipio", bare: "municipio"}
	if here.city {
		c[castKind] = value{text: "la ciudad", bare: "ciudad", feat: feature{feminine: true}}
	}
	copy(c[castGentM:], dept.gentile[:])
	day := published.Add(-5 * time.Hour) // Colombia's clock; it has no summer time
	c[castToday] = plain(weekdays[day.Weekday()])
	c[castMonth] = plain(months[(int(day.Month())+10)%12])
	c[castYear], c[castLastYear], c[castNextYear] = plain(yearText(day.Year())), plain(yearText(day.Year()-1)), plain(yearText(day.Year()+1))
	c[castMedium] = plain(p.spoken)
}

func plain(s string) value { return value{text: s, bare: s} }

// enlist assigns people to the topic's three roles.
func (w *writer) enlist() {
	for k := range w.persons {
		f := feature{feminine: w.rng.chance(50)}
		w.cast[castPerson].feat = f
		names, article := w.g.banks.nombrem, "el "
		if f.feminine {
			names, article = w.g.banks.nombref, "la "
		}
		given := w.pickText(names)
		if w.rng.chance(25) {
			given += " " + w.pickText(names)
		}
		surname, second := w.pickText(w.g.banks.apellido), ""
		if w.rng.chance(35) {
			second = " " + w.pickText(w.g.banks.apellido)
		}
		name := given + " " + surname + second
		role, star, mentions := w.pickValue(w.topic.roles[k])
		p := person{
			name: name, surname: surname, role: article + role, key: people, feat: f, roleMentions: mentions,
		}
		if star {
			p.key = political
		}
		w.persons[k] = p
	}
}

func withoutArticle(s string) string {
	for _, a := range [...]string{"el ", "la ", "los ", "las "} {
		if rest, ok := strings.CutPrefix(s, a); ok {
			return rest
		}
	}
	return s
}
