package analysis

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"gorm.io/gorm"
)

// Triggers record the articles that must be analysed in analysis_pending.

// pending is an article that waits.
type pending struct {
	ContentID int64
	Mark      int64
}

// mostFailures is how often an article may make the engine fail before it is skipped until its text changes.
const mostFailures = 5

// lease is how long taken articles are reserved for a worker: if it has died, others take them after that.
const lease = 30 * time.Second

// Take takes the articles that have waited longest, news first.
func (s *Store) Take(ctx context.Context, limit int) (out []pending, err error) {
	// MATERIALIZED, because a plan that runs a subquery with a limit repeatedly would take more rows each time.
	err = s.db.WithContext(ctx).Raw(`WITH taken AS MATERIALIZED (? FOR UPDATE SKIP LOCKED)
		UPDATE analysis_pending AS p SET retry_at = now() + make_interval(secs => ?) FROM taken WHERE p.content_id = taken.content_id
		RETURNING p.content_id, p.mark`, s.waitingQuery(ctx, limit), lease.Seconds()).Scan(&out).Error
	if err != nil {
		return nil, fmt.Errorf("take what is to be analysed: %w", err)
	}
	return out, nil
}

// waitingQuery selects the articles that no worker has taken, in the order in which they are taken.
func (s *Store) waitingQuery(ctx context.Context, limit int) *gorm.DB {
	return s.db.WithContext(ctx).Table("analysis_pending").Select("content_id").Where("failures < ? AND retry_at <= now()", mostFailures).
		Order("priority, since, content_id").Limit(limit)
}

// Mark has these articles analysed again in any case, and returns their pending rows.
func (s *Store) Mark(ctx context.Context, ids []int64) (out []pending, err error) {
	list, err := json.Marshal(ids)
	if err != nil {
		return nil, err
	}
	err = s.db.WithContext(ctx).Raw(`INSERT INTO analysis_pending (content_id, priority)
		SELECT DISTINCT value::bigint, 1 FROM json_array_elements_text(?::json) ORDER BY 1
		ON CONFLICT (content_id) DO UPDATE SET failures = 0, retry_at = '-infinity' RETURNING content_id, mark`, string(list)).Scan(&out).Error
	if err != nil {
		return nil, fmt.Errorf("mark %d articles: %w", len(ids), err)
	}
	return out, nil
}

// MarkOutdated marks articles that another model analysed to be analysed again, at most limit of them with ids greater than
// after. It returns the id after which to continue, 0 at the end.
func (s *Store) MarkOutdated(ctx context.Context, model string, after int64, limit int) (next int64, err error) {
	var last *int64
	err = s.db.WithContext(ctx).Raw(`WITH outdated AS (
			SELECT content_id FROM content_analysis WHERE content_id > ? AND model_version IS DISTINCT FROM ? ORDER BY content_id LIMIT ?
		), marked AS (
			INSERT INTO analysis_pending (content_id, priority) SELECT content_id, 1 FROM outdated ON CONFLICT DO NOTHING
		) SELECT max(content_id) FROM outdated HAVING count(*) = ?`, after, model, limit, limit).Scan(&last).Error
	if err != nil {
		return 0, fmt.Errorf("mark what other models analysed: %w", err)
	}
	if last == nil {
		return 0, nil
	}
	return *last, nil
}

// Forget deletes the pending rows of articles that do not exist.
func (s *Store) Forget(ctx context.Context, ps []pending) error {
	if len(ps) == 0 {
		return nil
	}
	list, err := json.Marshal(ps)
	if err != nil {
		return err
	}
	err = s.db.WithContext(ctx).Exec(`DELETE FROM analysis_pending AS p USING json_to_recordset(?::json) AS r("ContentID" bigint, "Mark" bigint)
		WHERE p.content_id = r."ContentID" AND p.mark = r."Mark"`, string(list)).Error
	if err != nil {
		return fmt.Errorf("forget %d articles: %w", len(ps), err)
	}
	return nil
}

// Fail records that an article could not be analysed, and delays its next attempt.
func (s *Store) Fail(ctx context.Context, p pending) error {
	err := s.db.WithContext(ctx).Exec(`UPDATE analysis_pending SET failures = failures + 1, retry_at = now() + failures * interval '1 minute'
		WHERE content_id = ? AND mark = ?`, p.ContentID, p.Mark).Error
	if err != nil {
		return fmt.Errorf("put off article %d: %w", p.ContentID, err)
	}
	return nil
}

// Backlog returns how many articles wait, counted up to a bound, and how long the oldest news has waited.
func (s *Store) Backlog(ctx context.Context) (n int64, oldest time.Duration, err error) {
	var row struct {
		N       int64
		Seconds *float64
	}
	err = s.db.WithContext(ctx).Raw(`SELECT (SELECT count(*) FROM (SELECT FROM analysis_pending WHERE failures < ? LIMIT 1000000) AS p) AS n,
		(SELECT extract(epoch FROM now() - since) FROM analysis_pending WHERE priority = 0 AND failures < ? ORDER BY priority, since LIMIT 1) AS seconds`,
		mostFailures, mostFailures).Scan(&row).Error
	if err != nil {
		return 0, 0, fmt.Errorf("analysis backlog: %w", err)
	}
	if row.Seconds != nil {
		oldest = time.Duration(max(0, *row.Seconds) * float64(time.Second))
	}
	return row.N, oldest, nil
}

// countLock is the advisory lock under which figures, names and words are counted: triggers take it too.
const countLock = 0x6f6c5f636f756e

// save stores what was found in the store's transaction, which has the articles locked: of those articles that still wait with the mark that the findings
// answer. What was found of an older text, or has been stored by another, is dropped. It returns what was stored, as findings
// for the articles' own columns.
func (s *Store) save(ctx context.Context, batch []findings, model string) ([]Finding, error) {
	db := s.db.WithContext(ctx)
	if err := db.Exec("SELECT pg_advisory_xact_lock(?)", countLock).Error; err != nil {
		return nil, fmt.Errorf("store %d analyses: %w", len(batch), err)
	}
	marks := make([]pending, len(batch))
	for i := range batch {
		marks[i] = pending{batch[i].ContentID, batch[i].Mark}
	}
	list, err := json.Marshal(marks)
	if err != nil {
		return nil, err
	}
	var live []struct {
		ContentID int64
		Found     *string
	}
	err = db.Raw(`WITH mine AS (
			SELECT p.content_id FROM analysis_pending AS p JOIN json_to_recordset(?::json) AS r("ContentID" bigint, "Mark" bigint)
				ON p.content_id = r."ContentID" AND p.mark = r."Mark" ORDER BY 1 FOR UPDATE OF p
		), done AS (
			DELETE FROM analysis_pending WHERE content_id IN (SELECT content_id FROM mine) RETURNING content_id
		) SELECT done.content_id, a.found::text AS found FROM done LEFT JOIN content_analysis AS a USING (content_id)`, string(list)).Scan(&live).Error
	if err != nil {
		return nil, fmt.Errorf("take %d analyses off the list: %w", len(batch), err)
	}
	before := make(map[int64]*string, len(live))
	for _, l := range live {
		before[l.ContentID] = l.Found
	}
	rows := make([]analysisRow, 0, len(live))
	words := map[string]wordRow{}
	names, again := []nameRow{}, []int64{}
	found := make([]Finding, 0, len(live))
	for i := range batch {
		f := &batch[i]
		old, is := before[f.ContentID]
		if !is {
			continue
		}
		rows = append(rows, rowOf(f, model))
		names = append(names, f.Names...)
		for _, w := range f.Words {
			if r := wordRowOf(&w, f.ContentID); words[r.Word].Word == "" {
				words[r.Word] = r
			}
		}
		change := Finding{ID: f.ContentID, After: f.Found}
		if old != nil {
			again = append(again, f.ContentID)
			if err := json.Unmarshal([]byte(*old), &change.Before); err != nil {
				return nil, fmt.Errorf("what was found of article %d: %w", f.ContentID, err)
			}
		}
		found = append(found, change)
	}
	return found, errors.Join(s.saveWords(ctx, words), s.saveRows(ctx, rows), s.saveNames(ctx, again, names))
}
