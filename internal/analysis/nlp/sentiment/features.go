package sentiment

import (
	"math"

	"openlearn/internal/analysis/nlp/text"
)

// Features adds the values from the lexicon and the rules to f, for a classifier trained in a domain.
func Features(d *text.Document, f map[string]float32) {
	t := embedded()
	good, bad, last, n := 0.0, 0.0, 0.0, 0.0
	for _, s := range d.Sentences {
		cells := t.cells(d.In(s))
		raw := make([]float64, len(cells))
		for i := range cells {
			raw[i] = cells[i].value
		}
		rules(cells)
		for i := range cells {
			v := cells[i].value
			switch {
			case v > 0.3:
				good += v
				f["l:+"]++
			case v < -0.3:
				bad -= v
				f["l:-"]++
			}
			if v != 0 {
				last = v
				n++
			}
			if cells[i].role&(up|down) != 0 && math.Abs(v) >= trend {
				f["l:trend"+sign01(v)]++
			}
		}
	}
	f["=good"] = float32(math.Tanh(good / 3))
	f["=bad"] = float32(math.Tanh(bad / 3))
	f["=sum"] = float32(math.Tanh((good - bad) / 3))
	f["=last"] = float32(math.Tanh(last / 2))
	if n == 0 {
		f["=none"] = 1
	}
	r := t.analyze(d)
	f["=polarity"] = float32(r.Polarity)
	f["=subjective"] = float32(r.Subjectivity)
	f["="+string(r.Class)] = 1
}

func sign01(v float64) string {
	if v > 0 {
		return "+"
	}
	return "-"
}
