package corpus

import (
	"errors"
	"reflect"
	"strings"
	"testing"
)

// TestTokensRefuseWhatIsNotCoNLL: a text would give the first word of each line.
func TestTokensRefuseWhatIsNotCoNLL(t *testing.T) {
	t.Parallel()
	for what, in := range map[string]string{
		"one line":     "El alcalde de Bogotá habló ayer en el Concejo.\n",
		"two words":    "Hola mundo\n",
		"a paragraph":  "El alcalde de Bogotá habló ayer.\nLa ministra viajó a Cali.\n\nNadie respondió.\n",
		"equal widths": "El alcalde habló ayer.\nLa ministra viajó hoy.\n",
		"CoNLL-U":      "# text = La casa\n1\tLa\tel\tDET\t_\t_\t2\tdet\t_\t_\n2\tcasa\tcasa\tNOUN\t_\t_\t0\troot\t_\t_\n\n",
		"JSON":         `{"title": "El puente", "text": "La alcaldesa abrió el puente."}`,
		"TSV":          "x\tEl equipo ganó el partido.\ny\tMurieron tres personas en Cali.\n",
	} {
		if got, err := Tokens(strings.NewReader(in)); !errors.Is(err, ErrNotCoNLL) || strings.Contains(err.Error(), "\n") {
			t.Errorf("%s: %q, %v", what, got, err)
		}
	}
	want := [][]string{{"El", "alcalde", "habló"}, {"Cali", "."}}
	for what, in := range map[string]string{
		"tokens alone":  "El\nalcalde\nhabló\n\nCali\n.\n",
		"CRLF":          "El O\r\nalcalde O\r\nhabló O\r\n\r\nCali B-LOC\r\n. O\r\n",
		"tabs":          "El\tDA\tO\nalcalde\tNC\tO\nhabló\tVMI\tO\n\nCali\tNP\tB-LOC\n.\tFp\tO\n",
		"tags in small": "El da0ms0\nalcalde ncms000\nhabló vmis3s0\n\nCali np00000\n. fp\n",
		"no tags":       "El _\nalcalde _\nhabló _\n\nCali _\n. _\n",
		"universal":     "El DET\nalcalde NOUN\nhabló VERB\n\nCali PROPN\n. PUNCT\n",
	} {
		if got, err := Tokens(strings.NewReader(in)); err != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("%s: %q, %v", what, got, err)
		}
	}
	marked := "-DOCSTART- -X- O O\n\nEl DA B O\n2026 Z B O\n10\u00a0000 Z B O\n"
	if got, err := Tokens(strings.NewReader(marked)); err != nil || len(got) != 2 {
		t.Errorf("%q, %v", got, err)
	}
	if got, err := Tokens(strings.NewReader("\n")); err != nil || got != nil {
		t.Errorf("nothing: %q, %v", got, err)
	}
}
