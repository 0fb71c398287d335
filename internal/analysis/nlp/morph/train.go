package morph

import (
	"cmp"
	"maps"
	"slices"
	"strings"
	"unicode/utf8"

	"openlearn/internal/analysis/nlp/corpus"
	"openlearn/internal/analysis/nlp/lexicon"
	"openlearn/internal/analysis/nlp/seq"
)

// Options of training.
type Options struct {
	Epochs int
	// Runs is how many times the model is trained, with the sentences in other orders. The weights are added up: a weight that
	// depends on the order is noise, and cancels out.
	Runs int
	// Main are sentences in the model's annotation style; Other ones help with words and contexts, but not with lemmas of
	// verbs.
	Main, Other [][]corpus.Word
	OtherWeight float32
	Clusters    map[string]uint16
	Progress    func(done, of int, note string)
}

// sureAfter is how often a form must occur before the tags seen are taken to be all its tags.
const sureAfter = 30

// knownAfter is how often a form must occur to be known. Rarer ones are treated as unknown in training too: so the model
// learns how to handle unknown words.
const knownAfter = 3

// Train makes a model. The same options give the same model.
func Train(lex *lexicon.Lexicon, o Options) *Model {
	m := &Model{lex: lex, dictionary: map[string]dictEntry{}}
	m.learnDictionary(o)
	m.learnLemmas(o)
	labels := int(lexicon.POSCount)
	f := seq.NewFeatures()
	var examples []seq.Sentence
	var positions [][][]int32
	add := func(sentences [][]corpus.Word, weight float32) {
		for _, sentence := range sentences {
			e := m.example(sentence, f)
			e.Weight = weight
			examples = append(examples, e)
			positions = append(positions, e.Features)
		}
	}
	add(o.Main, 1)
	add(o.Other, o.OtherWeight)
	f.Prune(2, positions)
	dense := make([]float32, f.Len()*labels)
	m.trigrams = seq.NewTrigrams(labels)
	for run := range o.Runs {
		weights, trigrams := seq.Perceptron(examples, f.Len(), labels, o.Epochs, uint64(run), func(epoch int) {
			o.Progress(run*o.Epochs+epoch+1, o.Runs*o.Epochs, "")
		})
		for i, w := range weights {
			dense[i] += w
		}
		m.trigrams.Add(trigrams)
	}
	m.weights = seq.Sparse(f, dense, labels, weightFloor(dense))
	return m
}

// weightFloor is the absolute value below which a weight is noise. Dropping those keeps the model small and changes hardly
// anything.
func weightFloor(dense []float32) float32 {
	top := float32(0)
	for _, w := range dense {
		top = max(top, w)
	}
	return top / 5000
}

func (m *Model) example(sentence []corpus.Word, f *seq.Features) seq.Sentence {
	words := make([]word, len(sentence))
	for i, w := range sentence {
		words[i] = word{norm: w.Form, lower: lowered(w.Form), part: w.Part}
		m.prepare(&words[i], m.lex)
	}
	e := seq.Sentence{Features: make([][]int32, len(words)), Candidates: make([][]uint8, len(words)), Gold: make([][]uint8, len(words))}
	var buf []uint64
	for i := range words {
		buf = features(words, i, buf[:0])
		e.Features[i] = f.Add(buf)
		c := m.candidates(&words[i], nil)
		g := sentence[i]
		switch {
		case g.POS != lexicon.NoPOS:
			if !slices.Contains(c, uint8(g.POS)) {
				c = append(c, uint8(g.POS))
			}
			e.Gold[i] = []uint8{uint8(g.POS)}
		case len(g.Either) > 0:
			for _, p := range g.Either {
				if !slices.Contains(c, uint8(p)) {
					c = append(c, uint8(p))
				}
				e.Gold[i] = append(e.Gold[i], uint8(p))
			}
		default:
			e.Gold[i] = c
		}
		e.Candidates[i] = c
	}
	return e
}

func (m *Model) learnDictionary(o Options) {
	type counts struct {
		tag [lexicon.POSCount]int
		all int
	}
	seen := map[string]*counts{}
	count := func(sentences [][]corpus.Word) {
		for _, s := range sentences {
			for _, w := range s {
				lower := lowered(w.Form)
				if w.POS == lexicon.PROPN && lower != w.Form {
					continue // names are recognised by their capital and by the features of their form
				}
				c := seen[lower]
				if c == nil {
					c = &counts{}
					seen[lower] = c
				}
				if w.POS != lexicon.NoPOS {
					c.tag[w.POS]++
					c.all++
				}
			}
		}
	}
	count(o.Main)
	count(o.Other)
	for form, c := range seen {
		if c.all < knownAfter {
			continue
		}
		e := dictEntry{}
		for t, n := range c.tag {
			// One in two hundred is more likely an annotation error than a real use.
			if n > 0 && (c.all < 200 || n*300 > c.all) {
				e.tags |= 1 << t
			}
		}
		e.sure = c.all >= sureAfter
		m.dictionary[form] = e
	}
	for form, c := range o.Clusters {
		e := m.dictionary[form]
		e.cluster = c
		m.dictionary[form] = e
	}
}

func (m *Model) learnLemmas(o Options) {
	m.lemmas = lemmatizer{seen: map[string]string{}, rules: map[string]rule{}}
	votes := map[string]map[string]int{}
	collect := func(sentences [][]corpus.Word, other bool) {
		for _, s := range sentences {
			for _, w := range s {
				if w.Lemma == "" || w.POS == lexicon.NoPOS {
					continue
				}
				switch w.POS {
				case lexicon.PROPN, lexicon.PUNCT, lexicon.X, lexicon.SYM:
					continue
				case lexicon.NUM:
					if strings.ContainsAny(w.Form, "0123456789") {
						continue
					}
				}
				if w.POS == lexicon.NOUN && infinitive(w.Lemma) && !strings.Contains(w.Form, w.Lemma) {
					continue // an error: infinitives are not lemmas of nouns
				}
				k := w.POS.String() + " " + lowered(w.Form)
				if other && (votes[k] != nil && votes[k][""] == 0 || w.POS == lexicon.VERB || w.POS == lexicon.AUX || w.POS == lexicon.DET || w.POS == lexicon.PRON) {
					continue
				}
				if votes[k] == nil {
					votes[k] = map[string]int{}
				}
				if other {
					votes[k][""]++ // marks forms that only the other data has
				}
				votes[k][w.Lemma]++
			}
		}
	}
	collect(o.Main, false)
	collect(o.Other, true)
	endings := map[string]map[rule]int{}
	for _, k := range sortedKeys(votes) {
		tag, form, _ := strings.Cut(k, " ")
		only := votes[k][""] > 0
		delete(votes[k], "")
		lemma := most(votes[k])
		pos := lexicon.ParsePOS(tag)
		if open(pos) {
			at := len(form)
			r := ruleFor(form, lemma)
			for range maxEnding {
				if at == 0 {
					break
				}
				_, size := utf8.DecodeLastRuneInString(form[:at])
				at -= size
				e := tag + " " + form[at:]
				if endings[e] == nil {
					endings[e] = map[rule]int{}
				}
				endings[e][r]++
			}
		}
		// Lemmas that the lexicon and the rules give anyway need not be kept.
		w := Word{Form: form, Lower: form, POS: pos}
		x := word{norm: form, lower: form}
		m.prepare(&x, m.lex)
		m.lemma(&w, &x)
		if w.Lemma != lemma && (!only || len(x.readings) == 0 || !open(pos)) {
			m.lemmas.seen[k] = lemma
		}
	}
	for e, rules := range endings {
		best, n, all := rule{}, 0, 0
		for _, r := range slices.SortedFunc(maps.Keys(rules), func(a, b rule) int { return cmp.Or(cmp.Compare(a.cut, b.cut), strings.Compare(a.add, b.add)) }) {
			all += rules[r]
			if rules[r] > n {
				best, n = r, rules[r]
			}
		}
		if n >= 2 && n*10 >= all*6 {
			m.lemmas.rules[e] = best
		}
	}
	// Lemmas that the rules get right are dropped; the lexicon takes precedence, so only words that it lacks matter.
	for k, lemma := range m.lemmas.seen {
		tag, form, _ := strings.Cut(k, " ")
		w := Word{Form: form, Lower: form, POS: lexicon.ParsePOS(tag)}
		x := word{norm: form, lower: form}
		m.prepare(&x, m.lex)
		if m.reading(&w, &x) < 0 && open(w.POS) && m.byRule(&w) == lemma {
			delete(m.lemmas.seen, k)
		}
	}
}

func infinitive(lemma string) bool {
	return strings.HasSuffix(lemma, "ar") || strings.HasSuffix(lemma, "er") || strings.HasSuffix(lemma, "ir")
}

func open(p lexicon.POS) bool {
	switch p {
	case lexicon.NOUN, lexicon.ADJ, lexicon.VERB, lexicon.ADV:
		return true
	}
	return false
}

// most is the key with the highest count, the first in order among equals.
func most(votes map[string]int) string {
	best := ""
	for _, k := range sortedKeys(votes) {
		if best == "" || votes[k] > votes[best] {
			best = k
		}
	}
	return best
}
