package linear

import (
	"strconv"
	"unicode/utf8"

	"openlearn/internal/analysis/nlp/text"
)

// Grams says by which features a text is described.
type Grams struct {
	Words int // word n-grams up to this length
	// CharsFrom and CharsTo bound the lengths of character n-grams inside words; 0 is none.
	CharsFrom, CharsTo int
	Negation           bool // mark the words after a negation
	Tokens             int  // use only this many tokens; 0 is all
}

// maxGramWord is the longest word that gives character n-grams: anything longer is not a word.
const maxGramWord = 40

// Features are the n-grams of a document with their counts.
func (g Grams) Features(d *text.Document) map[string]float32 {
	f := map[string]float32{}
	for _, s := range d.Sentences {
		if g.Tokens > 0 && s.First >= g.Tokens {
			break
		}
		g.sentence(f, d.In(s))
	}
	return f
}

func (g Grams) sentence(f map[string]float32, tokens []text.Token) {
	before, beforeThat := "<s>", ""
	negated := 0
	for i := range tokens {
		t := &tokens[i]
		w := ""
		switch t.Kind {
		case text.Word, text.Emoji:
			w = t.Lower
		case text.Number:
			w = "0"
		case text.Hashtag:
			w = t.Lower[1:]
		case text.URL, text.Email, text.Mention, text.Markup:
			w = "<" + strconv.Itoa(int(t.Kind)) + ">"
		default:
			w = t.Lower
			negated = 0
		}
		if len(w) > 4*maxGramWord {
			continue
		}
		f["w:"+w]++
		if g.Words > 1 {
			f["2:"+before+" "+w]++
		}
		if g.Words > 2 && beforeThat != "" {
			f["3:"+beforeThat+" "+before+" "+w]++
		}
		if g.Negation {
			if negated > 0 {
				negated--
				f["n:"+w]++
			}
			switch w {
			case "no", "sin", "nunca", "ni", "tampoco":
				negated = 4
			}
		}
		beforeThat, before = before, w
		if g.CharsTo > 0 && (t.Kind == text.Word || t.Kind == text.Hashtag) {
			chars(f, w, g.CharsFrom, g.CharsTo)
		}
	}
}

// chars counts the character n-grams of a word, including its boundaries.
func chars(f map[string]float32, w string, from, to int) {
	w = "_" + w + "_"
	starts := make([]int, 0, len(w)+1)
	for i := range w {
		starts = append(starts, i)
	}
	starts = append(starts, len(w))
	if utf8.RuneCountInString(w) > maxGramWord {
		return
	}
	for n := from; n <= to; n++ {
		for i := 0; i+n < len(starts); i++ {
			f["c:"+w[starts[i]:starts[i+n]]]++
		}
	}
}
