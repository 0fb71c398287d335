package text

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// Language is a guessed language.
type Language struct {
	Code string // ISO 639-1: es en pt fr it ca de, or of another script (ru zh ar …); "und" if nothing can be said
	// Confidence is 0…1: how far the best candidate is ahead of the second, reduced if there is little evidence.
	Confidence float64
}

// maxGuess bounds the number of words used for the guess.
const maxGuess = 600

// profiles are frequent short words of each language; a word weighs less the more languages have it.
var profiles = []struct{ code, words, endings string }{
	{
		"es", `el la los las de del y en que un una unos unas por para con no se su sus al lo le les más como pero ya o este esta estos estas ese esa eso
		entre cuando muy sin sobre también me hasta hay donde desde todo todos nos durante uno ni contra otros ante ellos yo tú otro otras otra él fue era son
		es está están han ha había ser tiene hace según tras años hoy dijo qué sí porque esto antes algunos quien quienes cual nada mucho poco dos tres mi te si
		hacia cada así gobierno país`,
		"ción ciones dad dades mente aron ieron ando iendo ó ñas ño ña ores eza anza ismo ía ían",
	},
	{
		"en", `the of and to in is that for it was on with as be by at have are this not but from had he they which you or an were we his been has will their
		would what there if can all her she who said more when out up about into than its no our after also`,
		"ing tion ed ly ness ment 's ght ould",
	},
	{
		"pt", `o a os as de do da dos das e em no na nos nas que um uma uns umas por para com não se seu sua seus suas ao à mais como mas já ou este esta isso entre
		quando muito sem sobre também até há onde desde tudo todos durante nem contra outros ele ela eu foi são é está estão tem pelo pela depois ser você`,
		"ção ções dade ões mente ando endo aram eiro eira nha nho",
	},
	{
		"fr", `le la les de des du et en que un une pour par avec ne pas se son sa ses au aux plus comme mais ou ce cette ces entre quand très sans sur aussi il elle
		on nous vous ils est sont été était a ont dans qui ont leur leurs être fait`,
		"tion ment eux euse ait aient ées ée",
	},
	{
		"it", `il lo la i gli le di del della dei delle e in che un una per con non si suo sua al alla più come ma o questo questa tra quando molto senza su anche
		è sono era ha hanno nel nella dal dalla essere ci fino dopo prima loro`,
		"zione zioni ità mente ando endo tto cche",
	},
	{
		"ca", `el la els les de del dels i en que un una per amb no es seu seva al als més com però o aquest aquesta entre quan molt sense sobre també fins hi ha on
		des tot tots durant ni contra altres ell jo va és són està han dels pel pels`,
		"ció cions itat ment ant",
	},
	{
		"de", `der die das den dem des und in zu ist nicht mit von für auf ein eine einen im es sich auch als an er sie wie so aus bei nach wird war noch nur oder
		haben hat werden über zum zur wir`,
		"ung ungen keit heit lich isch en",
	},
}

// wordWeights maps a word to its weight for each profile.
var wordWeights = func() map[string][7]float64 {
	m := map[string][7]float64{}
	for i, p := range profiles {
		for w := range set(p.words) {
			v := m[w]
			v[i] = 1
			m[w] = v
		}
	}
	for w, v := range m {
		n := 0.0
		for _, x := range v {
			n += x
		}
		for i := range v {
			v[i] /= n
		}
		m[w] = v
	}
	return m
}()

var endingsOf = func() [][]string {
	var out [][]string
	for _, p := range profiles {
		out = append(out, strings.Fields(p.endings))
	}
	return out
}()

// guess guesses the language of tokens from frequent words, endings and letters.
func guess(tokens []Token) Language {
	score := [7]float64{0.4} // Spanish is expected here, so it wins a tie
	scripts := map[string]int{}
	words := 0
	for i := range tokens {
		t := &tokens[i]
		if t.Text == "¿" || t.Text == "¡" {
			score[0] += 1
		}
		if t.Kind != Word {
			continue
		}
		if words++; words > maxGuess {
			break
		}
		first, _ := utf8.DecodeRuneInString(t.Lower)
		if code := script(first); code != "" {
			scripts[code] += min(utf8.RuneCountInString(t.Lower), 40)
			continue
		}
		scripts["latin"] += min(utf8.RuneCountInString(t.Lower), 40)
		if v, ok := wordWeights[t.Lower]; ok {
			for k := range v {
				score[k] += v[k]
			}
			continue
		}
		if len(t.Lower) > 64 {
			continue
		}
		for k, endings := range endingsOf {
			for _, e := range endings {
				if strings.HasSuffix(t.Lower, e) && len(t.Lower) > len(e)+2 {
					score[k] += 0.25
					break
				}
			}
		}
		for _, r := range t.Lower {
			switch r {
			case 'ñ':
				score[0] += 0.5
			case 'ã', 'õ':
				score[2] += 0.7
			case 'ß', 'ä':
				score[6] += 0.7
			case 'ê', 'â', 'œ', 'û':
				score[2] += 0.1
				score[3] += 0.3
			case 'á', 'í', 'ú':
				score[0] += 0.2
				score[2] += 0.15
			}
		}
	}
	return decide(score, scripts)
}

func decide(score [7]float64, scripts map[string]int) Language {
	code, most, all := "", 0, 0
	for _, c := range []string{"latin", "ru", "el", "he", "ar", "zh", "ja", "ko", "hi", "th"} {
		all += scripts[c]
		if scripts[c] > most {
			code, most = c, scripts[c]
		}
	}
	if code != "latin" {
		if code == "" {
			return Language{Code: "und"}
		}
		return Language{Code: code, Confidence: float64(most) / float64(all)}
	}
	best, second, sum := 0, -1, 0.0
	for k, s := range score {
		sum += s
		if s > score[best] {
			best = k
		}
	}
	for k, s := range score {
		if k != best && (second < 0 || s > score[second]) {
			second = k
		}
	}
	if sum < 0.45 { // nothing but the prior
		return Language{Code: "und"}
	}
	lead := (score[best] - score[second]) / score[best]
	return Language{Code: profiles[best].code, Confidence: lead * score[best] / (score[best] + 1)}
}

// script is the language that a letter outside the Latin script indicates, "" for Latin.
func script(r rune) string {
	if r < 0x370 {
		return ""
	}
	switch {
	case unicode.Is(unicode.Cyrillic, r):
		return "ru"
	case unicode.Is(unicode.Greek, r):
		return "el"
	case unicode.Is(unicode.Hebrew, r):
		return "he"
	case unicode.Is(unicode.Arabic, r):
		return "ar"
	case unicode.Is(unicode.Han, r):
		return "zh"
	case unicode.In(r, unicode.Hiragana, unicode.Katakana):
		return "ja"
	case unicode.Is(unicode.Hangul, r):
		return "ko"
	case unicode.Is(unicode.Devanagari, r):
		return "hi"
	case unicode.Is(unicode.Thai, r):
		return "th"
	}
	return ""
}
