package sentiment

import (
	"strings"

	"openlearn/internal/analysis/nlp/text"
)

// The weights of the rules, set on the project's own sentences.
const (
	window        = 6    // tokens over which shifters and quantities reach
	negationReach = 4    // words of four letters or more that a negation reaches
	negatedGood   = -0.7 // not good is bad, a little less
	negatedBad    = -0.6 // not bad is somewhat good
	averted       = -0.7 // something bad averted is good
	lost          = -0.7 // something good lost or fought is bad
	intensified   = 1.35
	diminished    = 0.6
	beforeBut     = 0.6
	afterBut      = 1.3
	concession    = 25 // tokens that "aunque" reaches at most
	conceded      = 0.5
	hedged        = 0.8
	percentMore   = 1.0
	trend         = 1.5 // a quantity that moves in a direction
	exclamation   = 1.2
	afterNothing  = 2 // words that may stand between a modifier and what it modifies
)

// cell is a token with its value.
type cell struct {
	value      float64
	role       uint16
	short      bool // three bytes or less: hardly a content word
	and        bool // y, e
	stop       bool // a clause ends here
	evaluative bool
	picture    bool // an emoji or emoticon: it applies to the whole sentence
	consumed   bool // part of a phrase or of a quantity that moves
	but        uint16
}

// bare is the form to look up: in lower case and without #.
func bare(t *text.Token) string {
	w := t.Lower
	if t.Kind == text.Hashtag {
		w = strings.TrimPrefix(w, "#")
	}
	return w
}

// squeeze reduces every run of a letter to one: "buenoooo".
func squeeze(w string) string {
	var b strings.Builder
	var last rune
	n := 0
	for _, r := range w {
		if r == last {
			n++
		} else {
			n = 1
		}
		last = r
		if n < 2 {
			b.WriteRune(r)
		}
	}
	return b.String()
}

func repeats(w string) bool {
	for i := 2; i < len(w); i++ {
		if w[i] == w[i-1] && w[i] == w[i-2] && w[i] >= 'a' {
			return true
		}
	}
	return false
}

func laughs(w string) bool {
	if len(w) < 4 || len(w) > 60 {
		return false
	}
	return strings.Trim(w, "jaehi") == "" && strings.Count(w, "j") >= 2
}

// cells looks up every token of a sentence.
func (t *tables) cells(tokens []text.Token) []cell {
	out := make([]cell, len(tokens))
	for i := 0; i < len(tokens); i++ {
		if out[i].consumed {
			continue
		}
		tok, c := &tokens[i], &out[i]
		switch tok.Kind {
		case text.Punct:
			switch tok.Text[0] {
			case ',', ';', ':', '.', '(', ')', '!', '?':
				c.stop = true
			}
			switch tok.Text {
			case ":)", ":D", ";)":
				c.value = 1.5
			case ":(":
				c.value = -1.5
			}
			continue
		case text.Emoji:
			c.picture = true
			if v, ok := t.polarity.Lookup(strings.TrimSuffix(tok.Text, "\ufe0f")); ok {
				c.value, c.evaluative = unpack(v)
			}
			continue
		case text.Word, text.Hashtag:
		default:
			continue
		}
		w := bare(tok)
		c.short = len(w) <= 3
		c.and = w == "y" || w == "e"
		if v, n := t.phrase(tokens[i:], w); n > 0 {
			if v&phraseRole != 0 {
				if c.but = adversative; v&3 == 2 {
					c.but = concessive
				}
			} else {
				c.value = float64(int(v&0xff)-16) / 2
			}
			for k := i + 1; k < i+n; k++ {
				out[k].consumed = true
			}
			c.consumed = true
			continue
		}
		r, _ := t.roles.Lookup(w)
		if i > 0 && (w == "más" || w == "menos") && strings.HasSuffix(tokens[i-1].Text, "%") { // a 5 % more
			c.value, r = percentMore, up
			if w == "menos" {
				c.value, r = -percentMore, down
			}
		}
		c.role = r
		c.but = r & (adversative | concessive)
		if c.value != 0 {
			continue
		}
		if v, ok := t.polarity.Lookup(w); ok {
			c.value, c.evaluative = unpack(v)
		} else if repeats(w) {
			if v, ok := t.polarity.Lookup(squeeze(w)); ok {
				c.value, c.evaluative = unpack(v)
				c.value *= intensified
			}
		} else if laughs(w) {
			c.value, c.evaluative = 0.8, true
		}
		// A capitalised word inside a sentence is a name, which has no polarity: Paz, Victoria, Junior.
		if i > 0 && tok.Kind == text.Word && tok.Norm != tok.Lower && tok.Norm[0] >= 'A' && tok.Norm[0] <= 'Z' && len(tok.Norm) > 1 && tok.Norm[1:] == tok.Lower[1:] && tokens[i-1].Kind == text.Word {
			c.value *= 0.3
			c.role &^= up | down | goodQuantity | badQuantity | shift
		}
	}
	return out
}

// phrase is the longest phrase that tokens begin with.
func (t *tables) phrase(tokens []text.Token, first string) (value uint16, n int) {
	v, ok := t.phrases.Lookup(first)
	if !ok || len(tokens) < 2 {
		return 0, 0
	}
	if v&phraseEnds != 0 {
		value, n = v, 1
	}
	key := first
	for k := 1; k < len(tokens) && k < 6 && v&phraseBegins != 0; k++ {
		key += "_" + tokens[k].Lower
		if v, ok = t.phrases.Lookup(key); !ok {
			break
		}
		if v&phraseEnds != 0 {
			value, n = v, k+1
		}
	}
	return value, n
}

// rules applies the effects of a sentence's words on each other. Each rule reads a bounded number of neighbours.
func rules(cells []cell) {
	quantities(cells)
	for i := range cells {
		c := &cells[i]
		if c.consumed && c.role == 0 {
			continue
		}
		if c.role&(intensify|diminish) != 0 {
			modify(cells, i)
		}
	}
	for i := range cells {
		if cells[i].role&(shift|heal) != 0 && !cells[i].consumed {
			shiftAfter(cells, i)
		}
	}
	negations(cells)
	clauses(cells)
}

// quantities judges rises and falls: whether one is good or bad depends on what rises or falls.
func quantities(cells []cell) {
	for i := range cells {
		c := &cells[i]
		dir := c.role & (up | down)
		if dir == 0 || dir == up|down || c.consumed {
			continue
		}
		k := -1
		for d := 1; d <= window && k < 0; d++ {
			if j := i + d; j < len(cells) && !blocked(cells, i, j) && isQuantity(&cells[j]) {
				k = j
				break
			}
			if j := i - d; j >= 0 && !blocked(cells, j, i) && isQuantity(&cells[j]) {
				k = j
			}
		}
		if k < 0 {
			continue
		}
		good := cells[k].role&goodQuantity != 0
		v := trend
		if good != (dir == up) {
			v = -trend
		}
		c.value, cells[k].value = v, 0
		c.role &^= shift | intensify | diminish
		cells[k].role &^= up | down | shift
		cells[k].consumed = true
	}
}

func isQuantity(c *cell) bool {
	q := c.role & (goodQuantity | badQuantity)
	return !c.consumed && (q == goodQuantity || q == badQuantity)
}

func blocked(cells []cell, from, to int) bool {
	for i := from + 1; i < to; i++ {
		if cells[i].stop || cells[i].but != 0 {
			return true
		}
	}
	return cells[to].stop
}

// modify applies an intensifier or a diminisher to the next word with a polarity.
func modify(cells []cell, i int) {
	for j := i + 1; j < len(cells) && j <= i+afterNothing && !cells[j].stop; j++ {
		if cells[j].value == 0 {
			continue
		}
		if cells[i].role&intensify != 0 {
			cells[j].value *= intensified
		} else {
			cells[j].value *= diminished
		}
		return
	}
}

// shiftAfter inverts the words that an averting word governs.
func shiftAfter(cells []cell, i int) {
	done := false
	for j := i + 1; j < len(cells) && j <= i+window && !cells[j].stop && cells[j].but == 0; j++ {
		c := &cells[j]
		if c.role&(shift|heal) != 0 && c.value == 0 {
			break
		}
		switch {
		case c.value < 0:
			c.value *= averted
		case c.value > 0 && cells[i].role&shift != 0:
			c.value *= lost
		default:
			continue
		}
		done = true
		break
	}
	if done {
		cells[i].value *= 0.2
	}
}

func negations(cells []cell) {
	for i := 0; i < len(cells); i++ {
		if cells[i].role&negate == 0 || cells[i].consumed {
			continue
		}
		done := false
		for j, content := i+1, 0; j < len(cells) && content <= negationReach && j <= i+2*window && cells[j].but == 0; j++ {
			c := &cells[j]
			if !c.short {
				content++
			}
			if c.stop && c.role == 0 && c.value == 0 {
				break
			}
			if c.role&negate != 0 {
				i = j // "no … nada" is one negation
				continue
			}
			if c.and && done {
				break // "no creció y cayó": the negation does not extend to the second verb
			}
			if c.picture || c.value == 0 {
				continue
			}
			done = true
			if c.value > 0 {
				c.value *= negatedGood
			} else {
				c.value *= negatedBad
			}
		}
	}
}

// clauses weighs the parts before and after "pero", and concessions.
func clauses(cells []cell) {
	for i := range cells {
		switch {
		case cells[i].but&adversative != 0 && i > 0:
			for j := range cells {
				if j < i {
					cells[j].value *= beforeBut
				} else {
					cells[j].value *= afterBut
				}
			}
			return // only one per sentence, to keep the time linear
		case cells[i].but&concessive != 0:
			for j := i + 1; j < len(cells) && j <= i+concession && !cells[j].stop; j++ {
				cells[j].value *= conceded
			}
		}
	}
}
