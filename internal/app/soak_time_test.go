package app

import (
	"context"
	"sync"
	"time"
)

// virtualTime advances when all workers wait: then the next one is woken. A worker is a function that goAll or beside
// started, with all its goroutines, of which only one may wait at a time.
type virtualTime struct {
	mu      sync.Mutex
	at      time.Time
	busy    int
	waiting []*waiter
	ended   sync.WaitGroup
}

type waiter struct {
	until time.Time
	woken chan struct{}
}

func newVirtualTime(start time.Time) *virtualTime { return &virtualTime{at: start} }

func (v *virtualTime) now() time.Time {
	v.mu.Lock()
	defer v.mu.Unlock()
	return v.at
}

// goAll starts all workers before the time may advance, and waits until they have ended.
func (v *virtualTime) goAll(work ...func()) {
	v.mu.Lock()
	v.busy += len(work)
	v.mu.Unlock()
	for _, w := range work {
		v.ended.Go(func() {
			defer v.leave()
			w()
		})
	}
	v.ended.Wait()
}

// beside starts another worker from within a worker. Only pause may be used to wait for it.
func (v *virtualTime) beside(work func()) {
	v.mu.Lock()
	v.busy++
	v.mu.Unlock()
	v.ended.Go(func() {
		defer v.leave()
		work()
	})
}

func (v *virtualTime) leave() {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.busy--
	v.pass()
}

// sleep is the Sleep of a fetcher: contexts follow another clock.
func (v *virtualTime) sleep(ctx context.Context, d time.Duration) error {
	if d <= 0 || ctx.Err() != nil {
		return ctx.Err()
	}
	v.until(v.now().Add(d))
	return ctx.Err()
}

func (v *virtualTime) until(at time.Time) {
	v.mu.Lock()
	if !at.After(v.at) {
		v.mu.Unlock()
		return
	}
	w := &waiter{at, make(chan struct{})}
	v.waiting = append(v.waiting, w)
	v.busy--
	v.pass()
	v.mu.Unlock()
	<-w.woken
}

// pass advances the time to the next waiting worker if no worker is active, and wakes all that wait for that moment.
func (v *virtualTime) pass() {
	if v.busy > 0 || len(v.waiting) == 0 {
		return
	}
	next := v.waiting[0].until
	for _, w := range v.waiting {
		if w.until.Before(next) {
			next = w.until
		}
	}
	v.at = next
	kept := v.waiting[:0]
	for _, w := range v.waiting {
		if w.until.After(next) {
			kept = append(kept, w)
			continue
		}
		v.busy++
		close(w.woken)
	}
	v.waiting = kept
}
