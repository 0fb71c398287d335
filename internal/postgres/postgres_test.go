package postgres_test

import (
	"context"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"time"

	"openlearn/internal/postgres"
	"openlearn/internal/testkit"
)

func TestMain(m *testing.M) { testkit.Main(m) }

func open(t *testing.T, url string, log *slog.Logger) *postgres.DB {
	t.Helper()
	db, err := postgres.Open(t.Context(), postgres.Config{URL: url, MaxConns: 4}, log)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := db.Close(); err != nil {
			t.Error(err)
		}
	})
	return db
}

// TestMigrationsGoUpAndDownAndUp: every migration can be reverted and applied again.
func TestMigrationsGoUpAndDownAndUp(t *testing.T) {
	t.Parallel()
	url := testkit.EmptyDatabase(t)
	states, err := postgres.MigrationStatus(t.Context(), url)
	if err != nil || len(states) < 3 || !states[0].AppliedAt.IsZero() {
		t.Fatalf("before: %+v, %v", states, err)
	}
	for round := range 2 {
		if n, err := postgres.Migrate(t.Context(), url); err != nil || n != len(states) {
			t.Fatalf("round %d: up applied %d, %v", round, n, err)
		}
		if n, err := postgres.Migrate(t.Context(), url); err != nil || n != 0 {
			t.Fatalf("round %d: up again applied %d, %v", round, n, err)
		}
		for i := len(states) - 1; i >= 0; i-- {
			if name, err := postgres.MigrateDown(t.Context(), url); err != nil || name != states[i].Name {
				t.Fatalf("down reverted %q, %v; want %s", name, err, states[i].Name)
			}
		}
		if name, err := postgres.MigrateDown(t.Context(), url); err != nil || name != "" {
			t.Fatalf("down on an empty schema: %q, %v", name, err)
		}
	}
	var left int
	db := open(t, url, slog.New(slog.DiscardHandler))
	err = db.Pool.QueryRow(t.Context(), `SELECT count(*) FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relname NOT LIKE 'goose%'`).Scan(&left)
	if err != nil || left != 0 {
		t.Errorf("%d relations left after all the downs, %v", left, err)
	}
}

// TestInstancesMigrateAtOnce: one of them migrates, the others wait for it.
func TestInstancesMigrateAtOnce(t *testing.T) {
	t.Parallel()
	url := testkit.EmptyDatabase(t)
	var wg sync.WaitGroup
	applied := make([]int, 4)
	for i := range applied {
		wg.Go(func() {
			n, err := postgres.Migrate(t.Context(), url)
			if err != nil {
				t.Error(err)
			}
			applied[i] = n
		})
	}
	wg.Wait()
	total := 0
	for _, n := range applied {
		total += n
	}
	if states, err := postgres.MigrationStatus(t.Context(), url); err != nil || total != len(states) {
		t.Errorf("%v applied, of %d migrations, %v", applied, len(states), err)
	}
}

func TestTimesComeBackInUTC(t *testing.T) {
	t.Parallel()
	db := open(t, testkit.Database(t), slog.New(slog.DiscardHandler))
	want := time.Date(2026, 3, 1, 15, 0, 0, 123456000, time.UTC)
	for name, scan := range map[string]func(*time.Time) error{
		"pgx": func(at *time.Time) error {
			return db.Pool.QueryRow(t.Context(), "SELECT $1::timestamptz", want).Scan(at)
		},
		"gorm": func(at *time.Time) error {
			return db.Gorm.WithContext(t.Context()).Raw("SELECT ?::timestamptz", want).Row().Scan(at)
		},
	} {
		var got time.Time
		if err := scan(&got); err != nil || got != want {
			t.Errorf("%s: %v, %v; want %v, in UTC to the microsecond", name, got, err, want)
		}
	}
}

// lines collects a log.
type lines struct {
	mu   sync.Mutex
	text strings.Builder
}

func (l *lines) Write(b []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(b)
}

func TestParametersNeverReachTheLog(t *testing.T) {
	t.Parallel()
	var out lines
	db, err := postgres.Open(t.Context(), postgres.Config{URL: testkit.Database(t), SlowStatement: time.Nanosecond},
		slog.New(slog.NewTextHandler(&out, &slog.HandlerOptions{Level: slog.LevelDebug})))
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	const secret = "it's a s3cret"
	var row map[string]any
	q := db.Gorm.WithContext(t.Context())
	_ = q.Raw("SELECT ? AS v", secret).Scan(&row).Error                           // slow, by the path that interpolates
	_ = q.Exec("INSERT INTO no_such_table VALUES (?)", secret).Error              // failed
	_ = q.Table("no_such_table").Where("name = ?", secret).Find(&row).Error       // failed, built
	_ = q.Raw("SELECT 1 / 0 WHERE ? = '"+secret[:2]+"'", secret).Scan(&row).Error // failed, with a literal
	got := out.text.String()
	if !strings.Contains(got, "slow statement") || !strings.Contains(got, "failed statement") {
		t.Fatalf("nothing was logged:\n%s", got)
	}
	if strings.Contains(got, "s3cret") {
		t.Errorf("a parameter is in the log:\n%s", got)
	}
}

func TestAWrongURLIsNotRepeated(t *testing.T) {
	t.Parallel()
	const url = "postgres://u:hunter2secret@host:notaport/db"
	if _, err := postgres.Open(t.Context(), postgres.Config{URL: url}, slog.New(slog.DiscardHandler)); err == nil || strings.Contains(err.Error(), "hunter2secret") {
		t.Errorf("open: %v", err)
	}
	if _, err := postgres.Migrate(t.Context(), url); err == nil || strings.Contains(err.Error(), "hunter2secret") {
		t.Errorf("migrate: %v", err)
	}
}

func TestUnavailable(t *testing.T) {
	t.Parallel()
	pg := testkit.Postgres(t)
	db := open(t, pg.URL(), slog.New(slog.DiscardHandler))
	if err := db.Ping(t.Context()); err != nil {
		t.Fatal(err)
	}
	if _, err := db.Pool.Exec(t.Context(), "SELECT nothing"); err == nil || postgres.Unavailable(err) {
		t.Errorf("a wrong question is not an absence: %v", err)
	}
	if err := pg.Kill(); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	var err error
	for range 3 { // the first may find its connection broken in the middle
		_, err = db.Pool.Exec(ctx, "SELECT 1")
	}
	if !postgres.Unavailable(err) {
		t.Errorf("a server that is gone: %v", err)
	}
}
