package admin

import (
	"context"
	"log/slog"
	"sync"
	"testing"
	"time"

	"gorm.io/gorm"

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
			r := NewRetention(RetentionOptions{DB: db, Keep: 90 * days, Logger: slog.New(slog.DiscardHandler), First: time.Hour})
			defer r.Close()
			var err error
			if deleted[i], err = r.prune(context.Background()); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	// One that found the others' rows locked may have left a last few to them; the next look takes what is left.
	r := NewRetention(RetentionOptions{DB: db, Keep: 90 * days, Logger: slog.New(slog.DiscardHandler), First: time.Hour})
	defer r.Close()
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
	forever := NewRetention(RetentionOptions{DB: db, Logger: slog.New(slog.DiscardHandler), First: time.Millisecond, Every: time.Millisecond})
	forever.Close()
	if n := audited(t, db); n != 3 {
		t.Fatalf("%d rows are left of a trail that is kept for ever", n)
	}
	r := NewRetention(RetentionOptions{DB: db, Keep: days, Logger: slog.New(slog.DiscardHandler), First: time.Millisecond, Every: 10 * time.Millisecond})
	defer r.Close()
	eventuallyEmpty(t, db)
	audits(t, db, 3, "2 days") // and again
	eventuallyEmpty(t, db)
}

func eventuallyEmpty(t *testing.T, db *gorm.DB) {
	t.Helper()
	deadline := time.After(30 * time.Second)
	for audited(t, db) > 0 {
		select {
		case <-deadline:
			t.Fatal("old rows stay")
		case <-time.After(5 * time.Millisecond):
		}
	}
}

func TestRetentionWithoutADatabase(t *testing.T) {
	t.Parallel()
	db, err := postgres.Open(t.Context(), postgres.Config{URL: "postgres://u:p@127.0.0.1:1/none"}, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	r := NewRetention(RetentionOptions{DB: db.Gorm, Keep: days, Logger: slog.New(slog.DiscardHandler), First: time.Millisecond, Every: time.Millisecond})
	defer r.Close()
	if _, err := r.prune(context.Background()); err == nil {
		t.Error("no error")
	}
}
