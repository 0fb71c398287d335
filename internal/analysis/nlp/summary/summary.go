// Package summary picks the sentences of a Spanish news text that best represent it. It does no I/O and takes linear time.
package summary

import (
	"cmp"
	"maps"
	"math"
	"slices"
	"strings"

	"openlearn/internal/analysis/nlp/lexicon"
	"openlearn/internal/analysis/nlp/text"
)

// Options of Analyze.
type Options struct {
	Title *text.Document // the headline, if it is known apart from the text; nil else
	Words int            // about how many words the summary has; 0 is 50
}

// Sentence is a chosen sentence: Document.Sentences[Index].
type Sentence struct {
	Index int
	Score float64
	Text  string
}

// The weights of a sentence's features.
const (
	leadWeight    = 2.0 // the first sentences of news say most
	leadDecay     = 0.5 // per sentence
	centralWeight = 1.0 // words shared with the whole text
	mainWeight    = 0.7 // has the words that weigh most in the whole text
	mainEnough    = 4   // of them are enough
	mainWords     = 8
	titleWeight   = 0.4
	shortPenalty  = 0.8
	quotePenalty  = 0.6
	linkPenalty   = 0.1 // begins with a reference to the sentence before
	redundancy    = 0.5
	maxSentences  = 400 // that are considered: the rest of a text has no news
	maxTokens     = 120 // in a sentence that can be chosen
	enough        = 0.4 // share of a sentence that must fit
)

// links begin sentences that need the one before; cues begin sentences that are not part of the news.
var (
	links = set("además también asimismo sin pero por así entonces luego después esto eso ello este esta estos estas ese esa él ella ellos ellas aunque no sino igualmente tampoco mientras allí ahí según y o e")
	cues  = set("lea vea mire escuche siga suscríbase suscríbete foto fotos video videos imagen redacción comparta compartir descargue haga inscríbase conozca publicidad lee mira")
)

func set(s string) map[string]bool {
	m := map[string]bool{}
	for _, w := range strings.Fields(s) {
		m[w] = true
	}
	return m
}

// bag is the weight of the content words of tokens: rare words weigh more.
func bag(tokens []text.Token) map[string]float64 {
	lex := lexicon.Default()
	m := make(map[string]float64, len(tokens))
	for i := range tokens {
		t := &tokens[i]
		switch t.Kind {
		case text.Number:
			m[t.Text] = 0.6
			continue
		case text.Word:
		default:
			continue
		}
		if len(t.Lower) > 60 {
			continue
		}
		z := lex.Zipf(t.Lower)
		if z >= 6 || len(t.Lower) < 3 {
			continue
		}
		m[stem(t.Lower)] = max(0.15, (6.2-max(z, 2.5))/3.7)
	}
	return m
}

// stem cuts endings of number and gender, so that "alcalde" and "alcaldes" are the same.
func stem(w string) string {
	for _, e := range []string{"es", "s"} {
		if len(w) > len(e)+3 && strings.HasSuffix(w, e) {
			w = w[:len(w)-len(e)]
			break
		}
	}
	if n := len(w); n > 4 && strings.ContainsAny(w[n-1:], "aoe") {
		w = w[:n-1]
	}
	return w
}

// overlap is the share of b's weight that a has.
func overlap(a, b map[string]float64) float64 {
	shared, all := []float64{}, []float64{}
	for w, v := range b {
		all = append(all, v)
		if _, ok := a[w]; ok {
			shared = append(shared, v)
		}
	}
	return ratio(shared, all)
}

// ratio sums in order of size: maps have no order, and floating-point sums depend on it.
func ratio(shared, all []float64) float64 {
	slices.Sort(shared)
	slices.Sort(all)
	s, n := 0.0, 0.0
	for _, v := range shared {
		s += v
	}
	for _, v := range all {
		n += v
	}
	if n == 0 {
		return 0
	}
	return s / n
}

// Analyze picks sentences until they have about the requested number of words, and returns them in the order of the text.
func Analyze(d *text.Document, o Options) []Sentence {
	if o.Words <= 0 {
		o.Words = 50
	}
	n := min(len(d.Sentences), maxSentences)
	bags := make([]map[string]float64, n)
	df := map[string]float64{}
	for i := range n {
		s := d.Sentences[i]
		bags[i] = bag(d.In(s)[:min(s.Last-s.First, maxTokens)])
		for w := range bags[i] {
			df[w]++
		}
	}
	var title map[string]float64
	if o.Title != nil {
		title = bag(o.Title.Tokens[:min(len(o.Title.Tokens), maxTokens)])
	}
	mains := heaviest(bags, df)
	scores := make([]float64, n)
	place := 0
	for i := range n {
		s := d.Sentences[i]
		tokens := d.In(s)
		words := count(tokens)
		scores[i] = math.Inf(-1)
		if words < 4 || len(tokens) > maxTokens || cues[tokens[0].Lower] {
			continue
		}
		central := []float64{}
		all := []float64{}
		for w, v := range bags[i] {
			all = append(all, v)
			central = append(central, v*math.Log(df[w]))
		}
		slices.Sort(central)
		sum := 0.0
		for _, v := range central {
			sum += v
		}
		c := sum / math.Max(6, float64(len(all)))
		mentioned := 0
		for w := range bags[i] {
			if mains[w] {
				mentioned++
			}
		}
		x := leadWeight*math.Exp(-leadDecay*float64(place)) + centralWeight*c + mainWeight*float64(min(mentioned, mainEnough))/mainEnough
		place++
		if title != nil {
			x += titleWeight * overlap(bags[i], title)
		}
		if words < 10 {
			x -= shortPenalty * float64(10-words) / 10
		}
		if first := tokens[0]; links[first.Lower] {
			x -= linkPenalty
		} else if strings.ContainsAny(first.Text, `"“«—`) {
			x -= quotePenalty
		}
		if strings.HasSuffix(tokens[len(tokens)-1].Text, "?") {
			x -= quotePenalty
		}
		scores[i] = x
	}
	return choose(d, bags, scores, o.Words)
}

// heaviest are the words that weigh most in the whole text: rare ones in many sentences.
func heaviest(bags []map[string]float64, df map[string]float64) map[string]bool {
	weight := make(map[string]float64, len(df))
	for _, b := range bags {
		for w, v := range b {
			weight[w] = v * df[w]
		}
	}
	list := slices.SortedFunc(maps.Keys(weight), func(a, b string) int {
		return cmp.Or(cmp.Compare(weight[b], weight[a]), strings.Compare(a, b))
	})
	out := map[string]bool{}
	for _, w := range list[:min(mainWords, len(list))] {
		out[w] = true
	}
	return out
}

// choose takes the best sentence, then the best one that says something else, as long as there is room.
func choose(d *text.Document, bags []map[string]float64, scores []float64, room int) []Sentence {
	var out []Sentence
	have := map[string]float64{}
	for len(out) < 6 && room > 0 {
		best, most := -1, math.Inf(-1)
		for i, s := range scores {
			if math.IsInf(s, -1) {
				continue
			}
			if len(out) > 0 {
				s -= redundancy * overlap(have, bags[i])
			}
			if s > most {
				best, most = i, s
			}
		}
		if best < 0 {
			break
		}
		scores[best] = math.Inf(-1)
		s := d.Sentences[best]
		words := count(d.In(s))
		if len(out) > 0 && float64(room) < enough*float64(words) {
			break
		}
		room -= words
		for w, v := range bags[best] {
			have[w] = v
		}
		out = append(out, Sentence{best, math.Round(1000*most) / 1000, d.Between(s.First, s.Last)})
	}
	slices.SortFunc(out, func(a, b Sentence) int { return a.Index - b.Index })
	return out
}

func count(tokens []text.Token) int {
	n := 0
	for i := range tokens {
		if k := tokens[i].Kind; k == text.Word || k == text.Number {
			n++
		}
	}
	return n
}

// Text joins sentences with spaces.
func Text(s []Sentence) string {
	parts := make([]string, len(s))
	for i := range s {
		parts[i] = s[i].Text
	}
	return strings.Join(parts, " ")
}
