package warming

import (
	"context"
	"fmt"
	"time"

	"openlearn/internal/cache"
)

// pass reads the entries into the cache, a few at a time. Readers come first: one batch at a time is under way, no more than
// Rate entries are loaded in a second, and after each load there is a pause at least as long as the load took, so that a
// busy, slow database gets longer pauses.
func (w *Warmer) pass(ctx context.Context, reason string, ids []int64) (err error) {
	if len(ids) == 0 {
		return nil
	}
	began, total := w.opt.Now(), 0
	defer func() {
		w.met.tally(reason, func(t *Tally) {
			t.Last = &Run{At: began, Took: w.opt.Now().Sub(began), Entries: len(ids), Loaded: total, Failed: err != nil}
			if err == nil {
				t.Passes++
			}
		})
	}()
	for from := 0; from < len(ids); from += batch {
		if !w.opt.Cache.Serving() {
			return fmt.Errorf("warm %d more entries (%s): %w", len(ids)-from, reason, cache.ErrBypass)
		}
		some := ids[from:min(from+batch, len(ids))]
		start := time.Now()
		loaded, err := w.opt.Load(ctx, some)
		took := time.Since(start)
		total += loaded
		w.met.tally(reason, func(t *Tally) {
			t.Loaded += uint64(loaded)
			t.Checked += uint64(len(some))
		})
		if err != nil {
			return fmt.Errorf("warm %d entries (%s): %w", len(some), reason, err)
		}
		if loaded > 0 {
			if err := w.pause(ctx, max(took, time.Duration(loaded)*time.Second/time.Duration(w.opt.Rate))); err != nil {
				return err
			}
		}
	}
	if reason != onSchedule {
		w.log.Info("warmed", "layer", w.opt.Layer, "reason", reason, "entries", len(ids), "loaded", total, "took", w.opt.Now().Sub(began))
	}
	return nil
}

func sleep(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
