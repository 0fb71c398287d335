package extract

import (
	"regexp"
	"strings"
	"unicode/utf8"

	"openlearn/internal/scraping/source"
)

// Lines that send the reader elsewhere stand between paragraphs: "Lea además: …", "(Le puede interesar: …)", "Read also".
// They are matched at the beginning of a short line, folded: lower case, no accents, words separated by single underscores.
//
// Some phrases are unambiguous. Others also begin ordinary sentences ("También puede ver el partido en casa") and count
// only if a colon follows.
var (
	surelyTeaser = regexp.MustCompile(`^(?:(?:y_)?(?:lea|lee|leer|vea|ver|mira|mire|mirar|escuche|escucha|siga|sigue|conozca|conoce|descubra|descubre|revise|entere?se|enterate)_(?:tambien|ademas|mas|leyendo|aqui|aca)(?:_|$)` +
		`|(?:le|te|les|os)_(?:puede|podria)_(?:\w+_)?interesar|puede_(?:que_(?:le|te)_)?interes|podria_interesar(?:le|te)|(?:siga|sigue|continue|continua)_leyendo` +
		`|(?:noticia|nota|articulo|lectura|contenido|historia|tema)s?_(?:relacionad|recomendad|sugerid|patrocinad)|enlaces_patrocinados|publicidad$|advertisement$|advert$` +
		`|s[ií]ga(?:nos|n?os)?_en_|siguenos|suscrib[ae]te|suscribase|unete_a_(?:nuestr|la_comunidad)|unase_a_(?:nuestr|la_comunidad)|recib[ae]_(?:nuestr|las_noticias)|audio_generado|haz_clic_(?:aqui|para)|haga_clic_(?:aqui|para)|todos_los_derechos_reservados|prohibida_(?:su|la)_reproduccion|copyright_` +
		`|no_(?:se_pierda|te_pierdas|deje_de_leer|dejes_de_leer)(?:_|$)|(?:read|see|watch|hear)_(?:more|also|next)(?:_|$)|also_read(?:_|$)|related(?:$|_(?:stories|articles|content|posts))|sign_up_(?:for|to)_|subscribe_(?:to|now|today)|follow_us_|click_here|you_(?:may|might)_also_(?:like|enjoy|be_interested)|recommended_(?:for_you|reading|stories)|all_rights_reserved|image_\d+_of_\d+|photo_(?:by|credit|courtesy)_|image_(?:source|credit|courtesy)` +
		`|leia_(?:tambem|mais)|veja_(?:tambem|mais)|saiba_mais|voce_pode_gostar|lire_aussi|a_lire_aussi|voir_aussi|lesen_sie_auch|mehr_zum_thema|auch_interessant|lees_ook|las_ocksa|les_ogsa|laes_ogsa|leggi_anche|czytaj_(?:tez|takze|wiecej)|zobacz_(?:tez|takze))`)
	perhapsTeaser = regexp.MustCompile(`^(?:(?:lea|lee|leer|vea|ver|mira|mire|escuche|conozca|descubra|consulte|consulta|revise|enterese|enterate|(?:le|te)_(?:puede|podria)_gustar|quizas?_(?:le|te)_(?:interesa|interese)|(?:de|para)_(?:su|tu)_interes|video|fotos?|galeria|imagenes|podcast|contexto|en_contexto|en_video|en_fotos|sugerimos|sugerido|recomendad[oa]s?|recomendamos|relacionad[oa]s?|related|more|read|watch|listen|mas|cortesia|credito|creditos|fuente_de_la_imagen|photo|photograph|photos|picture|image)` +
		`|(?:tambien|ademas|ahora|y_ademas|y_tambien|si_quiere_saber_mas|para_saber_mas|para_ampliar|antes_de_irse|de_interes|interesante|contenido|otras_noticias|en_otras_noticias|otros_temas|lea_esto)(?:_(?:le|te|les))?(?:_(?:puede|puedes|podria|pueden))?(?:_(?:lea|leer|lee|vea|ver|mira|mirar|mire|escuche|escuchar|consultar|consulte|interesa\w*|conozca|sugerimos|recomendamos))?` +
		`|(?:le|te|les|os)_(?:puede|podria|sugerimos|recomendamos|invitamos|interesa|contamos)(?:_(?:a_)?(?:leer|ver|interesar|conocer|escuchar))?(?:_(?:tambien|ademas|mas))?` +
		`|(?:puede|puedes)_(?:tambien_)?(?:leer|ver|escuchar)(?:_(?:tambien|ademas|mas))?` +
		`|(?:lea|lee|vea|mire|mira|conozca|consulte|escuche|revise)_(?:el|la|los|las|esta|este|nuestr[oa]|todo|toda|otra|otras|mas|en|aqui|aca)(?:_\w+){0,4}` +
		`|mas_(?:informacion|noticias|detalles|contenido|historias|sobre|en)(?:_\w+){0,3}|more_(?:from|on|about|news)(?:_\w+){0,4})$`)
	// asideInLine is such a line within a paragraph, in brackets.
	asideInLine = regexp.MustCompile(`(?i)\s*[(\[](?:lea|lee|leer|vea|ver|mire|mira|escuche|conozca|además|también|le (?:puede|podría|sugerimos|recomendamos)|te (?:puede|podría|sugerimos|recomendamos)|puede (?:leer|ver)|siga leyendo|más (?:información|noticias)|en contexto|read (?:more|also)|see also|related)\b[^()\[\]:]{0,40}:[^()\[\]]{3,240}[)\]]\.?`)
)

const longestTeaser = 220

// isTeaser says whether a line sends the reader elsewhere.
func isTeaser(line string) bool {
	if utf8.RuneCountInString(line) >= longestTeaser {
		return false
	}
	line = strings.TrimLeftFunc(line, func(r rune) bool { return strings.ContainsRune(" ([{«“\"'•·-–—>▶►👉➡*+|:¡¿©", r) })
	head := line[:min(len(line), 120)]
	if surelyTeaser.MatchString(source.Fold(head)) {
		return true
	}
	if said, _, found := strings.Cut(head, ":"); found {
		return len(said) < 60 && perhapsTeaser.MatchString(source.Fold(said))
	}
	if said, _, found := strings.Cut(head, "|"); found {
		return len(said) < 30 && perhapsTeaser.MatchString(source.Fold(said))
	}
	return false
}

// othersBelow matches, in folded text, a line that announces a list of other stories.
var othersBelow = regexp.MustCompile(`^(?:(?:more|other|related|latest|top|our_latest)_(?:\w+_){0,3}(?:stories|news|articles|coverage|reads|posts)|(?:don_t|dont)_miss|(?:read|see|more)_(?:more|also|next|like_this)|recommended(?:_(?:for_you|stories|reading))?|you_(?:may|might)_(?:also_)?like` +
	`|(?:mas|otras|ultimas)_(?:\w+_){0,2}(?:noticias|notas|historias|lecturas|articulos|contenidos)(?:_\w+){0,3}|(?:noticias|notas|articulos|contenidos?|lecturas|temas)_(?:relacionad[oa]s?|recomendad[oa]s?|sugerid[oa]s?)|lo_mas_(?:leido|visto|reciente)|(?:le|te)_(?:puede|podria)_(?:\w+_)?interesar|(?:lea|lee|vea|mira|mire|conozca)_(?:tambien|ademas|mas)|no_te_(?:lo_)?pierdas|no_se_(?:lo_)?pierda|recomendad[oa]s?(?:_para_(?:ti|usted))?|sigue_leyendo|siga_leyendo)$`)

// announcesOthers says whether a line is the title of a list of other stories.
func announcesOthers(line string) bool {
	return len(line) < 70 && othersBelow.MatchString(strings.Trim(source.Fold(line), "_"))
}

// withoutAsides drops the lines in brackets that send the reader elsewhere.
func withoutAsides(text string) string {
	if !strings.ContainsAny(text, "([") || !strings.Contains(text, ":") {
		return text
	}
	return strings.TrimSpace(asideInLine.ReplaceAllString(text, ""))
}
