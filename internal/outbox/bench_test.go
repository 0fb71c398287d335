package outbox

import (
	"context"
	"log/slog"
	"sync/atomic"
	"testing"

	"gorm.io/gorm"

	"openlearn/internal/postgres"
	"openlearn/internal/testkit"
)

type accepts struct{}

func (accepts) Invalidate(context.Context, ...string) error { return nil }

// BenchmarkWrite measures what a write costs beyond its own statement: recording facts, reading them back, deleting them.
func BenchmarkWrite(b *testing.B) {
	db, err := postgres.Open(b.Context(), postgres.Config{URL: testkit.Database(b), MaxConns: 4}, slog.New(slog.DiscardHandler))
	if err != nil {
		b.Fatal(err)
	}
	defer db.Close()
	r := New(Options{DB: db, Rules: described})
	r.Start(b.Context(), accepts{})
	defer r.Close()
	if _, err := db.Pool.Exec(b.Context(), `INSERT INTO scraped_content (id, source, source_url, title, content)
		SELECT i, 'A', 'u' || i, 't', 'c' FROM generate_series(1, 1000) AS i`); err != nil {
		b.Fatal(err)
	}
	var n atomic.Int64
	write := func(b *testing.B) {
		id := n.Add(1)%1000 + 1
		pending, err := r.Write(b.Context(), func(tx *gorm.DB) error {
			return tx.Exec(`UPDATE scraped_content SET is_paywall = NOT coalesce(is_paywall, false) WHERE id = ?`, id).Error
		})
		if err != nil || pending {
			b.Errorf("pending %v, %v", pending, err)
		}
	}
	b.Run("alone", func(b *testing.B) {
		for b.Loop() {
			write(b)
		}
	})
	b.Run("four at once", func(b *testing.B) {
		b.SetParallelism(2) // times GOMAXPROCS, here two
		b.RunParallel(func(pb *testing.PB) {
			for pb.Next() {
				write(b)
			}
		})
	})
}
