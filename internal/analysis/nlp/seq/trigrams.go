package seq

import (
	"fmt"

	"openlearn/internal/analysis/nlp/pack"
)

// Write adds the weights to a model file.
func (t *Trigrams) Write(out *pack.Writer) {
	for _, w := range t.w {
		out.Float(float64(w))
	}
}

// ReadTrigrams reads what Write wrote.
func ReadTrigrams(in *pack.Reader, labels int) (*Trigrams, error) {
	t := NewTrigrams(labels)
	for i := range t.w {
		t.w[i] = float32(in.Float())
	}
	if err := in.Err(); err != nil {
		return nil, fmt.Errorf("trigrams: %w", err)
	}
	return t, nil
}

// Add adds the weights of another run.
func (t *Trigrams) Add(other *Trigrams) {
	for i, w := range other.w {
		t.w[i] += w
	}
}
