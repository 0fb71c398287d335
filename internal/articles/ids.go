package articles

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"
)

// IDs reads the ids of a newspaper's articles, at most the given number, in no particular order.
func (s *Store) IDs(ctx context.Context, source string, most int) ([]string, error) {
	var out []string
	if err := s.db.WithContext(ctx).Model(&Article{}).Where("source = ?", source).Limit(most).Pluck("id", &out).Error; err != nil {
		return nil, fmt.Errorf("ids of source %q: %w", source, err)
	}
	return out, nil
}

// LastStored is when the article with the greatest id was stored; the index gives that without reading the others. nil:
// there is none.
func (s *Store) LastStored(ctx context.Context) (*time.Time, error) {
	var at *time.Time
	err := s.db.WithContext(ctx).Model(&Article{}).Select("scraped_at").Order("id DESC").Limit(1).Row().Scan(&at)
	if err != nil && !errors.Is(err, sql.ErrNoRows) {
		return nil, fmt.Errorf("when an article was last stored: %w", err)
	}
	return at, nil
}
