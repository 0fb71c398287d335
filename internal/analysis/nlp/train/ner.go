package train

import (
	_ "embed"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"slices"
	"strings"

	"openlearn/internal/analysis/nlp/corpus"
	"openlearn/internal/analysis/nlp/embed"
	"openlearn/internal/analysis/nlp/lexicon"
	"openlearn/internal/analysis/nlp/morph"
	"openlearn/internal/analysis/nlp/ner"
	"openlearn/internal/analysis/nlp/text"
)

// ownSentences are sentences written for this project in the style of Colombian news, with the names marked.
//
//go:embed sentences.txt
var ownSentences string

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

// Parameters of training, tuned on CoNLL testa and on sentences from Colombian news that are not in the repository.
const (
	nerEpochs = 6
	nerRate   = 0.1
	nerL2     = 0.5
	nerLeast  = 2
	nerFloor  = 0.03
	ownWeight = 2
	variants  = 2 // copies of an own sentence with other names in the same places
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
	return ner.Train(lex, tagger, ner.TrainOptions{
		Lists: lists, Triggers: triggers, Clusters: clusters, Examples: append(examples, own...),
		Epochs: nerEpochs, Rate: nerRate, L2: nerL2, Least: nerLeast, Floor: nerFloor, Progress: progress,
	}).Encode()
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

// OwnNames are our own sentences, of the data folder and of this package, each with variants.
func OwnNames(fsys fs.FS, lists *ner.Gazetteer) ([]ner.Example, error) {
	var sentences []marked
	read := func(line string) error {
		if line == "" || strings.HasPrefix(line, "#") {
			return nil
		}
		m, err := parseMarked(line)
		sentences = append(sentences, m)
		return err
	}
	if err := corpus.Lines(fsys, "ner/co_own/sentences.txt", read); err != nil {
		return nil, err
	}
	for line := range strings.SplitSeq(ownSentences, "\n") {
		if err := read(line); err != nil {
			return nil, err
		}
	}
	rng := rand.New(rand.NewPCG(7, 8))
	pools := newPools(lists)
	var out []ner.Example
	for _, s := range sentences {
		out = append(out, s.example(ownWeight))
		for range variants {
			if v, changed := pools.vary(s, rng); changed {
				out = append(out, v.example(1))
			}
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
func Groups(fsys fs.FS, lex *lexicon.Lexicon, examples []ner.Example, more []string, progress Progress) (map[string][2]uint16, error) {
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
	return embed.Groups(sentences, embed.Options{
		Dimensions: 40, Window: 3, Negative: 4, Epochs: 2, Least: 4, Fine: 300, Coarse: 40,
		Progress: func(done, of int) { progress(done, of, "word groups") },
	}), nil
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
