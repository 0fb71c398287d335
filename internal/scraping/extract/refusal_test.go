package extract

import (
	"errors"
	"fmt"
	"net/url"
	"strings"
	"testing"
)

// plain is a page of a newspaper's template around some content.
func plain(title, content string) string {
	return `<!doctype html><html lang="es"><head><title>` + title + ` | La Veleta</title><meta property="og:site_name" content="La Veleta"></head><body>
<header><a href="/">La Veleta</a><nav><a href="/mar">Mar</a> <a href="/tierra">Tierra</a></nav></header>` + content + `<footer>La Veleta. Todos los derechos reservados.</footer></body></html>`
}

// listed makes n teasers of articles from a format with a number and a sentence.
func listed(n int, format string) string {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, format, i, sentences[i%len(sentences)])
	}
	return b.String()
}

var sentences = []string{
	"Los pescadores de la bahía pidieron al puerto que repare las boyas, apagadas desde la tormenta de enero, antes de la temporada de atún.",
	"La cooperativa de tejedoras abrió su taller a los vecinos, que podrán aprender allí, los sábados, a hilar algodón y a teñirlo con añil.",
	"El nuevo faro, más alto que el anterior, se verá a treinta millas, según la capitanía, y funcionará con energía del viento.",
	"Una exposición reúne, por primera vez, los mapas que los navegantes dibujaron de la isla entre los siglos dieciséis y diecinueve.",
	"El colegio de la punta ganó el concurso de ciencias con una máquina que separa, con un imán y un tamiz, la arena de los metales.",
}

func TestPagesThatAreNoArticlesAreRefusedWithAKind(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		page, path string
		want       Refusal
	}{
		"missing page":        {plain("Página no encontrada", "<main><h1>Página no encontrada</h1><p>Lo sentimos: la página que busca no existe o cambió de lugar. Puede volver a la portada o usar el buscador, que está arriba, a la derecha.</p></main>"), "/mar/boyas-apagadas-en-la-bahia", NotFound},
		"missing story":       {plain("La Veleta, noticias del mar", "<main><h2>¡Ups!</h2><p>La noticia que estás buscando ya no está disponible. Quizá fue movida a otra sección, o su autor la retiró. Mira mientras tanto lo más leído de hoy en nuestra portada.</p></main>"), "/mar/boyas", NotFound},
		"missing in English":  {plain("404 Not Found", "<main><h1>Oops</h1><p>Sorry, the page you were looking for could not be found. It may have been moved, renamed, or it never existed. Try the search box, or go back to the front page and start over.</p></main>"), "/x", NotFound},
		"error 404":           {plain("Error 404", "<main><h1>Error 404</h1><p>Algo salió mal con esta dirección, y no tenemos nada para mostrar en ella. Le invitamos a visitar la portada, donde están las noticias más recientes de la región.</p></main>"), "/x", NotFound},
		"cookies":             {plain("La Veleta", "<div><h1>Valoramos su privacidad</h1><p>Nosotros y nuestros 812 socios almacenamos y accedemos a información de su dispositivo, como las cookies, y tratamos datos personales para mostrar publicidad personalizada.</p><p>Puede aceptar o rechazar el consentimiento, o configurar sus preferencias en cualquier momento en nuestra política de privacidad.</p><button>Aceptar todo</button></div>"), "/mar/boyas-apagadas-en-la-bahia", ConsentWall},
		"cookies in English":  {plain("Before you continue", "<div><h1>Before you continue</h1><p>We use cookies and data to deliver our services, to measure audiences, and to show personalized ads. If you choose “Accept all”, we will also use cookies to develop new services.</p><p>You can reject all, or manage your privacy settings at any time, and withdraw your consent.</p></div>"), "/a", ConsentWall},
		"challenge":           {`<html><head><title>Just a moment...</title></head><body><h1>laveleta.example</h1><p>Checking if the site connection is secure. Enable JavaScript and cookies to continue.</p></body></html>`, "/mar/boyas-apagadas-en-la-bahia", Challenge},
		"challenge, Spanish":  {plain("Un momento…", "<main><h1>Verifique que usted es humano</h1><p>Hemos detectado tráfico inusual desde su red. Complete el captcha para continuar; le tomará solo unos segundos, y no volveremos a pedírselo durante el día de hoy.</p></main>"), "/x", Challenge},
		"access denied":       {`<html><head><title>Access Denied</title></head><body><h1>Access Denied</h1><p>You don't have permission to access this page on this server. Reference #18.2d351ab8.1557333295.a4e16ab. If you think that this is a mistake, write to us with that number.</p></body></html>`, "/x", Challenge},
		"section":             {plain("Mar", "<main><h1>Mar</h1>"+listed(8, `<div class="nota"><h3><a href="/mar/n%d">Un título de otra noticia del mar</a></h3><p>%s</p></div>`)+"</main>"), "/mar", SectionPage},
		"section of articles": {plain("Tierra", "<main>"+listed(8, `<article><a href="/tierra/n%d"><h2>Otra noticia de la sección Tierra</h2></a><span>hace dos horas</span><p>%s</p></article>`)+"</main>"), "/tierra", SectionPage},
		"titles alone":        {plain("Archivo", "<main><h1>Archivo</h1><ul>"+listed(20, `<li><a href="/mar/n%d">%s</a></li>`)+"</ul></main>"), "/archivo/2026", SectionPage},
		"nothing":             {plain("Las boyas se apagan", "<main><h1>Las boyas se apagan</h1><p>Video.</p></main>"), "/x", NoText},
	} {
		_, err := Extract(c.page, Hints{URL: &url.URL{Scheme: "https", Host: "www.laveleta.example", Path: c.path}})
		var got Refusal
		if !errors.As(err, &got) || got != c.want {
			t.Errorf("%s: %v, want %s", name, err, c.want)
		}
	}
}

func TestArticlesAboutSuchPagesAreKept(t *testing.T) {
	t.Parallel()
	text := "<p>" + strings.Join(sentences, "</p><p>") + "</p>"
	related := "<ul>" + listed(9, `<li><a href="/mar/n%[1]d">Otra noticia del mar que se puede leer</a></li>`) + "</ul>"
	for name, page := range map[string]string{
		"missing pages": plain("Página no encontrada: la historia del error 404", "<article><h1>Página no encontrada: la historia del error 404</h1><p>Cuando una página no existe, el servidor responde con un número, que nació en un laboratorio de Ginebra.</p>"+text+text+"</article>"),
		"cookies":       plain("Qué cambia con las cookies", "<article><h1>Qué cambia con las cookies</h1><p>La autoridad de datos pidió a los periódicos que las cookies se puedan rechazar con un solo clic, y les dio seis meses.</p>"+text+"</article>"),
		"a moment":      plain("Un momento de gloria para el faro", "<article><h1>Un momento de gloria para el faro</h1>"+text+"</article>"),
		"related":       plain("Boyas", "<main><article><h1>Las boyas</h1>"+text+"</article>"+related+"</main>"),
		"short":         plain("Boyas", "<main><h1>Las boyas</h1><p>"+sentences[0]+"</p><p>"+sentences[1]+"</p>"+related+"</main>"),
	} {
		if _, err := Extract(page, Hints{URL: &url.URL{Scheme: "https", Host: "www.laveleta.example", Path: "/mar/boyas"}}); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}
