package app

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"runtime"
	"strings"
	"time"

	"openlearn/internal/analysis/nlp"
)

const analyzeHelp = `Analyses a Spanish text: language, names with their kinds and mentions, dates, amounts of money, percentages, sentiment,
topics, summary, key phrases, difficulty and words for learners. FILE may be -, for standard input. With --json everything is printed, with offsets in code points.
With --all, and no FILE, the archive's articles are analysed that are new or changed, or that another model analysed. What is stored stays
stored if the command is ended, and it goes on from there. Needs DATABASE_URL, and Redis's address so that running services see the results at once.`

func analyzeFlags(f *flag.FlagSet) {
	f.Bool("json", false, "print all of the analysis as JSON")
	f.Bool("all", false, "analyse the archive's articles that are not analysed by this model")
}

// maxAnalyze bounds what the command reads: a book.
const maxAnalyze = 8 << 20

func runAnalyze(ctx context.Context, c *call) error {
	if c.flags.Lookup("all").Value.String() == "true" {
		if len(c.args) > 0 {
			return usageError{"analyze: --all takes no FILE (see openlearn analyze -h)"}
		}
		return analyzeArchive(ctx, c)
	}
	if len(c.args) != 1 {
		return usageError{"analyze: expected one FILE, or - (see openlearn analyze -h)"}
	}
	in, err := openText(c.args[0])
	if err != nil {
		return err
	}
	defer in.Close()
	b, err := io.ReadAll(io.LimitReader(in, maxAnalyze+1))
	if err != nil {
		return err
	}
	if len(b) > maxAnalyze {
		return fmt.Errorf("analyze: %s is longer than %d bytes", c.args[0], maxAnalyze)
	}
	a := nlp.Analyze(string(b), nlp.Request{Parts: nlp.All})
	if c.inJSON() {
		enc := json.NewEncoder(c.stdout)
		enc.SetIndent("", "  ")
		enc.SetEscapeHTML(false)
		return enc.Encode(a.View())
	}
	printAnalysis(c.stdout, &a)
	return nil
}

func printAnalysis(w io.Writer, a *nlp.Analysis) {
	d := &a.Document
	fmt.Fprintf(w, "language    %s (%.2f)\nlength      %d words in %d sentences\n", d.Language.Code, d.Language.Confidence, d.Words, len(d.Sentences))
	if s := a.Sentiment; s != nil {
		fmt.Fprintf(w, "sentiment   %s (%+.2f)\n", s.Class, s.Polarity)
	}
	if r := a.Difficulty; r != nil {
		fmt.Fprintf(w, "difficulty  %.1f of 5, %s\n", r.Score, r.Level)
	}
	for _, t := range a.Topics {
		fmt.Fprintf(w, "topic       %s (%.2f)\n", t.Name, t.Weight)
	}
	for _, s := range a.Summary {
		fmt.Fprintf(w, "summary     %s\n", s.Text)
	}
	if a.Names != nil {
		for _, c := range a.Names.Chains {
			what := []string{c.Type.String()}
			for _, s := range []string{c.Class, c.Code, c.Role} {
				if s != "" {
					what = append(what, s)
				}
			}
			times := "once"
			if n := len(c.Mentions) + len(c.Nominal); n > 1 {
				times = fmt.Sprintf("%d times", n)
			}
			fmt.Fprintf(w, "name        %s (%s), %s\n", c.Name, strings.Join(what, ", "), times)
		}
		for _, v := range a.Names.Values {
			switch {
			case v.Date != "":
				fmt.Fprintf(w, "%-11s %s: %s\n", v.Kind, v.Text, v.Date)
			case v.Currency != "":
				fmt.Fprintf(w, "%-11s %s: %.2f %s\n", v.Kind, v.Text, v.Amount, v.Currency)
			default:
				fmt.Fprintf(w, "%-11s %s: %v\n", v.Kind, v.Text, v.Amount)
			}
		}
	}
	fmt.Fprintf(w, "models      %s\n", a.ModelVersion)
}

// analyzeArchive analyses the articles that this model has not analysed.
func analyzeArchive(ctx context.Context, c *call) error {
	return withCore(ctx, c, func(core *core) error {
		start := time.Now()
		if _, err := core.Analysis.Renew(ctx); err != nil {
			return err
		}
		stored, err := core.analyse(ctx, c.stderr)
		took := time.Since(start)
		if stored > 0 && !c.inJSON() {
			engine := core.Analysis.EngineSeconds()
			fmt.Fprintf(c.stdout, "%d articles analysed in %s, %.0f a second (the engine alone: %.0f a second on each processor); model %s\n",
				stored, took.Round(time.Millisecond), float64(stored)/took.Seconds(), float64(stored)/engine, nlp.ModelVersion())
		}
		if err != nil {
			return err
		}
		switch waiting, _, err := core.Analysis.Backlog(ctx); {
		case err != nil:
			return err
		case c.inJSON():
			return writeJSON(c.stdout, map[string]any{"analysed": stored, "seconds": took.Round(time.Millisecond).Seconds(), "elsewhere": waiting, "model": nlp.ModelVersion()})
		case waiting > 0:
			fmt.Fprintf(c.stdout, "%d articles are in the hands of running services\n", waiting)
		case stored == 0:
			fmt.Fprintf(c.stdout, "nothing to do: all articles are analysed by model %s\n", nlp.ModelVersion())
		}
		return nil
	})
}

// analyseWaiting analyses the waiting articles, with a progress bar on a terminal.
func (c *core) analyseWaiting(ctx context.Context, w io.Writer) error {
	_, err := c.analyse(ctx, w)
	return err
}

func (c *core) analyse(ctx context.Context, w io.Writer) (stored int, err error) {
	waiting, _, err := c.Analysis.Backlog(ctx)
	if err != nil {
		return 0, err
	}
	bar := newBar(w)
	defer bar.clear()
	bar.show("analyse", 0, int(waiting))
	return c.Analysis.Drain(ctx, runtime.GOMAXPROCS(0), func(stored int) { bar.show("analyse", stored, max(int(waiting), stored)) })
}
