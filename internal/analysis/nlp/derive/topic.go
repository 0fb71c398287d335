package derive

import (
	"math"
	"slices"
	"strings"
	"unicode/utf8"

	"openlearn/internal/analysis/nlp/linear"
	"openlearn/internal/analysis/nlp/text"
	"openlearn/internal/analysis/nlp/topic"
)

// topicOf maps the labels of the texts that ship to the taxonomy.
var topicOf = map[string]string{
	"economy": "economy", "education": "education", "entertainment": "entertainment", "health": "health", "politics": "politics", "science": "science",
	"security": "security", "society": "society", "sport": "sports", "sports": "sports", "science/technology": "science", "travel": "tourism",
}

// How the lists and the learned weights are balanced.
const (
	seedWeight    = 2.0
	learntWeight  = 0.1
	learntTexts   = 4    // a learned word occurs in at least this many texts
	learntLeast   = 0.06 // smaller weights are left out
	sharedTopics  = 0.8  // a word of several topics counts less for each
	seedIDFCommon = 5.2  // Zipf from which a seed word is too common to say much
)

// Topic makes the model of package topic from its own lists, the fake-news corpus's topics and SIB-200.
func (d *Data) Topic() ([]byte, error) {
	names, weights, err := d.seedTopics()
	if err != nil {
		return nil, err
	}
	learnt, err := d.learnTopics(names)
	if err != nil {
		return nil, err
	}
	for w, r := range learnt {
		most := 0.0
		for _, v := range r {
			most = max(most, math.Abs(v))
		}
		if most < learntLeast {
			continue
		}
		if weights[w] == nil {
			weights[w] = make([]float64, len(names))
		}
		for k, v := range r {
			weights[w][k] += v
		}
	}
	return topic.Encode(names, weights)
}

// SeedTopics makes a model from the lists alone, for proofs on texts on which the shipped model was trained.
func (d *Data) SeedTopics() (*topic.Model, error) {
	names, weights, err := d.seedTopics()
	if err != nil {
		return nil, err
	}
	b, err := topic.Encode(names, weights)
	if err != nil {
		return nil, err
	}
	return topic.Decode(b)
}

func (d *Data) seedTopics() (names []string, weights map[string][]float64, err error) {
	names, lists, err := topic.ParseSeeds()
	if err != nil {
		return nil, nil, err
	}
	m, err := d.morphology()
	if err != nil {
		return nil, nil, err
	}
	zipf, err := d.frequency()
	if err != nil {
		return nil, nil, err
	}
	weights = map[string][]float64{}
	row := func(w string) []float64 {
		if weights[w] == nil {
			weights[w] = make([]float64, len(names))
		}
		return weights[w]
	}
	for k, name := range names {
		for _, seed := range lists[name] {
			forms := []string{seed}
			if !strings.Contains(seed, "_") {
				for _, f := range m.forms[seed] {
					if best := m.bestLemmas(f, zipf); !m.function(f) && best[0] == seed && zipf[f] > 1.5 {
						forms = append(forms, f)
					}
				}
			}
			for _, f := range forms {
				row(f)[k] = seedWeight * max(0.3, min(1, (seedIDFCommon+0.8-zipf[f])/1.6))
			}
		}
	}
	for _, r := range weights {
		n := 0.0
		for _, v := range r {
			if v > 0 {
				n++
			}
		}
		for k := range r {
			r[k] /= math.Pow(n, sharedTopics)
		}
	}
	return names, weights, nil
}

// learnTopics trains a classifier on the texts and returns its weights of words.
func (d *Data) learnTopics(names []string) (map[string][]float64, error) {
	var bags []map[string]float32
	var labels []int
	for _, file := range []string{"topic/faketopic.train.tsv", "topic/sib200_es.train.tsv"} {
		err := d.lines(file, func(f []string) {
			k := slices.Index(names, topicOf[f[0]])
			if k < 0 || len(f) < 2 {
				return
			}
			doc := text.Analyze(f[1])
			bag := map[string]float32{}
			for i := range doc.Tokens {
				if t := &doc.Tokens[i]; t.Kind == text.Word && utf8.RuneCountInString(t.Lower) > 2 && len(t.Lower) < 40 {
					bag[t.Lower]++
				}
			}
			bags, labels = append(bags, bag), append(labels, k)
		})
		if err != nil {
			return nil, err
		}
	}
	space := linear.NewSpace(bags, learntTexts)
	vectors := make([]linear.Vector, len(bags))
	for i := range bags {
		vectors[i] = space.Vector(bags[i])
	}
	model := linear.Train(vectors, labels, space.Len(), len(names), linear.Options{Epochs: 8, L2: 1e-4, Rate: 0.2})
	seen := make([]bool, len(names))
	for _, k := range labels {
		seen[k] = true
	}
	out := map[string][]float64{}
	for w, v := range space.Weighted(model) {
		for k := range v {
			// In this corpus "society" is the class for everything else.
			if v[k] *= learntWeight; !seen[k] || names[k] == "society" {
				v[k] = 0
			}
		}
		out[w] = v
	}
	return out, nil
}
