package app

import (
	"context"
	"fmt"
	"time"

	"openlearn/internal/postgres"
)

func runMigrate(ctx context.Context, c *call) error {
	if len(c.args) != 1 {
		return usageError{"migrate: expected up, down or status"}
	}
	cfg, err := LoadConfig()
	if err != nil {
		return usageError{err.Error()}
	}
	switch c.args[0] {
	case "up":
		n, err := postgres.Migrate(ctx, cfg.Database.Owner())
		if err != nil {
			return err
		}
		return c.result(map[string]any{"applied": n}, "%d migrations applied\n", n)
	case "down":
		name, err := postgres.MigrateDown(ctx, cfg.Database.Owner())
		if err != nil {
			return err
		}
		if name == "" {
			return c.result(map[string]any{"reverted": nil}, "reverted nothing\n")
		}
		return c.result(map[string]any{"reverted": name}, "reverted %s\n", name)
	case "status":
		states, err := postgres.MigrationStatus(ctx, cfg.Database.Owner())
		if err != nil {
			return err
		}
		t, err := c.results("")
		if err != nil {
			return err
		}
		for _, s := range states {
			shown := "pending"
			var applied *time.Time
			if !s.AppliedAt.IsZero() {
				at := s.AppliedAt.UTC()
				applied, shown = &at, at.Format(time.RFC3339)
			}
			if err := t.row(map[string]any{"name": s.Name, "applied_at": applied}, "%s\t%s", s.Name, shown); err != nil {
				return err
			}
		}
		return t.flush()
	}
	return usageError{fmt.Sprintf("migrate: expected up, down or status, got %q", c.args[0])}
}
