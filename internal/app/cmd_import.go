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
		for _, name := range c.args {
			if err := core.importFile(ctx, c, name); err != nil {
				errs = append(errs, fmt.Errorf("import %s: %w", name, err))
			}
			if ctx.Err() != nil {
				break
			}
		}
		return errors.Join(errs...)
	})
}

func (c *core) importFile(ctx context.Context, cmd *call, name string) error {
	var in io.Reader = os.Stdin
	var size int64
	if name != "-" {
		f, err := os.Open(name)
		if err != nil {
			return err
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
	if err == nil && sum.Records == 0 && sum.Rejected > 0 {
		err = errors.New("no line of it is an article: expected JSON Lines, one object a line")
	}
	return errors.Join(err, meter.Err())
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
