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

// The bounds of one search. The database's work grows with the number of spellings and, for phrases, with the number of
// texts that have all their words, because these are read.
const (
	maxSearchTerms     = 32  // words; further ones are ignored
	maxSpellings       = 64  // of all single words together
	maxPhraseSpellings = 24  // of all words in phrases together
	maxWordSpellings   = 12  // of one word
	maxWordBytes       = 100 // of one word: longer than any real one
	maxExcludedParts   = 8   // of all excluded words with marks inside
)

// The errors for searches that are refused, worded for the user.
var (
	errNoWord          = errors.New("a search needs at least one word")
	errOnlyExcluded    = errors.New("a search needs a word to look for beside those it excludes, in each alternative of OR")
	errNegatedPhrase   = errors.New("a phrase cannot be excluded: exclude single words")
	errPhrasesTooLong  = fmt.Errorf("phrases may have %d words together", maxPhraseSpellings)
	errExcludedTooLong = fmt.Errorf("excluded words with marks inside them may have %d parts together", maxExcludedParts)
)

// searchTerm is a word or a phrase, wanted or excluded.
type searchTerm struct {
	words   []searchWord
	negated bool
}

// cost is how many single words and how many words in phrases PostgreSQL looks for: a word with parts is a phrase of them
// and also one word.
func (t searchTerm) cost() (single, inPhrases int) {
	for _, w := range t.words {
		inPhrases += 1 + len(w.parts)
	}
	if inPhrases == 1 {
		return 1, 0
	}
	return 0, inPhrases
}

// searchText is a search as input for to_tsquery('spanish', …).
type searchText struct {
	All string
	// Exact is the same with each word only as it was typed; empty if no ñ was typed. PostgreSQL's stemmer removes accents
	// itself, but "caña" and "cana" are two words.
	Exact string
}

// tsquery translates a search from the syntax known from the web into PostgreSQL's: all words must occur, "quoted words"
// must follow each other, OR joins alternatives, a minus after white space excludes a word. A word is searched in every
// spelling that could have been meant: as written, and, because readers omit accents, with an accent on each of its vowels
// in turn and with ñ for n ("educacion" must find "educaciones", whose stem only the accented singular shares). A word with
// marks inside ("ex-ministro", "S.A.S.", "M-19") is searched as PostgreSQL parses it, as its parts in a row and as one
// word. The more words a search has, the fewer spellings each gets. An excluded phrase is an error, and so is an exclusion
// without anything to search for: both would read every text. So is a search without any word.
func tsquery(q string) (searchText, error) {
	groups, err := parseSearch(q)
	if err != nil {
		return searchText{}, err
	}
	single, inPhrases, excluded := 0, 0, 0
	for _, all := range groups {
		if !slices.ContainsFunc(all, func(t searchTerm) bool { return !t.negated }) {
			return searchText{}, errOnlyExcluded
		}
		for _, t := range all {
			one, many := t.cost()
			if t.negated {
				excluded += many
				one, many = one+many, 0
			}
			single, inPhrases = single+one, inPhrases+many
		}
	}
	switch {
	case single+inPhrases == 0:
		return searchText{}, errNoWord
	case inPhrases > maxPhraseSpellings:
		return searchText{}, errPhrasesTooLong
	case excluded > maxExcludedParts:
		return searchText{}, errExcludedTooLong
	}
	of := func(budget, words int) int { return min(maxWordSpellings, budget/max(1, words)) }
	text := searchText{All: write(groups, of(maxSpellings, single), of(maxPhraseSpellings, inPhrases))}
	if marked(groups) {
		text.Exact = write(groups, 1, 1)
	}
	return text, nil
}

// write writes all terms, with the given number of spellings for each single word and for each word in phrases.
func write(groups [][]searchTerm, ofSingle, ofPhrases int) string {
	alternatives := make([]string, 0, len(groups))
	for _, all := range groups {
		wanted := make([]string, 0, len(all))
		for _, t := range all {
			most := ofSingle
			if _, inPhrases := t.cost(); inPhrases > 0 {
				most = ofPhrases
			}
			words := make([]string, 0, len(t.words))
			for _, w := range t.words {
				switch {
				case w.parts == nil:
					words = append(words, spellings(w.whole, most))
				case t.negated:
					words = append(words, quote(w.whole))
				default:
					words = append(words, w.written(most))
				}
			}
			text := strings.Join(words, " <-> ")
			if t.negated {
				text = "!(" + text + ")"
			}
			wanted = append(wanted, text)
		}
		alternatives = append(alternatives, strings.Join(wanted, " & "))
	}
	return strings.Join(alternatives, " | ")
}

// written gives a word with parts in the ways people write it: as PostgreSQL parses it in a text, as separate parts, and as
// one word.
func (w searchWord) written(most int) string {
	parts := make([]string, len(w.parts))
	for i, p := range w.parts {
		parts[i] = spellings(p, most)
	}
	return "(" + quote(w.whole) + " | " + strings.Join(parts, " <-> ") + " | " + spellings(strings.Join(w.parts, ""), most) + ")"
}

// marked reports whether a word that is not excluded was typed with an ñ.
func marked(groups [][]searchTerm) bool {
	for _, all := range groups {
		for _, t := range all {
			if !t.negated && slices.ContainsFunc(t.words, func(w searchWord) bool { return strings.ContainsAny(w.whole, "ñÑ") }) {
				return true
			}
		}
	}
	return false
}

// parseSearch reads the alternatives of a search, each a list of terms that must all hold.
func parseSearch(q string) (groups [][]searchTerm, err error) {
	var all []searchTerm
	closeGroup := func() {
		if len(all) > 0 {
			groups = append(groups, all)
			all = nil
		}
	}
	// A combining mark without a letter would make PostgreSQL's parser split the word into a phrase of its parts.
	r := newSearchReader(runes.Remove(runes.In(unicode.M)).String(norm.NFC.String(q)))
	for terms := 0; terms < maxSearchTerms; {
		tok := r.next()
		if tok.kind == tokenEnd {
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

var (
	accented = map[rune]rune{'a': 'á', 'e': 'é', 'i': 'í', 'o': 'ó', 'u': 'ú', 'n': 'ñ'}
	folded   = strings.NewReplacer("á", "a", "é", "e", "í", "i", "ó", "o", "ú", "u", "ü", "u", "ñ", "n")
)

// spellings returns the group of alternatives for one word, at most most of them, each quoted as a lexeme for to_tsquery. A
// stop word, even one whose accent was omitted ("mas"), gets no alternatives, and to_tsquery drops it.
func spellings(word string, most int) string {
	w := strings.ToLower(cut(word))
	if stopWords[w] {
		return quote(w)
	}
	alts := []string{w}
	if plain := folded.Replace(w); plain != w {
		if most > 1 {
			alts = append(alts, plain) // typed with its accent: texts without it are found too
		}
	} else {
		rs := []rune(w)
		for i, r := range rs {
			if acc, ok := accented[r]; ok && len(rs) > 2 {
				rs[i] = acc
				alt := string(rs)
				rs[i] = r
				if stopWords[alt] {
					return quote(alt)
				}
				alts = append(alts, alt)
			}
		}
	}
	if len(alts) > most { // most accents are towards a word's end
		alts = slices.Concat(alts[:1], alts[len(alts)-most+1:])
	}
	for i, a := range alts {
		alts[i] = quote(a)
	}
	if len(alts) == 1 {
		return alts[0]
	}
	return "(" + strings.Join(alts, " | ") + ")"
}

// quote makes a lexeme of a word: PostgreSQL's parser parses its content like a text.
func quote(word string) string {
	return "'" + strings.NewReplacer("'", "''", `\`, "").Replace(strings.ToLower(cut(word))) + "'"
}

// cut limits the length of a word.
func cut(word string) string {
	if len(word) > maxWordBytes {
		return strings.ToValidUTF8(word[:maxWordBytes], "")
	}
	return word
}
