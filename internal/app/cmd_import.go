package app

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"

	"openlearn/internal/articles/importer"
)

func runImport(ctx context.Context, c *call) error {
	if len(c.args) == 0 {
		return usageError{"import: expected at least one FILE (see openlearn import -h)"}
	}
	return withApp(ctx, c, func(a *App) error {
		var errs []error
		for _, name := range c.args {
			if err := a.importFile(ctx, c, name); err != nil {
				errs = append(errs, fmt.Errorf("import %s: %w", name, err))
			}
			if ctx.Err() != nil {
				break
			}
		}
		return errors.Join(errs...)
	})
}

func (a *App) importFile(ctx context.Context, c *call, name string) (err error) {
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
	bar := importer.NewBar(c.stderr, name)
	sum, err := importer.Run(ctx, in, importSink{a.Articles}, importer.Options{TotalSize: size, Progress: bar.Progress, Issue: bar.Issue})
	bar.Finish(sum)
	return err
}
