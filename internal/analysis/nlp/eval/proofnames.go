package eval

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"

	"openlearn/internal/analysis/nlp/corpus"
	"openlearn/internal/analysis/nlp/embed"
	"openlearn/internal/analysis/nlp/lexicon"
	"openlearn/internal/analysis/nlp/morph"
	"openlearn/internal/analysis/nlp/ner"
	"openlearn/internal/analysis/nlp/train"
)

// proofOptions were tuned on the last quarter of the training data.
var proofOptions = ner.TrainOptions{
	Epochs: 14, Rate: 0.1, L2: 0.1, Dropout: 0.7, Least: 2, Floor: 0.02,
	Second: ner.SecondOptions{Folds: 4, Epochs: 6, Rate: 0.1, L2: 20, Dropout: 0.4, Least: 2, Floor: 0.02, Scale: 1},
}

// NamesProof trains the recogniser on CoNLL-2002, which must not ship: this shows what the engine can do compared with
// published figures. clusters are word groups, made from research text if nil.
func NamesProof(data string, clusters map[string][embed.Kinds]uint16, progress train.Progress) (*ner.Model, error) {
	fsys := os.DirFS(data)
	lex, tagger := lexicon.Default(), morph.Default()
	o := proofOptions
	o.Progress = progress
	var err error
	if o.Examples, err = ReadNames(filepath.Join(data, "ner", "esp.train"), documentSentences); err != nil {
		return nil, err
	}
	if o.Lists, err = train.Lists(fsys); err != nil {
		return nil, err
	}
	cess, err := train.CESSNames(fsys)
	if err != nil {
		return nil, err
	}
	o.Lists.AddNames(cess)
	if o.Triggers, err = ner.ReadTriggers(fsys); err != nil {
		return nil, err
	}
	if o.Clusters = clusters; clusters == nil {
		texts, err := NewsTexts(data)
		if err != nil {
			return nil, err
		}
		if o.Clusters, err = train.Groups(fsys, lex, append(o.Examples, cess...), texts, progress); err != nil {
			return nil, err
		}
	}
	return ner.Train(lex, tagger, o), nil
}

// NewsTexts are articles of the press, for vectors of the proof only.
func NewsTexts(data string) ([]string, error) {
	var texts []string
	err := corpus.Lines(os.DirFS(filepath.Dir(data)), "news/articles.jsonl", func(line string) error {
		var a struct{ Title, Text string }
		if err := json.Unmarshal([]byte(line), &a); err != nil {
			return err
		}
		texts = append(texts, a.Title+".\n\n"+a.Text)
		return nil
	})
	if err != nil {
		return nil, err
	}
	for _, name := range []string{"elcol", "larep", "razon"} {
		err := corpus.Lines(os.DirFS(data), "topic/"+name+".train.tsv", func(line string) error {
			if _, text, ok := strings.Cut(line, "\t"); ok {
				texts = append(texts, text)
			}
			return nil
		})
		if err != nil {
			return nil, err
		}
	}
	return texts, nil
}
