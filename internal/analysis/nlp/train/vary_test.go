package train

import (
	"math/rand/v2"
	"strings"
	"testing"

	"openlearn/internal/analysis/nlp/ner"
)

func form(m marked) string {
	var b strings.Builder
	for _, p := range m {
		b.WriteString(p.text)
	}
	return b.String()
}

// TestBare: a sentence loses commas and brackets outside its names, and no name.
func TestBare(t *testing.T) {
	t.Parallel()
	m, err := parseMarked("El {ORG Banco Agrario} ({ORG BA}), en {LOC Cali}, y {ORG Grupo X, S.A.} ganaron.")
	if err != nil {
		t.Fatal(err)
	}
	b, changed := m.bare()
	if want := "El Banco Agrario BA en Cali y Grupo X, S.A. ganaron."; form(b) != want || !changed {
		t.Errorf("%q, want %q", form(b), want)
	}
	if form(m) != "El Banco Agrario (BA), en Cali, y Grupo X, S.A. ganaron." {
		t.Errorf("the sentence itself changed: %q", form(m))
	}
	if _, changed := b[:3].bare(); changed {
		t.Error("a bare sentence changes again")
	}
}

// TestVary: names are replaced by names of the same kind, everything else stays.
func TestVary(t *testing.T) {
	t.Parallel()
	lists := ner.NewGazetteer()
	if err := lists.AddWorld("country: Perú|Chile|Cuba\ncompany: Ecopetrol|Terpel\nmedia: El País|La Voz\nperson: Ana Karenina"); err != nil {
		t.Fatal(err)
	}
	pools := newPools(lists)
	pools.given, pools.last = []string{"Rosa"}, []string{"Mora"}
	s, err := parseMarked("{PER Luis de la Paz} voló de {LOC Perú} a {LOC Tolú} con {ORG Terpel}, dijo {ORG El País} a {PER Gil}.")
	if err != nil {
		t.Fatal(err)
	}
	rng := rand.New(rand.NewPCG(1, 1))
	companies := map[string]bool{}
	for range 100 {
		v, changed := pools.vary(s, rng)
		if !changed {
			t.Fatal("nothing changed")
		}
		switch v[0].text {
		case "Rosa de la Mora", "Ana Karenina":
		default:
			t.Fatalf("person %q", v[0].text)
		}
		if lists.Lookup(strings.ToLower(v[2].text)) == nil || v[4].text != "Tolú" || v[10].text != "Mora" {
			t.Fatalf("%q", form(v))
		}
		companies[v[6].text] = true
		for i, p := range v {
			if p.kind != s[i].kind || p.kind == "" && p.text != s[i].text {
				t.Fatalf("piece %d became %v", i, p)
			}
		}
	}
	if len(companies) < 10 {
		t.Errorf("only %d companies; none is invented", len(companies))
	}
}

// TestWindows: no sentence is lost, and originals stay alone.
func TestWindows(t *testing.T) {
	t.Parallel()
	var in []ner.Example
	for i := range 60 {
		e := ner.Example{Sentences: [][]string{{"a"}}, Tags: [][]string{{"O"}}, Weight: 1}
		if i%3 == 0 {
			e.Weight = ownWeight
		}
		in = append(in, e)
	}
	sentences, joined := 0, 0
	for _, e := range windows(in) {
		sentences += len(e.Sentences)
		if len(e.Sentences) > 1 {
			joined++
			if e.Weight != 1 {
				t.Error("an original is in a window")
			}
		}
	}
	if sentences != 60 || joined < 1 {
		t.Errorf("%d sentences of 60, %d windows", sentences, joined)
	}
}
