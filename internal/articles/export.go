package articles

import (
	"context"
	"fmt"
)

// exportBatch is how many articles are read at once.
const exportBatch = 500

// Each calls use for every article that the filter selects, whole, by ascending id. It reads the database in batches: articles
// that are written meanwhile may be among them or not.
func (s *Service) Each(ctx context.Context, f Filter, use func(*Article) error) error {
	for last := int64(0); ; {
		var batch []Article
		err := f.where(s.store.db.WithContext(ctx).Model(&Article{}), Newest).Where("id > ?", last).Order("id").Limit(exportBatch).Find(&batch).Error
		if err != nil {
			return fmt.Errorf("read articles after %d: %w", last, err)
		}
		for i := range batch {
			if err := use(&batch[i]); err != nil {
				return err
			}
			last = batch[i].ID
		}
		if len(batch) < exportBatch {
			return nil
		}
	}
}
