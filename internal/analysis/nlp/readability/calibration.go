package readability

import (
	_ "embed"
	"sync"

	"openlearn/internal/analysis/nlp/pack"
)

//go:embed calibration.bin
var packed []byte

const format = "readability 1"

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
	w.Float(m.Bias)
	for k := range m.Weights {
		w.Float(m.Mean[k])
		w.Float(m.Scale[k])
		w.Float(m.Weights[k])
	}
	return w.Pack(format)
}

// Decode unpacks what Encode packed.
func Decode(packed []byte) (*Model, error) {
	r, err := pack.Open(packed, format)
	if err != nil {
		return nil, err
	}
	m := &Model{Bias: r.Float()}
	for k := range m.Weights {
		m.Mean[k], m.Scale[k], m.Weights[k] = r.Float(), r.Float(), r.Float()
	}
	return m, r.Err()
}
