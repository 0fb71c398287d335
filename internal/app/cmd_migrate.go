package app

import (
	"context"
	"fmt"
	"text/tabwriter"
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
		_, err = fmt.Fprintf(c.stdout, "%d migrations applied\n", n)
		return err
	case "down":
		name, err := postgres.MigrateDown(ctx, cfg.Database.Owner())
		if err != nil {
			return err
		}
		if name == "" {
			name = "nothing"
		}
		_, err = fmt.Fprintf(c.stdout, "reverted %s\n", name)
		return err
	case "status":
		states, err := postgres.MigrationStatus(ctx, cfg.Database.Owner())
		if err != nil {
			return err
		}
		t := tabwriter.NewWriter(c.stdout, 0, 0, 2, ' ', 0)
		for _, s := range states {
			applied := "pending"
			if !s.AppliedAt.IsZero() {
				applied = s.AppliedAt.UTC().Format(time.RFC3339)
			}
			fmt.Fprintf(t, "%s\t%s\n", s.Name, applied)
		}
		return t.Flush()
	}
	return usageError{fmt.Sprintf("migrate: expected up, down or status, got %q", c.args[0])}
}
