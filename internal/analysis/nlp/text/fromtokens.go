package text

import "strings"

// FromTokens makes a document from sentences that are already split into tokens, with one space between tokens.
func FromTokens(sentences [][]string) Document {
	var d Document
	var b strings.Builder
	at := 0
	for _, s := range sentences {
		first := len(d.Tokens)
		for _, form := range s {
			if len(d.Tokens) > 0 {
				b.WriteByte(' ')
				at++
			}
			n := 0
			for range form {
				n++
			}
			from := int32(b.Len())
			b.WriteString(form)
			d.Tokens = append(d.Tokens, Token{Start: at, End: at + n, Kind: kindOf(form), from: from, to: int32(b.Len())})
			at += n
		}
		if len(d.Tokens) > first {
			d.Sentences = append(d.Sentences, Sentence{First: first, Last: len(d.Tokens), Start: d.Tokens[first].Start, End: at})
		}
	}
	d.Text = b.String()
	for i := range d.Tokens {
		t := &d.Tokens[i]
		t.Text = d.Text[t.from:t.to]
	}
	d.finish()
	return d
}

// kindOf is the kind of a token that was split elsewhere.
func kindOf(form string) Kind {
	s := scanner{n: normalize(form)}
	if len(s.n.runes) == 0 {
		return Symbol
	}
	end, kind := s.next(0)
	if end < len(s.n.runes) && kind != URL && kind != Email {
		for _, r := range s.n.runes {
			if isLetter(r) {
				return Word
			}
		}
	}
	return kind
}
