package linear

import (
	"slices"
	"strings"
	"testing"
)

func bagOf(s string) map[string]float32 {
	m := map[string]float32{}
	for _, w := range strings.Fields(s) {
		m[w]++
	}
	return m
}

// Texts on one subject are near each other even if they share no word, and far from those on another.
func TestLSA(t *testing.T) {
	var texts []map[string]float32
	for range 3 {
		for _, s := range []string{
			"gol partido árbitro", "partido cancha gol", "cancha árbitro hinchas", "hinchas gol entrenador",
			"banco tasa interés", "interés inflación banco", "inflación tasa emisor", "emisor banco crédito", "juez fallo", "fallo tutela", "tutela juez",
		} {
			texts = append(texts, bagOf(s))
		}
	}
	l := NewLSA(texts, 3, 2)
	near := func(a, b string) float64 {
		x, y := l.Project(bagOf(a)), l.Project(bagOf(b))
		s := 0.0
		for i := range x {
			s += float64(x[i]) * float64(y[i])
		}
		return s
	}
	if same, other := near("partido árbitro", "hinchas cancha"), near("partido árbitro", "tasa crédito"); same < 0.8 || other > 0.2 {
		t.Errorf("%.2f on the same subject, %.2f on another", same, other)
	}
	if l.Project(bagOf("nada conocido")) != nil {
		t.Error("unknown words have a vector")
	}
	if again := NewLSA(texts, 3, 2); !slices.Equal(again.vectors, l.vectors) {
		t.Error("not the same twice")
	}
}
