package scraping

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"testing"
	"time"

	"openlearn/internal/postgres"
	"openlearn/internal/testkit"
)

// leased makes a source's host and a store for its leases, which are short enough for tests to wait for.
func leased(t *testing.T) (*host, *Store) {
	t.Helper()
	db, err := postgres.Open(t.Context(), postgres.Config{URL: testkit.Database(t), MaxConns: 3}, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := db.Close(); err != nil {
			t.Error(err)
		}
	})
	h := newHost(t)
	h.sc.Store, h.sc.Lease = NewStore(db.Gorm, nil), 800*time.Millisecond
	return h, h.sc.Store
}

// TestOnePassOverAllProcesses: while another process holds a source's lease no pass over it begins, and a process that does
// not renew it loses it.
func TestOnePassOverAllProcesses(t *testing.T) {
	t.Parallel()
	h, store := leased(t)
	h.html("/nota-a", story("Una"))
	if ok, err := store.Lease(t.Context(), "x", "another", time.Hour); err != nil || !ok {
		t.Fatal(ok, err)
	}
	read := func() error {
		_, err := h.service(h.definition()).Scrape(t.Context(), "x", Options{URL: h.base + "/nota-a"})
		return err
	}
	if err := read(); !errors.Is(err, ErrRunning) {
		t.Errorf("beside another's pass: %v", err)
	}
	if ok, err := store.Lease(t.Context(), "y", "another", time.Hour); err != nil || !ok {
		t.Errorf("another source's lease: %v, %v", ok, err)
	}
	if ok, err := store.Lease(t.Context(), "x", "another", time.Millisecond); err != nil || !ok { // the last renewal
		t.Fatal(ok, err)
	}
	testkit.Eventually(t, "the lease has run out", func() bool { return read() == nil })
	// The lease has been given back.
	if ok, err := store.Lease(t.Context(), "x", "another", time.Hour); err != nil || !ok {
		t.Errorf("after the pass: %v, %v", ok, err)
	}
}

// TestALostLeaseEndsThePass: a process that cannot renew its lease stops, because another may have begun.
func TestALostLeaseEndsThePass(t *testing.T) {
	t.Parallel()
	h, store := leased(t)
	entered := make(chan struct{})
	h.mux.HandleFunc("/nota-b", func(w http.ResponseWriter, r *http.Request) {
		close(entered)
		<-r.Context().Done()
		_, _ = io.WriteString(w, "never read")
	})
	ended := make(chan error, 1)
	s := h.service(h.definition())
	go func() {
		_, err := s.Scrape(context.WithoutCancel(t.Context()), "x", Options{URL: h.base + "/nota-b"})
		ended <- err
	}()
	<-entered
	var first, until time.Time
	testkit.Eventually(t, "it is renewed", func() bool {
		if err := store.db.Raw(`SELECT until FROM scraping_leases WHERE id = 'x' AND holder = ?`, s.holder).Scan(&until).Error; err != nil {
			t.Fatal(err)
		}
		if first.IsZero() {
			first = until
		}
		return until.After(first)
	})
	if err := store.db.Exec(`UPDATE scraping_leases SET holder = 'another', until = now() + interval '1 hour' WHERE id = 'x'`).Error; err != nil {
		t.Fatal(err)
	}
	if err := <-ended; !errors.Is(err, errLeaseLost) {
		t.Errorf("the pass ended with %v", err)
	}
	var holder string
	if err := store.db.Raw(`SELECT holder FROM scraping_leases WHERE id = 'x'`).Scan(&holder).Error; err != nil || holder != "another" {
		t.Errorf("the other's lease is %q's, %v", holder, err)
	}
}
