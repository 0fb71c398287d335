package sample

import "unicode/utf8"

// counts are the counts that readability formulas need.
type counts struct {
	words     int // runs of non-space characters that hold a letter
	syllables int // of those words
	sentences int // ends of sentence: . ! ? … before a space or the end
	tokens    int // runs of non-space characters, numbers and signs included
}

// Difficulty is how hard a Spanish text is to read, from 1 (very easy) to 5 (very hard), to one decimal.
//
// It is Szigriszt Pazos's perspicuity (Sistemas predictivos de legibilidad del mensaje escrito, thesis, Universidad
// Complutense de Madrid, 1993), P = 206.835 − 62.3·syllables/words − words/sentences, mapped to the five grades of the
// INFLESZ scale (Barrio-Cantalejo et al., Anales del Sistema Sanitario de Navarra 31(2), 2008): above 80 very easy, 65–80
// fairly easy, 55–65 normal, 40–55 somewhat hard, below 40 very hard. Each boundary between grades is at a half, with
// linear interpolation between them: 80 → 1.5, 65 → 2.5, 55 → 3.5, 40 → 4.5. A text without words is 1.
func Difficulty(text string) float64 { return count([]byte(text)).difficulty() }

// Perspicuity is P of Difficulty; 0 for a text without words.
func Perspicuity(text string) float64 { return count([]byte(text)).perspicuity() }

func (c counts) perspicuity() float64 {
	if c.words == 0 {
		return 0
	}
	w := float64(c.words)
	return 206.835 - 62.3*float64(c.syllables)/w - w/float64(max(1, c.sentences))
}

func (c counts) difficulty() float64 {
	if c.words == 0 {
		return 1
	}
	p := c.perspicuity()
	borders := [...]struct{ p, d float64 }{{87.5, 1}, {80, 1.5}, {65, 2.5}, {55, 3.5}, {40, 4.5}, {32.5, 5}}
	d := 5.0
	for i, b := range borders {
		if p < b.p {
			continue
		}
		if d = b.d; i > 0 {
			easier := borders[i-1]
			d += (easier.d - b.d) * (p - b.p) / (easier.p - b.p)
		}
		break
	}
	return float64(int(d*10+0.5)) / 10
}

// States of the syllable counter: the last letter of the word so far. They are also the classes of letters.
const (
	none      uint8 = iota // the start of a word, digits, signs
	consonant              //
	weak                   // i u ü: glides beside another vowel
	strong                 // a e o á é ó
	hiatus                 // í ú: a syllable of their own beside a strong vowel
	letterY                // alone a syllable, otherwise a glide or a consonant
	velar                  // q g
	velarU                 // the u of que qui gue gui, or of gua: whatever vowel follows makes one syllable with it
	states                 // a state + states: the same, and the first byte of a letter U+00C0–U+00FF
	silent                 // h, only a class: does not separate vowels
)

// step is the effect of a byte in a state: the next state, and the bits below.
type step uint8

const (
	stateBits step = 0x0f
	syllable  step = 0x10 // a syllable begins
	letter    step = 0x20 // the byte is of a letter
)

// latin1 is the first byte of á é í ó ú ü ñ and their capitals in UTF-8.
const latin1 = 0xc3

// steps is the automaton. Syllables are groups of vowels: two strong vowels are separate, a weak one joins its neighbours
// (two weak ones make a diphthong), an accented í or ú is separate from strong ones.
var steps = func() (t [2 * states][256]step) {
	var ascii, second [256]uint8
	for c := 'a'; c <= 'z'; c++ {
		ascii[c] = consonant
	}
	for _, x := range []struct {
		letters string
		class   uint8
	}{{"aeo", strong}, {"iu", weak}, {"h", silent}, {"y", letterY}, {"qg", velar}} {
		for _, c := range x.letters {
			ascii[c] = x.class
		}
	}
	for c := 'a'; c <= 'z'; c++ {
		ascii[c-'a'+'A'] = ascii[c]
	}
	for letters, class := range map[string]uint8{"áéóÁÉÓ": strong, "íúÍÚ": hiatus, "üÜ": weak, "ñÑ": consonant} {
		for _, c := range letters {
			second[byte(c&0x3f|0x80)] = class
		}
	}
	for last := range states {
		for b := range 256 {
			t[last][b] = transition(last, ascii[b], b|0x20 == 'u')
			t[last+states][b] = transition(last, second[b], false)
		}
		t[last][latin1] = step(last + states)
	}
	return t
}()

func transition(last, class uint8, u bool) step {
	switch class {
	case none:
		return step(none)
	case silent:
		return step(last) | letter
	case letterY:
		if last == none {
			return step(letterY) | letter
		}
		return step(consonant) | letter
	case weak:
		switch {
		case last == velar && u:
			return step(velarU) | letter | syllable
		case last != weak && last != strong && last != velarU:
			return step(weak) | letter | syllable
		}
	case strong:
		if last != weak && last != velarU {
			return step(strong) | letter | syllable
		}
	case hiatus:
		if last != velarU && last != weak {
			return step(hiatus) | letter | syllable
		}
	}
	return step(class) | letter
}

// count walks the text once, token by token.
func count(text []byte) counts {
	var c counts
	for i := 0; i < len(text); {
		if text[i] <= ' ' {
			i++
			continue
		}
		s, all, syllables := step(none), step(0), 0
		for i < len(text) && text[i] > ' ' {
			s = steps[s&stateBits][text[i]]
			all |= s
			syllables += int(s & syllable >> 4)
			i++
		}
		if s&stateBits == step(letterY) {
			syllables++ // the conjunction
		}
		c.tokens++
		c.syllables += syllables
		if all&letter != 0 {
			c.words++
		}
		if endsSentence(text[:i]) {
			c.sentences++
		}
	}
	return c
}

// endsSentence says whether a text ends like a sentence, apart from closing marks.
func endsSentence(b []byte) bool {
	for len(b) > 0 {
		switch b[len(b)-1] {
		case '.', '!', '?':
			return true
		case '"', '\'', ')':
			b = b[:len(b)-1]
			continue
		}
		if b[len(b)-1] < utf8.RuneSelf {
			return false
		}
		r, size := utf8.DecodeLastRune(b)
		switch r {
		case '…':
			return true
		case '”', '’', '»':
			b = b[:len(b)-size]
			continue
		}
		return false
	}
	return false
}
