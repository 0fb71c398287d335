package corpus

import (
	"slices"
	"strings"
	"testing"
)

func TestDocuments(t *testing.T) {
	t.Parallel()
	sentences := func(lines ...string) (out [][]string) {
		for _, l := range lines {
			out = append(out, strings.Fields(l))
		}
		return out
	}
	for name, c := range map[string]struct {
		in     [][]string
		window int
		want   []int
	}{
		"datelines":         {sentences("Bogotá , 12 may ( EFE ) .", "-", "Uno .", "Cali ( Colombia ) , 3 jun ( AFP ) .", "Dos .", "Tres ."), 2, []int{3, 6}},
		"marks":             {sentences("-DOCSTART- O", "Uno .", "Dos .", "-DOCSTART- O", "Tres ."), 2, []int{3, 5}},
		"windows":           {sentences("Uno .", "Dos .", "Tres ( y ) .", "Cuatro .", "Cinco ."), 2, []int{2, 4, 5}},
		"single sentences":  {sentences("Bogotá , 12 may ( EFE ) .", "Uno ."), 1, []int{1, 2}},
		"an acronym inside": {sentences("El Dane ( DANE ) habló .", "Uno .", "Dos ."), 3, []int{3}},
		"nothing":           {nil, 25, nil},
	} {
		if got := Documents(c.in, c.window); !slices.Equal(got, c.want) {
			t.Errorf("%s: %v, want %v", name, got, c.want)
		}
	}
	var long [][]string
	for range maxDocument + 5 {
		long = append(long, []string{"Uno", "."})
	}
	long[0] = []string{"-DOCSTART-"}
	if got := Documents(long, 25); !slices.Equal(got, []int{maxDocument, maxDocument + 5}) {
		t.Errorf("a long document: %v", got)
	}
}
