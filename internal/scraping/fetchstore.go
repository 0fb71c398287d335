package scraping

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"time"

	"gorm.io/gorm"
	"gorm.io/gorm/clause"

	"openlearn/internal/periodic"
	"openlearn/internal/scraping/fetch"
	"openlearn/internal/scraping/source"
)

// FetchStore holds every query on scrape_entries and scrape_hosts: what all instances know about entries and hosts. It
// implements Entries and fetch.State.
type FetchStore struct{ db *gorm.DB }

// NewFetchStore makes a FetchStore on db.
func NewFetchStore(db *gorm.DB) *FetchStore { return &FetchStore{db: db} }

// entryRow is a row of scrape_entries.
type entryRow struct {
	SourceID     string `gorm:"primaryKey"`
	URL          string `gorm:"primaryKey"`
	Kind         string
	State        string
	Reason       string
	Detail       string
	Failures     int
	ETag         []byte    `gorm:"column:etag"`
	LastModified []byte    `gorm:"column:last_modified"`
	Announced    Announced `gorm:"serializer:jsonb"`
	Items        int
	Newest       *time.Time
	MovedTo      string
	CheckedAt    time.Time
	WorkedAt     *time.Time
	WholeAt      *time.Time
	NextCheck    time.Time
}

func (entryRow) TableName() string { return "scrape_entries" }

func (r *entryRow) record() EntryRecord {
	return EntryRecord{
		SourceID: r.SourceID, URL: r.URL, Kind: source.Kind(r.Kind), State: State(r.State), Reason: fetch.Reason(r.Reason), Detail: r.Detail,
		Failures: r.Failures, Validators: fetch.Validators{ETag: string(r.ETag), LastModified: string(r.LastModified)}, Announced: r.Announced,
		Newest: r.Newest, MovedTo: r.MovedTo, CheckedAt: r.CheckedAt, WorkedAt: deref(r.WorkedAt), WholeAt: deref(r.WholeAt), NextCheck: r.NextCheck,
	}
}

// Entry implements Entries.
func (s *FetchStore) Entry(ctx context.Context, sourceID, url string) (EntryRecord, bool, error) {
	var row entryRow
	err := s.db.WithContext(ctx).Where("source_id = ? AND url = ?", sourceID, url).Take(&row).Error
	if errors.Is(err, gorm.ErrRecordNotFound) {
		return EntryRecord{}, false, nil
	}
	if err != nil {
		return EntryRecord{}, false, fmt.Errorf("state of the entry %s: %w", url, err)
	}
	return row.record(), true, nil
}

// KeepEntry implements Entries. If two instances have requested an entry, the later answer stays.
func (s *FetchStore) KeepEntry(ctx context.Context, r EntryRecord) error {
	row := entryRow{
		SourceID: r.SourceID, URL: r.URL, Kind: string(r.Kind), State: string(r.State), Reason: string(r.Reason), Detail: storable(r.Detail),
		Failures: r.Failures, ETag: []byte(r.Validators.ETag), LastModified: []byte(r.Validators.LastModified), Announced: r.Announced,
		Items: len(r.Announced.Found.Items), Newest: r.Newest, MovedTo: storable(r.MovedTo), CheckedAt: r.CheckedAt, WorkedAt: notZero(r.WorkedAt),
		WholeAt: notZero(r.WholeAt), NextCheck: r.NextCheck,
	}
	err := s.db.WithContext(ctx).Clauses(clause.OnConflict{
		Columns: []clause.Column{{Name: "source_id"}, {Name: "url"}}, UpdateAll: true,
		Where: clause.Where{Exprs: []clause.Expression{clause.Expr{SQL: "scrape_entries.checked_at <= excluded.checked_at"}}},
	}).Create(&row).Error
	if err != nil {
		return fmt.Errorf("keep the state of the entry %s: %w", r.URL, err)
	}
	return nil
}

// EntriesOf returns the records of a source's entries, or of all sources if sourceID is "", without what they announce,
// ordered by source and address.
func (s *FetchStore) EntriesOf(ctx context.Context, sourceID string) ([]EntryRecord, error) {
	q := s.db.WithContext(ctx).Omit("announced").Order("source_id, url")
	if sourceID != "" {
		q = q.Where("source_id = ?", sourceID)
	}
	var rows []entryRow
	if err := q.Find(&rows).Error; err != nil {
		return nil, fmt.Errorf("states of entries: %w", err)
	}
	out := make([]EntryRecord, len(rows))
	for i := range rows {
		out[i] = rows[i].record()
	}
	return out, nil
}

// Entries that were not requested for this long are deleted: sitemaps of past months, removed sources.
const (
	entriesKept  = 90 * 24 * time.Hour
	forgetFirst  = 10 * time.Minute
	forgetEvery  = 24 * time.Hour
	forgetWithin = 30 * time.Second
)

// Jobs returns the job that deletes old records. Every instance may run it: the second one finds nothing to do.
func (s *FetchStore) Jobs(log *slog.Logger) []periodic.Job {
	return []periodic.Job{{Name: "forget entries", First: forgetFirst, Every: forgetEvery, Logger: log, Pass: func(ctx context.Context) error {
		ctx, cancel := context.WithTimeout(ctx, forgetWithin)
		defer cancel()
		return s.forgetEntries(ctx, time.Now().Add(-entriesKept))
	}}}
}

func (s *FetchStore) forgetEntries(ctx context.Context, since time.Time) error {
	if err := s.db.WithContext(ctx).Where("checked_at < ?", since).Delete(&entryRow{}).Error; err != nil {
		return fmt.Errorf("forget entries: %w", err)
	}
	return nil
}

// hostRow is a row of scrape_hosts.
type hostRow struct {
	Authority    string `gorm:"primaryKey"`
	RobotsAnswer string
	RobotsBody   []byte
	RobotsReadAt *time.Time
	RobotsUntil  *time.Time
	RobotsDetail string
}

func (hostRow) TableName() string { return "scrape_hosts" }

// Robots implements fetch.State.
func (s *FetchStore) Robots(ctx context.Context, authority string) (fetch.RobotsRecord, bool, error) {
	var row hostRow
	err := s.db.WithContext(ctx).Where("authority = ? AND robots_answer <> ''", authority).Take(&row).Error
	if errors.Is(err, gorm.ErrRecordNotFound) {
		return fetch.RobotsRecord{}, false, nil
	}
	if err != nil {
		return fetch.RobotsRecord{}, false, fmt.Errorf("robots.txt of %s: %w", authority, err)
	}
	return fetch.RobotsRecord{
		Answer: fetch.RobotsAnswer(row.RobotsAnswer), Body: row.RobotsBody, ReadAt: deref(row.RobotsReadAt), Until: deref(row.RobotsUntil), Detail: row.RobotsDetail,
	}, true, nil
}

// KeepRobots implements fetch.State.
func (s *FetchStore) KeepRobots(ctx context.Context, authority string, r fetch.RobotsRecord) error {
	row := hostRow{
		Authority: authority, RobotsAnswer: string(r.Answer), RobotsBody: r.Body, RobotsReadAt: notZero(r.ReadAt), RobotsUntil: notZero(r.Until),
		RobotsDetail: storable(r.Detail),
	}
	err := s.db.WithContext(ctx).Clauses(clause.OnConflict{
		Columns:   []clause.Column{{Name: "authority"}},
		DoUpdates: clause.AssignmentColumns([]string{"robots_answer", "robots_body", "robots_read_at", "robots_until", "robots_detail"}),
	}).Create(&row).Error
	if err != nil {
		return fmt.Errorf("keep robots.txt of %s: %w", authority, err)
	}
	return nil
}

// KeepBlocked implements fetch.State.
func (s *FetchStore) KeepBlocked(ctx context.Context, authority, rule, address string, at time.Time) error {
	err := s.db.WithContext(ctx).Exec(`INSERT INTO scrape_hosts (authority, blocked_rule, blocked_url, blocked_at) VALUES (?, ?, ?, ?)
		ON CONFLICT (authority) DO UPDATE SET blocked_rule = excluded.blocked_rule, blocked_url = excluded.blocked_url, blocked_at = excluded.blocked_at`,
		authority, storable(rule), storable(address), at).Error
	if err != nil {
		return fmt.Errorf("keep the rule that blocked %s: %w", address, err)
	}
	return nil
}

// Blocked is a rule of a robots.txt that forbade an address.
type Blocked struct {
	Authority string    `json:"authority"`
	Rule      string    `json:"rule" gorm:"column:blocked_rule"`
	URL       string    `json:"url" gorm:"column:blocked_url"`
	At        time.Time `json:"at" gorm:"column:blocked_at"`
}

// BlockedBy lists for each host the rule that last forbade one of its addresses.
func (s *FetchStore) BlockedBy(ctx context.Context) ([]Blocked, error) {
	out := []Blocked{}
	err := s.db.WithContext(ctx).Table("scrape_hosts").Select("authority, blocked_rule, blocked_url, blocked_at").
		Where("blocked_at IS NOT NULL").Order("authority").Find(&out).Error
	if err != nil {
		return nil, fmt.Errorf("rules that block: %w", err)
	}
	return out, nil
}

// storable makes a text acceptable to the database.
func storable(s string) string {
	return strings.ReplaceAll(strings.ToValidUTF8(s, ""), "\x00", "")
}

func notZero(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	return &t
}

func deref(t *time.Time) time.Time {
	if t == nil {
		return time.Time{}
	}
	return *t
}
