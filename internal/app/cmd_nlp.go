package app

import (
	"bufio"
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"openlearn/internal/analysis/nlp/corpus"
	"openlearn/internal/analysis/nlp/eval"
	"openlearn/internal/analysis/nlp/label"
	"openlearn/internal/analysis/nlp/morph"
	"openlearn/internal/analysis/nlp/ner"
	"openlearn/internal/analysis/nlp/text"
	"openlearn/internal/analysis/nlp/train"
)

const nlpHelp = `train [--data DIR] [--out DIR] [PATH…]  make the engine's models from the data folder; PATH picks some (ner/ner.bin)
eval [--data DIR] [--proof]             print the table of measurements; --proof trains on research data first (minutes)
ner --conll FILE                        tokens in (first column, blank line between sentences), tokens and IOB2 out
pos --conllu FILE                       CoNLL-U in, with UPOS, LEMMA and FEATS filled in
sentiment|topic|difficulty|summary --tsv FILE  texts in (a line each, or its second column), one label a line out
FILE may be -, for standard input. DIR is the nlp part of the reference data ($OPENLEARN_DATA/data/nlp).`

func nlpVerbs() []verb {
	verbs := []verb{{"train", "", []string{"data", "out"}}, {"eval", "", []string{"data", "proof"}}, {"ner", "", []string{"conll"}}, {"pos", "", []string{"conllu"}}}
	for _, task := range label.Tasks() {
		verbs = append(verbs, verb{task, "", []string{"tsv"}})
	}
	return verbs
}

// nlpCompletionFlags defines the flags of all nlp commands, for the completion.
func nlpCompletionFlags(fs *flag.FlagSet) {
	fs.String("data", "", "the nlp part of the reference data")
	fs.String("out", "", "where the models go")
	fs.Bool("proof", false, "train on research data first")
	fs.String("conll", "", "tokens in columns")
	fs.String("conllu", "", "CoNLL-U")
	fs.String("tsv", "", "texts in columns")
}

// nlpCommands are the subcommands of "openlearn nlp".
var nlpCommands = map[string]func(ctx context.Context, c *call, args []string) error{
	"train": nlpTrain, "eval": nlpEval, "ner": nlpNER, "pos": nlpPOS,
}

func runNLP(ctx context.Context, c *call) error {
	if len(c.args) > 0 && slices.Contains(label.Tasks(), c.args[0]) {
		return nlpLabel(c, c.args[0], c.args[1:])
	}
	return nlpCommands[c.args[0]](ctx, c, c.args[1:])
}

// nlpFlags parses the flags of one of the nlp commands.
func nlpFlags(c *call, name string, args []string, define func(*flag.FlagSet)) ([]string, error) {
	f := flag.NewFlagSet("openlearn nlp "+name, flag.ContinueOnError)
	f.SetOutput(io.Discard)
	define(f)
	positional, err := parseArgs(f, args)
	if err != nil {
		return nil, flagError("nlp "+name, f, err)
	}
	return positional, nil
}

func nlpData() string {
	if dir := os.Getenv("OPENLEARN_DATA"); dir != "" {
		return filepath.Join(dir, "data", "nlp")
	}
	return ""
}

func nlpTrain(ctx context.Context, c *call, args []string) error {
	data, out := nlpData(), "internal/analysis/nlp"
	paths, err := nlpFlags(c, "train", args, func(f *flag.FlagSet) {
		f.StringVar(&data, "data", data, "")
		f.StringVar(&out, "out", out, "")
	})
	if err != nil {
		return err
	}
	if data == "" {
		return usageError{"nlp train: --data is needed (or OPENLEARN_DATA)"}
	}
	wanted := map[string]bool{}
	for _, p := range paths {
		wanted[p] = true
	}
	made := 0
	for _, step := range train.Steps(data) {
		if len(paths) > 0 && !wanted[step.Path] {
			continue
		}
		if err := ctx.Err(); err != nil {
			return err
		}
		start := time.Now()
		bar := newTrainBar(c.stderr, step.Path)
		b, err := step.Make(bar.show)
		bar.end()
		if err != nil {
			return fmt.Errorf("nlp train: %s: %w", step.Path, err)
		}
		if err := os.WriteFile(filepath.Join(out, filepath.FromSlash(step.Path)), b, 0o644); err != nil {
			return err
		}
		made++
		fmt.Fprintf(c.stdout, "%s: %d bytes in %s\n", step.Path, len(b), time.Since(start).Round(time.Second/10))
	}
	if made == 0 {
		return usageError{"nlp train: no such file: " + strings.Join(paths, " ")}
	}
	return nil
}

// trainBar is a progress bar on a terminal; elsewhere it is silent.
type trainBar struct {
	w     io.Writer
	label string
	last  time.Time
	drawn bool
}

func newTrainBar(w io.Writer, label string) *trainBar {
	if !isTerminal(w) {
		w = nil
	}
	return &trainBar{w: w, label: label}
}

func (b *trainBar) show(done, of int, note string) {
	const width = 40
	if b.w == nil || of <= 0 || time.Since(b.last) < time.Second/10 && done < of {
		return
	}
	b.last, b.drawn = time.Now(), true
	full := min(width, done*width/of)
	fmt.Fprintf(b.w, "\r%-22s [%s%s] %3d %% %-12s", b.label, strings.Repeat("=", full), strings.Repeat(" ", width-full), min(100, done*100/of), note)
}

func (b *trainBar) end() {
	if b.drawn {
		fmt.Fprint(b.w, "\r\x1b[K")
	}
}

func nlpEval(ctx context.Context, c *call, args []string) error {
	data, proof := nlpData(), false
	_, err := nlpFlags(c, "eval", args, func(f *flag.FlagSet) {
		f.StringVar(&data, "data", data, "")
		f.BoolVar(&proof, "proof", false, "")
	})
	if err != nil {
		return err
	}
	if data == "" {
		return usageError{"nlp eval: --data is needed (or OPENLEARN_DATA)"}
	}
	bar := newTrainBar(c.stderr, "proof")
	defer bar.end()
	return eval.Table(c.stdout, data, proof, bar.show)
}

// openText opens FILE, or standard input for "-".
func openText(name string) (io.ReadCloser, error) {
	if name == "-" {
		return io.NopCloser(os.Stdin), nil
	}
	return os.Open(name)
}

// nerWindow is how many sentences count as one document if the file does not say.
const nerWindow = 25

func nlpNER(_ context.Context, c *call, args []string) error {
	file := ""
	if _, err := nlpFlags(c, "ner", args, func(f *flag.FlagSet) { f.StringVar(&file, "conll", "", "") }); err != nil {
		return err
	}
	if file == "" {
		return usageError{"nlp ner: --conll FILE is needed"}
	}
	in, err := openText(file)
	if err != nil {
		return err
	}
	defer in.Close()
	out := bufio.NewWriter(c.stdout)
	sentences, err := corpus.Tokens(in)
	if err != nil {
		return fmt.Errorf("nlp ner: %s: %w", file, err)
	}
	from := 0
	for _, end := range corpus.Documents(sentences, nerWindow) {
		labelTokens(out, sentences[from:end])
		from = end
	}
	return out.Flush()
}

func labelTokens(out *bufio.Writer, sentences [][]string) {
	d := text.FromTokens(sentences)
	words := morph.Default().Tag(&d)
	tags := ner.IOB2(&d, ner.Default().Spans(&d, &words))
	for _, s := range d.Sentences {
		for i := s.First; i < s.Last; i++ {
			fmt.Fprintf(out, "%s %s\n", d.Tokens[i].Text, tags[i])
		}
		fmt.Fprintln(out)
	}
}

// nlpLabel answers texts with one label each.
func nlpLabel(c *call, task string, args []string) error {
	file := ""
	if _, err := nlpFlags(c, task, args, func(f *flag.FlagSet) { f.StringVar(&file, "tsv", "", "") }); err != nil {
		return err
	}
	if file == "" {
		return usageError{"nlp " + task + ": --tsv FILE is needed"}
	}
	in, err := openText(file)
	if err != nil {
		return err
	}
	defer in.Close()
	out := bufio.NewWriter(c.stdout)
	return errors.Join(label.TSV(task, in, out), out.Flush())
}

func nlpPOS(_ context.Context, c *call, args []string) error {
	file := ""
	if _, err := nlpFlags(c, "pos", args, func(f *flag.FlagSet) { f.StringVar(&file, "conllu", "", "") }); err != nil {
		return err
	}
	if file == "" {
		return usageError{"nlp pos: --conllu FILE is needed"}
	}
	in, err := openText(file)
	if err != nil {
		return err
	}
	defer in.Close()
	out := bufio.NewWriter(c.stdout)
	var block []string
	sc := bufio.NewScanner(in)
	sc.Buffer(nil, 16<<20)
	flush := func() error {
		if len(block) == 0 {
			return nil
		}
		err := tagBlock(out, block)
		block = nil
		return err
	}
	for sc.Scan() {
		if line := strings.TrimSuffix(sc.Text(), "\r"); line != "" {
			block = append(block, line)
			continue
		}
		if err := flush(); err != nil {
			return fmt.Errorf("nlp pos: %s: %w", file, err)
		}
	}
	return errors.Join(flush(), sc.Err(), out.Flush())
}

// tagBlock writes one sentence with its columns UPOS, LEMMA and FEATS filled in.
func tagBlock(out *bufio.Writer, lines []string) error {
	sentences, err := corpus.CoNLLU(strings.NewReader(strings.Join(lines, "\n") + "\n"))
	if err != nil {
		return err
	}
	var words []morph.Word
	if len(sentences) > 0 {
		forms := make([]string, len(sentences[0]))
		part := make([]corpus.Part, len(forms))
		for i, w := range sentences[0] {
			forms[i], part[i] = w.Form, w.Part
		}
		words = morph.Default().TagForms(forms, part)
	}
	next := 0
	for _, line := range lines {
		f := strings.Split(line, "\t")
		if line[0] == '#' || strings.ContainsAny(f[0], "-.") || next >= len(words) {
			fmt.Fprintln(out, line)
			continue
		}
		w := &words[next]
		next++
		f[2], f[3], f[5] = w.Lemma, w.POS.String(), "_"
		if feats := w.Feats(); feats != "" {
			f[5] = feats
		}
		fmt.Fprintln(out, strings.Join(f, "\t"))
	}
	fmt.Fprintln(out)
	return nil
}
