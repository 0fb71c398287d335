package hostile

import (
	"fmt"
	"html"
	"math/rand/v2"
	"strings"
	"time"
)

// Story is one article with all that a test must know about it.
type Story struct {
	Path      string
	Title     string // at first
	Announced time.Time
	Due       time.Time // its date
	Edited    time.Time // when it is changed; zero: never
	Wire      string    // the agency story that it repeats; "": a story of its own
	Forbidden bool      // by robots.txt
	Unread    bool      // unreadable: a bomb, a loop
	slow      bool
	bomb      bool
	paper     int
}

// Stories returns all that the paper ever announces.
func (p *Paper) Stories() []*Story { return p.stories }

// URL is a story's address.
func (p *Paper) URL(s *Story) string { return p.base + s.Path }

// TitleAt is a story's title at a time.
func (s *Story) TitleAt(now time.Time) string {
	if !s.Edited.IsZero() && !now.Before(s.Edited) {
		return "Corregido: " + s.Title
	}
	return s.Title
}

// write makes up the paper's stories.
func (p *Paper) write() {
	for day := range p.Days {
		for n := range p.PerDay {
			r := rand.New(rand.NewPCG(uint64(p.Number), uint64(day*1000+n)))
			at := p.Start.Add(time.Duration(day)*24*time.Hour + time.Duration(n*24)*time.Hour/time.Duration(p.PerDay) + time.Duration(r.IntN(3600))*time.Second).Truncate(time.Second)
			title := sentence(r, 6)
			s := &Story{Title: fmt.Sprintf("%s %d-%d-%d", strings.TrimSuffix(title, "."), p.Number, day, n), Announced: at, Due: at, paper: p.Number}
			s.Path = fmt.Sprintf("/noticias/%d/%d/la-historia-del-dia", day, n)
			first := n == 0
			switch {
			case first && p.Has(Wire):
				s.Wire = fmt.Sprint(day)
				s.Title = "Agencia: " + sentence(rand.New(rand.NewPCG(77, uint64(day))), 7)
			case first && p.Has(Disallows):
				s.Forbidden, s.Path = true, strings.Replace(s.Path, "/noticias/", "/privado/", 1)
			case first && p.Has(Bombs):
				s.Unread, s.bomb = true, true
			case first && p.Has(Loops):
				s.Unread = true
			case first && day == 0 && p.Has(Slow):
				s.slow = true
			}
			if p.Has(Future) {
				s.Due = at.Add(ahead)
			}
			if p.Has(Edits) && first {
				s.Edited = at.Add(editedAfter)
			}
			p.stories = append(p.stories, s)
			p.byPath[s.Path] = s
		}
	}
}

// text gives a story's paragraphs at a time.
func (s *Story) text(now time.Time) []string {
	r := rand.New(rand.NewPCG(uint64(s.paper)+1000, uint64(s.Announced.Unix())))
	if s.Wire != "" {
		r = rand.New(rand.NewPCG(7, uint64(len(s.Wire))*31+uint64(s.Wire[0])))
	}
	var out []string
	for range 5 {
		out = append(out, sentence(r, 18)+" "+sentence(r, 14))
	}
	if !s.Edited.IsZero() && !now.Before(s.Edited) {
		out = append(out, "Una versión anterior de esta nota daba otra cifra, que el municipio corrigió después de publicada.")
	}
	return out
}

// html is the page of a story.
func (s *Story) html(base string, now time.Time) string {
	var b strings.Builder
	title := html.EscapeString(s.TitleAt(now))
	fmt.Fprintf(&b, `<!doctype html><html lang="es"><head><meta charset="utf-8"><title>%s</title><meta property="article:published_time" content="%s"><link rel="canonical" href="%s%s"></head>`+
		`<body><header><nav><a href="/">Inicio</a></nav></header><main><article><h1>%s</h1>`, title, s.Due.Format(time.RFC3339), base, s.Path, title)
	for _, paragraph := range s.text(now) {
		fmt.Fprintf(&b, "<p>%s</p>", html.EscapeString(paragraph))
	}
	b.WriteString(`</article></main><footer>Un periódico inventado</footer></body></html>`)
	return b.String()
}

var (
	subjects = strings.Fields("alcaldía gobernación universidad cooperativa escuela biblioteca orquesta policía junta veeduría cámara capitanía parroquia asamblea emisora hospital")
	verbs    = strings.Fields("anunció entregó revisó aprobó suspendió inauguró contrató amplió visitó celebró reparó estudió recibió vendió donó midió")
	things   = strings.Fields("puente muelle mercado colegio acueducto sendero teatro parque cultivo presupuesto censo festival laboratorio archivo museo telescopio horario vivero")
	places   = strings.Fields("Tunjuelo Carrizal Guayabal Riofrío Palmarito Sotaquirá Montebello Chaparrera Aguadas Tibú Landázuri Otanche Zarzal Mutiscua")
	extras   = strings.Fields("antes después cerca lejos mañana ayer pronto siempre apenas todavía juntos despacio temprano gratis aparte afuera")
)

func sentence(r *rand.Rand, words int) string {
	pick := func(list []string) string { return list[r.IntN(len(list))] }
	var b strings.Builder
	fmt.Fprintf(&b, "La %s de %s %s", pick(subjects), pick(places), pick(verbs))
	for n := 5; n < words; n += 5 {
		fmt.Fprintf(&b, " el %s de %s %s, con %d vecinos y", pick(things), pick(places), pick(extras), 10+r.IntN(9000))
	}
	fmt.Fprintf(&b, " el %s.", pick(things))
	return b.String()
}
