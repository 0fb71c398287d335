package app

import (
	"context"
	"errors"
)

// runWork runs a process with workers only: the background part of `serve`, for running the two on different machines.
func runWork(ctx context.Context, cmd *call) (err error) {
	cfg, err := LoadConfig()
	if err != nil {
		return usageError{err.Error()}
	}
	log := NewLogger(cmd.stderr, cfg.Log.Level)
	if err := migrateWhenUp(ctx, cfg.Database, log); err != nil {
		return err
	}
	// Close ends the work, not the signal: jobs under way get some time.
	c, err := newCore(context.WithoutCancel(ctx), cfg, log)
	defer func() { err = errors.Join(err, c.Close()) }()
	if err != nil {
		return err
	}
	if !c.jobs.Works() {
		return usageError{"work: SCRAPER_WORKERS is 0: there is nothing to do"}
	}
	c.jobs.Start(context.WithoutCancel(ctx))
	log.Info("working", "passes_at_a_time", cfg.Scraping.Workers)
	<-ctx.Done()
	log.Info("stopping: jobs under way may end")
	return nil
}
