package app

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"strings"

	"openlearn/internal/analysis/nlp"
)

const analyzeHelp = `Analyses a Spanish text: language, names with their kinds and mentions, dates, amounts of money, percentages, sentiment,
topics, summary, key phrases, difficulty and words for learners. FILE may be -, for standard input. With --json everything is printed, with offsets in code points.`

func analyzeFlags(f *flag.FlagSet) { f.Bool("json", false, "print all of the analysis as JSON") }

// maxAnalyze bounds what the command reads: a book.
const maxAnalyze = 8 << 20

func runAnalyze(_ context.Context, c *call) error {
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
	if c.flags.Lookup("json").Value.String() == "true" {
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
			fmt.Fprintf(w, "name        %s (%s), %d times\n", c.Name, strings.Join(what, ", "), len(c.Mentions)+len(c.Nominal))
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
