package morph

import (
	"maps"
	"slices"
	"strings"
	"unicode/utf8"

	"openlearn/internal/analysis/nlp/lexicon"
	"openlearn/internal/analysis/nlp/pack"
)

func sortedKeys[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }

func lowered(s string) string { return strings.ToLower(s) }

// lemmatizer knows the lemmas that the training data shows and rules for endings.
type lemmatizer struct {
	// seen maps tag and form ("VERB fue") to a lemma.
	seen map[string]string
	// rules maps tag and ending to the number of bytes to cut off and the ending to add.
	rules map[string]rule
}

type rule struct {
	cut int
	add string
}

func (l *lemmatizer) write(w *pack.Writer) {
	keys := sortedKeys(l.seen)
	w.Sorted(keys)
	for _, k := range keys {
		_, form, _ := strings.Cut(k, " ")
		r := ruleFor(form, l.seen[k])
		w.Uint(uint64(r.cut))
		w.String(r.add)
	}
	keys = sortedKeys(l.rules)
	w.Sorted(keys)
	for _, k := range keys {
		w.Uint(uint64(l.rules[k].cut))
		w.String(l.rules[k].add)
	}
}

func (l *lemmatizer) read(r *pack.Reader) {
	keys := r.Sorted()
	l.seen = make(map[string]string, len(keys))
	for _, k := range keys {
		_, form, _ := strings.Cut(k, " ")
		ru := rule{int(r.Uint()), r.String()}
		l.seen[k] = ru.apply(form)
	}
	keys = r.Sorted()
	l.rules = make(map[string]rule, len(keys))
	for _, k := range keys {
		l.rules[k] = rule{int(r.Uint()), r.String()}
	}
}

// ruleFor is the change of ending that turns form into lemma.
func ruleFor(form, lemma string) rule {
	n := 0
	for n < len(form) && n < len(lemma) && form[n] == lemma[n] {
		n++
	}
	for n > 0 && n < len(form) && !utf8.RuneStart(form[n]) {
		n--
	}
	return rule{len(form) - n, lemma[n:]}
}

func (r rule) apply(form string) string {
	if r.cut > len(form) {
		return form
	}
	return form[:len(form)-r.cut] + r.add
}

// maxEnding is the longest ending, in letters, in a rule.
const maxEnding = 6

// lemma fills in Lemma and Codes of a tagged word.
func (m *Model) lemma(w *Word, x *word) {
	switch w.POS {
	case lexicon.PROPN, lexicon.PUNCT, lexicon.X:
		w.Lemma = w.Form
		return
	case lexicon.NUM, lexicon.SYM:
		if x.shape == shapeDigits || x.shape == shapePunct || strings.HasSuffix(w.Form, "%") {
			w.Lemma = number(w.Form)
			return
		}
	}
	best := m.reading(w, x)
	if best >= 0 {
		w.Codes = oneCode(x.readings[best].Codes, w.POS)
	}
	if l, ok := m.lemmas.seen[w.POS.String()+" "+w.Lower]; ok {
		w.Lemma = l
		return
	}
	if best >= 0 {
		w.Lemma = adjusted(w, &x.readings[best])
		return
	}
	w.Lemma = m.byRule(w)
}

// reading picks the reading that fits the tag and has the most frequent lemma, -1 if none fits.
func (m *Model) reading(w *Word, x *word) int {
	best, top := -1, -1.0
	for i := range x.readings {
		r := &x.readings[i]
		fit := 0.0
		switch {
		case r.POS == w.POS, r.POS == lexicon.VERB && w.POS == lexicon.AUX:
			fit = 100
		case r.POS == lexicon.AUX && w.POS == lexicon.VERB:
			fit = 90
		case w.POS == lexicon.ADJ && r.POS == lexicon.VERB && r.Codes[0] == 'P':
			fit = 50
		case w.POS == lexicon.ADJ && r.POS == lexicon.NOUN, w.POS == lexicon.NOUN && r.POS == lexicon.ADJ:
			fit = 40
		case w.POS == lexicon.NOUN && r.POS == lexicon.VERB && (r.Codes[0] == 'P' || r.Codes == "N"):
			fit = 20
		case w.POS == lexicon.DET && r.POS == lexicon.ADJ:
			fit = 10
		default:
			continue
		}
		if w.POS == lexicon.NOUN && strings.HasPrefix(r.Codes, "F") && len(r.Lemma) > 0 && r.Lemma[len(r.Lemma)-1] == 'o' {
			fit-- // the feminine of an office ranks below a separate noun
		}
		if s := fit + m.lex.Zipf(r.Lemma); s > top {
			best, top = i, s
		}
	}
	return best
}

// adjusted is a reading's lemma according to UD AnCora.
func adjusted(w *Word, r *lexicon.Reading) string {
	switch {
	case w.POS == lexicon.NOUN && r.Codes[0] == 'F' && (strings.HasSuffix(w.Lower, "a") || strings.HasSuffix(w.Lower, "as")) && !strings.HasSuffix(r.Lemma, "a"):
		return strings.TrimSuffix(w.Lower, "s") // ministra, directoras: the lemma keeps the gender
	case (w.POS == lexicon.ADJ || w.POS == lexicon.NOUN) && r.POS == lexicon.VERB && r.Codes[0] == 'P':
		return masculine(w.Lower)
	}
	return r.Lemma
}

// masculine is the masculine singular of a regular participle or adjective in -o.
func masculine(lower string) string {
	lower = strings.TrimSuffix(lower, "s")
	if strings.HasSuffix(lower, "a") {
		return lower[:len(lower)-1] + "o"
	}
	return lower
}

func (m *Model) byRule(w *Word) string {
	form := w.Lower
	if len(form) > maxForm {
		return form
	}
	at := len(form)
	cuts := make([]int, 0, maxEnding)
	for range maxEnding {
		if at == 0 {
			break
		}
		_, size := utf8.DecodeLastRuneInString(form[:at])
		at -= size
		cuts = append(cuts, at)
	}
	tag := w.POS.String() + " "
	for i := len(cuts) - 1; i >= 0; i-- {
		if r, ok := m.lemmas.rules[tag+form[cuts[i]:]]; ok && r.cut <= len(form)-cuts[i]+2 {
			return r.apply(form)
		}
	}
	return form
}

// number is a number's lemma: no dots between thousands, a decimal point, a percentage as a fraction.
func number(form string) string {
	base, percent := strings.CutSuffix(form, "%")
	out := base
	if base == "" {
		return form
	}
	if strings.IndexFunc(base, func(r rune) bool { return r != '.' && r != ',' && (r < '0' || r > '9') }) < 0 && base != "" {
		dots, commas := strings.Count(base, "."), strings.Count(base, ",")
		switch last := strings.LastIndexByte(base, '.'); {
		case dots > 0 && (dots > 1 || commas == 1 || len(base)-last == 4):
			out = strings.ReplaceAll(strings.ReplaceAll(base, ".", ""), ",", ".")
		case commas == 1:
			out = strings.ReplaceAll(base, ",", ".")
		}
	}
	if percent {
		out += "/100"
	}
	return out
}

// oneCode is the likeliest of the inflections separated by bars.
func oneCode(codes string, pos lexicon.POS) string {
	if !strings.Contains(codes, "|") {
		return codes
	}
	best, rank := "", 99
	for c := range strings.SplitSeq(codes, "|") {
		r := 50
		switch {
		case strings.HasPrefix(c, "P") && (pos == lexicon.ADJ || pos == lexicon.VERB || pos == lexicon.AUX):
			r = 0
		case strings.HasPrefix(c, "IP3"), strings.HasPrefix(c, "IS3"), strings.HasPrefix(c, "II3"):
			r = 1
		case strings.HasPrefix(c, "IP1P"):
			r = 2
		case strings.HasPrefix(c, "SP3"), strings.HasPrefix(c, "SI3"), strings.HasPrefix(c, "C-3"):
			r = 3
		case strings.HasPrefix(c, "I"):
			r = 4
		case strings.HasPrefix(c, "S"), strings.HasPrefix(c, "C"):
			r = 5
		case strings.HasSuffix(c, "S"):
			r = 6
		}
		if r < rank {
			best, rank = c, r
		}
	}
	return best
}
