package app

import (
	"bytes"
	"compress/gzip"
	"fmt"
	"net/http"
	"strings"
	"time"

	"openlearn/internal/scraping/source"
)

// replayDay is when the replayed stories were published, and replayNow when they are read.
var (
	replayDay = time.Date(2026, 3, 2, 14, 30, 0, 0, time.UTC)
	replayNow = replayDay.Add(3 * time.Hour)
)

// A tale is an invented article.
type tale struct {
	number        int
	title, author string
	lines         []string
	path          string // on its site
	link          string // as the site announces it
	address       string // under which it is stored
}

func newTale(n int) tale {
	town := []string{"Puerto Lirio", "San Benito", "Cerro Azul", "La Perla", "Quebrada Honda", "Villa del Faro"}[n%6]
	thing := []string{"el muelle", "la biblioteca", "el acueducto", "la plaza de mercado", "el puente colgante", "la escuela de música", "el hospital"}[n%7]
	return tale{
		number: n, title: fmt.Sprintf("%s abre de nuevo %s, la obra número %d", town, thing, n), author: "Inés Roldán",
		lines: []string{
			fmt.Sprintf("La alcaldía de %s entregó ayer %s, después de %d meses de trabajos que los vecinos siguieron día a día.", town, thing, n+3),
			fmt.Sprintf("La obra costó %d millones de pesos, según la secretaria de Infraestructura, y empleó a ciento veinte personas de la región.", 40*n+700),
			fmt.Sprintf("Los comerciantes de %s, que pidieron la reparación durante años, esperan recibir a más visitantes desde abril.", town),
			"Un comité de estudiantes, pescadores y maestros vigilará el mantenimiento, que se hará cada semestre y tendrá presupuesto propio.",
		},
	}
}

func (s tale) slug() string { return fmt.Sprintf("abre-de-nuevo-la-obra-del-pueblo-%d", s.number) }

// An answer is what a site sends.
type replayAnswer struct {
	contentType string
	body        []byte
}

func (a replayAnswer) ServeHTTP(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", a.contentType)
	_, _ = w.Write(a.body)
}

// A form is how a site writes: which content management system it has decides nearly all of it.
type form struct {
	path  func(n int, slug string) string // of an article
	link  func(s tale) string             // as feeds write it; nil: the whole address
	page  func(site source.Source, s tale) string
	item  func(s tale) string // of a feed
	dated string              // layout of dates in feeds
	zone  *time.Location
	ahead bool   // the last article is dated two days ahead
	head  string // of feeds: what follows <channel>
}

// formOf reads a site's form off its entries, and off what is known of it.
func formOf(src source.Source) form {
	urls := ""
	for _, e := range src.Usable() {
		urls += e.URL + " "
	}
	f := form{
		path:  func(_ int, slug string) string { return "/region/" + slug },
		page:  plainPage,
		dated: "Mon, 02 Jan 2006 15:04:05 -0700", zone: source.Bogota,
	}
	f.item = func(s tale) string {
		return "<item><title>" + s.title + "</title><link>" + s.link + "</link><guid isPermaLink=\"true\">" + s.link + "</guid><description>" + s.lines[0] + "</description>"
	}
	switch {
	case strings.Contains(urls, "/arc"):
		f.path = func(_ int, slug string) string { return "/colombia/" + slug + "/" }
		f.page, f.dated, f.zone = arcPage, "Mon, 02 Jan 2006 15:04:05 +0000", time.UTC
		f.item = func(s tale) string {
			return "<item><title><![CDATA[" + s.title + "]]></title><link>" + s.link + "</link><guid isPermaLink=\"true\">" + s.link + "</guid><dc:creator><![CDATA[" + s.author + "]]></dc:creator><description/><content:encoded><![CDATA[<p>" + s.lines[0] + "</p>]]></content:encoded>"
		}
	case strings.Contains(urls, "/feed"):
		f.path = func(_ int, slug string) string { return "/2026/03/02/" + slug + "/" }
		f.page, f.dated, f.zone = wordPressPage, "Mon, 02 Jan 2006 15:04:05 +0000", time.UTC
		f.head = "<generator>https://wordpress.org/?v=6.8</generator><sy:updatePeriod>hourly</sy:updatePeriod>"
		f.item = func(s tale) string {
			return "<item><title>" + s.title + "</title><link>" + s.link + "</link><dc:creator><![CDATA[" + s.author + "]]></dc:creator><category><![CDATA[Región]]></category>" +
				fmt.Sprintf("<guid isPermaLink=\"false\">https://example.org/?p=%d</guid>", 4000+s.number) + "<description><![CDATA[" + s.lines[0] + " [&#8230;]]]></description>"
		}
	case strings.Contains(urls, "rss.xml"):
		f.page = drupalPage
		f.item = func(s tale) string {
			return "<item><title>" + s.title + "</title><link>" + s.link + "</link><description>&lt;span&gt;" + s.lines[0] + "&lt;/span&gt;</description>" + fmt.Sprintf("<dc:creator>redactor</dc:creator><guid isPermaLink=\"false\">%d at https://example.org</guid>", 9000+s.number)
		}
	}
	if known := formsKnown[src.ID]; known != nil {
		known(&f)
	}
	return f
}

// formsKnown holds what the catalogue's sources do in ways of their own.
var formsKnown = map[string]func(*form){
	"el_tiempo": func(f *form) {
		f.path = func(n int, slug string) string { return fmt.Sprintf("/politica/gobierno/%s-%d", slug, 3400100+n) }
	},
	"el_espectador": func(f *form) {
		f.path = func(_ int, slug string) string { return "/politica/" + slug + "/" }
	},
	"semana": func(f *form) { // two shapes of addresses, double slashes, and links to where the pages are built
		f.path = func(n int, slug string) string {
			if n%2 == 0 {
				return "/nacion/articulo/" + slug + "/202628/"
			}
			return "/politica/" + slug + "/"
		}
		f.link = func(s tale) string {
			if s.number%2 == 0 {
				return "https://www.semana.com/" + s.path
			}
			return "https://semana-semana-prod.web.arc-cdn.net" + s.path
		}
	},
	"portafolio": func(f *form) {
		f.path = func(n int, slug string) string { return fmt.Sprintf("/economia/%s-%d", slug, 612300+n) }
		f.page = func(site source.Source, s tale) string { // a time without seconds
			return ldPage(site, s, `"datePublished":"2026-03-02T09:30-05:00","author":{"@type":"Person","name":"`+s.author+`"}`)
		}
	},
	"la_republica": func(f *form) {
		f.path = func(n int, slug string) string { return fmt.Sprintf("/economia/%s-%d", slug, 4012300+n) }
	},
	"el_colombiano": func(f *form) { // a clock without zeros and zone; the newspaper signs, and the byline ends in the section
		f.path = func(n int, slug string) string { return fmt.Sprintf("/colombia/%s-IG289593%02d", slug, n) }
		f.page = func(site source.Source, s tale) string {
			page := ldPage(site, s, `"datePublished":"2026-3-2 9:30:00","articleSection":"Colombia","author":{"@type":"Organization","name":"`+site.Name+`"}`)
			return strings.Replace(page, "</h1>", `</h1><div class="autor-nombre">`+s.author+" Colombia</div>", 1)
		}
	},
	"la_opinion": func(f *form) { // the feed stayed on the old domain
		f.link = func(s tale) string { return "https://www.laopinion.co" + s.path }
	},
	"colombia_check": func(f *form) { // no h1, and today's date in the masthead
		f.path = func(_ int, slug string) string { return "/chequeos/" + slug }
		f.page = func(site source.Source, s tale) string {
			page := ldPage(site, s, `"datePublished":"2026-03-02T09:30:00-05:00","author":[{"@id":"#a"}]`)
			page = strings.Replace(page, "</head>", `<script type="application/ld+json">{"@type":"Person","@id":"#a","name":"`+s.author+`"}</script></head>`, 1)
			return strings.NewReplacer("<h1>"+s.title+"</h1>", "", "<nav>", `<div class="hoy">Domingo, 8 de marzo de 2026</div><nav>`).Replace(page)
		}
	},
	"cambio": func(f *form) {
		f.ahead = true
		f.path = func(_ int, slug string) string { return "/poder/" + slug }
	},
	"valora_analitik": func(f *form) { f.dated, f.zone = "2006-01-02 15:04:05", source.Bogota },
}

// feedOf writes a feed. Its last item is of another site.
func (f form) feedOf(tales []tale) replayAnswer {
	var b strings.Builder
	b.WriteString(`<?xml version="1.0" encoding="UTF-8"?><rss version="2.0" xmlns:content="http://purl.org/rss/1.0/modules/content/" xmlns:dc="http://purl.org/dc/elements/1.1/" xmlns:sy="http://purl.org/rss/1.0/modules/syndication/" xmlns:atom="http://www.w3.org/2005/Atom"><channel><title>Portada</title>` + f.head)
	for i, s := range tales {
		at := replayDay
		if f.ahead && i == len(tales)-1 {
			at = at.Add(48 * time.Hour)
		}
		b.WriteString(f.item(s) + "<pubDate>" + at.In(f.zone).Format(f.dated) + "</pubDate></item>")
	}
	b.WriteString("<item><title>De otro sitio</title><link>https://noticias.example.com/otro-sitio-publica-otra-noticia</link></item></channel></rss>")
	return replayAnswer{"application/rss+xml; charset=UTF-8", []byte(b.String())}
}

// sitemapOf writes a sitemap; news says that it is one of the last two days. It was touched after the articles were published.
func sitemapOf(tales []tale, news bool) replayAnswer {
	var b strings.Builder
	b.WriteString(`<?xml version="1.0" encoding="UTF-8"?><urlset xmlns="http://www.sitemaps.org/schemas/sitemap/0.9" xmlns:news="http://www.google.com/schemas/sitemap-news/0.9">`)
	for _, s := range tales {
		b.WriteString("<url><loc>" + s.link + "</loc><lastmod>2026-03-02T16:00:00Z</lastmod>")
		if news {
			b.WriteString("<news:news><news:publication><news:name>Portada</news:name><news:language>es</news:language></news:publication><news:publication_date>" +
				replayDay.Format(time.RFC3339) + "</news:publication_date><news:title>" + s.title + "</news:title></news:news>")
		}
		b.WriteString("</url>")
	}
	b.WriteString("<url><loc>https://noticias.example.com/otro-sitio-publica-otra-noticia</loc></url></urlset>")
	return replayAnswer{"application/xml", []byte(b.String())}
}

func zipped(a replayAnswer) replayAnswer {
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	_, _ = z.Write(a.body)
	_ = z.Close() // it writes to memory
	return replayAnswer{"application/x-gzip", b.Bytes()}
}

// indexOf names a sitemap of this month and one of long ago.
func indexOf(base string) replayAnswer {
	return replayAnswer{"text/xml", []byte(`<?xml version="1.0"?><sitemapindex xmlns="http://www.sitemaps.org/schemas/sitemap/0.9"><sitemap><loc>` + base + `/sitemap-vieja.xml</loc><lastmod>1999-03-01</lastmod></sitemap><sitemap><loc>` +
		base + `/sitemap-nueva.xml</loc><lastmod>2026-03-02</lastmod></sitemap></sitemapindex>`)}
}

// sectionOf is a page that links articles, a section and an author.
func sectionOf(tales []tale) replayAnswer {
	var b strings.Builder
	b.WriteString(`<!doctype html><html lang="es"><head><title>Lista</title></head><body><nav><a href="/buscar">Buscar</a> <a href="/autor/ines">Inés</a></nav><main>`)
	for _, s := range tales {
		b.WriteString(`<div class="card"><a href="` + s.path + `">` + s.title + "</a><p>" + s.lines[0] + "</p></div>")
	}
	b.WriteString(`<a href="https://noticias.example.com/otro-sitio-publica-otra-noticia">Otra</a></main></body></html>`)
	return replayAnswer{"text/html; charset=utf-8", []byte(b.String())}
}

// document is a page of a newspaper around its body.
func document(site source.Source, s tale, head, body string) string {
	return `<!doctype html><html lang="es"><head><meta charset="utf-8"><title>` + s.title + " | " + site.Name + `</title><meta property="og:site_name" content="` + site.Name +
		`"><meta property="og:title" content="` + s.title + `"><link rel="canonical" href="` + s.address + `">` + head + `</head><body><header><nav><a href="/">Portada</a> <a href="/region">Región</a></nav></header><main>` +
		body + `</main><aside><h3>Lo más leído</h3><ul><li><a href="/otra-1">Otra noticia de ayer</a></li></ul></aside><footer>Todos los derechos reservados. Prohibida su reproducción.</footer></body></html>`
}

func paragraphsOf(s tale, class string) string {
	out := ""
	for i, line := range s.lines {
		out += `<p class="` + class + `">` + line + "</p>"
		if i == 1 {
			out += `<p>Lea también: <a href="/otra-2">El río vuelve a su cauce</a></p><figure><img src="/f.jpg"><figcaption>Foto: archivo particular.</figcaption></figure>`
		}
	}
	return out
}

func ldPage(site source.Source, s tale, fields string) string {
	return document(site, s, `<script type="application/ld+json">{"@context":"https://schema.org","@type":"NewsArticle","headline":"`+s.title+`","url":"`+s.address+`",`+fields+`}</script>`,
		"<article><h1>"+s.title+`</h1><div class="articulo-contenido" itemprop="articleBody">`+paragraphsOf(s, "parrafo")+"</div></article>")
}

func plainPage(site source.Source, s tale) string {
	return ldPage(site, s, `"datePublished":"2026-03-02T09:30:00-05:00","author":[{"@type":"Person","name":"`+s.author+`"}]`)
}

// arcPage has the whole text in its data too, an image with a date of its own, and a tracker's clock with a false zone.
func arcPage(site source.Source, s tale) string {
	text := strings.Join(s.lines, " ")
	head := `<meta name="cXenseParse:recs:publishtime" content="2026-03-02T14:30:00-05:00"><meta property="article:published_time" content="2026-03-02T14:30:00Z"><script type="application/ld+json">{"@type":"NewsArticle","headline":"` + s.title +
		`","articleBody":"` + text + `","isAccessibleForFree":"False","datePublished":"2026-03-02T14:30:00Z","image":{"@type":"ImageObject","url":"/f.jpg","datePublished":"2025-01-01T00:00:00Z"},"author":[{"@type":"Person","name":"` + s.author + `"}]}</script>`
	return document(site, s, head, "<article><h1>"+s.title+`</h1><div class="font--secondary">`+paragraphsOf(s, "font--secondary")+`</div></article><script>window.Fusion=window.Fusion||{};Fusion.globalContent={"headlines":{"basic":"`+
		s.title+`"},"content_elements":[{"type":"text","content":"`+s.lines[0]+`"}]};</script>`)
}

// wordPressPage has the graph of a well-known plugin: the author is an @id.
func wordPressPage(site source.Source, s tale) string {
	head := `<script type="application/ld+json" class="yoast-schema-graph">{"@context":"https://schema.org","@graph":[{"@type":"Article","@id":"` + s.address + `#article","author":{"name":"` + s.author + `","@id":"` + site.BaseURL +
		`/#/schema/person/1"},"headline":"` + s.title + `","datePublished":"2026-03-02T14:30:00+00:00","dateModified":"2026-03-02T15:00:00+00:00"},{"@type":"WebPage","@id":"` + s.address + `","url":"` + s.address + `"},{"@type":"Person","@id":"` +
		site.BaseURL + `/#/schema/person/1","name":"` + s.author + `"}]}</script><meta name="author" content="` + s.author + `">`
	return document(site, s, head, `<article class="post type-post"><h1 class="entry-title">`+s.title+`</h1><div class="entry-content">`+paragraphsOf(s, "")+`<div class="sharedaddy"><h3>Comparte esto:</h3></div></div></article>`)
}

// drupalPage says everything in elements.
func drupalPage(site source.Source, s tale) string {
	return document(site, s, "", `<article class="node node--type-noticia"><h1 class="page-title"><span class="field field--name-title">`+s.title+`</span></h1><span class="field field--name-autor">Por `+s.author+
		`</span><time datetime="2026-03-02T14:30:00Z" class="datetime">2 marzo 2026</time><div class="clearfix text-formatted field field--name-body field__item">`+paragraphsOf(s, "")+`</div></article>`)
}
