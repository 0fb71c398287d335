package readability

import (
	_ "embed"
	"sync"

	"openlearn/internal/analysis/nlp/pack"
)

//go:embed calibration.bin
var packed []byte

const format = "readability 2"

// calibrated is the embedded model, trained on the project's own graded texts and decoded at the first call.
var calibrated = sync.OnceValue(func() *Model {
	m, err := Decode(packed)
	if err != nil {
		panic("readability: the embedded calibration is damaged: " + err.Error()) // a broken build, found by any test
	}
	return m
})

// Encode packs a model.
func (m *Model) Encode() ([]byte, error) {
	var w pack.Writer
	for k := range m.Mean {
		w.Float(m.Mean[k])
		w.Float(m.Scale[k])
	}
	for _, s := range m.Steps {
		w.Float(s.Bias)
		w.Float(s.Center)
		w.Float(s.Gap)
		for _, v := range s.Weights {
			w.Float(v)
		}
	}
	return w.Pack(format)
}

// Decode unpacks what Encode packed.
func Decode(packed []byte) (*Model, error) {
	r, err := pack.Open(packed, format)
	if err != nil {
		return nil, err
	}
	m := &Model{}
	for k := range m.Mean {
		m.Mean[k], m.Scale[k] = r.Float(), r.Float()
	}
	for k := range m.Steps {
		s := &m.Steps[k]
		s.Bias, s.Center, s.Gap = r.Float(), r.Float(), r.Float()
		for i := range s.Weights {
			s.Weights[i] = r.Float()
		}
	}
	return m, r.Err()
}
