package warming

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"

	"openlearn/internal/cache/forecast"
)

// history is the table of hourly counts, which outlives processes and sums what several of them counted.
type history struct {
	pool  *pgxpool.Pool
	layer string
	most  int // keys kept of an hour
}

// keptFor is two weeks, for weekly habits.
const keptFor = 14 * 24 * time.Hour

const opTimeout = 5 * time.Second

// add adds the counts of one hour.
func (h *history) add(ctx context.Context, hour int64, counts []forecast.Count) error {
	ctx, cancel := context.WithTimeout(ctx, opTimeout)
	defer cancel()
	// In key order: two instances that add the same rows must not wait for each other.
	slices.SortFunc(counts, func(a, b forecast.Count) int { return cmp.Compare(a.Key, b.Key) })
	keys, ns := make([]string, len(counts)), make([]int64, len(counts))
	for i, c := range counts {
		keys[i], ns[i] = c.Key, int64(c.N)
	}
	_, err := h.pool.Exec(ctx, `
INSERT INTO cache_access (layer, hour, key, n)
SELECT $1, $2, r.key, r.n FROM unnest($3::text[], $4::bigint[]) WITH ORDINALITY AS r(key, n, at) ORDER BY r.at
ON CONFLICT (layer, hour, key) DO UPDATE SET n = cache_access.n + excluded.n`, h.layer, timeOf(hour), keys, ns)
	if err != nil {
		return fmt.Errorf("count %d accesses of layer %s: %w", len(counts), h.layer, err)
	}
	return nil
}

// hourly is one hour's counts.
type hourly struct {
	hour   int64
	counts []forecast.Count
}

// between reads the hours after one and up to another, in order, the most requested keys of each first.
func (h *history) between(ctx context.Context, after, last int64) ([]hourly, error) {
	ctx, cancel := context.WithTimeout(ctx, 3*opTimeout)
	defer cancel()
	rows, err := h.pool.Query(ctx, `
SELECT hour, key, n FROM cache_access WHERE layer = $1 AND hour > $2 AND hour <= $3 ORDER BY hour, n DESC, key`, h.layer, timeOf(after), timeOf(last))
	if err != nil {
		return nil, fmt.Errorf("read accesses of layer %s: %w", h.layer, err)
	}
	defer rows.Close()
	var out []hourly
	for rows.Next() {
		var at time.Time
		var key string
		var n int64
		if err := rows.Scan(&at, &key, &n); err != nil {
			return nil, fmt.Errorf("read accesses of layer %s: %w", h.layer, err)
		}
		if hour := hourOf(at); len(out) == 0 || out[len(out)-1].hour != hour {
			out = append(out, hourly{hour: hour})
		}
		of := &out[len(out)-1]
		if len(of.counts) < h.most {
			of.counts = append(of.counts, forecast.Count{Key: key, N: float64(n)})
		}
	}
	if err := rows.Err(); err != nil {
		return nil, fmt.Errorf("read accesses of layer %s: %w", h.layer, err)
	}
	return out, nil
}

// trim keeps the most requested keys of the hours after one and up to another, and nothing that is too old. Every instance
// may run it.
func (h *history) trim(ctx context.Context, after, last int64) error {
	ctx, cancel := context.WithTimeout(ctx, 3*opTimeout)
	defer cancel()
	_, err := h.pool.Exec(ctx, `
DELETE FROM cache_access AS a USING (
    SELECT hour, key, row_number() OVER (PARTITION BY hour ORDER BY n DESC, key) AS rank
    FROM cache_access WHERE layer = $1 AND hour > $2 AND hour <= $3
) AS r
WHERE a.layer = $1 AND a.hour = r.hour AND a.key = r.key AND r.rank > $4`, h.layer, timeOf(after), timeOf(last), h.most)
	if err == nil {
		_, err = h.pool.Exec(ctx, `DELETE FROM cache_access WHERE layer = $1 AND hour <= $2`, h.layer, timeOf(last).Add(-keptFor))
	}
	if err != nil {
		return fmt.Errorf("trim accesses of layer %s: %w", h.layer, err)
	}
	return nil
}

func hourOf(t time.Time) int64     { return t.Unix() / 3600 }
func timeOf(hour int64) time.Time  { return time.Unix(hour*3600, 0).UTC() }
func goneOf(now time.Time) float64 { return now.Sub(timeOf(hourOf(now))).Hours() }
