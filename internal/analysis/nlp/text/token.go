package text

import (
	"slices"
	"strings"
	"unicode"
)

// scanner cuts a normalised text into tokens. Each step consumes what it has read, or reads no more than maxLook ahead.
type scanner struct {
	n *normalized
	// noHost is the end of a run that is already known not to be a host name or address.
	noHost int
}

// maxLook bounds looking ahead for the end of a tag or an address.
const maxLook = 2048

func (s *scanner) at(i int) rune {
	if i < 0 || i >= len(s.n.runes) {
		return 0
	}
	return s.n.runes[i]
}

func (s *scanner) form(i, j int) string { return s.n.text[s.n.bytes[i]:s.n.bytes[j]] }

func (s *scanner) tokens() []Token {
	rs := s.n.runes
	out := make([]Token, 0, len(rs)/5+8)
	for i := 0; i < len(rs); {
		if isSpace(rs[i]) {
			i++
			continue
		}
		j, kind := s.next(i)
		out = append(out, Token{
			Text: s.form(i, j), Start: s.n.from(i), End: s.n.to(j - 1), Kind: kind,
			from: s.n.bytes[i], to: s.n.bytes[j],
		})
		i = j
	}
	return out
}

// next returns the end and the kind of the token that begins at i.
func (s *scanner) next(i int) (int, Kind) {
	r := s.at(i)
	begins := !isLetter(s.at(i-1)) && !isDigit(s.at(i-1))
	if begins && (isLetter(r) || isDigit(r)) {
		if j, kind := s.address(i); j > 0 {
			return j, kind
		}
	}
	switch {
	case keycapBase(r) && s.at(i+1) == 0xfe0f && s.at(i+2) == 0x20e3:
		return i + 3, Emoji
	case isDigit(r):
		return s.number(i)
	case isLetter(r):
		return s.word(i)
	case r == '<':
		if j := s.tag(i); j > 0 {
			return j, Markup
		}
		return i + 1, Symbol
	case r == '&':
		if j := s.entity(i); j > 0 {
			return j, Markup
		}
		return i + 1, Symbol
	case (r == '@' || r == '#') && begins && (isLetter(s.at(i+1)) || isDigit(s.at(i+1)) || s.at(i+1) == '_'):
		j := i + 1
		for isLetter(s.at(j)) || isDigit(s.at(j)) || s.at(j) == '_' {
			j++
		}
		if r == '@' {
			return j, Mention
		}
		return j, Hashtag
	case emojiBase(r) || isRegional(r):
		return s.emoji(i), Emoji
	case isCurrency(r), r == '%', r == '‰', r == '+', r == '=', r == '>', r == '|', r == '^', r == '~':
		return s.run(i), Symbol
	case r == '°':
		if u := s.at(i + 1); (u == 'C' || u == 'F') && !isLetter(s.at(i+2)) {
			return i + 2, Symbol
		}
		return i + 1, Symbol
	case isOpening(r) || isClosing(r) || isQuote(r):
		return i + 1, Punct
	case unicode.IsPunct(r):
		return s.run(i), Punct
	}
	return s.run(i), Symbol
}

// run is the end of the run of one mark that begins at i.
func (s *scanner) run(i int) int {
	j := i + 1
	for s.at(j) == s.at(i) && j < len(s.n.runes) {
		j++
	}
	return j
}

func (s *scanner) emoji(i int) int {
	if isRegional(s.at(i)) {
		if isRegional(s.at(i + 1)) {
			return i + 2
		}
		return i + 1
	}
	j := i + 1
	for {
		switch r := s.at(j); {
		case r == 0xfe0f || isSkinTone(r) || r == 0x20e3:
			j++
		case r == 0x200d && emojiBase(s.at(j+1)):
			j += 2
		case r == 0x200d:
			return j + 1
		default:
			return j
		}
	}
}

// tag is the end of an HTML tag or comment, 0 if there is none.
func (s *scanner) tag(i int) int {
	if r := s.at(i + 1); !isLetter(r) && r != '/' && r != '!' {
		return 0
	}
	for j := i + 2; j < len(s.n.runes) && j < i+maxLook/8; j++ {
		switch s.at(j) {
		case '>':
			return j + 1
		case '<':
			return 0
		}
	}
	return 0
}

// entity is the end of a character reference such as &nbsp; or &#8220;, 0 if there is none.
func (s *scanner) entity(i int) int {
	for j := i + 1; j < i+10; j++ {
		switch r := s.at(j); {
		case r == ';' && j > i+2:
			return j + 1
		case r == '#' && j == i+1, r < 0x80 && (isLetter(r) || isDigit(r)):
		default:
			return 0
		}
	}
	return 0
}

// address is the end of a URL, a host name or an e-mail address, 0 if there is none.
func (s *scanner) address(i int) (int, Kind) {
	if s.has(i, "http://") || s.has(i, "https://") || s.has(i, "www.") {
		return s.urlEnd(i), URL
	}
	if i < s.noHost {
		return 0, 0
	}
	j, dot, sign := i, -1, -1
	for ; j < len(s.n.runes) && j < i+maxLook; j++ {
		switch r := s.at(j); {
		case r == '.':
			dot = j
		case r == '@':
			if sign >= 0 {
				s.noHost = j
				return 0, 0
			}
			sign, dot = j, -1
		case r < 0x80 && (isLetter(r) || isDigit(r)), r == '-', r == '_', r == '+' && sign < 0:
		default:
			goto end
		}
	}
end:
	for j > i && (s.at(j-1) == '.' || s.at(j-1) == '-' || s.at(j-1) == '_') {
		j--
	}
	if dot >= j {
		dot = -1
		for k := j - 1; k > i && k > j-12; k-- {
			if s.at(k) == '.' {
				dot = k
				break
			}
		}
	}
	if dot > i && (sign < 0 && s.lastLabel(dot, j) || sign > i && dot > sign+1 && j > dot+2) {
		if sign > 0 {
			return j, Email
		}
		if s.at(j) == '/' {
			return s.urlEnd(i), URL
		}
		return j, URL
	}
	s.noHost = j
	return 0, 0
}

// lastLabel says whether what is between the dot and j is a top domain of a name in lower case ("Semana.com", not "fin.De").
func (s *scanner) lastLabel(dot, j int) bool {
	label := s.form(dot+1, j)
	if !domains[label] {
		return false
	}
	// "a.de": a host has a longer label before.
	return dot >= 3 && isLetter(s.at(dot-1)) && isLetter(s.at(dot-2)) && isLetter(s.at(dot-3)) || isDigit(s.at(dot-1))
}

func (s *scanner) has(i int, ascii string) bool {
	for k := 0; k < len(ascii); k++ {
		if r := s.at(i + k); r != rune(ascii[k]) && r|0x20 != rune(ascii[k]) {
			return false
		}
	}
	return true
}

func (s *scanner) urlEnd(i int) int {
	j := i
	for j < len(s.n.runes) {
		r := s.at(j)
		if isSpace(r) || r == '<' || r == '>' || r == '"' || r == '»' || r == '”' || r == '“' || r == '«' {
			break
		}
		j++
	}
	opened := slices.Contains(s.n.runes[i:j], '(')
	for j > i+1 && strings.ContainsRune(".,;:!?)]}'’…", s.at(j-1)) {
		if s.at(j-1) == ')' && opened {
			break
		}
		j--
	}
	return j
}

// number reads digits with separators inside, ordinals, and letters attached to them.
func (s *scanner) number(i int) (int, Kind) {
	j := i
	for {
		for isDigit(s.at(j)) {
			j++
		}
		if r := s.at(j); isDigit(s.at(j+1)) && (r == '.' || r == ',' || r == ':' || r == '/' || r == '-' || r == '–' || isApostrophe(r)) {
			j++
			continue
		}
		break
	}
	switch r := s.at(j); {
	case r == 'º' || r == 'ª' || r == '°' && !(s.at(j+1) == 'C' || s.at(j+1) == 'F'):
		return j + 1, Number
	case r == '.' && (s.at(j+1) == 'º' || s.at(j+1) == 'ª' || s.at(j+1) == '°'):
		return j + 2, Number
	case r == '.' && s.ordinal(j+1) > 0:
		return s.ordinal(j + 1), Number
	case isLetter(r):
		if e := s.ordinal(j); e > 0 {
			return e, Number
		}
		return s.word(j)
	case isHyphen(r) && isLetter(s.at(j+1)):
		return s.word(j + 1)
	}
	return j, Number
}

// ordinal is the end of an ordinal's letters at i (1.er, 2do, 3ra), 0 if there are none.
func (s *scanner) ordinal(i int) int {
	j := i
	for j < i+3 && isLower(s.at(j)) {
		j++
	}
	if isLetter(s.at(j)) || isDigit(s.at(j)) {
		return 0
	}
	switch s.form(min(i, len(s.n.runes)), min(j, len(s.n.runes))) {
	case "er", "ero", "era", "ro", "ra", "do", "da", "to", "ta", "mo", "ma", "vo", "va", "no", "na", "os", "as":
		return j
	}
	return 0
}

// word reads a word that begins or continues at i.
func (s *scanner) word(i int) (int, Kind) {
	begin := i // of the segment since the last dot or hyphen
	start := i
	for start > 0 && !isSpace(s.at(start-1)) && start > i-24 && (isLetter(s.at(start-1)) || isDigit(s.at(start-1)) || isHyphen(s.at(start-1))) {
		start--
	}
	j := i
	dotted := false
	for {
		for isLetter(s.at(j)) || isDigit(s.at(j)) || s.at(j) == '_' {
			j++
		}
		r, after := s.at(j), s.at(j+1)
		alnum := isLetter(after) || isDigit(after)
		switch {
		case alnum && (isHyphen(r) || isApostrophe(r) && isLetter(after)), r == '–' && isDigit(after) && isLetter(s.at(j-1)):
			j++
			begin = j
			continue
		case r == '&' && isUpper(s.at(j-1)) && isUpper(after):
			j++
			continue
		case r == '/' && alnum && j-start <= 3:
			k := j + 1
			for k < j+4 && isLetter(s.at(k)) {
				k++
			}
			if !isLetter(s.at(k)) && joinedBySlash[strings.ToLower(s.form(start, k))] {
				return k, Word
			}
		case r == '.' && isDigit(after) && isDigit(s.at(j-1)):
			j++
			continue
		case r == '.' && isLetter(after) && s.acronymPart(begin, j) && s.acronymNext(j+1):
			j++
			begin = j
			dotted = true
			continue
		case r == '.' && isLetter(after) && abbreviated(strings.ToLower(s.shortForm(begin, j+3))) && !isLetter(s.at(j+3)):
			j += 3 // p.ej
			dotted = true
		case r == '$' && money[s.shortForm(start, j)]:
			return j + 1, Symbol
		case r == '+' && j-begin >= 3 && isUpper(s.at(j-1)) && isUpper(s.at(begin)) && !isDigit(after):
			return j + 1, Word
		}
		break
	}
	if s.at(j) == '.' && s.at(j+1) != '.' && s.dotBelongs(start, begin, j, dotted) {
		j++
	}
	return j, Word
}

// shortForm is the form if it is short enough to be an abbreviation.
func (s *scanner) shortForm(i, j int) string {
	if j > len(s.n.runes) || j-i > 16 || j < i {
		return ""
	}
	return s.form(i, j)
}

func abbreviated(lower string) bool { return titles[lower] || closers[lower] }

// acronymPart says whether the segment can be followed by a dot inside an acronym: one letter, or a doubled capital.
func (s *scanner) acronymPart(i, j int) bool {
	return j == i+1 && isLetter(s.at(i)) || j == i+2 && isUpper(s.at(i)) && s.at(i) == s.at(i+1) || j == i+2 && s.at(i) == 'P' && s.at(i+1) == 'h'
}

func (s *scanner) acronymNext(i int) bool {
	j := i
	for j < i+4 && isLetter(s.at(j)) {
		j++
	}
	return j == i+1 || j == i+2 && (isUpper(s.at(i)) && s.at(i) == s.at(i+1) || s.form(i, j) == "Sc" || s.form(i, j) == "ej")
}

// dotBelongs says whether the dot at j is part of the word before it.
func (s *scanner) dotBelongs(start, begin, j int, dotted bool) bool {
	form := s.shortForm(start, j)
	if form == "" {
		return false
	}
	lower := strings.ToLower(form)
	next, spaces := j+1, 0
	for next < len(s.n.runes) && isSpace(s.at(next)) && spaces < 3 {
		next++
		spaces++
	}
	last := next >= len(s.n.runes)
	if dotted || s.hour(start, j) {
		return true
	}
	single := j == begin+1 && isUpper(s.at(begin))
	switch {
	case closers[lower] && isUpper(s.at(start)) && j-start == 2: // EE. UU.
		return true
	case abbreviatedNeedsMore[lower]:
		// Words of the language that also abbreviate: only before a number, or a capital after a short form.
		return !last && spaces > 0 && isDigit(s.at(next)) || !last && spaces == 0 && isDigit(s.at(j+1))
	case titles[lower] && !single:
		return !last && s.at(j+1) != '\n' || closers[lower]
	case closers[lower] && !single:
		return true
	case single:
		// An initial: J. Balvin, Juan F. Pérez, S. A. Not "Plan B." before a sentence.
		if last {
			return s.at(start-1) == ' ' && s.at(start-2) == '.' // the end of S. A. S.
		}
		return isUpper(s.at(next)) && !s.starterAt(next) || s.at(start-1) == ' ' && s.at(start-2) == '.' || s.at(next) == ',' && s.at(start-2) == '.'
	}
	return false
}

// hour says whether the word before the dot at j is a letter of "a. m." or "p. m.".
func (s *scanner) hour(i, j int) bool {
	if j != i+1 {
		return false
	}
	switch s.at(i) {
	case 'a', 'p':
		return isSpace(s.at(j+1)) && s.at(j+2) == 'm' && s.at(j+3) == '.'
	case 'm':
		return i >= 3 && isSpace(s.at(i-1)) && s.at(i-2) == '.' && (s.at(i-3) == 'a' || s.at(i-3) == 'p') && !isLetter(s.at(i-4))
	}
	return false
}

// abbreviatedNeedsMore are abbreviations that are words of their own as well.
var abbreviatedNeedsMore = set(`no col cap of int min sec gen fig ed ap ext art col mar sal dom p v c n ca mt st ab da ave ref tel res min m h d of co cir cap cel max exp lit via calle diagonal seg sin nos gob fac inst mg fr ft prov geo`)

// starterAt says whether the word at i is one that begins sentences.
func (s *scanner) starterAt(i int) bool {
	j := i
	for j < i+12 && isLetter(s.at(j)) {
		j++
	}
	if j == i+1 && s.at(j) == '.' { // S. A.
		return false
	}
	return starters[strings.ToLower(s.form(i, j))]
}
