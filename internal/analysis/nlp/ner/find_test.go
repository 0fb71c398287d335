package ner

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"openlearn/internal/analysis/nlp/morph"
	"openlearn/internal/analysis/nlp/text"
)

func find(s string, o Options) (*text.Document, Result) {
	d := text.Analyze(s)
	d.Recase(Default().Casing)
	words := morph.Default().Tag(&d)
	return &d, Default().Find(&d, &words, o)
}

func TestFind(t *testing.T) {
	t.Parallel()
	for in, want := range map[string][]string{
		"CAPTURAN EN SOACHA A DOS HOMBRES POR HURTO DE CELULARES":                 {"SOACHA LOC municipality 25754"},
		"En Nariño, el senador Bolívar recordó que Antonio Nariño tradujo mucho.": {"Nariño LOC department 52", "Bolívar PER official", "Antonio Nariño PER"},
		"El Junior goleó al Nacional y su hinchada celebró.":                      {"Junior ORG club", "Nacional ORG club"},
		"El Dr. Gómez vive cerca del Sr. Ruiz.":                                   {"Gómez PER", "Ruiz PER"},
		"El ELN liberó a dos soldados en Arauquita, Arauca.":                      {"ELN ORG armed_group", "Arauquita LOC municipality 81065", "Arauca LOC department 81"},
		"Parce, el man cobró veinte lucas. ¡Mijo, venga! Marica, qué trancón.":    nil,
		"Como no llovía, caminaron como siempre hasta la casa.":                   nil,
	} {
		_, r := find(in, Options{})
		var got []string
		for _, e := range r.Entities {
			got = append(got, strings.Join(strings.Fields(fmt.Sprintf("%s %s %s %s", e.Text, e.Type, e.Class, e.Code)), " "))
		}
		if !slices.Equal(got, want) {
			t.Errorf("%s\n got %q\nwant %q", in, got, want)
		}
	}
}

func TestMentionsAreLinked(t *testing.T) {
	t.Parallel()
	_, r := find("El presidente Gustavo Petro habló en Bogotá. Petro dijo que la Fiscalía General de la Nación miente. El presidente insistió y la Fiscalía calló.", Options{Published: time.Date(2024, 5, 1, 0, 0, 0, 0, time.UTC)})
	for _, c := range r.Chains {
		switch c.Name {
		case "Gustavo Petro", "Gustavo Petro Urrego":
			if len(c.Mentions) != 2 || len(c.Nominal) != 1 || c.Class != "official" {
				t.Errorf("%+v", c)
			}
		case "Fiscalía General de la Nación":
			if len(c.Mentions) != 2 || c.Class != "institution" {
				t.Errorf("%+v", c)
			}
		case "Bogotá":
		default:
			t.Errorf("unexpected %+v", c)
		}
	}
	if len(r.Chains) != 3 {
		t.Errorf("%d chains: %+v", len(r.Chains), r.Chains)
	}
}

func TestOffsetsAreOfTheOriginal(t *testing.T) {
	t.Parallel()
	in := "👍🏽 El alcalde de Bogota\u0301, Carlos Galán, habló."
	_, r := find(in, Options{})
	points := []rune(in)
	for _, e := range r.Entities {
		if got := text.Analyze(string(points[e.Start:e.End])).Text; got != e.Text {
			t.Errorf("%q stands at %q", e.Text, got)
		}
	}
	if len(r.Entities) == 0 {
		t.Error("no names")
	}
}

func FuzzFind(f *testing.F) {
	f.Add("El Dr. Gómez (Cra. 7) y el presidente Petro, de la ONU (Organización), en Nariño, Antioquia: $2,3 billones")
	f.Add(strings.Repeat("Petro de la ", 30) + "\xff\u0301 EL ELN Y LA ONU EN CALI")
	f.Fuzz(func(t *testing.T, s string) {
		d, r := find(s, Options{Published: time.Date(2024, 5, 1, 0, 0, 0, 0, time.UTC)})
		last := 0
		for _, e := range r.Entities {
			if e.First < last || e.Last <= e.First || e.Last > len(d.Tokens) || e.Chain < 0 || e.Chain >= len(r.Chains) || e.Text == "" {
				t.Fatalf("%q: %+v", s, e)
			}
			last = e.Last
		}
		n := 0
		for _, c := range r.Chains {
			n += len(c.Mentions)
		}
		if n != len(r.Entities) {
			t.Fatalf("%q: %d mentions of %d in chains", s, n, len(r.Entities))
		}
	})
}

func TestDamagedModelIsAnError(t *testing.T) {
	t.Parallel()
	for _, n := range []int{0, 10, len(embedded) / 2, len(embedded) - 1} {
		if _, err := Decode(embedded[:n], nil); err == nil {
			t.Errorf("%d of %d bytes decode", n, len(embedded))
		}
	}
}
