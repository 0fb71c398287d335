package articles

import (
	"context"
	"fmt"
)

// IDs reads the numbers of a newspaper's articles, at most so many, in no order.
func (s *Store) IDs(ctx context.Context, source string, most int) ([]int64, error) {
	var out []int64
	if err := s.db.WithContext(ctx).Model(&Article{}).Where("source = ?", source).Limit(most).Pluck("id", &out).Error; err != nil {
		return nil, fmt.Errorf("ids of source %q: %w", source, err)
	}
	return out, nil
}
