package sample

import "unicode/utf8"

// counts are what readability formulas ask of a text.
type counts struct {
	words     int // runs of non-space characters that hold a letter
	syllables int // of those words
	sentences int // ends of sentence: . ! ? … before a space or the end
	tokens    int // runs of non-space characters, numbers and signs included
}

// Difficulty is how hard a Spanish text is to read, from 1 (very easy) to 5 (very hard), to one decimal.
//
// It is Szigriszt Pazos's perspicuity (Sistemas predictivos de legibilidad del mensaje escrito, thesis, Universidad
// Complutense de Madrid, 1993), P = 206.835 − 62.3·syllables/words − words/sentences, put on the five grades of the
// INFLESZ scale (Barrio-Cantalejo et al., Anales del Sistema Sanitario de Navarra 31(2), 2008): above 80 very easy,
// 65–80 fairly easy, 55–65 normal, 40–55 somewhat hard, below 40 very hard. Each border of grades lies at a half, with
// straight lines between them: 80 → 1.5, 65 → 2.5, 55 → 3.5, 40 → 4.5. A text without words is 1.
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

// Classes of bytes and letters. They are also the states of the syllable counter: what came last.
const (
	other     uint8    = iota // digits, signs, the start of a word
	consonant                 //
	weak                      // i u ü: glides beside another vowel
	strong                    // a e o á é ó
	hiatus                    // í ú: always a syllable of their own
	letterY                   // alone a syllable, else a glide or a consonant
	silent                    // h: does not part vowels
	states    = silent        // classes from here on are no states
)

// classes gives the class of each byte of ASCII, accented that of each second byte of a letter U+00C0–U+00FF.
var classes, accented = func() (ascii, latin [256]uint8) {
	for c := 'a'; c <= 'z'; c++ {
		ascii[c], ascii[c-32] = consonant, consonant
	}
	for _, x := range []struct {
		letters string
		class   uint8
	}{{"aeoAEO", strong}, {"iuIU", weak}, {"hH", silent}, {"yY", letterY}} {
		for _, c := range x.letters {
			ascii[c] = x.class
		}
	}
	for _, x := range []struct {
		letters string
		class   uint8
	}{{"áéóÁÉÓ", strong}, {"íúÍÚ", hiatus}, {"üÜ", weak}, {"ñÑ", consonant}} {
		for _, c := range x.letters {
			latin[byte(c&0x3f|0x80)] = x.class
		}
	}
	return ascii, latin
}()

// nuclei says whether a letter of a class begins a syllable after one of another: two strong vowels part, a weak one
// joins its neighbours (two weak ones make a diphthong), an accented í or ú stands alone.
var nuclei = func() (t [states][silent + 1]int) {
	for last := range states {
		if last != weak {
			t[last][strong] = 1
			if last != strong {
				t[last][weak] = 1
			}
		}
		t[last][hiatus] = 1
	}
	return t
}()

// follows is the state after a letter. A y is a consonant or a glide unless it begins its word.
var follows = func() (t [states][silent + 1]uint8) {
	for last := range states {
		for class := range silent {
			t[last][class] = class
		}
		t[last][silent] = last
		if last != other {
			t[last][letterY] = consonant
		}
	}
	return t
}()

// count walks the text once, token by token.
func count(text []byte) counts {
	var c counts
	for i := 0; i < len(text); {
		if text[i] <= ' ' {
			i++
			continue
		}
		c.tokens++
		last, word, ended := other, false, false
		for i < len(text) && text[i] > ' ' {
			b := text[i]
			i++
			class := classes[b]
			switch {
			case b|0x20 == 'u' && mute(text, i):
				continue
			case b == 0xc3 && i < len(text):
				class = accented[text[i]]
				i++
			case b >= utf8.RuneSelf:
				i += trailing(text[i:])
			}
			if class == other {
				ended = endsSentence(text[:i], ended)
				last = other
				continue
			}
			word, ended = true, false
			c.syllables += nuclei[last][class]
			last = follows[last][class]
		}
		if last == letterY {
			c.syllables++ // the conjunction
		}
		if word {
			c.words++
		}
		if ended {
			c.sentences++
		}
	}
	return c
}

// trailing is how many bytes of a character are left at the start of b.
func trailing(b []byte) int {
	n := 0
	for n < len(b) && b[n]&0xc0 == 0x80 {
		n++
	}
	return n
}

// endsSentence tells whether a token that goes so far ends like a sentence: closing marks leave that as it was.
func endsSentence(b []byte, so bool) bool {
	switch b[len(b)-1] {
	case '.', '!', '?':
		return true
	case '"', '\'', ')':
		return so
	}
	switch r, _ := utf8.DecodeLastRune(b); r {
	case '…':
		return true
	case '”', '’', '»':
		return so
	}
	return false
}

// mute tells the unspoken u, at i-1, of que, qui, gue, gui.
func mute(text []byte, i int) bool {
	if i < 2 || i == len(text) {
		return false
	}
	switch text[i-2] | 0x20 {
	case 'q':
		return true
	case 'g':
		switch b := text[i] | 0x20; b {
		case 'e', 'i':
			return true
		case 0xc3 | 0x20:
			return i+1 < len(text) && (text[i+1]|0x20 == 0xa9 || text[i+1]|0x20 == 0xad) // é í
		}
	}
	return false
}
