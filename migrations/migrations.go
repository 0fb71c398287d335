// Package migrations embeds the database schema as SQL files, applied in order by postgres.Migrate.
package migrations

import "embed"

// FS holds the numbered goose migrations (NNNNN_name.sql) at its root.
//
//go:embed *.sql
var FS embed.FS
