package articles

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"unicode"

	"golang.org/x/text/runes"
	"golang.org/x/text/unicode/norm"
)

// The bounds of what one search can ask of the database, whose work grows with the spellings looked for and, for phrases,
// with the texts that have all their words: those are read.
const (
	maxSearchTerms     = 32 // words; those after them are passed over
	maxSpellings       = 64 // of all single words together
	maxPhraseSpellings = 24 // of all words in phrases together
	maxWordSpellings   = 12 // of one word
)

// What a search may not ask, in the words for who asked.
var (
	errNoWord         = errors.New("a search needs at least one word")
	errOnlyExcluded   = errors.New("a search needs a word to look for beside those it excludes, in each alternative of OR")
	errNegatedPhrase  = errors.New("a phrase cannot be excluded: exclude single words")
	errPhrasesTooLong = fmt.Errorf("phrases may have %d words together", maxPhraseSpellings)
)

// searchTerm is a word or a phrase, wanted or excluded.
type searchTerm struct {
	words   []string
	negated bool
}

// tsquery translates a search in the syntax people know from the web into PostgreSQL's tsquery text for
// to_tsquery('spanish', …): words are all wanted, "quoted words" must follow each other, OR joins alternatives, a minus
// excludes a word. A word is looked for in every spelling that could have been meant: as written, and, since readers leave
// accents out, with an accent on each of its vowels in turn and with ñ for n ("educacion" must find "educaciones",
// whose stem only the accented singular shares). The more words a search has, the fewer spellings each gets. An excluded
// phrase is an error, and so is an exclusion with nothing to look for beside it: both would have every text read. So is a
// search without any word.
func tsquery(q string) (string, error) {
	groups, err := parseSearch(q)
	if err != nil {
		return "", err
	}
	single, inPhrases := 0, 0
	for _, all := range groups {
		if !slices.ContainsFunc(all, func(t searchTerm) bool { return !t.negated }) {
			return "", errOnlyExcluded
		}
		for _, t := range all {
			if len(t.words) > 1 {
				inPhrases += len(t.words)
			} else {
				single++
			}
		}
	}
	switch {
	case single+inPhrases == 0:
		return "", errNoWord
	case inPhrases > maxPhraseSpellings:
		return "", errPhrasesTooLong
	}
	of := func(budget, words int) int { return min(maxWordSpellings, budget/max(1, words)) }
	ofSingle, ofPhrases := of(maxSpellings, single), of(maxPhraseSpellings, inPhrases)
	alternatives := make([]string, 0, len(groups))
	for _, all := range groups {
		wanted := make([]string, 0, len(all))
		for _, t := range all {
			most := ofSingle
			if len(t.words) > 1 {
				most = ofPhrases
			}
			words := make([]string, 0, len(t.words))
			for _, w := range t.words {
				words = append(words, spellings(w, most))
			}
			text := strings.Join(words, " <-> ")
			if t.negated {
				text = "!(" + text + ")"
			}
			wanted = append(wanted, text)
		}
		alternatives = append(alternatives, strings.Join(wanted, " & "))
	}
	return strings.Join(alternatives, " | "), nil
}

// parseSearch reads the alternatives of a search, each the terms that are all wanted.
func parseSearch(q string) (groups [][]searchTerm, err error) {
	var all []searchTerm
	closeGroup := func() {
		if len(all) > 0 {
			groups = append(groups, all)
			all = nil
		}
	}
	// A mark that belongs to no letter would split its word in PostgreSQL's parser, which makes a phrase of the parts.
	rest := runes.Remove(runes.In(unicode.M)).String(norm.NFC.String(q))
	for terms := 0; terms < maxSearchTerms; {
		var tok token
		if tok, rest = nextToken(rest); tok.kind == tokenEnd {
			break
		}
		if tok.kind == tokenOr {
			closeGroup()
			continue
		}
		words := tok.words[:min(len(tok.words), maxSearchTerms-terms)]
		terms += len(words)
		switch {
		case len(words) == 0:
			continue
		case tok.negated && len(words) > 1:
			return nil, errNegatedPhrase
		}
		all = append(all, searchTerm{words, tok.negated})
	}
	closeGroup()
	return groups, nil
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

func isWordRune(r rune) bool { return unicode.IsLetter(r) || unicode.IsDigit(r) }

var (
	accented = map[rune]rune{'a': 'á', 'e': 'é', 'i': 'í', 'o': 'ó', 'u': 'ú', 'n': 'ñ'}
	folded   = strings.NewReplacer("á", "a", "é", "e", "í", "i", "ó", "o", "ú", "u", "ü", "u", "ñ", "n")
)

// spellings is the group of alternatives for one word, at most as many as given, each quoted as a lexeme for to_tsquery.
func spellings(word string, most int) string {
	if len(word) > 100 { // longer than any word; bounds the alternatives
		word = strings.ToValidUTF8(word[:100], "")
	}
	w := strings.ToLower(word)
	alts := []string{w}
	if plain := folded.Replace(w); plain != w {
		if most > 1 {
			alts = append(alts, plain) // written with its accent: unaccented texts count too
		}
	} else {
		rs := []rune(w)
		for i, r := range rs {
			if acc, ok := accented[r]; ok && len(rs) > 2 {
				rs[i] = acc
				alts = append(alts, string(rs))
				rs[i] = r
			}
		}
	}
	if len(alts) > most { // most accents are towards a word's end
		alts = slices.Concat(alts[:1], alts[len(alts)-most+1:])
	}
	for i, a := range alts {
		alts[i] = "'" + strings.NewReplacer("'", "", `\`, "").Replace(a) + "'"
	}
	if len(alts) == 1 {
		return alts[0]
	}
	return "(" + strings.Join(alts, " | ") + ")"
}
