package sample

import (
	"testing"
	"time"
)

func BenchmarkArticles(b *testing.B) {
	g, err := New(1, time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC))
	if err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	words := 0
	for a := range g.Articles(b.N) {
		words += a.WordCount
	}
	b.ReportMetric(float64(words)/float64(b.N), "words/article")
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "articles/s")
}
