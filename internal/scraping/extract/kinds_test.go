package extract

import (
	"net/url"
	"strings"
	"testing"
	"time"
	"unicode/utf8"
)

const veletaLD = `<script type="application/ld+json">{"@type":"NewsArticle","headline":"Vuelven las boyas a la bahía","datePublished":"2026-03-02T08:00:00-05:00","author":{"@type":"Person","name":"Inés Roldán"}}</script>`

func paragraphs(list ...string) string { return "<p>" + strings.Join(list, "</p><p>") + "</p>" }

// veleta is a page with structured data and a body.
func veleta(body string) string {
	return strings.Replace(plain("Vuelven las boyas a la bahía", body), "</head>", veletaLD+"</head>", 1)
}

// TestKindsOfPages has a page of our own for each kind of page found in the wild.
func TestKindsOfPages(t *testing.T) {
	t.Parallel()
	h1 := "<h1>Vuelven las boyas a la bahía</h1>"
	all := paragraphs(sentences...)
	for name, c := range map[string]struct {
		page        string
		has, lacks  []string
		atLeast     int
		author      string
		published   string
		updated     string
		title, lang string
	}{
		"lead apart":               {page: veleta("<main>" + h1 + `<div class="r1"><div class="c"><p>` + sentences[0] + `</p></div></div><div class="banda"><p>Descargue la aplicación</p></div><div class="r2"><div class="c">` + paragraphs(sentences[1:]...) + "</div></div></main>"), lacks: []string{"Descargue"}},
		"sections of a builder":    {page: veleta("<main>" + h1 + strings.Join([]string{"<section><div>" + paragraphs(sentences[0], sentences[1]) + "</div></section>", `<section class="widget"><div>` + paragraphs(sentences[2], sentences[3]) + "</div></section>", "<section><div><p>" + sentences[4] + "</p><p>" + prose1 + "</p></div></section>"}, "") + "</main>")},
		"Next data":                {page: veleta(`<div id="__next">` + h1 + `</div><script id="__NEXT_DATA__" type="application/json">{"props":{"related":[{"headline":"Otra cosa muy distinta","body":"` + strings.Repeat("Texto ajeno de otra noticia. ", 80) + `"}],"note":{"headline":"Vuelven las boyas a la bahía","parts":[{"kind":"p","html":"` + strings.Join(sentences, `"},{"kind":"p","html":"`) + `"}]}}}</script>`), lacks: []string{"Texto ajeno"}},
		"Next data, one string":    {page: veleta(h1 + `<script id="__NEXT_DATA__" type="application/json">{"a":{"title":"Vuelven las boyas a la bahía","content":"\u003cp\u003e` + strings.Join(sentences, `\u003c/p\u003e\u003cp\u003e`) + `\u003c/p\u003e"}}</script>`)},
		"Next flight, elements":    {page: veleta(h1 + `<script>self.__next_f.push([1,"5:[\"$\",\"div\",null,{\"children\":[[\"$\",\"p\",null,{\"children\":\"` + strings.Join(sentences, `\"}],[\"$\",\"p\",null,{\"children\":\"`) + `\"}]]}]\n"])</script>`)},
		"Next flight, parted":      {page: veleta(h1 + `<script>self.__next_f.push([1,"7:{\"title\":\"Vuelven las boyas a la bahía\",\"body\":[\"` + sentences[0] + `\",\"` + sentences[1] + `\",\"` + sentences[2][:30] + `"])</script><script>self.__next_f.push([1,"` + sentences[2][30:] + `\",\"` + sentences[3] + `\",\"` + sentences[4] + `\"]}\n"])</script>`)},
		"Arc":                      {page: veleta(h1 + `<script>window.Fusion=window.Fusion||{};Fusion.arcSite="veleta";Fusion.globalContent={"headlines":{"basic":"Vuelven las boyas a la bahía"},"content_elements":[{"type":"text","content":"` + strings.Join(sentences, `"},{"type":"image","caption":"Una boya que nadie vio"},{"type":"text","content":"`) + `"}]};Fusion.x=1</script>`), lacks: []string{"nadie vio"}},
		"state of another kind":    {page: veleta(h1 + `<script>window.__INITIAL_STATE__ = {"story":{"title":"Vuelven las boyas a la bahía","blocks":[{"_type":"block","children":[{"_type":"span","text":"` + strings.Join(sentences, `"}]},{"_type":"block","children":[{"_type":"span","text":"`) + `"}]}]}};</script>`)},
		"said twice in data":       {page: strings.Replace(veleta("<article>"+h1+all+"</article>"), `"headline"`, `"articleBody":"`+strings.Join(sentences, " ")+" "+strings.Join(sentences, " ")+`","headline"`, 1), atLeast: 5},
		"a copy for small screens": {page: veleta("<article>" + h1 + `<div class="desktop">` + all + `</div><div class="mobile">` + strings.Join(sentences, " ") + "</div></article>"), atLeast: 5},
		"captions":                 {page: veleta("<article>" + h1 + "<div>" + paragraphs(sentences[:2]...) + `<div class="foto-nota"><img src="/b.jpg"><p>Una boya junto al faro, en la tarde del lunes.</p></div><p class="pie-de-foto">Cortesía de la familia Roldán para este diario.</p>` + paragraphs(sentences[2:]...) + "</div></article>"), lacks: []string{"junto al faro, en la tarde", "familia Roldán"}},
		"teasers": {
			page:  veleta("<article>" + h1 + paragraphs(sentences[0], "Lea también: Otro puerto", "(Vea además: El barco de papel)", "Le puede interesar: El atún", sentences[1]+" (Lea: La marea sube en abril)", "Más noticias: el clima", "Mire aquí: las fotos de ayer", "Puede leer: El ancla", "Síguenos en nuestras redes") + paragraphs(sentences[2:]...) + "</article>"),
			lacks: []string{"Otro puerto", "barco de papel", "El atún", "marea sube", "el clima", "las fotos", "El ancla", "Síguenos"},
		},
		"live":                              {page: veleta("<main>" + h1 + "<div><p>" + sentences[0] + "</p></div><div>" + `<article><time datetime="2026-03-02T10:00:00-05:00">10:00</time><h2>Diez</h2><div><p>` + strings.Join(sentences[1:], `</p></div></article><article><time datetime="2026-03-02T09:00:00-05:00">9:00</time><h2>Nueve</h2><div><p>`) + "</p></div></article></div></main>"), published: "2026-03-02T13:00:00Z"},
		"next article follows":              {page: veleta("<main><article>" + h1 + all + `</article><article><h1>Vuelve el tren al puerto</h1>` + paragraphs(strings.Repeat("La estación abrió sus puertas a otros viajeros, que hicieron fila desde el amanecer. ", 14), strings.Repeat("El ferrocarril trae cada día, dice su jefe, doce vagones con café y con fruta. ", 9)) + "</article></main>"), lacks: []string{"ferrocarril", "La estación"}},
		"lead in the header":                {page: veleta("<main><article><header>" + h1 + `<div class="d1"><p>` + sentences[0] + `</p></div><div class="byline">Inés Roldán</div></header><div class="x1">` + paragraphs(sentences[1:]...) + "</div></article></main>")},
		"a long legal footer":               {page: veleta("<main>" + h1 + all + "</main><footer>" + paragraphs(strings.Repeat("Este material, cuyo uso se rige por las condiciones del sitio, no reemplaza un consejo profesional. ", 20), strings.Repeat("Los productos, servicios y marcas que aquí se nombran son de sus dueños. ", 15)) + "</footer>"), lacks: []string{"condiciones del sitio", "son de sus dueños"}},
		"an editor's headings":              {page: veleta("<main>" + h1 + `<div class="elementor-widget-wrap"><div class="elementor-widget"><p>` + sentences[0] + `</p></div></div><div class="elementor-widget-wrap"><div class="elementor-widget"><h3>Las boyas y el atún</h3></div></div><div class="elementor-widget-wrap"><div class="elementor-widget">` + paragraphs(sentences[1:]...) + "</div></div></main>"), has: []string{"Las boyas y el atún"}},
		"named after layout":                {page: veleta("<article>" + h1 + `<div class="sidebar-grid"><div class="sidebar-grid__row"><div class="article__content">` + paragraphs(sentences[:2]...) + `</div></div><div class="sidebar-grid__row"><div class="article__content">` + paragraphs(sentences[2:4]...) + `</div></div><div class="has-sidebar">` + paragraphs(sentences[4]) + `</div><div class="sidebar"><p>Las mareas de hoy, hora por hora, en la aplicación de La Veleta, que es gratuita.</p></div></div></article>`), lacks: []string{"mareas de hoy"}},
		"rows named as players":             {page: veleta("<article>" + h1 + all + `<table><tr class="player-7"><td>Nidia Peralta</td><td>31</td></tr><tr class="player-9"><td>Rosa Ibarra</td><td>28</td></tr></table><p>La tabla se cierra el domingo, cuando termine la última regata del año.</p></article>`), has: []string{"Nidia Peralta", "Rosa Ibarra"}},
		"hidden for readers who do not pay": {page: veleta("<article>" + h1 + `<div class="texto">` + paragraphs(sentences[:2]...) + `<p class="paywall" aria-hidden="true">` + strings.Join(sentences[2:], `</p><p class="paywall" style="display:none">`) + `</p></div><div class="paywall"><p>Suscríbase para seguir.</p></div></article>`), lacks: []string{"Suscríbase"}},
		"a name that links to its tag":      {page: veleta("<article>" + h1 + all + `<p>En la subasta, que duró dos horas, <a class="tag-link" href="/t/9">Nidia Peralta</a> compró tres botes y una red para la cooperativa.</p></article>`), has: []string{"dos horas, Nidia Peralta compró"}},
		"a post that is embedded":           {page: veleta("<article>" + h1 + paragraphs(sentences[:3]...) + `<div class="social-media-embed"><blockquote><p>Ya se ven las luces desde mi ventana, y son preciosas.</p></blockquote></div>` + paragraphs(sentences[3:]...) + `<div class="social-share"><p>Comparta esta nota con sus vecinos y amigos.</p></div></article>`), has: []string{"desde mi ventana"}, lacks: []string{"vecinos y amigos"}},
		"others announced":                  {page: veleta("<article>" + h1 + paragraphs(sentences[:3]...) + `<h3>Otras noticias de la bahía</h3><ul><li><a href="/1">El atún llega tarde</a> a los puertos</li><li><a href="/2">Un barco nuevo</a> para la isla</li></ul>` + paragraphs(sentences[3:]...) + "</article>"), lacks: []string{"Otras noticias", "a los puertos", "para la isla"}},
		"edges": {
			page:  veleta(`<div class="nota-texto articulo-texto"><p>Vuelven las boyas a la bahía</p><p>Publicado: 2 de marzo de 2026</p><p>3 min de lectura</p>` + all + `<p>Síganos en Facebook y en X como La Veleta.</p><p>Reciba en su correo las noticias del mar, cada mañana.</p></div>`),
			lacks: []string{"Vuelven las boyas a la bahía", "Publicado", "de lectura", "Síganos", "en su correo"},
		},
		"prose that ends like edges": {page: veleta("<article>" + h1 + all + "<p>“Siga a su corazón”, le dijo la abuela, y la capitana siguió hacia el norte, con viento a favor.</p></article>"), has: []string{"hacia el norte"}},
		"no title":                   {page: "<html><body><div>" + all + "</div></body></html>", title: "", author: "", lang: "es"},
		"no elements around":         {page: "<title>Vuelven las boyas a la bahía</title><h1>Vuelven las boyas a la bahía</h1>" + all, title: "Vuelven las boyas a la bahía"},
		"update first":               {page: plain("Vuelven las boyas a la bahía", "<article>"+h1+`<p><time datetime="2026-03-04T10:00:00-05:00" class="actualizado">4 de marzo</time> <time datetime="2026-03-02T10:00:00-05:00">2 de marzo</time></p>`+all+"</article>"), published: "2026-03-02T15:00:00Z", updated: "2026-03-04T15:00:00Z"},
		"update said in a word":      {page: plain("Vuelven las boyas a la bahía", "<article>"+h1+`<div>Actualizado: <time datetime="2026-03-04T10:00:00-05:00">4 de marzo</time></div><div>Publicado: <time datetime="2026-03-02T10:00:00-05:00">2 de marzo</time></div>`+all+"</article>"), published: "2026-03-02T15:00:00Z", updated: "2026-03-04T15:00:00Z"},
		"update in one line":         {page: plain("Vuelven las boyas a la bahía", "<article>"+h1+`<time itemprop="dateModified" datetime="2026-03-04T10:00:00-05:00">02/03/2026 10:00 | Actualizado el 04/03/2026 10:00</time>`+all+"</article>"), published: "2026-03-02T15:00:00Z", updated: "2026-03-04T15:00:00Z"},
		"others' bylines":            {page: plain("Vuelven las boyas a la bahía", "<main><article>"+h1+all+`</article></main><ul class="ultimo"><li><a href="/a">Otra noticia</a> <span class="author">Otro Autor</span></li></ul>`)},
		"signed by a line":           {page: plain("Vuelven las boyas a la bahía", "<article>"+h1+"<p>Por Inés Roldán</p>"+all+"</article>"), author: "Inés Roldán"},
		"signed by an address":       {page: plain("Vuelven las boyas a la bahía", "<article>"+h1+`<a href="/autores/ines-roldan/">Inés Roldán</a>`+all+"</article>"), author: "Inés Roldán"},
		"signed by itself":           {page: plain("Vuelven las boyas a la bahía", "<article>"+h1+`<span class="byline">La Veleta, Puerto Viejo</span>`+all+"</article>")},
		"language mislabelled":       {page: strings.Replace(veleta("<article>"+h1+all+"</article>"), `lang="es"`, `lang="en-US"`, 1), lang: "es"},
	} {
		a, err := Extract(c.page, Hints{URL: &url.URL{Scheme: "https", Host: "www.laveleta.example", Path: "/mar/vuelven-las-boyas"}})
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		for _, s := range sentences {
			if n := strings.Count(a.Text, s); n != 1 {
				t.Errorf("%s: %d times %q in\n%s", name, n, s, a.Text)
				break
			}
		}
		for _, s := range c.has {
			if !strings.Contains(a.Text, s) {
				t.Errorf("%s: lacks %q in\n%s", name, s, a.Text)
			}
		}
		for _, s := range c.lacks {
			if strings.Contains(a.Text, s) {
				t.Errorf("%s: holds %q", name, s)
			}
		}
		if n := strings.Count(a.Text, "\n\n") + 1; n < c.atLeast {
			t.Errorf("%s: %d paragraphs", name, n)
		}
		if c.author != "" && a.Author != c.author || c.author == "" && !strings.Contains(c.page, veletaLD[:40]) && a.Author != "" {
			t.Errorf("%s: author %q, want %q", name, a.Author, c.author)
		}
		moment := func(at *time.Time) string {
			if at == nil {
				return ""
			}
			return at.Format(time.RFC3339)
		}
		if c.published != "" && moment(a.PublishedAt) != c.published || c.updated != "" && moment(a.UpdatedAt) != c.updated {
			t.Errorf("%s: published %s, updated %s", name, moment(a.PublishedAt), moment(a.UpdatedAt))
		}
		if c.lang != "" && a.Language != c.lang {
			t.Errorf("%s: language %q", name, a.Language)
		}
	}
}

// FuzzState: whatever a page's scripts hold, reading them terminates and gives clean paragraphs or none.
func FuzzState(f *testing.F) {
	f.Add(`{"a":{"title":"Vuelve el tren","content":"<p>x</p>"}}`, "application/json")
	f.Add(`self.__next_f.push([1,"5:[\"$\",\"p\",null,{\"children\":\"x\"}]\n6:T5,hola \n"])`, "")
	f.Add(`Fusion.globalContent={"headlines":{"basic":"x"},"content_elements":[{"type":"text","content":"y"}]};a = {b`, "")
	f.Fuzz(func(t *testing.T, text, kind string) {
		found := readState([]script{{text: text, kind: kind}, {text: text}}, "Vuelve el tren", "/mar/tren")
		for _, p := range found.paragraphs {
			if !utf8.ValidString(p) || strings.TrimSpace(p) == "" {
				t.Fatalf("%q", found.paragraphs)
			}
		}
	})
}
