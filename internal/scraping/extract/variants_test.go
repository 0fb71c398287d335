package extract

import (
	"net/url"
	"strings"
	"testing"
	"time"
)

// TestWhatStandsBetweenParagraphs: lines and boxes of Spanish newspapers that are not the story's, and those that are.
func TestWhatStandsBetweenParagraphs(t *testing.T) {
	t.Parallel()
	const mark = "el puente viejo"
	for _, between := range []string{
		"<p>Le puede interesar: <a href='/x'>" + mark + "</a></p>",
		"<p><strong>Lea también | </strong><a href='/x'>" + mark + "</a></p>",
		"<p>Vea también: " + mark + "</p>",
		"<p>(Siga leyendo: " + mark + ")</p>",
		"<p>[Le puede interesar: " + mark + "]</p>",
		"<p>Puede leer además: " + mark + "</p>",
		"<p>Además: <a href='/x'>" + mark + "</a></p>",
		"<p>Entérese: " + mark + "</p>",
		"<p>Conozca más: " + mark + "</p>",
		"<p>Te puede gustar: " + mark + "</p>",
		"<p>Quizás le interese: " + mark + "</p>",
		"<p>De su interés: " + mark + "</p>",
		"<p>No deje de leer: " + mark + "</p>",
		"<p>Nota relacionada: " + mark + "</p>",
		"<p>Artículo recomendado: " + mark + "</p>",
		"<p>En otras noticias: " + mark + "</p>",
		"<p>🔴 Lea aquí: " + mark + "</p>",
		"<p>►Consulte: <a href='/x'>" + mark + "</a></p>",
		"<p><em>Lea más noticias de " + mark + " aquí</em></p>",
		"<blockquote><p>Lea también: <a href='/x'>" + mark + "</a></p></blockquote>",
		"<h3><a href='/x'>Así quedó " + mark + " tras la lluvia</a></h3>",
		"<div class='nota-relacionada'><h4>Relacionado</h4><a href='/x'><img src='/i.jpg'>Así quedó " + mark + "</a></div>",
		"<div class='recuadro-relacionadas'><p>Así quedó " + mark + " tras las lluvias de la semana, según los vecinos</p></div>",
		"<figure><img src='/i.jpg'><figcaption>Una vista de " + mark + ". Foto: Hugo Paz</figcaption></figure>",
		"<div class='imagen-nota'><img src='/i.jpg'><span>Una vista de " + mark + ".</span></div>",
		"<div class='foto'><img src='/i.jpg'><div class='descripcion'><p>Una vista de " + mark + ", en la tarde del lunes pasado.</p></div></div>",
		"<p class='pie-foto'>Una vista de " + mark + ".</p>",
		"<div class='galeria'><ul><li><img src='/1.jpg'><p>Una vista de " + mark + " por la mañana.</p></li><li><img src='/2.jpg'><p>Otra vista, por la tarde.</p></li></ul></div>",
		"<p>Foto: " + mark + "</p>",
		"<p><small>Crédito: " + mark + "</small></p>",
		"<p>Video: " + mark + "</p>",
		"<p>PUBLICIDAD</p><p>Síguenos en WhatsApp y entérate de " + mark + "</p>",
		"<div class='newsletter-box'><p>Reciba cada mañana noticias sobre " + mark + " en su correo electrónico.</p></div>",
	} {
		page := veleta("<article><h1>Vuelven las boyas a la bahía</h1><div class='texto'>" + paragraphs(sentences[:2]...) + between + paragraphs(sentences[2:]...) + "</div></article>")
		a, err := Extract(page, Hints{URL: &url.URL{Scheme: "https", Host: "www.laveleta.example", Path: "/mar/vuelven-las-boyas"}})
		if err != nil || strings.Contains(a.Text, mark) {
			t.Errorf("%s is in the text (%v)", between, err)
		}
		for _, s := range sentences {
			if strings.Count(a.Text, s) != 1 {
				t.Errorf("%s: the text lacks %q", between, s)
			}
		}
	}
	for _, between := range []string{
		"<p>También puede ver el partido en " + mark + " quien no tenga boleta.</p>",
		"<p>Además, " + mark + " será restaurado.</p>",
		"<p>Lea quien lea, " + mark + " seguirá allí, dijo el alcalde.</p>",
		"<p>Más información sobre " + mark + " entregó ayer el ingeniero, que lo revisó durante un mes.</p>",
		"<p>Las noticias sobre " + mark + " llegaron tarde a la isla.</p>",
		"<h2>Qué pasará con " + mark + "</h2>",
		"<ul><li>Reparar " + mark + ".</li><li>Pintar el faro.</li></ul>",
		"<blockquote><p>“Nunca olvidaré " + mark + "”, dijo la capitana.</p></blockquote>",
		"<p>— ¿Y " + mark + "?</p><p>— Allí sigue.</p>",
		"<p>Foto a foto, " + mark + " aparece en el archivo de la familia.</p>",
		"<p>Síganos el ejemplo, pidió, y cuiden " + mark + " entre todos, como se cuida una casa.</p>",
	} {
		page := veleta("<article><h1>Vuelven las boyas a la bahía</h1><div class='texto'>" + paragraphs(sentences[:2]...) + between + paragraphs(sentences[2:]...) + "</div></article>")
		a, err := Extract(page, Hints{URL: &url.URL{Scheme: "https", Host: "www.laveleta.example", Path: "/mar/vuelven-las-boyas"}})
		if err != nil || !strings.Contains(a.Text, mark) {
			t.Errorf("%s is not in the text (%v)", between, err)
		}
	}
}

// TestBylinesOfOthers: people who are named beside the article did not write it.
func TestBylinesOfOthers(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ before, after, want string }{
		{"", `<aside><span class="author">Otro Autor</span></aside>`, ""},
		{"", `<section class="mas-noticias"><div><h3><a href="/x">Otra nota</a></h3><span class="autor">Otro Autor</span></div></section>`, ""},
		{"", `<div class="columnistas"><h3>Opinión</h3><div><a href="/autores/otro-autor/">Otro Autor</a></div></div>`, ""},
		{"", `<div class="lo-ultimo"><article><h3><a href="/x">Otra</a></h3><p class="byline">Por Otro Autor</p></article></div>`, ""},
		{"", `<div class="comentarios"><div class="comment"><span class="author">Otro Autor</span><p>Qué bueno.</p></div></div>`, ""},
		{`<span class="byline">Redacción La Veleta</span>`, "", ""},
		{`<span class="byline">La Veleta</span>`, "", ""},
		{`<span class="byline">Redacción Mar</span>`, "", ""},
		{`<span class="byline">EFE</span>`, "", "EFE"},
		{`<span class="byline">AFP y Reuters</span>`, "", "AFP, Reuters"},
		{`<span class="byline">Inés Roldán / La Veleta</span>`, "", "Inés Roldán"},
		{`<div class="autor"><img src="/i.jpg"><a href="/autor/ines-roldan">Inés Roldán</a><span>Periodista de la sección Mar</span></div>`, "", "Inés Roldán"},
	} {
		page := plain("Vuelven las boyas a la bahía", "<main><article><h1>Vuelven las boyas a la bahía</h1>"+c.before+paragraphs(sentences...)+"</article></main>"+c.after)
		a, err := Extract(page, Hints{URL: &url.URL{Scheme: "https", Host: "www.laveleta.example", Path: "/mar/vuelven-las-boyas"}})
		if err != nil || a.Author != c.want {
			t.Errorf("%s%s: %q, want %q (%v)", c.before, c.after, a.Author, c.want, err)
		}
	}
}

// TestALongLiveBlog: structured data beyond its bound is read from its beginning.
func TestALongLiveBlog(t *testing.T) {
	t.Parallel()
	page := plain("Vuelven las boyas a la bahía", "<article><h1>Vuelven las boyas a la bahía</h1>"+paragraphs(sentences...)+"</article>")
	data := `<script type="application/ld+json">{"@type":"LiveBlogPosting","headline":"Vuelven las boyas a la bahía","datePublished":"2026-03-01T08:00:00-05:00","author":{"@type":"Person","name":"Inés Roldán"},"liveBlogUpdate":[` +
		strings.Repeat(`{"@type":"BlogPosting","headline":"Otra cosa","datePublished":"2026-03-02T08:00:00-05:00","articleBody":"ñandú"},`, maxLDBytes/100) + `{}]}</script><meta property="article:published_time" content="2026-03-02T08:00:00-05:00">`
	a, err := Extract(strings.Replace(page, "</head>", data+"</head>", 1), Hints{})
	if err != nil || a.PublishedAt == nil || a.PublishedAt.Format(time.RFC3339) != "2026-03-01T13:00:00Z" || a.Author != "Inés Roldán" {
		t.Errorf("%v, %v, %+v", err, a.PublishedAt, a.Author)
	}
}

// TestEqualCells: a table keeps cells that are equal to their neighbours.
func TestEqualCells(t *testing.T) {
	t.Parallel()
	a, err := Extract(veleta("<article><h1>Vuelven las boyas a la bahía</h1>"+paragraphs(sentences...)+"<table><tr><td>Boyas nuevas</td><td>17</td><td>17</td><td>17</td></tr></table><p>La tabla es de la capitanía, que la revisó el lunes.</p></article>"), Hints{})
	if err != nil || strings.Count(a.Text, "17") != 3 {
		t.Errorf("%v, %q", err, a.Text)
	}
}
