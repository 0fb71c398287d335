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

// Classes of letters for counting syllables.
const (
	other uint8 = iota
	consonant
	weak    // i u ü: glides beside another vowel
	strong  // a e o á é ó
	hiatus  // í ú: always a syllable of their own
	silent  // h: does not part vowels
	letterY // a vowel at the end of a word
)

var asciiClass = func() (t [128]uint8) {
	for c := 'a'; c <= 'z'; c++ {
		t[c], t[c-32] = consonant, consonant
	}
	for _, x := range []struct {
		letters string
		class   uint8
	}{{"aeoAEO", strong}, {"iuIU", weak}, {"hH", silent}, {"yY", letterY}} {
		for _, c := range x.letters {
			t[c] = x.class
		}
	}
	return t
}()

func classOf(r rune) uint8 {
	if r < utf8.RuneSelf {
		return asciiClass[r]
	}
	switch r {
	case 'á', 'é', 'ó', 'Á', 'É', 'Ó':
		return strong
	case 'í', 'ú', 'Í', 'Ú':
		return hiatus
	case 'ü', 'Ü':
		return weak
	case 'ñ', 'Ñ':
		return consonant
	}
	return other
}

// count walks the text once. Syllables are vowel groups: two strong vowels part, a weak one joins its neighbours (two
// weak ones make a diphthong), an accented í or ú stands alone; the u of que, qui, gue, gui is not spoken.
func count(text []byte) counts {
	var c counts
	var (
		inToken, inWord bool
		last            uint8 // class of the letter before, silent ones skipped
		before          rune  // the letter before
		ended           bool  // the token so far ends like a sentence
	)
	finish := func() {
		if !inToken {
			return
		}
		if before == 'y' && last == letterY && inWord {
			c.syllables++ // the conjunction; after a vowel it is counted with it
		}
		c.tokens++
		if inWord {
			c.words++
		}
		if ended {
			c.sentences++
		}
		inToken, inWord, last, before, ended = false, false, other, 0, false
	}
	for i := 0; i < len(text); {
		r, size := rune(text[i]), 1
		if r >= utf8.RuneSelf {
			r, size = utf8.DecodeRune(text[i:])
		}
		i += size
		if r == ' ' || r == '\n' || r == '\t' {
			finish()
			continue
		}
		inToken = true
		class := classOf(r)
		if class == other {
			switch r {
			case '.', '!', '?', '…':
				ended = true
			case '"', '\'', ')', '”', '»', '’':
			default:
				ended = false
			}
			last, before = other, r
			continue
		}
		inWord, ended = true, false
		switch class {
		case silent:
			before = r
			continue
		case letterY:
			// A glide or a consonant: no syllable of its own, but for the conjunction (see finish).
			if last == other {
				last = letterY
			} else {
				last = consonant
			}
			before = 'y'
			continue
		case weak:
			if mute(before, r, text[i:]) {
				before = r
				continue
			}
			if last != weak && last != strong {
				c.syllables++
			}
		case strong:
			if last != weak {
				c.syllables++
			}
		case hiatus:
			c.syllables++
		}
		last, before = class, r
	}
	finish()
	return c
}

// mute tells the unspoken u of que, qui, gue, gui.
func mute(before, r rune, rest []byte) bool {
	if r != 'u' && r != 'U' || len(rest) == 0 {
		return false
	}
	switch before {
	case 'q', 'Q':
		return true
	case 'g', 'G':
		next, _ := utf8.DecodeRune(rest)
		switch next {
		case 'e', 'i', 'é', 'í', 'E', 'I', 'É', 'Í':
			return true
		}
	}
	return false
}
