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
	Keep   time.Duration // older rows are deleted; 0 = none ever
	Logger *slog.Logger
	First  time.Duration // from the start to the first look; 0 = 1 min
	Every  time.Duration // between looks; 0 = 1 h
}

// Retention deletes what is too old from the audit trail. Close must follow.
type Retention struct {
	opt  RetentionOptions
	runs *periodic.Runner // nil: everything is kept
}

const (
	retentionBatch   = 1000
	retentionTimeout = 10 * time.Second // of one batch
)

// NewRetention starts the deleting. Every instance may: they share the work, and whoever comes second finds nothing.
func NewRetention(o RetentionOptions) *Retention {
	if o.First <= 0 {
		o.First = time.Minute
	}
	if o.Every <= 0 {
		o.Every = time.Hour
	}
	r := &Retention{opt: o}
	if o.Keep > 0 {
		r.runs = periodic.Start(context.Background(), periodic.Job{
			Name: "audit retention", First: o.First, Every: o.Every, Logger: o.Logger, Pass: r.pass,
		})
	}
	return r
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

// Close stops the deleting and waits for the batch under way.
func (r *Retention) Close() { r.runs.Close() }
