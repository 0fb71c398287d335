package train

import (
	"embed"
	"fmt"
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
	return out, nil
}

// marked is a sentence split into pieces: text, and names with their type.
type marked []piece

type piece struct{ kind, text string }

// parseMarked reads "El alcalde de {LOC Soacha}".
func parseMarked(line string) (marked, error) {
	var m marked
	for line != "" {
		before, rest, ok := strings.Cut(line, "{")
		if before != "" {
			m = append(m, piece{"", before})
		}
		if !ok {
			break
		}
		name, after, ok := strings.Cut(rest, "}")
		kind, form, ok2 := strings.Cut(name, " ")
		if !ok || !ok2 {
			return nil, fmt.Errorf("marks do not match: %q", line)
		}
		m = append(m, piece{kind, form})
		line = after
	}
	return m, nil
}

// bare is the sentence as some sites publish it: their conversion to plain text loses commas and brackets, so that names stand side
// by side.
func (m marked) bare() (marked, bool) {
	out := slices.Clone(m)
	changed := false
	for i := range out {
		if out[i].kind == "" {
			t := noCommas.Replace(out[i].text)
			changed = changed || t != out[i].text
			out[i].text = t
		}
	}
	return out, changed
}

var noCommas = strings.NewReplacer(",", "", " (", " ", ")", "", "(", "")

func (m marked) example(weight float32) ner.Example {
	var b strings.Builder
	type span struct {
		from, to int
		kind     string
	}
	var spans []span
	for _, p := range m {
		from := b.Len()
		b.WriteString(p.text)
		if p.kind != "" {
			spans = append(spans, span{len([]rune(b.String()[:from])), len([]rune(b.String())), p.kind})
		}
	}
	d := text.Analyze(b.String())
	e := ner.Example{Weight: weight}
	for _, s := range d.Sentences {
		var tokens, tags []string
		for _, t := range d.In(s) {
			tag := "O"
			for _, sp := range spans {
				if t.Start >= sp.from && t.End <= sp.to {
					tag = "I-" + sp.kind
					if t.Start == sp.from {
						tag = "B-" + sp.kind
					}
				}
			}
			tokens, tags = append(tokens, t.Text), append(tags, tag)
		}
		e.Sentences, e.Tags = append(e.Sentences, tokens), append(e.Tags, tags)
	}
	return e
}

// pools are names that can replace others of the same kind.
type pools struct {
	lists *ner.Gazetteer
	byKey map[ner.Class][]string
	given []string
	last  []string
}

func newPools(lists *ner.Gazetteer) *pools {
	p := &pools{lists: lists, byKey: lists.Names()}
	p.given, p.last = lists.CommonNames()
	return p
}

// vary replaces the names in a sentence: persons by persons, municipalities by municipalities, clubs by clubs.
func (p *pools) vary(s marked, rng *rand.Rand) (marked, bool) {
	out := slices.Clone(s)
	changed := false
	for i := range out {
		x := &out[i]
		switch {
		case x.kind == "PER" && !strings.HasPrefix(x.text, "El ") && len(p.given) > 0:
			words := strings.Fields(x.text)
			for k := range words {
				switch {
				case words[k] == strings.ToLower(words[k]):
				case k == 0 && len(words) > 1:
					words[k] = p.given[rng.IntN(len(p.given))]
				default:
					words[k] = p.last[rng.IntN(len(p.last))]
				}
			}
			x.text = strings.Join(words, " ")
			changed = true
		case x.kind == "LOC" || x.kind == "ORG":
			for _, class := range []ner.Class{ner.Municipality, ner.Club, ner.Company, ner.Party, ner.Armed, ner.Media, ner.Institution} {
				names := p.byKey[class]
				if (class == ner.Municipality) != (x.kind == "LOC") || len(names) == 0 || !p.lists.Is(x.text, class) {
					continue
				}
				x.text = names[rng.IntN(len(names))]
				changed = true
				break
			}
		}
	}
	return out, changed
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
