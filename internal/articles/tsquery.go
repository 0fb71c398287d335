package articles

import (
	"strings"
	"unicode"

	"golang.org/x/text/unicode/norm"
)

// maxSearchTerms bounds the work one search can ask of the database.
const maxSearchTerms = 32

// tsquery translates a search in the syntax people know from the web into PostgreSQL's tsquery text for
// to_tsquery('spanish', …): words are all wanted, "quoted words" must follow each other, OR joins alternatives, a minus
// excludes. A word is looked for in every spelling that could have been meant: as written, and, since readers leave
// accents out, with an accent on each of its vowels in turn and with ñ for n ("educacion" must find "educaciones",
// whose stem only the accented singular shares). It returns "" for a search without any word.
func tsquery(q string) string {
	var groups []string // joined by |
	var all []string    // joined by &
	terms := 0
	closeGroup := func() {
		if len(all) > 0 {
			groups = append(groups, strings.Join(all, " & "))
			all = nil
		}
	}
	rest := norm.NFC.String(q)
	for terms < maxSearchTerms {
		var tok token
		if tok, rest = nextToken(rest); tok.kind == tokenEnd {
			break
		}
		if tok.kind == tokenOr {
			closeGroup()
			continue
		}
		var phrase []string
		for _, w := range tok.words {
			if terms++; terms > maxSearchTerms {
				break
			}
			phrase = append(phrase, spellings(w))
		}
		if len(phrase) == 0 {
			continue
		}
		term := strings.Join(phrase, " <-> ")
		if tok.negated {
			term = "!(" + term + ")"
		}
		all = append(all, term)
	}
	closeGroup()
	return strings.Join(groups, " | ")
}

type tokenKind int

const (
	tokenEnd tokenKind = iota
	tokenWords
	tokenOr
)

type token struct {
	kind    tokenKind
	words   []string
	negated bool
}

// nextToken takes one word, quoted phrase or OR off the front of s.
func nextToken(s string) (token, string) {
	s = strings.TrimLeftFunc(s, func(r rune) bool { return r != '-' && r != '"' && !isWordRune(r) })
	if s == "" {
		return token{}, ""
	}
	tok := token{kind: tokenWords}
	if s[0] == '-' {
		s = s[1:]
		// a minus excludes only when it touches what follows
		if s == "" || s[0] != '"' && !isWordRune(firstRune(s)) {
			return nextToken(s)
		}
		tok.negated = true
	}
	if s[0] == '"' {
		body, rest, _ := strings.Cut(s[1:], `"`)
		tok.words = strings.FieldsFunc(body, func(r rune) bool { return !isWordRune(r) })
		return tok, rest
	}
	end := strings.IndexFunc(s, func(r rune) bool { return !isWordRune(r) })
	if end < 0 {
		end = len(s)
	}
	word, rest := s[:end], s[end:]
	if !tok.negated && (word == "OR" || word == "or" || word == "Or") {
		return token{kind: tokenOr}, rest
	}
	tok.words = []string{word}
	return tok, rest
}

func firstRune(s string) rune {
	for _, r := range s {
		return r
	}
	return 0
}

func isWordRune(r rune) bool { return unicode.IsLetter(r) || unicode.IsDigit(r) || unicode.IsMark(r) }

var (
	accented = map[rune]rune{'a': 'á', 'e': 'é', 'i': 'í', 'o': 'ó', 'u': 'ú', 'n': 'ñ'}
	folded   = strings.NewReplacer("á", "a", "é", "e", "í", "i", "ó", "o", "ú", "u", "ü", "u", "ñ", "n")
)

// spellings is the group of alternatives for one word, each quoted as a lexeme for to_tsquery.
func spellings(word string) string {
	if len(word) > 100 { // longer than any word; bounds the alternatives
		word = strings.ToValidUTF8(word[:100], "")
	}
	w := strings.ToLower(word)
	alts := []string{w}
	if plain := folded.Replace(w); plain != w {
		alts = append(alts, plain) // written with its accent: unaccented texts count too
	} else {
		rs := []rune(w)
		for i, r := range rs {
			if acc, ok := accented[r]; ok && len(rs) > 2 && len(alts) < 12 {
				rs[i] = acc
				alts = append(alts, string(rs))
				rs[i] = r
			}
		}
	}
	for i, a := range alts {
		alts[i] = "'" + strings.NewReplacer("'", "", `\`, "").Replace(a) + "'"
	}
	if len(alts) == 1 {
		return alts[0]
	}
	return "(" + strings.Join(alts, " | ") + ")"
}
