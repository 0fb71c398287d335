package scraping

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"gorm.io/gorm"

	"openlearn/internal/outbox"
)

// Store keeps the progress of scraping for all instances: the state of each source, and who is making a pass over it.
type Store struct {
	db     *gorm.DB
	outbox *outbox.Relay
}

// NewStore makes a Store. Changes of a source's state invalidate the cache entries that show it through the outbox.
func NewStore(db *gorm.DB, relay *outbox.Relay) *Store { return &Store{db, relay} }

// SourceState is the state of scraping one source.
type SourceState struct {
	ID          string          `gorm:"primaryKey"`
	CreatedAt   time.Time       // when scraping it began
	PausedAt    *time.Time      // nil = not paused
	PauseReason *string         //
	NextAt      time.Time       // when the next pass is due
	StartedAt   *time.Time      // the last pass
	EndedAt     *time.Time      //
	SucceededAt *time.Time      // the end of the last pass that did not fail
	NewestAt    *time.Time      // the date of the newest article that was announced
	StoredAt    *time.Time      // when an article was last stored or revised
	Failures    int             // failed passes in a row
	Failure     *string         // why the last one failed
	Report      json.RawMessage `gorm:"serializer:jsonb"` // of the last pass
	Stored      int64           // articles, over all passes
	Revised     int64
}

// TableName implements gorm's Tabler.
func (SourceState) TableName() string { return sourcesTable }

// States returns the states of all sources that have one, by id.
func (s *Store) States(ctx context.Context) (map[string]SourceState, error) {
	var rows []SourceState
	if err := s.db.WithContext(ctx).Find(&rows).Error; err != nil {
		return nil, fmt.Errorf("read the states of sources: %w", err)
	}
	out := make(map[string]SourceState, len(rows))
	for _, r := range rows {
		out[r.ID] = r
	}
	return out, nil
}

// State returns the state of one source; a source without a state is due now.
func (s *Store) State(ctx context.Context, id string) (SourceState, error) {
	state := SourceState{ID: id}
	err := s.db.WithContext(ctx).Take(&state).Error
	if errors.Is(err, gorm.ErrRecordNotFound) {
		return SourceState{ID: id}, nil
	}
	if err != nil {
		return state, fmt.Errorf("read the state of %s: %w", id, err)
	}
	return state, nil
}

// Due returns those of the given sources that are due: not paused, and not before their time.
func (s *Store) Due(ctx context.Context, ids []string) ([]string, error) {
	var due []string
	_, err := s.outbox.Write(ctx, func(tx *gorm.DB) error {
		return tx.Exec(`INSERT INTO scraping_sources (id) SELECT id FROM json_array_elements_text(?::json) AS known(id)
			WHERE NOT EXISTS (SELECT FROM scraping_sources s WHERE s.id = known.id) ON CONFLICT DO NOTHING`, jsonOf(ids)).Error
	})
	if err == nil || errors.Is(err, outbox.ErrUnconfirmed) {
		err = s.db.WithContext(ctx).Raw(`SELECT id FROM scraping_sources WHERE id IN (SELECT json_array_elements_text(?::json)) AND paused_at IS NULL AND next_at <= now()
			ORDER BY next_at`, jsonOf(ids)).Scan(&due).Error
	}
	if err != nil {
		return nil, fmt.Errorf("ask which sources are due: %w", err)
	}
	return due, nil
}

// Pause stops new passes over a source, except those requested by name, or lets them begin again, now. pending is the
// result of outbox.Write.
func (s *Store) Pause(ctx context.Context, id string, paused bool, reason string) (pending bool, err error) {
	return s.outbox.Write(ctx, func(tx *gorm.DB) error {
		return tx.Exec(`INSERT INTO scraping_sources (id, paused_at, pause_reason) VALUES (@id, CASE WHEN @paused THEN now() END, CASE WHEN @paused THEN nullif(@reason, '') END)
			ON CONFLICT (id) DO UPDATE SET
				paused_at = CASE WHEN @paused THEN coalesce(scraping_sources.paused_at, excluded.paused_at) END,
				pause_reason = excluded.pause_reason,
				next_at = CASE WHEN @paused THEN scraping_sources.next_at ELSE now() END`,
			map[string]any{"id": id, "paused": paused, "reason": reason}).Error
	})
}

// ended is what Conclude records about a pass.
type ended struct {
	report  Report
	failure string // "" = it did not fail
	next    time.Duration
	newest  *time.Time
}

// Conclude records the end of a pass. A pending invalidation does not fail the pass.
func (s *Store) Conclude(ctx context.Context, e ended) error {
	report, err := json.Marshal(e.report)
	if err != nil {
		return fmt.Errorf("record a pass over %s: %w", e.report.ID, err)
	}
	_, err = s.outbox.Write(ctx, func(tx *gorm.DB) error {
		return tx.Exec(`INSERT INTO scraping_sources AS s (id, next_at, started_at, ended_at, succeeded_at, newest_at, stored_at, failures, failure, report, stored, revised)
			VALUES (@id, now() + make_interval(secs => @next), @started, now(), CASE WHEN @failure = '' THEN now() END, @newest, CASE WHEN @some THEN now() END, (@failure <> '')::integer, nullif(@failure, ''), @report, @stored, @revised)
			ON CONFLICT (id) DO UPDATE SET
				next_at = excluded.next_at, started_at = excluded.started_at, ended_at = excluded.ended_at,
				succeeded_at = coalesce(excluded.succeeded_at, s.succeeded_at), newest_at = greatest(excluded.newest_at, s.newest_at), stored_at = coalesce(excluded.stored_at, s.stored_at),
				failures = CASE WHEN @failure = '' THEN 0 ELSE s.failures + 1 END, failure = excluded.failure, report = excluded.report,
				stored = s.stored + excluded.stored, revised = s.revised + excluded.revised`,
			map[string]any{
				"id": e.report.ID, "next": e.next.Seconds(), "started": e.report.StartedAt, "failure": e.failure, "newest": e.newest, "report": string(report),
				"stored": e.report.Saved, "revised": e.report.Revised, "some": e.report.Saved+e.report.Revised > 0,
			}).Error
	})
	if err != nil && !errors.Is(err, outbox.ErrUnconfirmed) {
		return fmt.Errorf("record a pass over %s: %w", e.report.ID, err)
	}
	return nil
}

// Lease takes or renews the right to make a pass over a source, and says whether holder has it now.
func (s *Store) Lease(ctx context.Context, id, holder string, length time.Duration) (bool, error) {
	got := s.db.WithContext(ctx).Exec(`INSERT INTO scraping_leases AS l (id, holder, until) VALUES (@id, @holder, now() + make_interval(secs => @length))
		ON CONFLICT (id) DO UPDATE SET holder = excluded.holder, until = excluded.until WHERE l.holder = excluded.holder OR l.until < now()`,
		map[string]any{"id": id, "holder": holder, "length": length.Seconds()})
	if got.Error != nil {
		return false, fmt.Errorf("lease %s: %w", id, got.Error)
	}
	return got.RowsAffected == 1, nil
}

// Release gives the right back.
func (s *Store) Release(ctx context.Context, id, holder string) error {
	if err := s.db.WithContext(ctx).Exec(`DELETE FROM scraping_leases WHERE id = ? AND holder = ?`, id, holder).Error; err != nil {
		return fmt.Errorf("release %s: %w", id, err)
	}
	return nil
}

func jsonOf(ids []string) string {
	b, err := json.Marshal(ids)
	if err != nil { // only strings: cannot fail
		panic(err)
	}
	return string(b)
}
