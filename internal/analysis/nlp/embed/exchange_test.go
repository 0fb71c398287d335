package embed

import (
	"fmt"
	"maps"
	"testing"
)

// TestExchange: words that stand between the same words get the same class, others do not.
func TestExchange(t *testing.T) {
	t.Parallel()
	var sentences [][]string
	for i := range 60 {
		sentences = append(
			sentences,
			[]string{"el", fmt.Sprint("animal", i%6), "come", "pan"},
			[]string{"en", fmt.Sprint("ciudad", i%5), "llueve", "hoy"},
		)
	}
	words := []string{"el", "en", "come", "llueve", "pan", "hoy"}
	for i := range 6 {
		words = append(words, fmt.Sprint("animal", i))
	}
	for i := range 5 {
		words = append(words, fmt.Sprint("ciudad", i))
	}
	lines, n := numbered(sentences, words)
	class := exchange(lines, n, 9, 20, nil)
	of := map[string]uint16{}
	for i, w := range words {
		of[w] = class[i]
	}
	for i := range 6 {
		if of[fmt.Sprint("animal", i)] != of["animal0"] {
			t.Errorf("animal%d is not with the other animals: %v", i, of)
		}
	}
	for i := range 5 {
		if of[fmt.Sprint("ciudad", i)] != of["ciudad0"] {
			t.Errorf("ciudad%d is not with the other cities: %v", i, of)
		}
	}
	if of["animal0"] == of["ciudad0"] {
		t.Errorf("animals and cities have the same class: %v", of)
	}
}

func TestGroupsAreTheSameEachTime(t *testing.T) {
	t.Parallel()
	var sentences [][]string
	for i := range 200 {
		sentences = append(sentences, []string{"la", fmt.Sprint("a", i%9), "vio", fmt.Sprint("b", i%7), "."})
	}
	o := Options{Dimensions: 8, Window: 2, Negative: 2, Epochs: 1, Least: 1, Fine: 6, Coarse: 2, Classes: [...]int{6, 3, 2}}
	if a, b := Groups(sentences, o), Groups(sentences, o); len(a) == 0 || !maps.Equal(a, b) {
		t.Errorf("two groupings differ: %v, %v", a, b)
	}
}
