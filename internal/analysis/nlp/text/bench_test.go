package text

import (
	"fmt"
	"strings"
	"testing"
)

const prose = "La Fiscalía General de la Nación imputó cargos a tres exfuncionarios por $4.118,50 millones. «No vamos a permitirlo», dijo el Dr. Gómez el 12/05/2024. "

func BenchmarkAnalyze(b *testing.B) {
	for _, n := range []int{1_000, 10_000, 100_000} {
		in := strings.Repeat(prose, n/len([]rune(prose))+1)
		words := Analyze(in).Words
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			b.SetBytes(int64(len(in)))
			b.ReportAllocs()
			for b.Loop() {
				Analyze(in)
			}
			b.ReportMetric(float64(words)*float64(b.N)/b.Elapsed().Seconds(), "words/s")
		})
	}
}

func BenchmarkHostile(b *testing.B) {
	for name := range hostile(1) {
		for _, n := range []int{10_000, 100_000} {
			b.Run(fmt.Sprint(name, "/", n), func(b *testing.B) {
				in := hostile(n)[name]
				for b.Loop() {
					Analyze(in)
				}
			})
		}
	}
}
