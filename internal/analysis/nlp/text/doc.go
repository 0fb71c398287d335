// Package text prepares Spanish text for analysis: it normalises, guesses the language and finds sentences and tokens.
// Everything it returns refers to the original by offsets in code points. It does no I/O, keeps no state, and takes time
// and memory linear in the length of any input.
package text

import "strings"

// Kind is the kind of a token, judged by its form.
type Kind uint8

// The kinds of tokens.
const (
	Word    Kind = iota // letters, with digits, hyphens or dots inside: COVID-19, S.A.S., PM2.5, Dr.
	Number              // digits with separators, dates, scores, ordinals: 4.118,50 12/05/2024 2-0 2.ª
	Punct               // punctuation; a run of one mark is one token: ... !!!
	Symbol              // currency, percent, degrees, arithmetic: $ US$ % °C +
	URL                 // https://… www.… semana.com
	Email               // name@host
	Mention             // @name
	Hashtag             // #word
	Emoji               // one emoji with its modifiers, or one flag
	Markup              // one HTML tag or entity that was left in the text
)

var kindNames = [...]string{"word", "number", "punct", "symbol", "url", "email", "mention", "hashtag", "emoji", "markup"}

// String is the kind's name in lower case.
func (k Kind) String() string {
	if int(k) < len(kindNames) {
		return kindNames[k]
	}
	return "unknown"
}

// Token is one orthographic token: contractions and enclitic pronouns are not split here (see package morph).
type Token struct {
	Text string // the form as written, normalised to NFC; a substring of Document.Text
	Norm string // the form to analyse: plain quotes and dashes, recased if the whole sentence is in capitals
	// Lower is Norm in lower case.
	Lower string
	// Start and End are code points in the original text, End exclusive.
	Start, End int
	Kind       Kind
	// from and to are bytes in Document.Text.
	from, to int32
}

// Sentence is a run of tokens.
type Sentence struct {
	First, Last int // Document.Tokens[First:Last]
	Start, End  int // code points in the original, from its first to its last token
	// Capitals is true if the sentence is written in capitals throughout: its tokens' case says nothing, and Norm was recased.
	Capitals bool
	// Paragraph counts from 0: a blank line or a line break that ends a sentence begins another.
	Paragraph int
}

// Document is an analysed text. It owns its slices, and the caller may change them.
type Document struct {
	Text      string // the normalised text
	Tokens    []Token
	Sentences []Sentence
	Language  Language
	Words     int // tokens of kind Word, Number excluded
}

// In returns the tokens of the sentence.
func (d *Document) In(s Sentence) []Token { return d.Tokens[s.First:s.Last] }

// Between returns the normalised text of tokens[first:last], from the beginning of the first to the end of the last.
func (d *Document) Between(first, last int) string {
	if first < 0 || last > len(d.Tokens) || first >= last {
		return ""
	}
	return d.Text[d.Tokens[first].from:d.Tokens[last-1].to]
}

// SpaceBefore says whether there is white space between token i and the one before it. It is true for the first.
func (d *Document) SpaceBefore(i int) bool {
	return i == 0 || d.Tokens[i].from != d.Tokens[i-1].to
}

// Analyze normalises and segments a text of any origin and any bytes. Invalid UTF-8 bytes count as one code point each, as
// in Go's range over a string.
func Analyze(s string) Document {
	n := normalize(s)
	d := Document{Text: n.text}
	sc := scanner{n: n}
	d.Tokens = sc.tokens()
	d.Sentences = sentences(n, d.Tokens)
	d.finish()
	return d
}

// finish fills in the fields that are derived from tokens and sentences.
func (d *Document) finish() {
	for i := range d.Tokens {
		t := &d.Tokens[i]
		t.Norm = plain(t)
		t.Lower = strings.ToLower(t.Norm)
		if t.Kind == Word {
			d.Words++
		}
	}
	for i := range d.Sentences {
		s := &d.Sentences[i]
		if s.Capitals = inCapitals(d.In(*s)); s.Capitals {
			lowerCapitals(d.In(*s))
		}
	}
	d.Language = guess(d.Tokens)
}

// plain is the form with typographic quotes, dashes and apostrophes as their plain counterparts.
func plain(t *Token) string {
	switch t.Text {
	case "“", "”", "„", "‟", "«", "»", "″":
		return `"`
	case "‘", "’", "‚", "‹", "›", "′":
		return "'"
	case "–", "—", "―", "‒", "‐", "‑", "−":
		return "-"
	case "…":
		return "..."
	}
	if t.Kind == Word || t.Kind == Number {
		if strings.ContainsAny(t.Text, "’‘‐‑–") {
			return plainInside.Replace(t.Text)
		}
	}
	return t.Text
}

var plainInside = strings.NewReplacer("’", "'", "‘", "'", "‐", "-", "‑", "-", "–", "-")
