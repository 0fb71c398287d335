package eval

import (
	"encoding/csv"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"openlearn/internal/analysis/nlp/summary"
	"openlearn/internal/analysis/nlp/text"
)

type article struct{ Title, Subtitle, Text string }

// readArticles are the articles of TA1C that have a subtitle.
func readArticles(data string) ([]article, error) {
	var out []article
	for _, name := range []string{"TA1C_spoiling_train.csv", "TA1C_spoiling_dev_gold.csv"} {
		f, err := os.Open(filepath.Join(data, "summ", name)) //nolint:gosec // a path of the data folder
		if err != nil {
			return nil, fmt.Errorf("eval: %w", err)
		}
		rows, err := csv.NewReader(f).ReadAll()
		f.Close() //nolint:errcheck // only read
		if err != nil {
			return nil, fmt.Errorf("eval: %s: %w", name, err)
		}
		column := -1
		for i, h := range rows[0] {
			if h == "Article Text JSON" {
				column = i
			}
		}
		for _, r := range rows[1:] {
			var a article
			if column < 0 || json.Unmarshal([]byte(r[column]), &a) != nil {
				return nil, fmt.Errorf("eval: %s: a row has no article", name)
			}
			if strings.TrimSpace(a.Subtitle) != "" && strings.TrimSpace(a.Text) != "" {
				out = append(out, a)
			}
		}
	}
	return out, nil
}

// Summary measures summaries against the editor's subtitle, ROUGE-1 and ROUGE-2 (F1), beside the first sentence and the
// first two sentences, once for the text alone and once with its headline known. The figures are counted as by the usual
// tool, rouge-score, which takes letters beyond ASCII for spaces, and so agree with published ones; those in brackets count
// whole Spanish words.
func Summary(w io.Writer, data string) (r1, r2 float64, err error) {
	articles, err := readArticles(data)
	if err != nil {
		return 0, 0, err
	}
	lead := func(n int) func(*text.Document, *text.Document) string {
		return func(d, _ *text.Document) string {
			k := min(n, len(d.Sentences))
			return d.Between(0, d.Sentences[k-1].Last)
		}
	}
	for _, way := range []struct {
		name string
		make func(d, title *text.Document) string
	}{
		{"first sentence", lead(1)},
		{"first two sentences", lead(2)},
		{"ours", func(d, _ *text.Document) string { return summary.Text(summary.Analyze(d, summary.Options{})) }},
		{"ours, headline known", func(d, t *text.Document) string { return summary.Text(summary.Analyze(d, summary.Options{Title: t})) }},
	} {
		var a, b, whole1, whole2 float64
		words := 0
		for _, x := range articles {
			d, t := text.Analyze(x.Text), text.Analyze(x.Title)
			if len(d.Sentences) == 0 {
				continue
			}
			s := way.make(&d, &t)
			got, want := tokens(s), tokens(x.Subtitle)
			words += len(got)
			whole1 += rouge(got, want, 1)
			whole2 += rouge(got, want, 2)
			got, want = ascii(s), ascii(x.Subtitle)
			a += rouge(got, want, 1)
			b += rouge(got, want, 2)
		}
		n := float64(len(articles))
		fmt.Fprintf(w, "summary, %-20s ROUGE-1 %.1f  ROUGE-2 %.1f  (%.1f %.1f)  %.0f words\n", way.name, 100*a/n, 100*b/n, 100*whole1/n, 100*whole2/n, float64(words)/n)
		if way.name == "ours" {
			r1, r2 = a/n, b/n
		}
	}
	return r1, r2, nil
}

func tokens(s string) []string {
	d := text.Analyze(s)
	var out []string
	for i := range d.Tokens {
		if k := d.Tokens[i].Kind; k == text.Word || k == text.Number {
			out = append(out, d.Tokens[i].Lower)
		}
	}
	return out
}

// ascii are the tokens of the tool rouge-score (its tokenizer without stemming).
func ascii(s string) []string {
	return strings.FieldsFunc(strings.ToLower(s), func(r rune) bool { return (r < 'a' || r > 'z') && (r < '0' || r > '9') })
}

// rouge is the F1 of shared n-grams (Lin 2004), without stemming.
func rouge(got, want []string, n int) float64 {
	grams := func(t []string) (map[string]int, int) {
		m, k := map[string]int{}, 0
		for i := 0; i+n <= len(t); i++ {
			m[strings.Join(t[i:i+n], " ")]++
			k++
		}
		return m, k
	}
	a, na := grams(got)
	b, nb := grams(want)
	shared := 0
	for g, k := range b {
		shared += min(k, a[g])
	}
	if na+nb == 0 {
		return 0
	}
	return 2 * float64(shared) / float64(na+nb)
}
