package extract

import "strings"

// names are what an element's class and id say about it. They are the names of components in content management systems and
// templates, never names of newspapers.
type names uint16

const (
	namesAside    names = 1 << iota // what surrounds a text: navigation, related stories, sharing, advertising, bylines, captions
	namesContent                    // what holds an article's text: it overrides namesAside
	namesByline                     // who wrote
	namesDate                       // when
	namesSubtitle                   // the line under the headline
	namesOthers                     // other articles, or readers' comments
	namesTeasers                    // other articles, for sure
	namesPerhaps                    // what mostly surrounds a text, but sometimes holds it
	namesPicture                    // a picture with its caption
	namesPaywall                    // text that only subscribers see, or an invitation to subscribe
	namesWidget                     // what an editor built a page from: text, or links
)

// The words of a name are separated by hyphens, underscores, blanks and capitals. Two words in a row count as one as well:
// "mas-leidas" is "masleidas".
var (
	asideWords = wordSet(`related relacionado relacionada relacionados relacionadas recomendado recomendada recomendados recomendadas
		share sharing compartir redes comment comments comentario comentarios disqus newsletter newsletters boletin signup promo promos
		advert ad ads adbox banner publicidad sponsor sponsored outbrain taboola sidebar rail breadcrumb breadcrumbs migas menu nav navbar navigation footer pie
		masthead popup modal cookie cookies consent gdpr byline author autor authorbio bio tag tags taglist etiquetas temas topics keywords
		caption captions figcaption credit credits credito creditos copyright mostread mostpopular mostviewed masleido masleida masleidos masleidas
		popular trending morenews morestories morefrom moreon readmore readalso readnext leatambien leamas leetambien tepuedeinteresar teinteresa lomasleido loultimo ultimasnoticias masnoticias
		leyenda epigrafe piefoto piedefoto pieimagen creditofoto fotocredito fotogaleria fotogalerias teaser teasers
		pagination pager toolbar visuallyhidden sronly screenreader
		donate donation timestamp dateline infobox factbox poll quiz login register feedback correction`)
	asideStarts  = []string{"recommend", "subscri", "suscri", "advert", "patrocin", "promo"}
	perhapsWords = wordSet(`also carousel slider slideshow gallery galeria galerias tools print skip hidden hide meta metadata player toc tableofcontents`)
	pictureWords = wordSet(`image images imagen imagenes img photo photos foto fotos fotografia picture galeria gallery figura figure`)
	layoutWords  = wordSet(`has with without no con sin`)
	widgetWords  = wordSet(`widget widgets`)
	// contentWords are looked for anywhere in a name without its hyphens.
	contentWords = strings.Fields(`articlebody articlecontent articletext bodytext bodycontent bodycopy storybody storycontent storytext entrycontent
		postcontent postbody posttext articulocontenido articulocuerpo articulotexto contenidoarticulo contenidonota contenidonoticia cuerpo
		noticiatexto noticiacuerpo noticiacontent textonoticia textonota maincontent`)
	bylineWords   = wordSet("author autor byline firma firmas periodista periodistas redactor redactores authors autores authorname authorlink autornombre bylinename")
	dateWords     = wordSet("date fecha hora time timestamp published publicado publishdate pubdate postdate entrydate")
	subtitleWords = wordSet("subtitle subtitulo bajada sumario entradilla deck dek standfirst lead lede hook copete excerpt articlesubtitle articlesummary articlelead")
	othersWords   = strings.Fields("comment comentario related relacionad recomendad teaser card listing")
)

// namesIn reads a class or id attribute.
func namesIn(s string) names {
	var found names
	var all strings.Builder
	last := ""
	for word := range nameWords(s) {
		all.WriteString(word)
		if layoutWords[last] { // "has-sidebar" is what it is beside
			last = ""
			continue
		}
		found |= judgeWord(word)
		if last != "" {
			found |= judgeWord(last + word)
		}
		last = word
	}
	for word := range camelWords(s) {
		found |= judgeWord(word) & (namesByline | namesDate | namesSubtitle)
	}
	whole := all.String()
	if strings.Contains(whole, "social") && !strings.Contains(whole, "embed") { // a post that is embedded is text
		for word := range nameWords(s) {
			if word == "social" {
				found |= namesAside
			}
		}
	}
	for _, w := range contentWords {
		if strings.Contains(whole, w) {
			found |= namesContent
			break
		}
	}
	for _, w := range othersWords {
		if strings.Contains(whole, w) {
			found |= namesOthers
			if w != "card" && w != "listing" {
				found |= namesTeasers
			}
		}
	}
	return found
}

func judgeWord(word string) names {
	var found names
	if asideWords[word] {
		found |= namesAside
	}
	for _, start := range asideStarts {
		if strings.HasPrefix(word, start) {
			found |= namesAside
		}
	}
	if perhapsWords[word] {
		found |= namesPerhaps
	}
	if strings.HasPrefix(word, "paywall") {
		found |= namesPerhaps | namesPaywall
	}
	if widgetWords[word] {
		found |= namesWidget
	}
	if pictureWords[word] {
		found |= namesPicture
	}
	if bylineWords[word] {
		found |= namesByline
	}
	if dateWords[word] {
		found |= namesDate
	}
	if subtitleWords[word] {
		found |= namesSubtitle
	}
	return found
}

// nameWords yields the words of a name in lower case.
func nameWords(s string) func(yield func(string) bool) {
	return func(yield func(string) bool) {
		start := -1
		for i := 0; i <= len(s); i++ {
			if i < len(s) && s[i] != '-' && s[i] != '_' && s[i] != ':' && !isBlank(s[i]) {
				if start < 0 {
					start = i
				}
				continue
			}
			if start >= 0 {
				if !yield(strings.ToLower(s[start:i])) {
					return
				}
				start = -1
			}
		}
	}
}

// camelWords yields the words that capitals separate, in lower case: "metaAuthorList" is meta, author, list.
func camelWords(s string) func(yield func(string) bool) {
	return func(yield func(string) bool) {
		start := 0
		for i := 1; i <= len(s); i++ {
			if i < len(s) && isLetter(s[i]) && (s[i] >= 'a' || s[i-1] < 'a') {
				continue
			}
			if i-start < len(s) && i > start && isLetter(s[start]) && !yield(strings.ToLower(s[start:i])) {
				return
			}
			start = i
			if i < len(s) && !isLetter(s[i]) {
				start++
			}
		}
	}
}
