package app

import (
	"bufio"
	"compress/gzip"
	"context"
	"encoding/csv"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"openlearn/internal/articles"
	"openlearn/internal/httpapi"
)

func exportFlags(f *flag.FlagSet) {
	f.String("format", "", "jsonl or csv (what FILE's extension says, else jsonl)")
	f.Var(&texts{}, "source", "only this newspaper; may be repeated")
	f.String("from", "", "only articles from this day or moment on (2026-11-22, in Colombia)")
	f.String("to", "", "only articles up to this day, or before this moment")
}

// texts are the values of a flag that may be repeated.
type texts []string

func (t *texts) String() string { return strings.Join(*t, ", ") }

// Set implements flag.Value.
func (t *texts) Set(s string) error {
	*t = append(*t, s)
	return nil
}

func runExport(ctx context.Context, c *call) error {
	if len(c.args) > 1 {
		return usageError{"export: expected at most one FILE (see openlearn export -h)"}
	}
	value := func(name string) string { return c.flags.Lookup(name).Value.String() }
	file := ""
	if len(c.args) > 0 && c.args[0] != "-" {
		file = c.args[0]
	}
	open, err := exportFormat(value("format"), file)
	if err != nil {
		return err
	}
	filter := articles.Filter{Sources: *c.flags.Lookup("source").Value.(*texts)}
	for name, bound := range map[string]struct {
		of func(httpapi.Date) time.Time
		to **time.Time
	}{"from": {httpapi.Date.Start, &filter.From}, "to": {httpapi.Date.End, &filter.To}} {
		given := value(name)
		if given == "" {
			continue
		}
		var d httpapi.Date
		if err := d.UnmarshalText([]byte(given)); err != nil {
			return usageError{fmt.Sprintf("export: -%s: %v", name, err)}
		}
		at := bound.of(d)
		*bound.to = &at
	}
	return withCore(ctx, c, func(core *core) error {
		write := func(w io.Writer) error {
			rows := open(w)
			return errors.Join(core.Articles.Each(ctx, filter, rows.write), rows.flush())
		}
		if file == "" {
			return write(c.stdout)
		}
		return writeWhole(file, write)
	})
}

// exportFormat is the format that is asked for, else the one that the file's extension says. They may not contradict each other:
// whoever opens the file goes by its name.
func exportFormat(asked, file string) (func(io.Writer) rowWriter, error) {
	said := map[string]string{".csv": "csv", ".jsonl": "jsonl", ".ndjson": "jsonl"}[strings.ToLower(filepath.Ext(strings.TrimSuffix(strings.ToLower(file), ".gz")))]
	switch {
	case asked == "":
		asked = said
	case said != "" && said != asked && (asked == "csv" || asked == "jsonl"):
		return nil, usageError{fmt.Sprintf("export: --format %s contradicts the name %s (see openlearn export -h)", asked, file)}
	}
	switch asked {
	case "", "jsonl":
		return newJSONLines, nil
	case "csv":
		return newCSV, nil
	}
	return nil, meant(fmt.Sprintf("export: format %q: expected jsonl or csv", asked), suggest(asked, []string{"jsonl", "csv"}), "see openlearn export -h")
}

// writeWhole writes a file that is either there whole or not at all, compressed if its name ends in .gz.
func writeWhole(name string, write func(io.Writer) error) (err error) {
	f, err := os.CreateTemp(filepath.Dir(name), "."+filepath.Base(name)+".*")
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, f.Close(), os.Remove(f.Name()))
		}
	}()
	if strings.HasSuffix(name, ".gz") {
		z := gzip.NewWriter(f)
		if err := errors.Join(write(z), z.Close()); err != nil {
			return err
		}
	} else if err := write(f); err != nil {
		return err
	}
	if err := errors.Join(f.Chmod(0o644), f.Sync()); err != nil {
		return err
	}
	return os.Rename(f.Name(), name)
}

// rowWriter writes articles in a format.
type rowWriter interface {
	write(*articles.Article) error
	flush() error
}

type jsonLines struct {
	out *bufio.Writer
	enc *json.Encoder
}

func newJSONLines(w io.Writer) rowWriter {
	out := bufio.NewWriter(w)
	enc := json.NewEncoder(out)
	enc.SetEscapeHTML(false)
	return jsonLines{out, enc}
}

func (j jsonLines) write(a *articles.Article) error { return j.enc.Encode(a) }
func (j jsonLines) flush() error                    { return j.out.Flush() }

type csvRows struct {
	out    *csv.Writer
	headed bool
}

func newCSV(w io.Writer) rowWriter { return &csvRows{out: csv.NewWriter(w)} }

var csvColumns = []string{
	"id", "source", "source_url", "category", "title", "subtitle", "content", "author", "word_count", "published_date", "scraped_at", "difficulty_score", "tags", "is_paywall",
	"language", "image",
}

func (c *csvRows) write(a *articles.Article) error {
	if err := c.head(); err != nil {
		return err
	}
	row := []string{
		strconv.FormatInt(a.ID, 10), a.Source, a.SourceURL, orNothing(a.Category), a.Title, orNothing(a.Subtitle), a.Content, orNothing(a.Author),
		printed(a.WordCount), csvTime(a.PublishedDate), csvTime(a.ScrapedAt), printed(a.DifficultyScore), strings.Join(a.Tags, "; "), printed(a.IsPaywall),
		orNothing(a.Language), orNothing(a.Image),
	}
	for i, cell := range row {
		row[i] = noFormula(cell)
	}
	return c.out.Write(row)
}

func (c *csvRows) head() error {
	if c.headed {
		return nil
	}
	c.headed = true
	return c.out.Write(csvColumns)
}

func (c *csvRows) flush() error {
	err := c.head()
	c.out.Flush()
	return errors.Join(err, c.out.Error())
}

// noFormula keeps a spreadsheet from running what somebody wrote into an article.
func noFormula(cell string) string {
	if cell != "" && strings.ContainsRune("=+-@\t\r", rune(cell[0])) {
		return "'" + cell
	}
	return cell
}

func orNothing(s *string) string {
	if s == nil {
		return ""
	}
	return *s
}

func printed[T any](v *T) string {
	if v == nil {
		return ""
	}
	return fmt.Sprint(*v)
}

func csvTime(t *time.Time) string {
	if t == nil {
		return ""
	}
	return t.UTC().Format(time.RFC3339Nano)
}
