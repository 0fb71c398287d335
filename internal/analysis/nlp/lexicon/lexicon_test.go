package lexicon

import (
	"bytes"
	"compress/gzip"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

const someForms = "# header\nvida\tvida\tNOUN\tFS\nvidas\tvida\tNOUN\tFP\nvid\tvid\tNOUN\tFS\nvida\tvid\tNOUN\tFS\n" +
	"canto\tcantar\tVERB\tIP1S\ncantó\tcantar\tVERB\tIS3S\ncantar\tcantar\tVERB\tN\ncanto\tcanto\tNOUN\tMS\nONG\tONG\tNOUN\tFS\n"

const someFrequencies = "# header\nde\t7.81\nvida\t5.9\nvid\t3.1\nrara\t1.2\n"

func compile(t *testing.T) []byte {
	t.Helper()
	data, err := Compile(strings.NewReader(someForms), strings.NewReader(someFrequencies))
	if err != nil {
		t.Fatal(err)
	}
	return data
}

func TestReadingsAndFrequencies(t *testing.T) {
	t.Parallel()
	l, err := Decode(compile(t))
	if err != nil {
		t.Fatal(err)
	}
	for form, want := range map[string][]Reading{
		"canto": {{"cantar", VERB, "IP1S"}, {"canto", NOUN, "MS"}},
		"cantó": {{"cantar", VERB, "IS3S"}},
		"vidas": {{"vida", NOUN, "FP"}},
		"vida":  {{"vid", NOUN, "FS"}, {"vida", NOUN, "FS"}},
		"cant":  nil, "": nil, "ong": nil,
		strings.Repeat("canto", 100): nil,
	} {
		got := l.Readings(form)
		slices.SortFunc(got, func(a, b Reading) int { return strings.Compare(a.Lemma, b.Lemma) })
		if !slices.Equal(got, want) {
			t.Errorf("%q: %v, want %v", form, got, want)
		}
	}
	if z := l.Zipf("de"); z < 7.75 || z > 7.85 {
		t.Errorf("Zipf(de) = %v", z)
	}
	if z := l.Zipf("rara"); z != 0 {
		t.Errorf("Zipf(rara) = %v", z)
	}
}

func TestSameBytesFromSameData(t *testing.T) {
	t.Parallel()
	if !bytes.Equal(compile(t), compile(t)) {
		t.Error("two compilations differ")
	}
}

func TestDamagedDataIsAnError(t *testing.T) {
	t.Parallel()
	data := compile(t)
	for n := range data {
		if _, err := Decode(data[:n]); err == nil {
			t.Errorf("%d of %d bytes decode", n, len(data))
		}
	}
	for _, bad := range []string{"a\tb\n", "a\tb\tNOPE\tMS\n"} {
		if _, err := Compile(strings.NewReader(bad), strings.NewReader("")); err == nil {
			t.Errorf("%q compiles", bad)
		}
	}
	if _, err := Compile(strings.NewReader(""), strings.NewReader("de\tviel\n")); err == nil {
		t.Error("a frequency that is no number compiles")
	}
}

// TestEmbedded checks that the embedded lexicon is the one made from its data, and that it knows the language.
func TestEmbedded(t *testing.T) {
	t.Parallel()
	l := Default()
	for form, lemma := range map[string]string{"quisieron": "querer", "tradujo": "traducir", "actúa": "actuar", "celulares": "celular", "mujeres": "mujer", "goleó": "golear"} {
		if !slices.ContainsFunc(l.Readings(form), func(r Reading) bool { return r.Lemma == lemma }) {
			t.Errorf("%s: %v", form, l.Readings(form))
		}
	}
	dir := os.Getenv("OPENLEARN_DATA")
	if dir == "" || testing.Short() {
		t.Skip("OPENLEARN_DATA is not set: the embedded lexicon is not compared with its data")
	}
	data, err := Compile(unzip(t, filepath.Join(dir, "data/nlp/lemma/rla_es/forms.tsv.gz")), unzip(t, filepath.Join(dir, "data/nlp/frequency/wordfreq_es.tsv.gz")))
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(data, embedded) {
		t.Error("lexicon.bin is not what its data give: run openlearn nlp train")
	}
}

func unzip(t *testing.T, file string) io.Reader {
	t.Helper()
	f, err := os.Open(file)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = f.Close() })
	z, err := gzip.NewReader(f)
	if err != nil {
		t.Fatal(err)
	}
	return z
}

func BenchmarkReadings(b *testing.B) {
	l := Default()
	words := strings.Fields("la fiscalía imputó cargos a tres exfuncionarios por presunto sobrecosto en contrato de alimentación escolar xyzzyx")
	var buf []Reading
	for b.Loop() {
		for _, w := range words {
			buf = l.Append(buf[:0], w)
		}
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*len(words)), "ns/word")
}

func BenchmarkDecode(b *testing.B) {
	for b.Loop() {
		if _, err := Decode(embedded); err != nil {
			b.Fatal(err)
		}
	}
}
