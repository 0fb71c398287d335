// Package sentiment judges how positive or negative the content of a Spanish text is, by a lexicon and rules: negation,
// intensifiers, rising and falling quantities, averted harm, adversatives. It does no I/O, keeps no state between calls,
// and takes time linear in the length of the text.
package sentiment

import (
	"math"

	"openlearn/internal/analysis/nlp/text"
)

// Class is the polarity of a text in one word.
type Class string

// The classes.
const (
	Positive Class = "positive"
	Negative Class = "negative"
	Neutral  Class = "neutral"
)

// Result is the sentiment of a text.
type Result struct {
	Polarity     float64 // -1 (very bad) … 1 (very good)
	Subjectivity float64 // 0 (reports) … 1 (evaluates)
	Class        Class
	Confidence   float64 // 0.33…1, that Class is right
}

// The thresholds of the classes and the steepness of the confidence, set on the project's own sentences.
const (
	positiveFrom = 0.40
	negativeFrom = -0.15
	damping      = 4.0
)

// Analyze returns the sentiment of a document: the mean over its sentences that have one, the first counted twice because
// headlines and leads carry the judgement.
func Analyze(d *text.Document) Result { return embedded().analyze(d) }

func (t *tables) analyze(d *text.Document) Result {
	sum, weight, evaluative, content := 0.0, 0.0, 0.0, 0.0
	for i, s := range d.Sentences {
		p, e, n := t.sentence(d.In(s))
		content += float64(n)
		evaluative += e
		w := 1.0
		if i == 0 {
			w = 2
		}
		if p == 0 {
			w *= 0.5
		}
		sum += w * p
		weight += w
	}
	var r Result
	if weight > 0 {
		r.Polarity = sum / weight
	}
	r.Class, r.Confidence = classify(r.Polarity)
	if content > 0 {
		r.Subjectivity = 1 - math.Exp(-4*evaluative/content)
	}
	return r
}

// sentence returns a sentence's polarity, the weight of its evaluative words, and the number of its words.
func (t *tables) sentence(tokens []text.Token) (polarity, evaluative float64, n int) {
	cells := t.cells(tokens)
	rules(cells)
	sum, loud := 0.0, 1.0
	for i := range cells {
		sum += cells[i].value
		if cells[i].evaluative && cells[i].value != 0 {
			evaluative += min(1, math.Abs(cells[i].value))
		}
		switch tokens[i].Kind {
		case text.Word:
			n++
		case text.Punct:
			if tokens[i].Text[0] == '!' {
				loud = exclamation
				evaluative += 0.3
			}
		case text.Emoji:
			evaluative += 0.3
		}
	}
	sum *= loud
	return sum / math.Sqrt(sum*sum+damping), evaluative, n
}

// classify returns the class of a polarity; the confidence is a logistic function of the distance to the thresholds.
func classify(p float64) (Class, float64) {
	pos := 1 / (1 + math.Exp(-7*(p-positiveFrom)))
	neg := 1 / (1 + math.Exp(-7*(negativeFrom-p)))
	neu := math.Max(0, 1-pos-neg)
	switch {
	case p > positiveFrom:
		return Positive, pos
	case p < negativeFrom:
		return Negative, neg
	}
	return Neutral, math.Max(1.0/3, neu)
}
