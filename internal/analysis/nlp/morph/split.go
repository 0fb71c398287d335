package morph

import (
	"strings"
	"unicode"
	"unicode/utf8"

	"openlearn/internal/analysis/nlp/lexicon"
	"openlearn/internal/analysis/nlp/text"
)

// clitics are the enclitic pronouns.
var clitics = []string{"nos", "los", "las", "les", "me", "te", "se", "lo", "la", "le", "os"}

// deaccent removes the written accent from vowels.
var deaccent = strings.NewReplacer("á", "a", "é", "e", "í", "i", "ó", "o", "ú", "u")

// maxSplit is the longest form, in bytes, that is searched for pronouns.
const maxSplit = 40

// Split splits a verb form in lower case into its host and the pronouns attached to it (dárselo: dar se lo). It returns nil
// for anything else, and for forms that are also words without pronouns (vela, parte).
func Split(lex *lexicon.Lexicon, lower string) []string {
	if len(lower) < 4 || len(lower) > maxSplit {
		return nil
	}
	host, pronouns := lower, []string(nil)
	var best []string
	for len(pronouns) < 3 {
		c := ""
		for _, p := range clitics {
			if strings.HasSuffix(host, p) && len(host) > len(p)+1 {
				c = p
				break
			}
		}
		if c == "" {
			break
		}
		host = host[:len(host)-len(c)]
		pronouns = append([]string{c}, pronouns...)
		if h := verbHost(lex, host, lower, pronouns); h != "" {
			best = append([]string{h}, pronouns...)
		}
	}
	if best == nil || len(lex.Readings(lower)) > 0 {
		return nil
	}
	return best
}

// verbHost is the verb form that host is without the pronouns, "" if there is none: an infinitive, a gerund or an
// imperative, without the accent that the pronouns made necessary.
func verbHost(lex *lexicon.Lexicon, host, whole string, pronouns []string) string {
	if utf8.RuneCountInString(host) < 2 {
		return ""
	}
	try := func(form string, imperative bool) bool {
		for _, r := range lex.Readings(form) {
			if r.POS != lexicon.VERB && r.POS != lexicon.AUX {
				continue
			}
			for code := range strings.SplitSeq(r.Codes, "|") {
				if code == "N" || code == "G" || imperative && (strings.HasPrefix(code, "M") || code == "SP1P" || code == "SP3S" || code == "SP3P") {
					return true
				}
			}
		}
		return false
	}
	plain := deaccent.Replace(host)
	last := lastVowelAccented(plain)
	switch {
	case try(plain, plain != host || shortImperative(plain)):
		return plain
	case try(host, shortImperative(host)): // oírlo, reírse
		return host
	case plain == host && last != "" && try(last, true): // decime, contame (vos)
		return last
	}
	// vámonos, sentémonos; démoselo: the s of the first person is dropped before nos and se.
	if (pronouns[0] == "nos" || pronouns[0] == "se") && strings.HasSuffix(plain, "mo") && (plain == "vamo" || try(plain+"s", true)) {
		return plain + "s"
	}
	return ""
}

// shortImperative recognises the imperatives that are too short to get an accent before a pronoun: dime, hazlo, ponte,
// dale.
func shortImperative(host string) bool {
	switch host {
	case "di", "da", "haz", "pon", "ten", "ven", "sal", "ve", "sé", "den", "dé", "oye", "mira", "deja":
		return true
	}
	return false
}

// lastVowelAccented puts an accent on the last letter. It returns "" if that is not a, e or i.
func lastVowelAccented(s string) string {
	switch s[len(s)-1] {
	case 'a':
		return s[:len(s)-1] + "á"
	case 'e':
		return s[:len(s)-1] + "é"
	case 'i':
		return s[:len(s)-1] + "í"
	}
	return ""
}

// parts returns the syntactic words of a token, nil if it is a single word.
func parts(lex *lexicon.Lexicon, t *text.Token, first bool) []string {
	if t.Kind != text.Word {
		return nil
	}
	switch t.Lower {
	case "del":
		return []string{"de", "el"}
	case "al":
		return []string{"a", "el"}
	}
	if len(t.Lower) < 4 || len(t.Lower) > maxSplit {
		return nil
	}
	switch t.Lower[len(t.Lower)-1] { // every pronoun ends in one of these
	case 'e', 's', 'o', 'a':
	default:
		return nil
	}
	r, _ := utf8.DecodeRuneInString(t.Norm)
	capital := unicode.IsUpper(r)
	if capital && !first {
		return nil
	}
	p := Split(lex, t.Lower)
	if capital && p != nil && len(p) == 2 && !strings.HasSuffix(p[0], "r") && !strings.HasSuffix(p[0], "ndo") && lex.Zipf(t.Lower) < 2 {
		return nil
	}
	return p
}
