package nlp

import (
	"encoding/json"
	"fmt"
	"strings"
	"sync"
	"testing"
)

const sample = "El presidente Gustavo Petro anunció en Soacha una inversión de $2,3 billones. «No vamos a ceder», dijo Petro el 12 de mayo de 2024."

func TestAskedPartsOnly(t *testing.T) {
	t.Parallel()
	if a := Analyze(sample, Request{Parts: Sentiment}); a.Words != nil || a.Names != nil || a.Difficulty != nil || a.Sentiment == nil {
		t.Errorf("asked for sentiment alone: %+v", a)
	}
	a := Analyze(sample, Request{Parts: All})
	if a.Words == nil || a.Names == nil || a.Difficulty == nil || len(a.Targets) != len(a.Names.Entities) || len(a.Names.Values) != 2 {
		t.Errorf("asked for all: %+v", a.Names)
	}
	if _, err := json.Marshal(a.View()); err != nil {
		t.Error(err)
	}
}

func TestSameFromManyGoroutines(t *testing.T) {
	t.Parallel()
	want, _ := json.Marshal(viewOf(sample))
	var wg sync.WaitGroup
	for i := range 8 {
		wg.Go(func() {
			viewOf(strings.Repeat("Otra frase de Cali. ", i*20)) // other texts use the same scratch space
			if got, _ := json.Marshal(viewOf(sample)); string(got) != string(want) {
				t.Errorf("differs:\n%s\n%s", got, want)
			}
		})
	}
	wg.Wait()
}

func viewOf(s string) View {
	a := Analyze(s, Request{Parts: All})
	return a.View()
}

// hostile gives texts of kinds that have made analysers slow or wrong.
func hostile(n int) map[string]string {
	return map[string]string{
		"word": strings.Repeat("a", n), "emoji": strings.Repeat("👍🏽", n/2), "capitals": strings.Repeat("Ab ", n/3), "names": strings.Repeat("Petro, ", n/7),
		"acronyms": strings.Repeat("ONU (ONU) ", n/10), "tags": strings.Repeat("<p>", n/3), "controls": strings.Repeat("\x00\u202e", n/2), "bad": strings.Repeat("\xff", n),
		"numbers": strings.Repeat("mil ", n/4), "money": strings.Repeat("$1 ", n/3), "select": strings.Repeat("select * from users; ", n/21), "marks": "a" + strings.Repeat("\u0301", n),
		"connected": strings.Repeat("Ana de la ", n/10), "quotes": strings.Repeat("\"Ana ", n/5), "shout": strings.Repeat("GRAN CAÍDA DEL DÓLAR ", n/21), "surnames": names(n),
	}
}

// names makes names of different persons with the same surname.
func names(n int) string {
	var b strings.Builder
	for i := 0; b.Len() < n; i++ {
		fmt.Fprintf(&b, "Habló Ana%c%c%c Gómez. ", 'a'+i%26, 'a'+i/26%26, 'a'+i/676%26)
	}
	return b.String()
}

func TestHostile(t *testing.T) {
	t.Parallel()
	for name, in := range hostile(20_000) {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			a := Analyze(in, Request{Parts: All})
			a.View()
		})
	}
}

func FuzzAnalyze(f *testing.F) {
	f.Add(sample)
	f.Add("CAPTURAN EN SOACHA A DOS HOMBRES\n\x00<p>&nbsp;👍🏽\u202e")
	f.Fuzz(func(t *testing.T, s string) {
		a := Analyze(s, Request{Parts: All})
		a.View()
	})
}

func BenchmarkAnalyze(b *testing.B) {
	for _, n := range []int{1_000, 10_000, 100_000} {
		in := strings.Repeat(sample+" ", n/len([]rune(sample))+1)
		words := 0
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			for b.Loop() {
				a := Analyze(in, Request{Parts: All})
				words = a.Document.Words
			}
			b.ReportMetric(float64(words)*float64(b.N)/b.Elapsed().Seconds(), "words/s")
		})
	}
}
