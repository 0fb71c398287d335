package extract

import "strings"

// names are what an element's class and id say about it. They are names of components, as editors' systems and templates use
// them, never of newspapers.
type names uint16

const (
	namesAside    names = 1 << iota // what surrounds a text: navigation, related stories, sharing, advertising, bylines, captions
	namesContent                    // what holds an article's text: it saves an element from namesAside
	namesByline                     // who wrote
	namesDate                       // when
	namesSubtitle                   // the line under the headline
	namesOthers                     // other articles, or readers' comments
	namesTeasers                    // other articles, for sure
)

// The words of a name are parted by hyphens, underscores, blanks and capitals. Two words in a row count as one as well:
// "mas-leidas" is "masleidas".
var (
	asideWords = wordSet(`related relacionado relacionada relacionados relacionadas recomendado recomendada recomendados recomendadas
		share sharing social compartir redes comment comments comentario comentarios disqus newsletter newsletters boletin signup paywall promo promos
		advert ad ads adbox banner publicidad sponsor sponsored outbrain taboola sidebar rail breadcrumb breadcrumbs migas menu nav navbar navigation footer pie
		masthead popup modal cookie cookies consent gdpr byline author autor authorbio bio tag tags taglist etiquetas temas topics keywords
		caption captions figcaption credit credits credito creditos copyright mostread mostpopular mostviewed masleido masleida masleidos masleidas
		popular trending morenews morestories morefrom moreon readmore readalso readnext leatambien leamas also teaser teasers carousel slider slideshow
		gallery galeria widget widgets pagination pager toolbar tools print skip hidden hide visuallyhidden sronly screenreader
		donate donation timestamp dateline meta metadata player toc tableofcontents infobox factbox poll quiz login register feedback correction`)
	asideStarts = []string{"recommend", "subscri", "suscri", "advert", "patrocin", "paywall", "promo"}
	// contentWords are looked for anywhere in a name without its hyphens.
	contentWords = strings.Fields(`articlebody articlecontent articletext bodytext bodycontent bodycopy storybody storycontent storytext entrycontent
		postcontent postbody posttext articulocontenido articulocuerpo articulotexto contenidoarticulo contenidonota contenidonoticia cuerpo
		noticiatexto noticiacuerpo noticiacontent textonoticia textonota maincontent`)
	bylineWords   = wordSet("author autor byline firma periodista redactor authorname authorlink autornombre bylinename")
	dateWords     = wordSet("date fecha hora time timestamp published publicado publishdate pubdate postdate entrydate")
	subtitleWords = wordSet("subtitle subtitulo bajada sumario entradilla deck dek standfirst lead lede hook copete excerpt articlesubtitle articlesummary articlelead")
	othersWords   = strings.Fields("comment comentario related relacionad recomendad teaser card listing")
)

// namesIn reads a class or an id.
func namesIn(s string) names {
	var found names
	var all strings.Builder
	last := ""
	for word := range nameWords(s) {
		all.WriteString(word)
		found |= judgeWord(word)
		if last != "" {
			found |= judgeWord(last + word)
		}
		last = word
	}
	whole := all.String()
	for _, w := range contentWords {
		if strings.Contains(whole, w) {
			found |= namesContent
			break
		}
	}
	for _, w := range othersWords {
		if strings.Contains(whole, w) {
			found |= namesOthers
			break
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
