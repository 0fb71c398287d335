package app

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"time"

	"openlearn/internal/articles/importer"
)

func runImport(ctx context.Context, c *call) error {
	if len(c.args) == 0 {
		return usageError{"import: expected at least one FILE (see openlearn import -h)"}
	}
	return withCore(ctx, c, func(core *core) error {
		var errs []error
		rejected := 0
		for _, name := range c.args {
			n, err := core.importFile(ctx, c, name)
			if err != nil {
				errs = append(errs, fmt.Errorf("import %s: %w", name, err))
			}
			rejected += n
			if ctx.Err() != nil {
				break
			}
		}
		if rejected > 0 && len(errs) == 0 {
			return rejectedError(rejected)
		}
		return errors.Join(errs...)
	})
}

// rejectedError is how many lines of an import were rejected when nothing else went wrong: exit code 3.
type rejectedError int

func (e rejectedError) Error() string {
	if e == 1 {
		return "import: one line was rejected"
	}
	return fmt.Sprintf("import: %d lines were rejected", int(e))
}

// imported is the result of one file as import --json prints it; rejects and warnings are lines by reason.
type imported struct {
	File     string                  `json:"file"`
	Lines    int                     `json:"lines"`
	New      int                     `json:"new"`
	Existing int                     `json:"existing"`
	Rejected int                     `json:"rejected"`
	Rejects  map[importer.Reason]int `json:"rejects"`
	Warnings map[importer.Reason]int `json:"warnings"`
	Seconds  float64                 `json:"seconds"`
}

// importFile loads one file and says how many of its lines were rejected.
func (c *core) importFile(ctx context.Context, cmd *call, name string) (rejected int, err error) {
	var in io.Reader = os.Stdin
	var size int64
	if name != "-" {
		f, err := os.Open(name)
		if err != nil {
			return 0, err
		}
		defer f.Close()
		if info, err := f.Stat(); err == nil {
			size = info.Size()
		}
		in = f
	}
	meter := importer.NewMeter(cmd.stderr, name, isTerminal(cmd.stderr), time.Now)
	shown := 0
	sum, err := importer.Run(ctx, in, importSink{c}, importer.Options{
		TotalSize: size, Progress: meter.Show, BatchSize: importBatch,
		Issue: func(i importer.Issue) {
			// The first few show what is wrong; the summary counts all.
			if i.Rejected && shown < maxIssues {
				shown++
				meter.Interrupt(i.String())
			}
		},
	})
	meter.Done(sum)
	if cmd.inJSON() {
		err = errors.Join(err, writeJSON(cmd.stdout, imported{
			name, sum.Lines, sum.Inserted, sum.Existing(), sum.Rejected, sum.Rejects, sum.Warnings, sum.Elapsed.Round(time.Millisecond).Seconds(),
		}))
	}
	if err == nil && sum.Records == 0 && sum.Rejected > 0 {
		err = errors.New("no line of it is an article: expected JSON Lines, one object a line")
	}
	return sum.Rejected, errors.Join(err, meter.Err())
}

const (
	maxIssues   = 20
	importBatch = 1000 // shared by importConnections transactions
)

// isTerminal says whether w can redraw a line.
func isTerminal(w io.Writer) bool {
	f, ok := w.(*os.File)
	if !ok {
		return false
	}
	info, err := f.Stat()
	return err == nil && info.Mode()&os.ModeCharDevice != 0
}
