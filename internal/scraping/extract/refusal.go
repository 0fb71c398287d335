package extract

import (
	"regexp"
	"strings"
	"unicode/utf8"

	"openlearn/internal/scraping/source"

	"golang.org/x/net/html/atom"
)

// A Refusal names a kind of page that holds no article. It is an error and also a metric label: its text is short and
// stable.
type Refusal string

// The kinds.
const (
	NoText      Refusal = "no_text"      // hardly any text
	NotFound    Refusal = "soft_404"     // says that there is nothing here, whatever its HTTP status
	ConsentWall Refusal = "consent_wall" // asks for consent to cookies before it shows anything
	Challenge   Refusal = "challenge"    // checks whether the reader is a person
	SectionPage Refusal = "section_page" // lists other articles
)

var refusals = map[Refusal]string{
	NoText: "the page has no article text", NotFound: "the page says that it does not exist", ConsentWall: "the page asks for consent to cookies",
	Challenge: "the page asks whether a person reads it", SectionPage: "the page lists articles and is none",
}

func (r Refusal) Error() string { return refusals[r] }

// What pages without an article say in their headlines and in their few words. The patterns are matched against folded
// text: lower case, without accents, words separated by single underscores.
var (
	notFoundTitle = regexp.MustCompile(`^(?:http_)?(?:error_)?(?:404|410)(?:_\w{1,40})?$|^(?:oops_|ups_|lo_sentimos_|sorry_)*(?:(?:esta|la|this|the)_)?(?:pagina|contenido|articulo|noticia|nota|publicacion|page|content|article|story|post)_(?:(?:que_busca\w*|solicitad[oa]|requested|you_\w+_looking_for)_)*(?:no_(?:se_)?(?:encontrad[oa]|encontro|encuentra|existe|disponible|esta_disponible|ha_sido_encontrad[oa]|pudo_ser_encontrad[oa])|inexistente|(?:was_|could_|can_)?not_(?:be_)?(?:found|available)|(?:no_longer|doesn_t|does_not)_(?:exists?|available)|eliminad[oa]|unavailable)(?:_\w{1,24})?$|^(?:not_found|no_encontrad[oa]|nothing_found|no_existe|pagina_de_error)$`)
	notFoundText  = regexp.MustCompile(`(?:pagina|contenido|articulo|noticia|nota|publicacion|direccion|enlace|url)_(?:(?:a_l[oa]_)?que_(?:\w+_){0,4}(?:busca\w*|intenta\w*|solicit\w*|quiere\w*|acceder|visitar|ver)_(?:\w+_){0,3}|solicitad[oa]_)(?:ya_)?no_(?:se_encuentra|existe|esta_disponible|fue_encontrad[oa]|ha_sido_encontrad[oa]|pudo_ser)|no_(?:hemos_podido|pudimos|podemos|logramos)_encontrar_(?:la|el|lo)|no_encontramos_(?:la_pagina|el_contenido|lo_que|la_noticia|el_articulo)|(?:page|article|story|content|link|url)_(?:\w+_){0,6}(?:could_not_be|can_t_be|cannot_be|was_not|wasn_t|not)_found|(?:page|article|story|content|link)_(?:\w+_){0,5}(?:no_longer_(?:exists|available)|doesn_t_exist|does_not_exist|has_been_(?:removed|moved)_or)|(?:couldn_t|could_not|can_t|cannot)_find_(?:the|that)_page|ha_sido_(?:eliminad[oa]|retirad[oa])_o_|fue_(?:eliminad[oa]|retirad[oa]|movid[oa])_o_`)

	challengeTitle = regexp.MustCompile(`^(?:just_a_moment|un_momento|espere?_un_momento|attention_required(?:_cloudflare)?|access_denied|acceso_denegado|acceso_restringido|pardon_our_interruption|ddos_guard|security_check|verificacion_de_seguridad|comprobacion_de_seguridad|are_you_(?:a_robot|human)|eres_humano|robot_o_humano|human_verification|verificacion_humana|bot_verification|checking_your_browser|please_wait|captcha|403_forbidden|forbidden|request_rejected|web_application_firewall|one_more_step|un_paso_mas|you_have_been_blocked|has_sido_bloqueado)\b|verif(?:y|ying)_(?:that_)?you_are_(?:a_)?human|verificando_que_(?:usted_|tu_)?(?:es|eres)_(?:un_)?humano`)
	challengeText  = regexp.MustCompile(`checking_(?:your_browser|if_the_site_connection)|(?:verify|confirm|check)\w*_(?:that_)?you_(?:are|re)_(?:a_|not_a_)?(?:human|robot|bot)|(?:verifi|comprob|confirm)\w+_(?:\w+_){0,4}(?:que_)?(?:usted_|no_)?(?:es|eres|seas|sea)_(?:un_|una_)?(?:human[oa]|robot|persona)|(?:no_(?:soy|eres|es)|i_m_not|i_am_not)_(?:un_|a_)robot|enable_(?:javascript|js)_(?:and|y)_(?:cookies|disable)|(?:active|activar|habilit\w+)_(?:javascript|las_cookies)_(?:\w+_){0,2}(?:y|para)_(?:\w+_){0,3}(?:cookies|continuar|javascript)|performance_security_by_cloudflare|cloudflare_ray_id|ray_id|unusual_(?:traffic|activity)_from_your|trafico_(?:inusual|sospechoso)|actividad_(?:inusual|sospechosa)_(?:\w+_){0,3}(?:red|navegador|equipo|ip)|(?:complet[ea]|resuelv[ea]|solve|resolver)_(?:\w+_){0,3}captcha|navegador_antes_de_(?:acceder|continuar|entrar)`)

	consentWord = regexp.MustCompile(`cookie|consent|privacidad|privacy|nuestros_(?:\w+_)?socios|our_(?:\w+_)?partners|datos_personales|personal_data|rastreadores|publicidad_personalizada|personali[sz]ed_ad|almacenar_y_o_acceder|store_and_or_access|tecnologias_similares|rechazar_todo|aceptar_todo|accept_all|reject_all`)
	consentAsk  = regexp.MustCompile(`acept(?:a|as|ar|e|ando|amos)(?:_|$)|rechazar|consentimiento|configur(?:a|ar|acion|e)_|utilizamos|usamos|we_use|accept|reject|consent|manage_|gestionar|valoramos_(?:tu|su)_privacidad|value_your_privacy|nosotros_y_nuestros`)
)

// A page without an article has few words of its own.
const (
	fewWords  = 1500 // characters
	someWords = 4000
)

// refuse names the kind of a page that holds no article, "" if it may hold one. It judges by what the page says to its
// reader and by how it is built, never by one sign alone: newspapers also write about cookies and missing pages.
func (p *pageReader) refuse(title, text string) Refusal {
	chars := utf8.RuneCountInString(text)
	folded := source.Fold(text[:min(len(text), 4*someWords)])
	declared := p.declaresArticle()
	heads := []string{source.Fold(title)}
	for n := range p.doc.descendants() {
		if n.Tag == atom.H1 && len(heads) < 4 {
			heads = append(heads, source.Fold(inlineText(n)))
		}
	}
	headed := func(re *regexp.Regexp) bool {
		for _, h := range heads {
			if len(h) < 120 && re.MatchString(h) {
				return true
			}
		}
		return false
	}
	switch {
	case chars < fewWords && !declared && (headed(challengeTitle) || challengeText.MatchString(folded)):
		return Challenge
	case chars < fewWords && !declared && (headed(notFoundTitle) || notFoundText.MatchString(folded)):
		return NotFound
	case chars < someWords && p.asksConsent(text):
		return ConsentWall
	case !declared && p.listsArticles(text):
		return SectionPage
	case chars < minText:
		return NoText
	}
	return ""
}

// declaresArticle says whether the page describes itself as an article: with structured data of its own, or with a time of
// publication.
func (p *pageReader) declaresArticle() bool {
	if p.article != nil && (p.article.text("datePublished") != "" || p.article.text("articleBody") != "" || samePage(p.hints.URL, p.article)) {
		return true
	}
	return p.meta.first("article:published_time", "datepublished") != ""
}

// asksConsent says whether most of a text is about cookies and partners.
func (p *pageReader) asksConsent(text string) bool {
	about, all, asks := 0, 0, false
	for paragraph := range strings.SplitSeq(text, "\n\n") {
		folded := source.Fold(paragraph)
		all += len(folded)
		if consentWord.MatchString(folded) && (consentAsk.MatchString(folded) || len(folded) < 200) {
			about += len(folded)
			asks = asks || consentAsk.MatchString(folded)
		}
	}
	return asks && about*2 > all
}

const (
	minListed = 4 // the least number of other articles in a page that lists them
	onlyList  = 8 // the same, if there is no text beside the titles
	slugWords = 4 // the least number of words in the last path segment of an article's address
)

// listsArticles says whether what was taken for the text is a list of other articles: titles that are links, each with a
// short text beneath it or none.
func (p *pageReader) listsArticles(text string) bool {
	if slug := p.hints.URL.Path[strings.LastIndexByte(strings.TrimSuffix(p.hints.URL.Path, "/"), '/')+1:]; !p.graph.lists() {
		if len(strings.FieldsFunc(slug, func(r rune) bool { return r == '-' || r == '_' })) >= slugWords {
			return false
		}
	}
	taken := map[string]bool{}
	for paragraph := range strings.SplitSeq(text, "\n\n") {
		taken[paragraph] = true
	}
	listed, titled, under, prose := 0, 0, 0, 0
	since := 0 // blocks of prose since the last title
	for _, b := range p.pruner.blocks(p.doc) {
		chars := utf8.RuneCountInString(b.text)
		switch {
		case b.links*10 > len(b.text)*7 && chars >= 15 && chars < 250:
			listed++
			since = 0
		case taken[b.text] && chars >= 40:
			prose += chars
			if since++; listed > 0 && since == 1 && chars < 600 {
				titled++
				under += chars
			}
		}
	}
	if prose < minText {
		return listed >= onlyList
	}
	return listed >= minListed && titled >= 3 && under*10 >= prose*7
}

// lists says whether the page calls itself a list.
func (g *ldGraph) lists() bool {
	for _, n := range g.nodes {
		if n.is("CollectionPage", "ItemList", "SearchResultsPage") {
			return true
		}
	}
	return false
}
