package app

import (
	"context"
	"errors"
)

// withCore runs a command on a core, its database migrated. It starts no HTTP and none of the service's jobs.
func withCore(ctx context.Context, cmd *call, do func(*core) error) (err error) {
	cfg, err := LoadConfig()
	if err != nil {
		return usageError{err.Error()}
	}
	log := NewConsoleLogger(cmd.stderr, cfg.Log.Level)
	if err := migrateWhenUp(ctx, cfg.Database, log); err != nil {
		return err
	}
	c, err := newCore(ctx, cfg, log)
	defer func() { err = errors.Join(err, c.Close()) }()
	if err != nil {
		return err
	}
	err = do(c)
	c.sayUntold(cmd.stderr)
	return err
}
