package extract

import (
	"net/url"
	"strings"
	"testing"
	"time"
)

// TestBylines: what stands in a byline beside the names is no part of them.
func TestBylines(t *testing.T) {
	t.Parallel()
	for byline, want := range map[string]string{
		"Inés Roldán 4 de marzo de 2026":                 "Inés Roldán",
		"Inés Roldán • March 12":                         "Inés Roldán",
		"Inés Roldán, Nov. 3, 2025 - 6 min read":         "Inés Roldán",
		"Inés Roldán on 04-ago-2021 5:11:10":             "Inés Roldán",
		"Publicado el 27.04.24 a las 07:39, Inés Roldán": "",
		"Sat, 20 Dec":                                         "",
		"28 de agosto de 2025 • 5 min":                        "",
		"Escrito por: Inés Roldán":                            "Inés Roldán",
		"Written by Inés Roldán Content Marketing Lead":       "Inés Roldán",
		"Inés Roldán Reviewed by Hugo Paz":                    "Inés Roldán",
		"Inés Roldán, editado por Hugo Paz":                   "Inés Roldán",
		"Fotos por Hugo Paz":                                  "",
		"Inés Roldán La Veleta":                               "Inés Roldán",
		"Inés Roldán, More about this author":                 "Inés Roldán",
		"Inés Roldán y Hugo Paz":                              "Inés Roldán, Hugo Paz",
		"page.head.author":                                    "",
		"April Mayo":                                          "April Mayo",
		"Julio César Abril":                                   "Julio César Abril",
		"Marta de la Torre":                                   "Marta de la Torre",
		"Domingo Sáenz":                                       "Domingo Sáenz",
		"Inés Roldán (corresponsal en Puerto Viejo)":          "Inés Roldán",
		"Por Inés Roldán, enviada especial a la isla del Sur": "Inés Roldán",
	} {
		page := plain("Vuelven las boyas a la bahía", `<article><h1>Vuelven las boyas a la bahía</h1><div class="byline">`+byline+"</div>"+paragraphs(sentences...)+"</article>")
		a, err := Extract(page, Hints{URL: &url.URL{Scheme: "https", Host: "www.laveleta.example", Path: "/mar/vuelven-las-boyas"}})
		if err != nil || a.Author != want {
			t.Errorf("%q: %q, want %q (%v)", byline, a.Author, want, err)
		}
	}
}

// TestSignedLines: a line that is a label and names says who wrote, whatever holds it.
func TestSignedLines(t *testing.T) {
	t.Parallel()
	for line, want := range map[string]string{
		"<ul><li><strong>Autora:</strong> Inés Roldán</li></ul>":                 "Inés Roldán",
		"<p>Por Inés Roldán y Hugo Paz</p>":                                      "Inés Roldán, Hugo Paz",
		"<dl><dd>Textos: Inés Roldán, Hugo Paz</dd></dl>":                        "Inés Roldán, Hugo Paz",
		"<p>Por La Bahía pasan cada año ballenas, delfines y algunos tiburones.": "",
		"<p>Por Ahora nadie responde</p>":                                        "",
	} {
		page := plain("Vuelven las boyas a la bahía", `<article><h1>Vuelven las boyas a la bahía</h1>`+line+paragraphs(sentences...)+"</article>")
		a, err := Extract(page, Hints{URL: &url.URL{Scheme: "https", Host: "www.laveleta.example", Path: "/mar/vuelven-las-boyas"}})
		if err != nil || a.Author != want {
			t.Errorf("%q: %q, want %q (%v)", line, a.Author, want, err)
		}
	}
}

// TestShownDates: a date that only readers see counts if it stands between the headline and the text, or says what it is.
func TestShownDates(t *testing.T) {
	t.Parallel()
	const head = "<h1>Vuelven las boyas a la bahía</h1>"
	all := paragraphs(sentences...)
	for name, c := range map[string]struct{ body, want string }{
		"alone":             {"<article>" + head + "<div><span>2 de marzo de 2026</span></div>" + all + "</article>", "2026-03-02"},
		"with a name":       {"<article>" + head + "<p>Inés Roldán | Redactora | March 2, 2026</p>" + all + "</article>", "2026-03-02"},
		"with an ordinal":   {"<article>" + head + "<p>March 2nd, 2026</p>" + all + "</article>", "2026-03-02"},
		"with a length":     {`<article>` + head + `<div class="metaInfoFecha"><span>02/03/2026</span>, <span>5 min</span></div>` + all + "</article>", "2026-03-02"},
		"before its update": {"<article>" + head + "<p>2 de marzo de 2026 · Actualizado el 5 de marzo de 2026</p>" + all + "</article>", "2026-03-02"},
		"only an update":    {"<article>" + head + "<p>Actualizado el 5 de marzo de 2026</p>" + all + "</article>", ""},
		"below, labelled":   {"<article>" + head + all + "<ul><li><strong>Fecha</strong> 02/03/2026</li></ul></article>", "2026-03-02"},
		"in the text":       {"<article>" + head + all + "<p>La regata será el 5 de marzo de 2027, si hay viento.</p></article>", ""},
		"in a masthead":     {"<div>Hoy, 9 de marzo de 2026</div><article>" + head + all + "</article>", ""},
		"of another story":  {"<article>" + head + `<ul><li><a href="/x">El tren</a> 9 de marzo de 2026</li></ul>` + all + "</article>", ""},
	} {
		a, err := Extract(plain("Vuelven las boyas a la bahía", c.body), Hints{URL: &url.URL{Scheme: "https", Host: "www.laveleta.example", Path: "/mar/vuelven-las-boyas"}, Zone: time.UTC})
		got := ""
		if a.PublishedAt != nil {
			got = a.PublishedAt.Format(time.DateOnly)
		}
		if err != nil || got != c.want {
			t.Errorf("%s: %q, want %q (%v)", name, got, c.want, err)
		}
	}
	page := strings.Replace(plain("Vuelven las boyas a la bahía", "<article>"+head+all+"</article>"), "</head>", `<meta property="article:published:time" content="2026-03-02T10:00:00-05:00"></head>`, 1)
	if a, err := Extract(page, Hints{}); err != nil || a.PublishedAt == nil || a.PublishedAt.Format(time.RFC3339) != "2026-03-02T15:00:00Z" {
		t.Errorf("a name with other separators: %v, %v", a.PublishedAt, err)
	}
}

// TestTitlesWithoutTheSite: templates append names that no element gives as the site's.
func TestTitlesWithoutTheSite(t *testing.T) {
	t.Parallel()
	for title, want := range map[string]string{
		"Vuelven las boyas a la bahía | Opinión":              "Vuelven las boyas a la bahía",
		"Vuelven las boyas a la bahía | Veleta Digital":       "Vuelven las boyas a la bahía",
		"Vuelven las boyas a la bahía | Noticias | La Veleta": "Vuelven las boyas a la bahía",
		"Vuelven las boyas a la bahía | Así las vio la isla":  "Vuelven las boyas a la bahía | Así las vio la isla",
		"Vuelven las boyas - la bahía celebra":                "Vuelven las boyas - la bahía celebra",
		"Opinión | Vuelven las boyas a la bahía del noroeste": "Opinión | Vuelven las boyas a la bahía del noroeste",
	} {
		page := `<html lang="es"><head><title>` + title + `</title><meta property="og:title" content="` + title + `"></head><body><article>` + paragraphs(sentences...) + "</article></body></html>"
		a, err := Extract(page, Hints{URL: &url.URL{Scheme: "https", Host: "www.laveleta.example", Path: "/mar/vuelven-las-boyas"}})
		if err != nil || a.Title != want {
			t.Errorf("%q: %q, want %q (%v)", title, a.Title, want, err)
		}
	}
}
