package extract

import (
	"regexp"
	"strings"
	"unicode"
	"unicode/utf8"

	"openlearn/internal/scraping/source"
)

var (
	nameJoint  = regexp.MustCompile(`\s*[;|/]\s*|\s+(?:y|e|and|und|et|og|och|con|with|&)\s+`)
	namePrefix = regexp.MustCompile(`(?i)^(?:(?:by|por|von|par|di|texto|textos|autora?(?:es)?|authors?|redacci[oó]n de|de|firma)(?:\s*:\s*|\s+)|(?:(?:written|posted|authored|published|words|story|text|recipe|article|report|created|content|escrito|escrita|publicad[oa]|redactad[oa]|elaborad[oa]|una nota|nota)\s+(?:by|por|de)\s*:?\s*))`)
	// otherRole begins what others did for an article.
	otherRole = regexp.MustCompile(`(?i)(?:^|[\s,|·•]+)(?:(?:medically|fact|technically)[\s-]+)?(?:reviewed|edited|researched|checked|translated|curated|photograph(?:y|s|ed)|photos?|illustrat(?:ed|ions?)|foto(?:s|graf[ií]as?)?|editad[oa]|revisad[oa]|traducid[oa]|ilustraci[oó]n(?:es)?)\s+(?:by|por|de)\b.*$`)
	// moreAbout ends the text of links to a page about the author.
	moreAbout = regexp.MustCompile(`(?i)[\s,|·•-]*(?:more about (?:this|the) author|(?:view |see |read )?(?:all |more )?(?:author )?posts(?: by.*)?|view profile|follow(?: us)?|seguir|ver (?:m[aá]s|perfil)(?: .*)?|m[aá]s (?:art[ií]culos|notas|noticias) de.*|@\w+)$`)
	// untilDate matches a date, a time or a reading time, and what follows.
	untilDate = regexp.MustCompile(`(?i)[\s,|·•∙(–—-]*(?:\b(?:on|el|am|le|published|publicado|updated|actualizado|veröffentlicht)\b[\s:,]*)*(?:\b(?:(?:mon|tue|wed|thu|fri|sat|sun|lun|mar|mi[eé]|jue|vie|s[aá]b|dom)[a-záé]*[.,]?\s+)?(?:\d{1,2}(?:st|nd|rd|th)?[\s./-]+(?:de\s+)?` + monthName + `|` + monthName + `\.?\s+\d{1,2}\b|\d{1,4}[./-]\d{1,2}[./-]\d{1,4}|\d+\s*min\b|\d{1,2}:\d{2}\b|\d+\s+comment)).*$`)
	nameKey   = regexp.MustCompile(`^[a-z]+(?:[._][a-z]+){2,}$`) // of a translation that is missing
	nameRole  = regexp.MustCompile(`(?i)[,\s]+(?:\(.*\)|(?:periodista|redactora?|editora?|reporter[oa]?|corresponsal|enviad[oa] especial|columnista|fotógraf[oa]|staff writer|editor|reporter|correspondent|contributor|former|founder|co-founder|chief \w+ officer|(?:senior|content|contributing|freelance|assistant|managing|associate|executive|deputy) \w+)\b.*)$`)
)

// onlyRole matches what stands after a name and a comma.
var onlyRole = regexp.MustCompile(`(?i)^(?:periodistas?|redactora?|editora?|reporter[oa]?|corresponsal|enviad[oa] especial|columnista|fot[oó]graf[oa]|staff writer|reporter|correspondent|contributor)\b`)

// agencies have names of one word.
var agencies = map[string]bool{"afp": true, "efe": true, "reuters": true, "ap": true, "colprensa": true, "xinhua": true, "dpa": true, "ansa": true, "bloomberg": true, "sputnik": true}

// splitNames splits "Ana Ruiz, Luis Gil y Eva Sol". It splits only between full names, so that "Ortega y Gasset" stays one.
func splitNames(s string) []string {
	var out []string
	for piece := range strings.SplitSeq(s, ",") {
		piece = strings.TrimSpace(piece)
		parts := nameJoint.Split(piece, -1)
		whole := true
		for _, part := range parts {
			whole = whole && (len(strings.Fields(part)) >= 2 || len(parts) == 1 || agencies[source.Fold(part)])
		}
		if !whole {
			parts = []string{piece}
		}
		out = append(out, parts...)
	}
	return out
}

// personName strips what is attached to a name and returns "" for what is not a name.
func (p *pageReader) personName(s, section string) string {
	s = strings.Trim(s, " .,;:-–|@")
	for range 2 {
		s = namePrefix.ReplaceAllString(s, "")
	}
	s = moreAbout.ReplaceAllString(s, "")
	s = strings.TrimSpace(nameRole.ReplaceAllString(s, ""))
	if section != "" && len(strings.Fields(s)) > 2 { // a byline that runs into the section's name
		if words := strings.Fields(s); source.Fold(words[len(words)-1]) == source.Fold(section) {
			s = strings.Join(words[:len(words)-1], " ")
		}
	}
	s = p.withoutSite(s)
	n := utf8.RuneCountInString(s)
	switch {
	case nameKey.MatchString(s):
		return ""
	case n < 2 || n > 80, strings.Contains(s, "://"), strings.Contains(s, "@"), strings.HasPrefix(s, "www."), strings.Contains(s, ".com"):
		return ""
	case !strings.ContainsFunc(s, unicode.IsLetter):
		return ""
	case onlyRole.MatchString(s):
		return ""
	case strings.HasPrefix(s, "Quelle") || strings.HasPrefix(s, "Fuente") || strings.HasPrefix(s, "Source"):
		return ""
	case p.isSite(s), section != "" && source.Fold(s) == source.Fold(section), noAuthors[source.Fold(s)]:
		return ""
	}
	if rest, desk := strings.CutPrefix(source.Fold(s), "redaccion_"); desk {
		if p.siteNames[rest] || p.siteNames[strings.ReplaceAll(rest, "_", "")] || !strings.Contains(rest, "_") || rest == source.Fold(section) || sections[rest] != "" || noAuthors[rest] {
			return ""
		}
	}
	return s
}

// withoutSite cuts the newspaper's name from the end of a byline: "Ana Ruiz El Faro".
func (p *pageReader) withoutSite(s string) string {
	words := strings.Fields(s)
	for n := min(4, len(words)-2); n > 0; n-- {
		if p.isSite(strings.Join(words[len(words)-n:], " ")) {
			return strings.Trim(strings.Join(words[:len(words)-n], " "), " ,-–|·•")
		}
	}
	return s
}

// bareByline drops from a byline when it was published, and who else worked on it.
func bareByline(s string) string {
	if strings.ContainsFunc(s, func(r rune) bool { return r >= '0' && r <= '9' }) {
		s = untilDate.ReplaceAllString(s, "")
	}
	return otherRole.ReplaceAllString(s, "")
}

// noAuthors are bylines of software and of no person in particular.
var noAuthors = map[string]bool{
	"admin": true, "administrador": true, "administrator": true, "webmaster": true, "redaccion": true, "redaccion_web": true, "web": true,
	"staff": true, "autor": true, "author": true, "user": true, "usuario": true, "null": true, "undefined": true, "none": true,
	"digital": true, "redaccion_digital": true, "editor": true, "anonimo": true, "unknown": true, "news": true, "noticias": true, "nachrichten": true, "agencia": true, "agencias": true,
	"news_desk": true, "newsroom": true, "editorial": true, "redaktion": true, "la_redaccion": true, "equipo_editorial": true, "sala_de_redaccion": true, "periodistas": true,
}

// IsNobody says whether a byline names no person: "Redacción", "Agencias" and the like.
func IsNobody(byline string) bool { return noAuthors[source.Fold(byline)] }
