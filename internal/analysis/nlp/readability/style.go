package readability

import (
	"strings"
	"unicode"
	"unicode/utf8"

	"openlearn/internal/analysis/nlp/text"
)

// joined are the sentences of a document, with those put together that only a line break separates: the lines of a poem.
func joined(d *text.Document) []text.Sentence {
	out := make([]text.Sentence, 0, len(d.Sentences))
	for i, s := range d.Sentences {
		if i > 0 && runsOn(d, out[len(out)-1], s) {
			last := &out[len(out)-1]
			last.Last, last.End = s.Last, s.End
			continue
		}
		out = append(out, s)
	}
	return out
}

// lineTokens is the longest line of a poem, in tokens. Longer lines are paragraphs, and what stands before them is a heading.
const lineTokens = 16

// runsOn says whether b continues the sentence a on the next line.
func runsOn(d *text.Document, a, b text.Sentence) bool {
	if b.Last-b.First > lineTokens || a.Paragraph == b.Paragraph {
		return false
	}
	last, next := &d.Tokens[a.Last-1], &d.Tokens[b.First]
	if last.Kind == text.Punct && last.Norm != ";" || next.Kind != text.Word || d.Tokens[a.First].Kind == text.Number || a.Capitals || b.Capitals {
		return false
	}
	between := d.Between(a.Last-1, b.First+1)
	return strings.Count(between, "\n") == 1
}

// lineWords are function words that are not written with a capital inside a sentence, except at the beginning of a verse.
// Articles are missing, because names begin with them.
var lineWords = set(`y e o u ni que de del en a al con por para sin sobre tras entre hasta desde hacia bajo si no se me te le lo nos os su sus mi mis tu tus un una unos unas
	como cual cuando donde cuanto más mas pero sino pues porque aunque mientras ya aún aun así tan tanto todo toda todos todas qué quién cuál cuándo dónde cuánto cuán quien
	este esta estos estas ese esa esos esas aquel aquella aquellos aquellas es era fue son está ha he hay`)

// lineStart says whether token i is a function word with a capital where no sentence and no quotation begins.
func lineStart(tokens []text.Token, i int) bool {
	t := &tokens[i]
	if i == 0 || !lineWords[t.Lower] {
		return false
	}
	if r, _ := utf8.DecodeRuneInString(t.Text); !unicode.IsUpper(r) || utf8.RuneCountInString(t.Text) > 1 && strings.ToUpper(t.Text) == t.Text {
		return false
	}
	before := &tokens[i-1]
	return before.Kind == text.Word || before.Norm == "," || before.Norm == ";"
}

// oldWords are words and spellings of older texts.
var oldWords = set(`fué fuí dió vió á ó ú vos vuestra vuestro vuestras vuestros merced usarced vuesa desto desta deste destos dello della dellos aqueste aquesta aquesto agora ansí empero otrora do dó
	doquier doquiera doquiera antaño hogaño cuán cuasi asaz mesmo mesma menester plugo diz presto harto aquende allende so vd vds ud señoría doncella mancebo hidalgo
	lecho faz mas tornó holgó`)

// oldEndings are pronouns after a finite verb: díjole, hallábase.
var oldEndings = []string{
	"óse", "óle", "ólo", "óla", "óme", "óles", "ólos", "íase", "íale", "íame", "íanse", "ábase", "ábale", "ábame", "ábanse", "ábanle", "íanle",
	"áronse", "iéronse", "áronle", "iéronle", "éme", "éle", "íme",
}

// old says whether a word in lower case is of an older time.
func old(w string) bool {
	if oldWords[w] {
		return true
	}
	if len(w) < 6 || !beyondASCII(w[max(0, len(w)-7):]) {
		return false
	}
	for _, e := range oldEndings {
		if strings.HasSuffix(w, e) {
			return true
		}
	}
	return false
}

// beyondASCII says whether there is a letter beyond ASCII: all of oldEndings have one among their last seven bytes.
func beyondASCII(s string) bool {
	for i := range len(s) {
		if s[i] >= utf8.RuneSelf {
			return true
		}
	}
	return false
}
