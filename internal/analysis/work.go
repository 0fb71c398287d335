package analysis

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"golang.org/x/sync/errgroup"
	"gorm.io/gorm"

	"openlearn/internal/analysis/nlp"
	"openlearn/internal/outbox"
)

const (
	takeAtOnce  = 100 // articles whose texts are in memory at once
	storeAtOnce = 25  // articles in one transaction
)

// Step analyses waiting articles on the given number of processors, and returns how many it took and how many it stored. If
// it took none, nothing waits except what other workers have taken. Any number of processes may call it at once.
func (s *Service) Step(ctx context.Context, parallel int) (taken, stored int, err error) {
	ps, err := s.store.Take(ctx, takeAtOnce)
	if err != nil || len(ps) == 0 {
		return 0, 0, err
	}
	stored, err = s.analyse(ctx, ps, parallel)
	return len(ps), stored, err
}

// analyse analyses these articles and stores what it finds.
func (s *Service) analyse(ctx context.Context, ps []pending, parallel int) (stored int, err error) {
	ids := make([]int64, len(ps))
	marks := make(map[int64]int64, len(ps))
	for i, p := range ps {
		ids[i], marks[p.ContentID] = p.ContentID, p.Mark
	}
	texts, err := s.archive.Texts(ctx, ids) // read after the marks, so never older than these
	if err != nil {
		return 0, err
	}
	there := make(map[int64]bool, len(texts))
	for i := range texts {
		there[texts[i].ID] = true
	}
	gone := slices.DeleteFunc(slices.Clone(ps), func(p pending) bool { return there[p.ContentID] })
	if err := s.store.Forget(ctx, gone); err != nil {
		return 0, err
	}
	for batch := range slices.Chunk(texts, storeAtOnce) {
		n, err := s.analyseBatch(ctx, batch, marks, parallel)
		stored += n
		if err != nil {
			return stored, err
		}
	}
	return stored, nil
}

func (s *Service) analyseBatch(ctx context.Context, texts []Text, marks map[int64]int64, parallel int) (stored int, err error) {
	found := make([]findings, len(texts))
	failed := make([]error, len(texts))
	var group errgroup.Group
	group.SetLimit(max(1, parallel))
	for i := range texts {
		group.Go(func() error {
			if failed[i] = ctx.Err(); failed[i] == nil {
				found[i], failed[i] = s.engine.find(&texts[i])
			}
			found[i].Mark = marks[texts[i].ID]
			return nil
		})
	}
	_ = group.Wait() // each result has its own error
	if err := ctx.Err(); err != nil {
		return 0, err
	}
	good := found[:0]
	for i := range texts {
		if failed[i] == nil {
			good = append(good, found[i])
			continue
		}
		s.metrics.failed.Inc()
		s.log.Error("an article could not be analysed", "article", texts[i].ID, "error", failed[i])
		if err := s.store.Fail(ctx, pending{texts[i].ID, marks[texts[i].ID]}); err != nil {
			return 0, err
		}
	}
	return s.keep(ctx, good)
}

// keep stores the findings: the analyses and the articles' own columns, in one transaction together with the invalidations.
func (s *Service) keep(ctx context.Context, batch []findings) (stored int, err error) {
	if len(batch) == 0 {
		return 0, nil
	}
	ids := make([]int64, len(batch))
	for i := range batch {
		ids[i] = batch[i].ContentID
	}
	_, err = s.writer.Write(ctx, func(tx *gorm.DB) error {
		// Lock articles before their pending rows, in the same order as changes to articles do.
		if err := s.archive.Lock(ctx, tx, ids); err != nil {
			return err
		}
		changes, err := (&Store{tx}).save(ctx, batch, nlp.ModelVersion())
		stored = len(changes)
		if err != nil || len(changes) == 0 {
			return err
		}
		return s.archive.Apply(ctx, tx, changes)
	})
	if errors.Is(err, outbox.ErrUnconfirmed) {
		err = nil // it is stored, and the invalidation will follow
	}
	if err != nil {
		return 0, fmt.Errorf("store %d analyses: %w", len(batch), err)
	}
	return stored, nil
}

// Drain analyses articles until none wait, and calls progress with how many it has stored so far. It leaves articles that
// other workers have taken to them, unless they do not finish.
func (s *Service) Drain(ctx context.Context, parallel int, progress func(stored int)) (stored int, err error) {
	for {
		taken, n, err := s.Step(ctx, parallel)
		stored += n
		if err != nil || taken == 0 {
			return stored, err
		}
		if progress != nil {
			progress(stored)
		}
	}
}

// Renew marks all articles that another model analysed to be analysed again, and returns how many wait then.
func (s *Service) Renew(ctx context.Context) (waiting int64, err error) {
	for after := int64(0); ; {
		if after, err = s.store.MarkOutdated(ctx, nlp.ModelVersion(), after, renewAtOnce); err != nil {
			return 0, err
		}
		if after == 0 {
			break
		}
	}
	waiting, _, err = s.store.Backlog(ctx)
	return waiting, err
}

const renewAtOnce = 5000

// Backlog returns how many articles wait, and how long the oldest new one has waited.
func (s *Service) Backlog(ctx context.Context) (n int64, oldest time.Duration, err error) {
	return s.store.Backlog(ctx)
}

// EngineSeconds is how long this process's engine has worked on articles, summed over processors.
func (s *Service) EngineSeconds() float64 { return time.Duration(s.metrics.nanos.Load()).Seconds() }
