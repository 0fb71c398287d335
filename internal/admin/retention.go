package admin

import (
	"context"
	"fmt"
	"log/slog"
	"time"

	"gorm.io/gorm"

	"openlearn/internal/periodic"
)

// RetentionOptions say how long the audit trail is kept.
type RetentionOptions struct {
	DB     *gorm.DB
	Keep   time.Duration // older rows are deleted; 0 = never
	Logger *slog.Logger
}

// Retention deletes what is too old from the audit trail.
type Retention struct{ opt RetentionOptions }

const (
	retentionFirst   = time.Minute // from the start
	retentionEvery   = time.Hour
	retentionBatch   = 1000
	retentionTimeout = 10 * time.Second // of one batch
)

// NewRetention makes a Retention.
func NewRetention(o RetentionOptions) *Retention { return &Retention{o} }

// Jobs returns the job that deletes rows, none if everything is kept. Every instance may run it: they share the work, and
// whichever comes second finds nothing.
func (r *Retention) Jobs() []periodic.Job {
	if r.opt.Keep <= 0 {
		return nil
	}
	return []periodic.Job{{Name: "audit retention", First: retentionFirst, Every: retentionEvery, Logger: r.opt.Logger, Pass: r.pass}}
}

func (r *Retention) pass(ctx context.Context) error {
	n, err := r.prune(ctx)
	if n > 0 {
		r.opt.Logger.Info("deleted old rows of the audit trail", "deleted", n, "older_than", r.opt.Keep)
	}
	return err
}

// prune deletes all that is too old now, a batch at a time, so that no statement holds many locks or writes much at once,
// and returns how many rows it deleted. Rows that another instance is deleting are left to it. The database's clock judges:
// it wrote the times.
func (r *Retention) prune(ctx context.Context) (deleted int64, err error) {
	for {
		n, err := r.batch(ctx)
		deleted += n
		if err != nil {
			return deleted, fmt.Errorf("delete audit rows older than %s: %w", r.opt.Keep, err)
		}
		if n < retentionBatch {
			return deleted, nil
		}
	}
}

func (r *Retention) batch(ctx context.Context) (int64, error) {
	ctx, cancel := context.WithTimeout(ctx, retentionTimeout)
	defer cancel()
	res := r.opt.DB.WithContext(ctx).Exec(`DELETE FROM cache_audit WHERE id IN (
		SELECT id FROM cache_audit WHERE at < clock_timestamp() - ? * interval '1 second' ORDER BY id LIMIT ? FOR UPDATE SKIP LOCKED)`,
		r.opt.Keep.Seconds(), retentionBatch)
	return res.RowsAffected, res.Error
}
