package admin

import (
	"context"
	"encoding/json"
	"fmt"
	"strconv"
	"time"

	"gorm.io/gorm"

	"openlearn/internal/cache"
)

// trail is the table cache_audit.
type trail struct{ db *gorm.DB }

// trailTimeout bounds each write of the trail: an operator who flushes a broken cache must not wait for a broken database.
const trailTimeout = 2 * time.Second

// AuditEntry is one operation that changed the cache.
type AuditEntry struct {
	ID        int64           `json:"id"`
	At        time.Time       `json:"at"`
	Actor     string          `json:"actor" doc:"By what right: the admin key, or loopback in development"`
	Remote    string          `json:"remote"`
	RequestID string          `json:"request_id"`
	Operation string          `json:"operation"`
	Target    json.RawMessage `json:"target" gorm:"type:jsonb;serializer:jsonb"`
	State     string          `json:"state" enum:"begun,done,failed"`
	Keys      *int            `json:"keys" doc:"Entries that were current until then, or were filled"`
	Layers    json.RawMessage `json:"layers" gorm:"type:jsonb;serializer:jsonb" doc:"The same by layer"`
	Error     *string         `json:"error"`
}

// TableName is the name that the migration gave the table.
func (AuditEntry) TableName() string { return "cache_audit" }

// audited runs an operation and records it in a row, which is inserted before and completed after. If the database does
// not take the row, the operation still runs: it is logged instead, and the answer says audited = false.
func (a *Admin) audited(ctx context.Context, operation string, target any, do func() (cache.Purged, error)) (reach cache.Purged, recorded bool, err error) {
	start := time.Now()
	id, begun := a.trail.begin(ctx, operation, target)
	reach, err = do()
	ended := begun
	if begun == nil {
		ended = a.trail.end(ctx, id, time.Since(start), reach, err)
	}
	who := callerOf(ctx)
	a.log.Info("cache operation", "operation", operation, "target", target, "keys", reach.Total(), "actor", who.Actor, "remote", who.Remote,
		"request_id", who.RequestID, "failed", err != nil)
	if ended != nil {
		a.log.Error("cache operation is not in the audit trail", "operation", operation, "target", target, "error", ended)
	}
	return reach, ended == nil, err
}

func (t trail) begin(ctx context.Context, operation string, target any) (id int64, err error) {
	raw, err := json.Marshal(target)
	if err != nil {
		return 0, fmt.Errorf("audit %s: %w", operation, err)
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), trailTimeout)
	defer cancel()
	who := callerOf(ctx)
	err = t.db.WithContext(ctx).Raw(`INSERT INTO cache_audit (actor, remote, request_id, operation, target) VALUES (?, ?, ?, ?, ?::jsonb) RETURNING id`,
		who.Actor, who.Remote, who.RequestID, operation, string(raw)).Scan(&id).Error
	if err != nil {
		return 0, fmt.Errorf("audit %s: %w", operation, err)
	}
	return id, nil
}

func (t trail) end(ctx context.Context, id int64, took time.Duration, reach cache.Purged, failed error) error {
	layers, err := json.Marshal(reach.Layers)
	if err != nil {
		return fmt.Errorf("audit %d: %w", id, err)
	}
	state, text := "done", (*string)(nil)
	if failed != nil {
		s := failed.Error()
		state, text = "failed", &s
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), trailTimeout)
	defer cancel()
	err = t.db.WithContext(ctx).Exec(`UPDATE cache_audit SET state = ?, took = ? * interval '1 microsecond', keys = ?, layers = ?::jsonb, error = ? WHERE id = ?`,
		state, took.Microseconds(), reach.Total(), string(layers), text, id).Error
	if err != nil {
		return fmt.Errorf("audit %d: %w", id, err)
	}
	return nil
}

func (t trail) page(ctx context.Context, before int64, limit int) (out []AuditEntry, err error) {
	q := t.db.WithContext(ctx).Order("id DESC").Limit(limit)
	if before > 0 {
		q = q.Where("id < ?", before)
	}
	if err := q.Find(&out).Error; err != nil {
		return nil, fmt.Errorf("read the audit trail (before %d): %w", before, err)
	}
	return out, nil
}

// Trail returns a page of the audit trail, newest first; next is the cursor for older rows, "" at the end.
func (a *Admin) Trail(ctx context.Context, cursor string, limit int) (rows []AuditEntry, next string, err error) {
	before := int64(0)
	if cursor != "" {
		n, err := strconv.ParseInt(cursor, 10, 64)
		if err != nil || n <= 0 {
			return nil, "", invalid("cursor", "not a cursor of this list", cursor)
		}
		before = n
	}
	found, err := a.trail.page(ctx, before, limit+1)
	if err != nil {
		return nil, "", err
	}
	rows = append([]AuditEntry{}, found[:min(len(found), limit)]...)
	if len(found) > limit {
		next = strconv.FormatInt(rows[limit-1].ID, 10)
	}
	return rows, next, nil
}
