package eval

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path/filepath"
	"runtime"
	"syscall"
	"time"

	"openlearn/internal/analysis/nlp"
	"openlearn/internal/analysis/nlp/morph"
	"openlearn/internal/analysis/nlp/ner"
	"openlearn/internal/analysis/nlp/train"
)

// articlesFile is where the collected articles are, seen from the nlp folder.
const articlesFile = "../news/articles.jsonl"

// Table measures the engine and prints the figures; with proof it also trains on research data, which takes minutes.
func Table(w io.Writer, data string, proof bool, progress train.Progress) error {
	fmt.Fprintf(w, "models %s\n", nlp.ModelVersion())
	if err := speed(w, data); err != nil { // first, while no model is loaded
		return err
	}
	for _, bank := range []string{"es_ancora-ud-dev", "es_gsd-ud-dev"} {
		upos, lemma, err := Morphology(morph.Default(), filepath.Join(data, "pos", bank+".conllu"))
		if err != nil {
			return err
		}
		fmt.Fprintf(w, "%-34s UPOS %.2f  lemma %.2f\n", bank, upos, lemma)
	}
	testa, err := ReadNames(filepath.Join(data, "ner", "esp.testa"), documentSentences)
	if err != nil {
		return err
	}
	printNames(w, "names, shipped, CoNLL testa", ner.Default(), testa, "MISC")
	if err := namesColombia(w, filepath.Join(data, filepath.FromSlash(articlesFile))); err != nil {
		return err
	}
	right, all, err := Cases(w, filepath.Join(data, "cases", "public_bugs.jsonl"))
	if err != nil {
		return err
	}
	fmt.Fprintf(w, "%-34s %d of %d\n", "sentences on known bugs", right, all)
	if _, err := SentimentShipped(w, data); err != nil {
		return err
	}
	if _, _, err := Difficulty(w, data); err != nil {
		return err
	}
	if _, _, err := Summary(w, data); err != nil {
		return err
	}
	if !proof {
		return nil
	}
	m, err := NamesProof(data, nil, progress)
	if err != nil {
		return err
	}
	printNames(w, "names, proof, CoNLL testa", m, testa, "")
	if _, err = SentimentProof(w, data); err != nil {
		return err
	}
	_, err = TopicProof(w, data)
	return err
}

// namesColombia measures the shipped model on Colombian news, if the articles are there.
func namesColombia(w io.Writer, articles string) error {
	dev, test, err := Colombia(articles)
	if errors.Is(err, fs.ErrNotExist) {
		fmt.Fprintf(w, "%-34s not measured: there is no %s\n", "names, shipped, Colombian news", articles)
		return nil
	}
	if err != nil {
		return err
	}
	printNames(w, "names, shipped, Colombian dev", ner.Default(), dev, "MISC")
	printNames(w, "names, shipped, Colombian test", ner.Default(), test, "MISC")
	return nil
}

func printNames(w io.Writer, what string, m *ner.Model, examples []ner.Example, skip string) {
	all, by := ScoreNames(m, morph.Default(), examples, skip)
	fmt.Fprintf(w, "%-34s F1 %.2f ", what, all.F1())
	for _, t := range []string{"PER", "LOC", "ORG", "MISC"} {
		if t != skip {
			fmt.Fprintf(w, " %s %.1f", t, by[t].F1())
		}
	}
	fmt.Fprintln(w)
}

// speed measures how long the models take to load, the full pipeline on one core, and the memory that models and analyses
// use. Times are processor time, garbage collection included: other work on the machine does not count.
func speed(w io.Writer, data string) error {
	texts, err := ReadTSV(filepath.Join(data, "topic", "faketopic.train.tsv"))
	if err != nil {
		return err
	}
	before := runtime.GOMAXPROCS(1)
	defer runtime.GOMAXPROCS(before)
	start := processorTime()
	nlp.Analyze("Una frase.", nlp.Request{Parts: nlp.All})
	loaded := processorTime() - start
	words := 0
	start = processorTime()
	for _, t := range texts[:min(len(texts), 400)] {
		a := nlp.Analyze(t.Text, nlp.Request{Parts: nlp.All})
		words += a.Document.Words
	}
	rate := float64(words) / (processorTime() - start).Seconds()
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	fmt.Fprintf(w, "%-34s %.0f words/s on one core, models ready in %s, %d MB held\n", "speed, everything", rate, loaded.Round(time.Millisecond), m.HeapAlloc>>20)
	return nil
}

// processorTime is the time that this process has spent on processors.
func processorTime() time.Duration {
	var used syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &used); err != nil {
		return 0
	}
	return time.Duration(used.Utime.Nano() + used.Stime.Nano())
}
