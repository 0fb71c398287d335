package seq

import (
	"slices"
	"testing"
)

// TestAdd: many features at once add up to what they give one by one, unknown ones give nothing.
func TestAdd(t *testing.T) {
	t.Parallel()
	const labels = 5
	f := NewFeatures()
	var known []uint64
	for i := range 500 {
		known = append(known, Feature(i%7, uint64(i)))
	}
	numbers := f.Add(known)
	dense := make([]float32, f.Len()*labels)
	for k := range dense {
		dense[k] = float32(k%23-11) / 8
	}
	w := Sparse(f, dense, labels, 0.01)
	var features []uint64
	var want [labels]int32
	exact := make([]float64, labels)
	for i := range 150 {
		features = append(features, known[i*3%500], Feature(9, uint64(i)))
		w.Add(want[:], known[i*3%500:][:1])
		for l := range labels {
			exact[l] += float64(dense[int(numbers[i*3%500])*labels+l])
		}
	}
	var got [labels]int32
	w.Add(got[:], features)
	if got != want {
		t.Errorf("%v at once, %v one by one", got, want)
	}
	for l, v := range got {
		if d := float64(float32(v)*w.Scale()) - exact[l]; d < -1 || d > 1 {
			t.Errorf("label %d: %f, exactly %f", l, float32(v)*w.Scale(), exact[l])
		}
	}
}

// TestDropout: weights trained with dropout are the same each time and do not lean on one of two equal features.
func TestDropout(t *testing.T) {
	t.Parallel()
	train := func(dropout float64) ([]float32, *Features) {
		f := NewFeatures()
		var examples []Tagged
		for i := range 200 {
			y := uint8(i % 2)
			fs := []uint64{Feature(0, uint64(y)), Feature(1, uint64(i%9))}
			if i%4 < 2 {
				fs = append(fs, Feature(2, uint64(y)))
			}
			examples = append(examples, Tagged{Features: [][]int32{f.Add(fs)}, Gold: []uint8{y}})
		}
		dense, _ := CRF(examples, f, CRFOptions{
			Labels: 2, Epochs: 5, Rate: 0.1, L2: 0.1, Dropout: dropout, Progress: func(int, float64) {},
			Allowed: Allowed{Next: []bool{true, true, true, true}, First: []bool{true, true}},
		})
		return dense, f
	}
	weight := func(dropout float64) float32 {
		dense, f := train(dropout)
		n := f.Add([]uint64{Feature(2, 1)})[0]
		return dense[n*2+1] / dense[f.Add([]uint64{Feature(0, 1)})[0]*2+1]
	}
	a, _ := train(0.6)
	b, _ := train(0.6)
	if !slices.Equal(a, b) {
		t.Error("two trainings with dropout differ")
	}
	if with, without := weight(0.6), weight(0); with <= without {
		t.Errorf("the rarer feature has %.2f of the weight of the other with dropout, %.2f without", with, without)
	}
}
