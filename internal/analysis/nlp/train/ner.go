package train

import (
	"embed"
	"io/fs"
	"math/rand/v2"
	"slices"
	"strings"

	"openlearn/internal/analysis/nlp/corpus"
	vectors "openlearn/internal/analysis/nlp/embed"
	"openlearn/internal/analysis/nlp/lexicon"
	"openlearn/internal/analysis/nlp/morph"
	"openlearn/internal/analysis/nlp/ner"
	"openlearn/internal/analysis/nlp/text"
)

// ownSentences are sentences written for this project in the style of Colombian news, with the names marked.
//
//go:embed sentences*.txt
var ownFiles embed.FS

// ownSentences are the lines of all files of own sentences.
func ownSentences() []string {
	files, err := ownFiles.ReadDir(".")
	if err != nil {
		panic(err) // embedded
	}
	var lines []string
	for _, f := range files {
		b, err := ownFiles.ReadFile(f.Name())
		if err != nil {
			panic(err)
		}
		for line := range strings.Lines(string(b)) {
			if line = strings.TrimSpace(line); line != "" && line[0] != '#' {
				lines = append(lines, line)
			}
		}
	}
	return lines
}

// world holds well-known names that the Colombian lists lack.
//
//go:embed world.txt
var world string

// Lists makes the gazetteer.
func Lists(fsys fs.FS) (*ner.Gazetteer, error) {
	lists, err := ner.ReadLists(fsys)
	if err != nil {
		return nil, err
	}
	return lists, lists.AddWorld(world)
}

// Parameters of training, tuned on parts of CoNLL train and of our own sentences that were held out, and on the sentences of
// Colombian news that are for development.
var nerOptions = ner.TrainOptions{
	Epochs: 12, Rate: 0.1, L2: 0.1, Dropout: 0.7, Least: 2, Floor: 0.02,
	Second: ner.SecondOptions{Folds: 4, Epochs: 6, Rate: 0.1, L2: 20, Dropout: 0.4, Least: 2, Floor: 0.02, Scale: 1},
}

const (
	ownWeight = 2
	variants  = 2 // copies of an own sentence with other names in the same places
	bareEvery = 6 // one of so many sentences of CESS loses its commas
	// windowSentences is the size of documents that are made of unrelated own sentences.
	windowSentences = 12
)

// NER trains the recogniser on CESS and our own sentences.
func NER(fsys fs.FS, lex *lexicon.Lexicon, tagger *morph.Model, progress Progress) ([]byte, error) {
	lists, err := Lists(fsys)
	if err != nil {
		return nil, err
	}
	triggers, err := ner.ReadTriggers(fsys)
	if err != nil {
		return nil, err
	}
	examples, err := CESSNames(fsys)
	if err != nil {
		return nil, err
	}
	own, err := OwnNames(fsys, lists)
	if err != nil {
		return nil, err
	}
	clusters, err := Groups(fsys, lex, examples, nil, progress)
	if err != nil {
		return nil, err
	}
	o := nerOptions
	o.Lists, o.Triggers, o.Clusters, o.Progress = lists, triggers, clusters, progress
	o.Examples = append(loseCommas(examples), own...)
	return ner.Train(lex, tagger, o).Encode()
}

// CESSNames are the documents of CESS with their names.
func CESSNames(fsys fs.FS) ([]ner.Example, error) {
	cess, err := corpus.CESS(fsys, "pos/cess_esp_filtered.tsv", func(string) []string { return nil })
	if err != nil {
		return nil, err
	}
	kinds := map[byte]string{'p': "PER", 'l': "LOC", 'o': "ORG", 'a': "MISC"}
	var out []ner.Example
	doc := ""
	for _, s := range cess {
		if s.Doc != doc || len(out) == 0 {
			out = append(out, ner.Example{})
			doc = s.Doc
		}
		var tokens, tags []string
		for _, n := range s.Names {
			tag := "O"
			switch {
			case n.Class == '?':
				tag = "" // a name without type is no use for training
			case n.Class != 0 && n.Joined:
				tag = "I-" + kinds[n.Class]
			case n.Class != 0:
				tag = "B-" + kinds[n.Class]
			}
			tokens, tags = append(tokens, n.Form), append(tags, tag)
		}
		if len(tokens) == 0 {
			continue
		}
		e := &out[len(out)-1]
		e.Sentences, e.Tags = append(e.Sentences, tokens), append(e.Tags, tags)
	}
	return slices.DeleteFunc(out, func(e ner.Example) bool { return len(e.Sentences) == 0 }), nil
}

// loseCommas leaves out the commas and brackets outside names in some sentences; see bare.
func loseCommas(examples []ner.Example) []ner.Example {
	count := 0
	for _, e := range examples {
		for k, tokens := range e.Sentences {
			if count++; count%bareEvery > 0 {
				continue
			}
			var bare, tags []string
			for i, t := range tokens {
				if e.Tags[k][i] != "O" || t != "," && t != "(" && t != ")" {
					bare, tags = append(bare, t), append(tags, e.Tags[k][i])
				}
			}
			if len(bare) > 0 {
				e.Sentences[k], e.Tags[k] = bare, tags
			}
		}
	}
	return examples
}

// OwnNames are our own sentences, of the data folder and of this package, each with variants.
func OwnNames(fsys fs.FS, lists *ner.Gazetteer) ([]ner.Example, error) {
	lines := ownSentences()
	err := corpus.Lines(fsys, "ner/co_own/sentences.txt", func(line string) error {
		if line != "" && line[0] != '#' {
			lines = append(lines, line)
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	rng := rand.New(rand.NewPCG(7, 8))
	pools := newPools(lists)
	var out []ner.Example
	for _, line := range lines {
		s, err := parseMarked(line)
		if err != nil {
			return nil, err
		}
		out = append(out, s.example(ownWeight))
		for range variants {
			if v, changed := pools.vary(s, rng); changed {
				out = append(out, v.example(1))
			}
		}
		if b, changed := s.bare(); changed {
			v, _ := pools.vary(b, rng)
			out = append(out, v.example(1))
		}
	}
	return windows(out), nil
}

// windows joins every other variant to documents of unrelated sentences, as readers of sentences without documents make them: what
// else is in a document does not always tell anything.
func windows(examples []ner.Example) []ner.Example {
	var out []ner.Example
	var w ner.Example
	for i, e := range examples {
		if i%2 == 0 || e.Weight != 1 {
			out = append(out, e)
			continue
		}
		w.Sentences, w.Tags, w.Weight = append(w.Sentences, e.Sentences...), append(w.Tags, e.Tags...), 1
		if len(w.Sentences) >= windowSentences {
			out = append(out, w)
			w = ner.Example{}
		}
	}
	if len(w.Sentences) > 0 {
		out = append(out, w)
	}
	return out
}

// Groups makes word clusters from the text that ships, the examples, and more text.
func Groups(fsys fs.FS, lex *lexicon.Lexicon, examples []ner.Example, more []string, progress Progress) (map[string][vectors.Kinds]uint16, error) {
	sentences, err := Plain(fsys, lex, examples, more)
	if err != nil {
		return nil, err
	}
	return vectors.Groups(sentences, vectors.Options{
		Dimensions: 40, Window: 3, Negative: 4, Epochs: 2, Least: 4, Fine: 300, Coarse: 40, Classes: [...]int{500, 120, 40},
		Progress: func(done, of int) { progress(done, of, "word groups") },
	}), nil
}

// Plain are the sentences that word clusters are made from.
func Plain(fsys fs.FS, lex *lexicon.Lexicon, examples []ner.Example, more []string) ([][]string, error) {
	var sentences [][]string
	for _, e := range examples {
		for _, s := range e.Sentences {
			sentences = append(sentences, slices.Clone(s))
		}
	}
	add := func(body string) {
		d := text.Analyze(body)
		for _, s := range d.Sentences {
			var words []string
			for _, t := range d.In(s) {
				words = append(words, t.Norm)
			}
			sentences = append(sentences, words)
		}
	}
	for _, file := range []string{"topic/faketopic.train.tsv", "topic/sib200_es.train.tsv", "sentiment/xed_es.train.tsv", "sentiment/own_news.train.tsv"} {
		err := corpus.Lines(fsys, file, func(line string) error {
			if _, body, ok := strings.Cut(line, "\t"); ok {
				add(body)
			}
			return nil
		})
		if err != nil {
			return nil, err
		}
	}
	for _, body := range more {
		add(body)
	}
	for _, s := range sentences {
		lowerFirst(lex, s)
	}
	return sentences, nil
}

// lowerFirst turns common words at the beginning of a sentence or quotation to lower case.
func lowerFirst(lex *lexicon.Lexicon, s []string) {
	for i := range s {
		if i > 0 && s[i-1] != "." && s[i-1] != `"` {
			continue
		}
		if lower := strings.ToLower(s[i]); lex.Zipf(lower) > 3 && len(lex.Readings(lower)) > 0 {
			s[i] = lower
		}
	}
}
