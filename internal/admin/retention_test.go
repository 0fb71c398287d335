package admin

import (
	"context"
	"log/slog"
	"sync"
	"testing"
	"time"

	"gorm.io/gorm"

	"openlearn/internal/periodic"
	"openlearn/internal/postgres"
	"openlearn/internal/testkit"
)

func auditDB(t *testing.T) *gorm.DB {
	t.Helper()
	db, err := postgres.Open(t.Context(), postgres.Config{URL: testkit.Database(t)}, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := db.Close(); err != nil {
			t.Error(err)
		}
	})
	return db.Gorm
}

// audits stores n rows of an age.
func audits(t *testing.T, db *gorm.DB, n int, age string) {
	t.Helper()
	err := db.Exec(`INSERT INTO cache_audit (at, actor, remote, request_id, operation, target)
		SELECT now() - ?::interval, 'admin', '', '', 'warm', '{}' FROM generate_series(1, ?)`, age, n).Error
	if err != nil {
		t.Fatal(err)
	}
}

func audited(t *testing.T, db *gorm.DB) (n int64) {
	t.Helper()
	if err := db.Table("cache_audit").Count(&n).Error; err != nil {
		t.Fatal(err)
	}
	return n
}

const days = 24 * time.Hour

func TestOldAuditRowsAreDeletedInBatches(t *testing.T) {
	t.Parallel()
	db := auditDB(t)
	audits(t, db, 2*retentionBatch+345, "91 days")
	audits(t, db, 7, "89 days")
	audits(t, db, 5, "0")
	var wg sync.WaitGroup
	var deleted [3]int64
	for i := range deleted { // three instances at once
		wg.Go(func() {
			r := NewRetention(RetentionOptions{DB: db, Keep: 90 * days, Logger: slog.New(slog.DiscardHandler)})
			var err error
			if deleted[i], err = r.prune(context.Background()); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	// One that found the others' rows locked may have left a last few to them; the next look takes what is left.
	r := NewRetention(RetentionOptions{DB: db, Keep: 90 * days, Logger: slog.New(slog.DiscardHandler)})
	rest, err := r.prune(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	if n := audited(t, db); n != 12 || deleted[0]+deleted[1]+deleted[2]+rest != 2*retentionBatch+345 {
		t.Errorf("%d rows are left; deleted %v and %d", n, deleted, rest)
	}
}

func TestRetentionLooksByItself(t *testing.T) {
	t.Parallel()
	db := auditDB(t)
	audits(t, db, 3, "2 days")
	forever := NewRetention(RetentionOptions{DB: db, Logger: slog.New(slog.DiscardHandler)})
	if jobs := forever.Jobs(); len(jobs) != 0 {
		t.Fatalf("%d jobs delete from a trail that is kept for ever", len(jobs))
	}
	jobs := NewRetention(RetentionOptions{DB: db, Keep: days, Logger: slog.New(slog.DiscardHandler)}).Jobs()
	if len(jobs) != 1 {
		t.Fatalf("%d jobs", len(jobs))
	}
	passed := make(chan error)
	jobs[0].First, jobs[0].Passed = 0, func(err error) { passed <- err }
	r := periodic.Start(t.Context(), jobs[0])
	for range 2 { // and again
		if err := <-passed; err != nil {
			t.Fatal(err)
		}
		if n := audited(t, db); n != 0 {
			t.Errorf("%d old rows stay", n)
		}
		audits(t, db, 3, "2 days")
		r.Wake()
	}
	if err := <-passed; err != nil {
		t.Fatal(err)
	}
	r.Close()
}

func TestRetentionWithoutADatabase(t *testing.T) {
	t.Parallel()
	db, err := postgres.Open(t.Context(), postgres.Config{URL: "postgres://u:p@127.0.0.1:1/none"}, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	r := NewRetention(RetentionOptions{DB: db.Gorm, Keep: days, Logger: slog.New(slog.DiscardHandler)})
	if _, err := r.prune(context.Background()); err == nil {
		t.Error("no error")
	}
}
