package train

import (
	"os"

	"openlearn/internal/analysis/nlp/derive"
	"openlearn/internal/analysis/nlp/lexicon"
	"openlearn/internal/analysis/nlp/morph"
)

// Step makes one file that a package of the engine embeds.
type Step struct {
	Path string // below internal/analysis/nlp
	Make func(Progress) ([]byte, error)
}

// Steps lists all embedded files of the engine in the order in which to make them: later ones use earlier ones. dir is the
// nlp part of the data folder.
func Steps(dir string) []Step {
	fsys := os.DirFS(dir)
	lex, tagger := lexicon.Default, morph.Default
	steps := []Step{
		{"lexicon/lexicon.bin", func(Progress) ([]byte, error) {
			b, err := Lexicon(fsys)
			if err != nil {
				return nil, err
			}
			made, err := lexicon.Decode(b)
			lex = func() *lexicon.Lexicon { return made }
			return b, err
		}},
		{"morph/morph.bin", func(p Progress) ([]byte, error) {
			b, err := Morph(fsys, lex(), p)
			if err != nil {
				return nil, err
			}
			made, err := morph.Decode(b, lex())
			tagger = func() *morph.Model { return made }
			return b, err
		}},
		{"ner/ner.bin", func(p Progress) ([]byte, error) { return NER(fsys, lex(), tagger(), p) }},
	}
	data := derive.Open(dir)
	for _, a := range derive.Artefacts {
		steps = append(steps, Step{a.Path, func(Progress) ([]byte, error) { return a.Make(data) }})
	}
	return steps
}
