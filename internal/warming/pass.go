package warming

import (
	"context"
	"fmt"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"openlearn/internal/cache"
)

// pass reads the entries so that they are there, a few at a time. Readers come first: nothing is asked for while another
// batch is under way, no more than Rate entries are loaded in a second, and after each load there is a rest at least as
// long as it took, so that a database that is slow because it is busy gets the more of it.
func (w *Warmer) pass(ctx context.Context, reason string, ids []int64) error {
	if len(ids) == 0 {
		return nil
	}
	began, total := w.opt.Now(), 0
	for from := 0; from < len(ids); from += batch {
		if !w.opt.Cache.Serving() {
			return fmt.Errorf("warm %d more entries (%s): %w", len(ids)-from, reason, cache.ErrBypass)
		}
		some := ids[from:min(from+batch, len(ids))]
		start := time.Now()
		loaded, err := w.opt.Load(ctx, some)
		took := time.Since(start)
		total += loaded
		w.met.warmed.WithLabelValues(reason).Add(float64(loaded))
		w.met.checked.WithLabelValues(reason).Add(float64(len(some)))
		if err != nil {
			return fmt.Errorf("warm %d entries (%s): %w", len(some), reason, err)
		}
		if loaded > 0 {
			if err := w.pause(ctx, max(took, time.Duration(loaded)*time.Second/time.Duration(w.opt.Rate))); err != nil {
				return err
			}
		}
	}
	w.met.passes.WithLabelValues(reason).Inc()
	if reason != "schedule" {
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

type metrics struct {
	warmed, checked, passes *prometheus.CounterVec
	failures                prometheus.Counter
	scheduled               prometheus.Gauge
}

func newMetrics(reg prometheus.Registerer) *metrics {
	byReason := func(name, help string) *prometheus.CounterVec {
		v := prometheus.NewCounterVec(prometheus.CounterOpts{Name: name, Help: help}, []string{"reason"})
		for _, reason := range []string{"start", "flush", "schedule"} {
			v.WithLabelValues(reason)
		}
		reg.MustRegister(v)
		return v
	}
	m := &metrics{
		warmed:    byReason("cache_warmed_total", "Entries loaded ahead of readers."),
		checked:   byReason("cache_warm_checked_total", "Entries looked at to be kept warm; those of them that were there cost no load."),
		passes:    byReason("cache_warm_passes_total", "Warming passes that were finished."),
		failures:  prometheus.NewCounter(prometheus.CounterOpts{Name: "cache_warm_failures_total", Help: "Warming passes, and looks at what to warm, that failed."}),
		scheduled: prometheus.NewGauge(prometheus.GaugeOpts{Name: "cache_warm_scheduled_keys", Help: "Entries that the schedule keeps warm now."}),
	}
	reg.MustRegister(m.failures, m.scheduled)
	return m
}
