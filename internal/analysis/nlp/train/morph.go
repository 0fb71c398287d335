// Package train makes the engine's models from the data folder. All data for the shipped models are read here.
package train

import (
	"fmt"
	"io/fs"
	"strings"

	"openlearn/internal/analysis/nlp/corpus"
	"openlearn/internal/analysis/nlp/lexicon"
	"openlearn/internal/analysis/nlp/morph"
)

// Progress is called with how much of a step is done.
type Progress func(done, of int, note string)

// morphEpochs, morphRuns and gsdWeight were tuned on UD AnCora dev.
const (
	morphEpochs = 7
	morphRuns   = 6
	gsdWeight   = 0.7
)

// Lexicon compiles the lexicon.
func Lexicon(fsys fs.FS) ([]byte, error) {
	var forms, frequencies strings.Builder
	for name, b := range map[string]*strings.Builder{"lemma/rla_es/forms.tsv.gz": &forms, "frequency/wordfreq_es.tsv.gz": &frequencies} {
		err := corpus.Lines(fsys, name, func(line string) error {
			b.WriteString(line)
			b.WriteByte('\n')
			return nil
		})
		if err != nil {
			return nil, err
		}
	}
	return lexicon.Compile(strings.NewReader(forms.String()), strings.NewReader(frequencies.String()))
}

// Morph trains the tagger on CESS and the sample of GSD.
func Morph(fsys fs.FS, lex *lexicon.Lexicon, progress Progress) ([]byte, error) {
	cess, err := corpus.CESS(fsys, "pos/cess_esp_filtered.tsv", func(form string) []string { return morph.Split(lex, form) })
	if err != nil {
		return nil, err
	}
	o := morph.Options{Epochs: morphEpochs, Runs: morphRuns, OtherWeight: gsdWeight, Progress: progress}
	for _, s := range cess {
		o.Main = append(o.Main, s.Words)
	}
	if o.Other, err = corpus.GSD(fsys, "pos/gsd_train_sample.tsv.gz"); err != nil {
		return nil, err
	}
	for _, s := range o.Other {
		openWhatDiffers(s)
	}
	if o.Clusters, err = corpus.Hints(fsys, "lemma/pattern/es-lexicon.txt", "frequency/lemmas_wiktionary.tsv.gz"); err != nil {
		return nil, err
	}
	if len(o.Main) == 0 {
		return nil, fmt.Errorf("there are no sentences in the corpus")
	}
	return morph.Train(lex, o).Encode()
}

// openWhatDiffers removes the tags for which GSD differs from AnCora: function words, auxiliaries, participles, names.
func openWhatDiffers(sentence []corpus.Word) {
	for i := range sentence {
		w := &sentence[i]
		lower := strings.ToLower(w.Form)
		keep := false
		switch w.POS {
		case lexicon.NOUN, lexicon.PUNCT:
			keep = lower == w.Form
		case lexicon.ADJ, lexicon.VERB:
			keep = lower == w.Form && !participle(lower) && !auxiliary[w.Lemma]
		}
		if !keep {
			w.POS = lexicon.NoPOS
		}
	}
}

var auxiliary = map[string]bool{"ser": true, "estar": true, "ir": true, "haber": true, "poder": true, "deber": true}

func participle(lower string) bool {
	lower = strings.TrimSuffix(lower, "s")
	return strings.HasSuffix(lower, "do") || strings.HasSuffix(lower, "da")
}
