package jobs

import (
	"context"
	"log/slog"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/riverqueue/river/riverdriver/riverpgxv5"
	"github.com/riverqueue/river/rivermigrate"

	"openlearn/internal/postgres"
	"openlearn/internal/testkit"
)

func postgresMigrate(t testing.TB, url string) (int, error) {
	t.Helper()
	return postgres.Migrate(t.Context(), url)
}

// TestTheSchemaIsRivers: our migration creates the same schema as River's own migrations. A newer River with other tables
// fails here.
func TestTheSchemaIsRivers(t *testing.T) {
	t.Parallel()
	theirs := testkit.EmptyDatabase(t)
	pool, err := pgxpool.New(t.Context(), theirs)
	if err != nil {
		t.Fatal(err)
	}
	defer pool.Close()
	migrator, err := rivermigrate.New(riverpgxv5.New(pool), &rivermigrate.Config{Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := migrator.Migrate(t.Context(), rivermigrate.DirectionUp, nil); err != nil {
		t.Fatal(err)
	}
	want, got := describe(t, theirs), describe(t, testkit.Database(t))
	if len(want) < 40 {
		t.Fatalf("River's own schema has %d parts: the reading is broken", len(want))
	}
	for _, part := range slices.Sorted(maps.Keys(want)) {
		if !got[part] {
			t.Errorf("River makes, and we do not: %s", part)
		}
	}
	for _, part := range slices.Sorted(maps.Keys(got)) {
		if !want[part] {
			t.Errorf("we make, and River does not: %s", part)
		}
	}
}

// describe lists the columns, indexes, constraints, types and functions of River's tables, one text each.
func describe(t testing.TB, url string) map[string]bool {
	t.Helper()
	db, err := pgx.Connect(t.Context(), url)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = db.Close(context.Background()) }()
	rows, err := db.Query(t.Context(), `
		SELECT concat_ws(' ', 'column', attrelid::regclass, attname, format_type(atttypid, atttypmod), attnotnull, pg_get_expr(adbin, adrelid), relpersistence)
		FROM pg_attribute JOIN pg_class c ON c.oid = attrelid LEFT JOIN pg_attrdef ON adrelid = attrelid AND adnum = attnum
		WHERE relkind = 'r' AND relname LIKE 'river\_%' AND attnum > 0 AND NOT attisdropped
		UNION ALL SELECT indexdef FROM pg_indexes WHERE tablename LIKE 'river\_%'
		UNION ALL SELECT concat_ws(' ', 'constraint', conrelid::regclass, conname, pg_get_constraintdef(oid)) FROM pg_constraint WHERE conrelid::regclass::text LIKE 'river\_%' AND contype <> 'n'
		UNION ALL SELECT concat_ws(' ', 'state', enumlabel, row_number() OVER (ORDER BY enumsortorder)) FROM pg_enum WHERE enumtypid = 'river_job_state'::regtype
		UNION ALL SELECT regexp_replace(pg_get_functiondef(oid), '\s+', ' ', 'g') FROM pg_proc WHERE proname LIKE 'river\_%'
		UNION ALL SELECT concat_ws(' ', 'trigger', tgname) FROM pg_trigger WHERE tgrelid::regclass::text LIKE 'river\_%' AND NOT tgisinternal`)
	if err != nil {
		t.Fatal(err)
	}
	parts, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil {
		t.Fatal(err)
	}
	out := map[string]bool{}
	for _, p := range parts {
		if !strings.Contains(p, "river_migration") { // goose keeps the list
			out[p] = true
		}
	}
	return out
}
