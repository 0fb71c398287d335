// Package corpus reads the annotated data that the engine's models are trained on and measured with.
package corpus

import (
	"bufio"
	"compress/gzip"
	"fmt"
	"io"
	"io/fs"
	"strings"

	"openlearn/internal/analysis/nlp/lexicon"
)

// Part says how a word was written.
type Part uint8

// The parts.
const (
	Whole Part = iota // a token of its own
	Begin             // the first word of a token of several words: de(l), dar(le)
	Inner             // a later one: (d)el, (dar)le
)

// Word is a syntactic word with its annotation.
type Word struct {
	Form  string
	Lemma string      // "" if the data does not say
	POS   lexicon.POS // NoPOS if the data does not say
	// Either are the possible tags if the data leaves a choice between a few.
	Either []lexicon.POS
	Part   Part
	Feats  string
}

// Lines calls each for every line of a file, unzipped if its name ends in .gz.
func Lines(fsys fs.FS, name string, each func(line string) error) error {
	f, err := fsys.Open(name)
	if err != nil {
		return err
	}
	defer func() { _ = f.Close() }()
	var r io.Reader = f
	if strings.HasSuffix(name, ".gz") {
		z, err := gzip.NewReader(f)
		if err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
		r = z
	}
	sc := bufio.NewScanner(r)
	sc.Buffer(nil, 16<<20)
	for n := 1; sc.Scan(); n++ {
		if err := each(sc.Text()); err != nil {
			return fmt.Errorf("%s line %d: %w", name, n, err)
		}
	}
	return sc.Err()
}

// CoNLLU reads a file in CoNLL-U: its syntactic words.
func CoNLLU(r io.Reader) ([][]Word, error) {
	var out [][]Word
	var sentence []Word
	inside := 0
	sc := bufio.NewScanner(r)
	sc.Buffer(nil, 16<<20)
	for n := 1; sc.Scan(); n++ {
		line := sc.Text()
		if line == "" {
			if len(sentence) > 0 {
				out = append(out, sentence)
			}
			sentence, inside = nil, 0
			continue
		}
		if line[0] == '#' {
			continue
		}
		f := strings.Split(line, "\t")
		if len(f) < 6 {
			return nil, fmt.Errorf("line %d: %d columns", n, len(f))
		}
		if from, to, ok := strings.Cut(f[0], "-"); ok {
			var a, b int
			if _, err := fmt.Sscan(from+" "+to, &a, &b); err != nil || b < a || b > a+9 {
				return nil, fmt.Errorf("line %d: range %q", n, f[0])
			}
			inside = -(b - a + 1)
			continue
		}
		if strings.Contains(f[0], ".") {
			continue
		}
		w := Word{Form: f[1], Lemma: f[2], POS: lexicon.ParsePOS(f[3]), Feats: f[5]}
		switch {
		case inside < 0:
			w.Part = Begin
			inside = -inside - 1
		case inside > 0:
			w.Part = Inner
			inside--
		}
		sentence = append(sentence, w)
	}
	if len(sentence) > 0 {
		out = append(out, sentence)
	}
	return out, sc.Err()
}

// GSD reads the sample of UD Spanish GSD: form, UPOS, lemma, features.
func GSD(fsys fs.FS, name string) ([][]Word, error) {
	var out [][]Word
	var sentence []Word
	err := Lines(fsys, name, func(line string) error {
		if line == "" {
			if len(sentence) > 0 {
				out = append(out, sentence)
			}
			sentence = nil
			return nil
		}
		f := strings.Split(line, "\t")
		if strings.HasPrefix(line, "# ") && len(f) == 1 {
			return nil
		}
		if len(f) < 4 {
			return fmt.Errorf("%d columns", len(f))
		}
		w := Word{Form: f[0], Lemma: f[2], POS: lexicon.ParsePOS(f[1])}
		if w.Lemma == "_" {
			w.Lemma = ""
		}
		sentence = append(sentence, w)
		return nil
	})
	if len(sentence) > 0 {
		out = append(out, sentence)
	}
	return out, err
}
