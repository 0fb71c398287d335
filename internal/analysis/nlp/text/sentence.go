package text

import (
	"strings"
	"unicode/utf8"
)

// sentences groups tokens. A sentence ends after . ! ? … and any closing marks if the next token can begin a sentence, and
// at a line break that does not come from wrapping prose.
func sentences(n *normalized, tokens []Token) []Sentence {
	var out []Sentence
	first, paragraph := 0, 0
	flush := func(last int, newParagraph bool) {
		if last > first {
			out = append(out, Sentence{First: first, Last: last, Start: tokens[first].Start, End: tokens[last-1].End, Paragraph: paragraph})
			first = last
		}
		if newParagraph {
			paragraph++
		}
	}
	for i := 0; i+1 < len(tokens); i++ {
		breaks := strings.Count(n.text[tokens[i].to:tokens[i+1].from], "\n")
		switch {
		case breaks > 1, breaks == 1 && lineEnds(&tokens[i], &tokens[i+1]):
			flush(i+1, true)
		case i >= first && ends(tokens, first, i):
			flush(i+1, false)
		}
	}
	flush(len(tokens), false)
	return out
}

// lineEnds says whether a single line break between a and b ends a sentence: not if a line of prose was just wrapped.
func lineEnds(a, b *Token) bool {
	if a.Text == "," || functionWords[strings.ToLower(a.Text)] {
		return false
	}
	r, _ := utf8.DecodeRuneInString(b.Text)
	return !isLower(r)
}

func terminal(t *Token) bool {
	if t.Kind != Punct {
		return false
	}
	switch t.Text[0] {
	case '.', '!', '?':
		return true
	}
	return t.Text[0] == "…"[0] && strings.HasPrefix(t.Text, "…")
}

// ends says whether the sentence that began at first ends with token i.
func ends(tokens []Token, first, i int) bool {
	next := &tokens[i+1]
	// Closing marks stay with the sentence: the break comes after the last of them.
	if closesHere(tokens, i+1) {
		return false
	}
	k := i
	for k > first && k > i-6 && closesHere(tokens, k) {
		k--
	}
	t := &tokens[k]
	if k == i && t.Kind == Word && strings.HasSuffix(t.Text, ".") {
		hour := t.Text == "m." && i > first && (tokens[i-1].Text == "a." || tokens[i-1].Text == "p.")
		return endsAbbreviated(t, next, hour)
	}
	if !terminal(t) || !canBegin(tokens, i+1) {
		return false
	}
	// "1. Comprar": the number of a list.
	return !(t.Text == "." && k == first+1 && (tokens[first].Kind == Number || utf8.RuneCountInString(tokens[first].Text) == 1))
}

// endsAbbreviated decides after a word that keeps its dot: EE. UU., S.A.S., etc.
func endsAbbreviated(t, next *Token, hour bool) bool {
	lower := strings.ToLower(strings.TrimSuffix(t.Text, "."))
	if titles[lower] && !closers[lower] {
		return false
	}
	r, _ := utf8.DecodeRuneInString(next.Text)
	if r == '¿' || r == '¡' {
		return true
	}
	if !isUpper(r) || next.Kind != Word {
		return false
	}
	if hour || lower == "etc" || lower == "a.m" || lower == "p.m" {
		return true
	}
	return starters[strings.ToLower(next.Text)] && (utf8.RuneCountInString(next.Text) > 1 || next.Text != "E" && next.Text != "U")
}

// closesHere says whether token i is a bracket or quote that closes: it is attached to the token before it.
func closesHere(tokens []Token, i int) bool {
	t := &tokens[i]
	if t.Kind != Punct || utf8.RuneCountInString(t.Text) != 1 {
		return false
	}
	r, _ := utf8.DecodeRuneInString(t.Text)
	if isClosing(r) {
		return true
	}
	if !isQuote(r) || i == 0 || t.from != tokens[i-1].to {
		return false
	}
	return i+1 >= len(tokens) || tokens[i+1].from != t.to || tokens[i+1].Kind == Punct
}

// canBegin says whether a sentence can begin at token i, skipping opening marks.
func canBegin(tokens []Token, i int) bool {
	for k := i; k < len(tokens) && k < i+4; k++ {
		t := &tokens[k]
		r, _ := utf8.DecodeRuneInString(t.Text)
		switch {
		case isUpper(r), t.Kind == Number, t.Kind == Emoji, t.Kind == URL, t.Kind == Hashtag, t.Kind == Mention:
			return true
		case r == '¿' || r == '¡' || isCurrency(r) || r == '*' || r == '•':
			return true
		case isOpening(r) || isQuote(r) || r == '-' || r == '–' || r == '—':
			// "¿Viene? —preguntó": the dash is followed by lower case.
		case isLetter(r) && !isLower(r): // scripts without case
			return true
		default:
			return false
		}
	}
	return false
}
