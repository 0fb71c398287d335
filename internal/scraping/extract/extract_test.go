package extract

import (
	"encoding/json"
	"errors"
	"net/url"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"openlearn/internal/scraping/source"
)

const (
	prose1 = "El concejo de la ciudad aprobó anoche el presupuesto del año que viene, después de un debate largo y difícil entre las bancadas."
	prose2 = "La secretaria de Hacienda explicó que la inversión en escuelas crecerá, mientras que los gastos de funcionamiento se mantendrán iguales."
)

// page makes a page with head and body; the body's text is two paragraphs unless given.
func page(head, body string) string {
	if body == "" {
		body = "<article><h1>Aprobado el presupuesto</h1><p>" + prose1 + "</p><p>" + prose2 + "</p></article>"
	}
	return `<html lang="es"><head>` + head + `</head><body>` + body + `</body></html>`
}

func ld(s string) string { return `<script type="application/ld+json">` + s + `</script>` }

func mustExtract(t *testing.T, page string) Article {
	t.Helper()
	s := source.Source{BaseURL: "https://www.diario.example"}.Site()
	u := &url.URL{Scheme: "https", Host: "www.diario.example", Path: "/politica/aprobado-el-presupuesto-123"}
	a, err := Extract(page, Hints{URL: u, Source: "El Diario", Language: "es", Site: &s})
	if err != nil {
		t.Fatal(err)
	}
	return a
}

func published(a Article) string {
	if a.PublishedAt == nil {
		return "none"
	}
	return a.PublishedAt.Format(time.RFC3339)
}

func TestDatesOfRealTraps(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct{ page, want string }{
		"offset is converted":         {page(ld(`{"@type":"NewsArticle","headline":"Aprobado","datePublished":"2025-10-28T10:00:00-05:00"}`), ""), "2025-10-28T15:00:00Z"},
		"false offset of a tracker":   {page(`<meta name="cXenseParse:recs:publishtime" content="2025-10-28T15:00:00-05:00"><meta property="article:published_time" content="2025-10-28T15:00:00Z">`, ""), "2025-10-28T15:00:00Z"},
		"image has its own":           {page(ld(`{"@graph":[{"@type":"ImageObject","datePublished":"2019-01-01"},{"@type":"NewsArticle","headline":"Aprobado","image":{"@type":"ImageObject","datePublished":"2018-01-01"},"datePublished":"2022-5-5 22:17:36"}]}`), ""), "2022-05-06T03:17:36Z"},
		"no seconds":                  {page(ld(`{"@type":"NewsArticle","headline":"Aprobado","datePublished":"2025-10-28T08:55-05:00"}`), ""), "2025-10-28T13:55:00Z"},
		"zone from the second source": {page(ld(`{"@type":"NewsArticle","headline":"Aprobado","datePublished":"2025-10-28 15:00:00"}`)+`<meta property="article:published_time" content="2025-10-28T15:00:00Z">`, ""), "2025-10-28T15:00:00Z"},
		"not another day's":           {page(ld(`{"@type":"NewsArticle","headline":"Aprobado","datePublished":"2025-10-28 15:00:00"}`)+`<meta property="article:published_time" content="2020-01-01T15:00:00Z">`, ""), "2025-10-28T20:00:00Z"},
		"masthead shows today":        {page("", `<header><span class="fecha">1 de enero de 2030</span><time datetime="2030-01-01">hoy</time></header><article><h1>Aprobado</h1><span class="fecha">28 oct 2025 - 8:55 p. m.</span><p>`+prose1+`</p><p>`+prose2+`</p></article>`), "2025-10-29T01:55:00Z"},
		"only masthead":               {page("", `<header><span class="fecha">1 de enero de 2030</span></header><article><h1>Aprobado</h1><p>`+prose1+`</p><p>`+prose2+`</p></article>`), "none"},
		"impossible":                  {page(ld(`{"@type":"NewsArticle","headline":"Aprobado","datePublished":"0001-01-01T00:00:00Z"}`), ""), "none"},
	} {
		if got := published(mustExtract(t, c.page)); got != c.want {
			t.Errorf("%s: %s, want %s", name, got, c.want)
		}
	}
}

func TestAuthorsOfRealTraps(t *testing.T) {
	t.Parallel()
	article := func(author string) string {
		return page(`<meta property="og:site_name" content="El Diario">`+ld(`{"@context":"x","@graph":[{"@type":"Person","@id":"#1","name":"Íñigo Peña"},{"@type":"NewsArticle","headline":"Aprobado","articleSection":"Política","publisher":{"@type":"Organization","name":"Diario Digital S. A."},"author":`+author+`}]}`), "")
	}
	for author, want := range map[string]string{
		`{"@type":"Person","name":"Ana Ruiz"}`:                          "Ana Ruiz",
		`[{"name":"Ana Ruiz"},{"name":"Luis Gil"},{"name":"Ana Ruiz"}]`: "Ana Ruiz, Luis Gil",
		`{"@id":"#1"}`:                                    "Íñigo Peña",
		`"#1"`:                                            "Íñigo Peña",
		`"Por Ana Ruiz y Luis Gil"`:                       "",
		`"Por: Ana Ruiz Mora y Luis Gil Sanz"`:            "Ana Ruiz Mora, Luis Gil Sanz",
		`{"name":"Juan Ortega y Gasset"}`:                 "Juan Ortega y Gasset",
		`{"@type":"Organization","name":"El Diario"}`:     "",
		`{"name":"EL DIARIO"}`:                            "",
		`{"name":"Diario Digital S. A."}`:                 "",
		`{"name":"Política"}`:                             "",
		`{"name":"Redacción Política"}`:                   "",
		`{"name":"admin"}`:                                "",
		`{"name":"https://www.facebook.com/eldiario"}`:    "",
		`{"name":"Brian Ferney Valencia Ríos Política"}`:  "Brian Ferney Valencia Ríos",
		`{"name":"María Pérez, periodista de El Diario"}`: "María Pérez",
		`{"name":["Ana Ruiz","Luis Gil"]}`:                "Ana Ruiz, Luis Gil",
		`42`:                                              "",
		`null`:                                            "",
	} {
		got := mustExtract(t, article(author)).Author
		if author == `"Por Ana Ruiz y Luis Gil"` {
			want = "Ana Ruiz, Luis Gil"
		}
		if got != want {
			t.Errorf("author %s: %q, want %q", author, got, want)
		}
	}
	byline := page(ld(`{"@type":"NewsArticle","headline":"Aprobado","author":{"name":"El Diario"}}`), `<article><h1>Aprobado</h1><span class="author-name">Óscar Ñáñez</span><p>`+prose1+`</p><p>`+prose2+`</p></article>`)
	if got := mustExtract(t, byline).Author; got != "Óscar Ñáñez" {
		t.Errorf("the writer is only in the byline: %q", got)
	}
}

func TestPaywallIsReadHoweverItIsWritten(t *testing.T) {
	t.Parallel()
	for value, want := range map[string]bool{
		`false`: true, `"False"`: true, `"false"`: true, `"http://schema.org/False"`: true, `0`: true, `true`: false, `"True"`: false, `null`: false, `"sí"`: false,
	} {
		a := mustExtract(t, page(ld(`{"@type":"NewsArticle","headline":"Aprobado","isAccessibleForFree":`+value+`}`), ""))
		if a.Paywall != want {
			t.Errorf("%s: %v", value, a.Paywall)
		}
		part := mustExtract(t, page(ld(`{"@type":"NewsArticle","headline":"Aprobado","isAccessibleForFree":true,"hasPart":[{"@type":"WebPageElement","isAccessibleForFree":`+value+`}]}`), ""))
		if part.Paywall != want {
			t.Errorf("part %s: %v", value, part.Paywall)
		}
	}
}

func TestTitlesSectionsAndTheRest(t *testing.T) {
	t.Parallel()
	a := mustExtract(t, page(`<title>Aprobado el presupuesto | Diario.example</title><meta property="og:title" content="Aprobado el presupuesto | El Diario">
		<meta property="og:site_name" content="El Diario"><meta property="og:description" content="Habr&aacute; m&aacute;s dinero para &quot;escuelas&quot;.">
		<link rel="canonical" href="https://diario.example/politica/aprobado-el-presupuesto-123/?utm_source=x#a"><meta property="og:image" content="/foto.jpg">
		<meta name="news_keywords" content="presupuesto, Escuelas,presupuesto,,El Diario">`, ""))
	want := Article{
		Source: "El Diario", URL: "https://www.diario.example/politica/aprobado-el-presupuesto-123/", Title: "Aprobado el presupuesto",
		Subtitle: `Habrá más dinero para "escuelas".`, Text: prose1 + "\n\n" + prose2, Category: "Política", Tags: []string{"presupuesto", "Escuelas"},
		Image: "https://www.diario.example/foto.jpg", Language: "es",
	}
	if !reflect.DeepEqual(a, want) {
		t.Errorf("got  %+v\nwant %+v", a, want)
	}
	for canonical, wantURL := range map[string]string{
		"https://www.diario.example/":          "https://www.diario.example/politica/aprobado-el-presupuesto-123",
		"https://otro.example/copia":           "https://www.diario.example/politica/aprobado-el-presupuesto-123",
		"http://diario.example//politica/otra": "https://www.diario.example/politica/otra",
		"":                                     "https://www.diario.example/politica/aprobado-el-presupuesto-123",
	} {
		if got := mustExtract(t, page(`<title>Aprobado</title><link rel="canonical" href="`+canonical+`">`, "")).URL; got != wantURL {
			t.Errorf("canonical %q: %s, want %s", canonical, got, wantURL)
		}
	}
}

func TestBodiesKeepParagraphsAndDropTheRest(t *testing.T) {
	t.Parallel()
	a := mustExtract(t, page(ld(`{"@type":"NewsArticle","headline":"Aprobado","articleBody":"`+prose1+" "+prose2+`"}`), `<div class="has-sidebar"><h1>Aprobado</h1><div class="cuerpo"><p>`+prose1+`</p>
		<p>Lea también: <a href="/x">otra noticia que nada tiene que ver con esta</a></p><script>var x = "no";</script><p>`+prose2+`</p></div>
		<div class="related-stories"><p>`+prose1+` Esto es de otra noticia.</p></div></div><footer><p>`+prose2+` Todos los derechos reservados.</p></footer>`))
	if a.Text != prose1+"\n\n"+prose2 {
		t.Errorf("text: %q", a.Text)
	}
	br := mustExtract(t, page(`<title>Aprobado</title>`, `<div>`+prose1+`<br><br>`+prose2+`<br>Fin&nbsp;de&nbsp;la   nota.</div>`))
	if br.Text != prose1+"\n\n"+prose2+" Fin de la nota." {
		t.Errorf("breaks: %q", br.Text)
	}
	escaped := mustExtract(t, page(ld(`{"@type":"NewsArticle","headline":"Aprobado","articleBody":"&lt;p&gt;`+prose1+`&lt;/p&gt;&lt;p&gt;`+prose2+`&lt;/p&gt;"}`), `<h1>Aprobado</h1>`))
	if escaped.Text != prose1+"\n\n"+prose2 {
		t.Errorf("escaped: %q", escaped.Text)
	}
	if a, err := Extract("<html><body><p>"+prose1+prose2+"</p></body></html>", Hints{}); err != nil || a.Title != "" || a.Text != prose1+prose2 {
		t.Errorf("no title: %+v, %v", a, err)
	}
	if _, err := Extract("<html><title>Aprobado</title><body><p>corto</p></body></html>", Hints{}); !errors.Is(err, NoText) {
		t.Errorf("no text: %v", err)
	}
}

func TestLenientJSON(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{
		`{"a":"x` + "\n" + `y","b":[1,2,],}`:              `[{"a":"x\ny","b":[1,2]}]`,
		`{"a":"dijo "no" y se fue","b":1}`:                `[{"a":"dijo \"no\" y se fue","b":1}]`,
		`{"a":"x"` + "\n" + `"b":"y"}`:                    `[{"a":"x","b":"y"}]`,
		`{'a':'x'}`:                                       `[{"a":"x"}]`,
		`{"a":1}{"b":2}`:                                  `[{"a":1},{"b":2}]`,
		`{"a":{"b":["c",{"d":"e`:                          `[{"a":{"b":["c",{"d":"e"}]}}]`,
		`/* x */ {"a": true, // y` + "\n" + `"b": null};`: `[{"a":true,"b":null}]`,
		`{"a":"\u00e9\ud83d\ude00\'"}`:                    `[{"a":"é😀'"}]`,
		`nada`:                                            `null`,
		``:                                                `null`,
	} {
		got, err := json.Marshal(lenientJSON(in))
		if err != nil || string(got) != want {
			t.Errorf("%s: %s, %v, want %s", in, got, err, want)
		}
	}
	deep := strings.Repeat(`{"a":[`, 100_000)
	lenientJSON(deep) // must return
}

func TestDecodeHTML(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct{ body, contentType, want string }{
		"utf-8":                    {"caña", "text/html; charset=utf-8", "caña"},
		"utf-8 said to be latin 1": {"caña", "text/html; charset=iso-8859-1", "caña"},
		"latin 1":                  {"ca\xf1a", "text/html; charset=iso-8859-1", "caña"},
		"windows-1252":             {"\x93ca\xf1a\x94", "text/html; charset=windows-1252", "“caña”"},
		"latin 1 said to be utf-8": {"ca\xf1a y m\xe1s", "text/html; charset=utf-8", "caña y más"},
		"meta":                     {`<meta charset="iso-8859-1">ca` + "\xf1a", "text/html", `<meta charset="iso-8859-1">caña`},
		"meta said to be utf-8":    {`<meta charset="iso-8859-15">` + "\xa4", "text/html; charset=utf-8", `<meta charset="iso-8859-15">€`},
		"nothing said":             {"ca\xf1a", "", "caña"},
		"one broken byte":          {"caña, más y aún\xff", "text/html; charset=utf-8", "caña, más y aún\ufffd"},
		"byte order mark":          {"\xef\xbb\xbfcaña", "", "caña"},
		"utf-16":                   {"\xff\xfec\x00a\x00\xf1\x00a\x00", "text/html", "caña"},
		"unknown":                  {"ca\xf1a", "text/html; charset=klingon", "caña"},
	} {
		if got := Decode([]byte(c.body), c.contentType); got != c.want {
			t.Errorf("%s: %q, want %q", name, got, c.want)
		}
	}
}

func FuzzExtract(f *testing.F) {
	f.Add(page(ld(`{"@graph":[{"@type":"NewsArticle","headline":"x","author":{"@id":"#a"},"datePublished":"2025-10-28"},{"@id":"#a","name":"y"}]}`), ""))
	f.Add(page(`<meta property="og:title" content="x"><link rel=canonical href="//">`, `<div>`+prose1+`<br><br>`+prose2))
	f.Add("<p>00000000000000000000000000")
	f.Add("<table><p><svg><title><math><h1>x<template><p>")
	f.Add(storyPage("x"))
	s := source.Source{BaseURL: "https://www.diario.example"}.Site()
	u := &url.URL{Scheme: "https", Host: "www.diario.example", Path: "/a/nota"}
	f.Fuzz(func(t *testing.T, in string) {
		a, err := Extract(Decode([]byte(in), ""), Hints{URL: u, Source: "El Diario", Site: &s})
		if err != nil {
			return
		}
		if utf8.RuneCountInString(a.Title) > 500 || utf8.RuneCountInString(a.Text) < minText || !strings.HasPrefix(a.URL, "https://www.diario.example/") {
			t.Fatalf("%+v", a)
		}
		for _, v := range append([]string{a.Title, a.Subtitle, a.Text, a.Author, a.Category}, a.Tags...) {
			if !utf8.ValidString(v) || strings.ContainsRune(v, 0) {
				t.Fatalf("%q is no clean text", v)
			}
		}
		if slices.Contains(a.Tags, "") {
			t.Fatalf("empty tag in %q", a.Tags)
		}
	})
}

func FuzzJSONLD(f *testing.F) {
	f.Add(`{"@type":"NewsArticle","author":[{"@id":"#1"}],}`)
	f.Add(`[{"a":"dijo "no" y"},]`)
	f.Add("{\"a\":\"\n\",'b':tru")
	f.Fuzz(func(t *testing.T, in string) {
		g := parseLD([]string{in, in})
		if len(g.nodes) > maxLDNodes {
			t.Fatalf("%d nodes", len(g.nodes))
		}
		g.article(&url.URL{Path: "/x"})
		// The lenient parser reads valid JSON like any other parser.
		var want any
		if json.Unmarshal([]byte(in), &want) != nil || !utf8.ValidString(in) {
			return
		}
		if _, isObject := want.(map[string]any); !isObject {
			return
		}
		got := lenientJSON(in)
		if len(got) == 0 {
			t.Fatalf("%q: nothing read", in)
		}
	})
}

// storyPage is a page with one article.
func storyPage(title string) string {
	return `<!doctype html><html lang="es"><head><title>` + title + `</title></head><body><article><h1>` + title + `</h1>` +
		strings.Repeat(`<p>El municipio abrió una biblioteca nueva en el centro, con salas para niños, jóvenes y mayores, y un café.</p>`, 1) +
		`<p>La alcaldesa explicó que el edificio, construido con madera de la región, costó menos de lo previsto y abrirá todos los días.</p></article></body></html>`
}
