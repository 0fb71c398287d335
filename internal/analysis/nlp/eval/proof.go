package eval

import (
	"errors"
	"fmt"
	"io/fs"
	"math"

	"openlearn/internal/analysis/nlp/linear"
	"openlearn/internal/analysis/nlp/text"
)

// classifier is the engine trained in a domain: several views of a text, a logistic regression on each, averaged.
type classifier struct {
	views  []view
	labels []string
}

type view struct {
	features func(*text.Document) map[string]float32
	space    *linear.Space
	model    *linear.Model
}
type viewSpec struct {
	features func(*text.Document) map[string]float32
	minimum  int
	options  linear.Options
	// prior, if set, makes the regularisation prior / number of texts: the fewer texts, the stronger.
	prior float64
}

func trainClassifier(docs []*text.Document, labels []string, order []string, specs []viewSpec, balance float64) *classifier {
	c := &classifier{labels: order}
	ids := make([]int, len(labels))
	counts := make([]float64, len(order))
	for i, l := range labels {
		for k, o := range order {
			if o == l {
				ids[i] = k
			}
		}
		counts[ids[i]]++
	}
	weights := make([]float64, len(order))
	for k := range weights {
		weights[k] = math.Pow(float64(len(labels))/float64(len(order))/max(1, counts[k]), balance)
	}
	for _, spec := range specs {
		bags := make([]map[string]float32, len(docs))
		for i, d := range docs {
			bags[i] = spec.features(d)
		}
		space := linear.NewSpace(bags, spec.minimum)
		vectors := make([]linear.Vector, len(bags))
		for i := range bags {
			vectors[i] = space.Vector(bags[i])
		}
		o := spec.options
		if spec.prior > 0 {
			o.L2 = spec.prior / float64(len(docs))
		}
		o.ClassWeights = weights
		c.views = append(c.views, view{spec.features, space, linear.Train(vectors, ids, space.Len(), len(order), o)})
	}
	return c
}

func (c *classifier) probabilities(d *text.Document) []float64 {
	sum := make([]float64, len(c.labels))
	for _, v := range c.views {
		for k, p := range linear.Probabilities(v.model.Scores(v.space.Vector(v.features(d)))) {
			sum[k] += p / float64(len(c.views))
		}
	}
	return sum
}

func (c *classifier) label(d *text.Document) string {
	p := c.probabilities(d)
	best := 0
	for k := range p {
		if p[k] > p[best] {
			best = k
		}
	}
	return c.labels[best]
}

// proof scores the classifier on path.test.tsv, trained on path.train.tsv; or by cross-validation if there is no test part.
func proof(path string, specs []viewSpec, balance float64, folds int) (s Scores, how string, err error) {
	train, err := ReadTSV(path + ".train.tsv")
	if err != nil {
		return s, "", err
	}
	test, err := ReadTSV(path + ".test.tsv")
	if errors.Is(err, fs.ErrNotExist) {
		return crossValidate(train, specs, balance, folds), fmt.Sprintf("%d folds of %d texts", folds, len(train)), nil
	}
	if err != nil {
		return s, "", err
	}
	order, docs := prepare(train)
	labels := make([]string, len(train))
	for i := range train {
		labels[i] = train[i].Label
	}
	c := trainClassifier(docs, labels, order, specs, balance)
	var gold, guess []string
	for _, x := range test {
		d := text.Analyze(x.Text)
		gold, guess = append(gold, x.Label), append(guess, c.label(&d))
	}
	return Score(gold, guess), fmt.Sprintf("%d held-out texts", len(test)), nil
}

// prepare analyses texts and lists their labels in the order of their first occurrence.
func prepare(set []Labelled) (order []string, docs []*text.Document) {
	seen := map[string]bool{}
	for _, x := range set {
		d := text.Analyze(x.Text)
		docs = append(docs, &d)
		if !seen[x.Label] {
			seen[x.Label] = true
			order = append(order, x.Label)
		}
	}
	return order, docs
}

// crossValidate scores every text with a classifier trained without the text's fold.
func crossValidate(set []Labelled, specs []viewSpec, balance float64, folds int) Scores {
	order, docs := prepare(set)
	once := make([]viewSpec, len(specs)) // each text is in all folds
	for i, s := range specs {
		bags := make(map[*text.Document]map[string]float32, len(docs))
		for _, d := range docs {
			bags[d] = s.features(d)
		}
		once[i] = s
		once[i].features = func(d *text.Document) map[string]float32 { return bags[d] }
	}
	specs = once
	var gold, guess []string
	for f := range folds {
		var train []*text.Document
		var labels []string
		for i := range set {
			if i%folds != f {
				train = append(train, docs[i])
				labels = append(labels, set[i].Label)
			}
		}
		c := trainClassifier(train, labels, order, specs, balance)
		for i := f; i < len(set); i += folds {
			gold = append(gold, set[i].Label)
			guess = append(guess, c.label(docs[i]))
		}
	}
	return Score(gold, guess)
}
