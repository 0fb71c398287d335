package sample

import (
	"crypto/sha256"
	"encoding/hex"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"
)

// newspaper is a source of articles.
type newspaper struct {
	name     string // as in the source catalogue
	host     string
	spoken   string // as a text names it
	weight   int    // share of the articles, in parts of the sum of all
	paywall  int    // percent
	topics   []string
	regional int      // percent of its articles that are about its regions
	near     []string // departments, by bare name
	regions  []int    // the same, by number
}

// newspapers returns newspapers named and weighted as in the original's data, and regional ones in addition.
func newspapers(p *places) []newspaper {
	list := []newspaper{
		{name: "El Tiempo", host: "eltiempo", weight: 30, paywall: 15},
		{name: "El Espectador", host: "elespectador", weight: 18, paywall: 20},
		{name: "Semana", host: "semana", weight: 11, paywall: 12, topics: []string{"politics", "security", "economy", "health"}},
		{name: "Portafolio", host: "portafolio", weight: 9, paywall: 5, topics: []string{"economy", "agriculture", "technology", "infrastructure"}},
		{name: "La República", host: "larepublica", weight: 8, paywall: 8, topics: []string{"economy", "agriculture", "technology", "politics"}},
		{name: "El Heraldo - Barranquilla", host: "elheraldo", spoken: "El Heraldo", weight: 6, near: []string{"Atlántico", "Bolívar", "Magdalena", "La Guajira", "Sucre", "Córdoba", "Cesar"}},
		{name: "El Colombiano - Medellín", host: "elcolombiano", spoken: "El Colombiano", weight: 6, paywall: 8, near: []string{"Antioquia", "Chocó", "Caldas"}},
		{name: "El País - Cali", host: "elpais", spoken: "El País", weight: 5, near: []string{"Valle del Cauca", "Cauca", "Nariño"}},
		{name: "Vanguardia - Bucaramanga", host: "vanguardia", spoken: "Vanguardia", weight: 4, near: []string{"Santander", "Boyacá"}},
		{name: "La Opinión - Cúcuta", host: "laopinion", spoken: "La Opinión", weight: 3, near: []string{"Norte de Santander", "Arauca"}},
	}
	for i := range list {
		n := &list[i]
		if n.spoken == "" {
			n.spoken = n.name
		}
		if len(n.near) > 0 {
			n.regional = 85
		}
		for _, d := range n.near {
			n.regions = append(n.regions, p.byName[d])
		}
	}
	return list
}

// article writes article number i.
func (w *writer) article(i int) Article {
	w.rng = newRNG(w.g.seed, i)
	w.epoch++
	w.buf, w.found = w.buf[:0], w.found[:0]
	w.words = 0
	w.recording, w.live, w.second = false, false, nil

	g := w.g.grammar
	paper := w.choosePaper()
	w.topic = w.chooseTopic(paper)
	if w.rng.chance(25) {
		if t := &g.topics[w.rng.below(len(g.topics))]; t != w.topic {
			w.second = t
		}
	}
	w.tone = [...]int8{1, 1, 1, -1, -1, -1, -1, 0, 0, 0}[w.rng.below(10)]
	w.style = [...]int{0, 0, 0, 1, 1, 1, 2, 2, 2, 3, 3, 4, 4, 4}[w.rng.below(14)]
	published, scraped := w.times(i)
	w.stage(*paper, published)
	w.enlist()
	s := w.chooseStory()

	a := Article{Index: i, Source: paper.name, Category: w.topic.category, ScrapedAt: scraped}
	a.Title = w.line(&s.title)
	if w.rng.chance(80) {
		sub := w.line(&s.subtitle)
		a.Subtitle = &sub
	}
	w.recording, w.live = true, true
	w.content(s)
	w.recording, w.live = false, false

	c := count(w.buf)
	a.Content, a.WordCount, a.DifficultyScore = string(w.buf), c.tokens, c.difficulty()
	sum := sha256.Sum256(w.buf)
	a.ContentHash = hex.EncodeToString(sum[:])
	a.SourceURL = link(paper.host, w.topic.category, a.Title, i)
	a.Author = w.author()
	if !w.rng.chance(1) {
		a.PublishedAt = &published
	}
	a.IsPaywall = w.rng.chance(paper.paywall)
	a.Tags = w.tags()
	a.Entities = map[string][]string{}
	for _, m := range w.found {
		if !slices.Contains(a.Entities[m.key], m.text) {
			a.Entities[m.key] = append(a.Entities[m.key], m.text)
		}
	}
	return a
}

func (w *writer) choosePaper() *newspaper {
	list := w.g.newspapers
	sum := 0
	for i := range list {
		sum += list[i].weight
	}
	x := w.rng.below(sum)
	for i := range list {
		if x -= list[i].weight; x < 0 {
			return &list[i]
		}
	}
	return &list[0]
}

func (w *writer) chooseTopic(p *newspaper) *topic {
	ts := w.g.grammar.topics
	if len(p.topics) > 0 && w.rng.chance(80) {
		slug := p.topics[w.rng.below(len(p.topics))]
		for i := range ts {
			if ts[i].slug == slug {
				return &ts[i]
			}
		}
	}
	return &ts[w.rng.below(len(ts))]
}

// chooseStory takes a story with the article's tone. If the topic has none, the article takes on the story's tone.
func (w *writer) chooseStory() *story {
	stories, matching := w.topic.stories, 0
	for i := range stories {
		if stories[i].tone == w.tone {
			matching++
		}
	}
	if matching == 0 {
		s := &stories[w.rng.below(len(stories))]
		w.tone = s.tone
		return s
	}
	skip := w.rng.below(matching)
	for i := range stories {
		if stories[i].tone == w.tone {
			if skip == 0 {
				return &stories[i]
			}
			skip--
		}
	}
	return &stories[0]
}

// line renders a headline or a subtitle.
func (w *writer) line(t *template) string {
	b := w.render(nil, t)
	capitalise(b)
	return string(b)
}

// times gives the times of publication and scraping. One article in 25 has the same time as the first of its block of
// eight, so that lists have ties to break; a third has microseconds.
func (w *writer) times(i int) (published, scraped time.Time) {
	if w.rng.chance(4) && i%8 != 0 {
		head := newRNG(w.g.seed^publicationStream, i-i%8)
		published = w.g.published(&head)
	} else {
		own := newRNG(w.g.seed^publicationStream, i)
		published = w.g.published(&own)
	}
	scraped = published.Add(time.Duration(w.rng.between(300, 6*3600)) * time.Second)
	if scraped.After(w.g.reference) {
		scraped = w.g.reference
	}
	return published, scraped
}

// publicationStream keeps the random numbers of dates separate from those of texts, so that one can be computed without the
// other.
const publicationStream = 0xda7e

func (g *Generator) published(r *rng) time.Time {
	ago := time.Duration(r.below(int(Span/time.Second))) * time.Second
	t := g.reference.Add(-ago).Truncate(time.Minute)
	if r.chance(33) {
		t = t.Add(time.Duration(r.below(60_000_000)) * time.Microsecond)
	}
	if t.After(g.reference) {
		t = g.reference
	}
	return t
}

func (w *writer) author() *string {
	var s string
	g := &w.g.banks
	switch x := w.rng.below(100); {
	case x < 12:
		return nil
	case x < 35:
		s = w.pickText(g.redaccion) + " " + w.topic.section
	default:
		names := [...]int{g.nombref, g.nombrem}[w.rng.below(2)]
		s = w.pickText(names) + " " + w.pickText(g.apellido)
		if w.rng.chance(40) {
			s += " " + w.pickText(g.apellido)
		}
	}
	return &s
}

func (w *writer) tags() []string {
	t := w.topic.tags
	n := w.rng.between(2, min(4, len(t)))
	first := w.rng.below(len(t))
	out := make([]string, 0, n+1)
	for k := range n {
		out = append(out, t[(first+k)%len(t)])
	}
	if w.rng.chance(40) {
		out = append(out, w.cast[castPlace].text)
	}
	return out
}

// link makes the article's address from its title, as newspapers do; the number makes it unique.
func link(host, section, title string, i int) string {
	b := make([]byte, 0, 140)
	b = append(append(append(b, "https://"...), host...), ".example/"...)
	b = append(appendSlug(b, section, 40), '/')
	b = append(appendSlug(b, title, 70), '-')
	return string(strconv.AppendInt(b, int64(i)+1, 10))
}

// appendSlug writes s in lower case ASCII with hyphens, at most limit bytes, cut at a word.
func appendSlug(b []byte, s string, limit int) []byte {
	start, word := len(b), len(b)
	for _, r := range s {
		if r >= utf8.RuneSelf {
			i := strings.IndexRune("áéíóúüñÁÉÍÓÚÜÑ", r)
			if i < 0 {
				continue
			}
			r = rune("aeiouunaeiouun"[i/2])
		}
		switch {
		case r >= 'a' && r <= 'z' || r >= '0' && r <= '9':
			b = append(b, byte(r))
		case r >= 'A' && r <= 'Z':
			b = append(b, byte(r+'a'-'A'))
		case len(b) > start && b[len(b)-1] != '-':
			word = len(b)
			b = append(b, '-')
		}
		if len(b)-start > limit {
			return b[:word]
		}
	}
	for len(b) > start && b[len(b)-1] == '-' {
		b = b[:len(b)-1]
	}
	return b
}
