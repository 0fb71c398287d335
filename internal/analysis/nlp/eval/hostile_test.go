package eval

import (
	"reflect"
	"strings"
	"sync"
	"testing"

	"openlearn/internal/analysis/nlp/morph"
	"openlearn/internal/analysis/nlp/phrases"
	"openlearn/internal/analysis/nlp/readability"
	"openlearn/internal/analysis/nlp/sentiment"
	"openlearn/internal/analysis/nlp/summary"
	"openlearn/internal/analysis/nlp/text"
	"openlearn/internal/analysis/nlp/topic"
	"openlearn/internal/analysis/nlp/vocabulary"
)

// hostile gives inputs that have broken analysers, about n code points long.
func hostile(n int) map[string]string {
	return map[string]string{
		"controls": strings.Repeat("\x00\x01\x1b", n/3), "emoji": strings.Repeat("😂", n), "one word": strings.Repeat("a", n), "broken": strings.Repeat("\xff\xc3", n/2),
		"tags": strings.Repeat("<p>", n/3), "marks": strings.Repeat("\u202e\u200f", n/2), "aunque": strings.Repeat("aunque ", n/7), "no": strings.Repeat("no ", n/3), "pero": strings.Repeat("pero malo ", n/10),
		"phrases": strings.Repeat("pico y ", n/7), "lines": strings.Repeat("a\n\n", n/3), "sentences": strings.Repeat("No. ", n/4), "capitals": strings.Repeat("MUERTE EN CALI ", n/15),
		"numbers": strings.Repeat("5 % más ", n/8), "de": strings.Repeat("casa de ", n/8), "queries": strings.Repeat("select * from x; -- ", n/20),
	}
}

// every runs all the parts on a text.
func every(s string) []any {
	d := text.Analyze(s)
	a := morph.Default().Tag(&d)
	var spans []sentiment.Span
	for i := 0; i < len(d.Tokens); i += 10 {
		spans = append(spans, sentiment.Span{First: i, Last: i + 1})
	}
	return []any{
		sentiment.Analyze(&d), sentiment.Targets(&d, spans), topic.Analyze(&d), readability.Analyze(&d), summary.Analyze(&d, summary.Options{Title: &d}),
		vocabulary.Analyze(&d, &a, vocabulary.Options{}), vocabulary.Colombianisms(&d), phrases.Analyze(&d, &a, 0),
	}
}

func TestHostile(t *testing.T) {
	for name, s := range hostile(50_000) {
		t.Run(name, func(t *testing.T) { every(s) })
	}
}

// The same text gives the same results, even concurrently.
func TestConcurrent(t *testing.T) {
	const s = "El alcalde de Soacha celebró, pero los homicidios subieron un 5 % más. Parce, el trancón fue terrible: «No vamos a permitirlo», dijo el ministro de Defensa."
	want := every(s)
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			for range 5 {
				if got := every(s); !reflect.DeepEqual(got, want) {
					t.Errorf("%+v differs from %+v", got, want)
				}
			}
		})
	}
	wg.Wait()
}

func BenchmarkHostile(b *testing.B) {
	for name := range hostile(1) {
		for _, n := range []int{1_000, 10_000, 100_000} {
			s := hostile(n)[name]
			b.Run(name, func(b *testing.B) {
				for b.Loop() {
					every(s)
				}
				b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/float64(n), "ns/char")
			})
		}
	}
}
