package service

import (
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/maypok86/otter/v2"
)

// variantLimit bounds how many different entries of a route this process has stored, so that whoever invents parameters
// cannot push everything else out of the cache. Every new entry is admitted, in place of the one that was asked for
// least often (otter's W-TinyLFU counts requests in a sketch): what many ask for stays, and what is invented displaces
// what was invented before.
type variantLimit struct {
	kept *otter.Cache[string, struct{}]

	mu   sync.Mutex
	gone []string // displaced, still to be removed from the store
}

func newVariantLimit(most int) (*variantLimit, error) {
	v := &variantLimit{}
	var err error
	v.kept, err = otter.New(&otter.Options[string, struct{}]{
		MaximumSize: most, Executor: func(f func()) { f() }, // no goroutines of its own
		OnDeletion: func(e otter.DeletionEvent[string, struct{}]) {
			if e.WasEvicted() {
				v.mu.Lock()
				v.gone = append(v.gone, e.Key)
				v.mu.Unlock()
			}
		},
	})
	if err != nil {
		return nil, fmt.Errorf("httpcache: variants: %w", err)
	}
	return v, nil
}

// admit counts an entry that is about to be stored, and returns those that have lost their places.
func (v *variantLimit) admit(id string) (displaced []string) {
	v.kept.Set(id, struct{}{})
	v.kept.CleanUp()
	v.mu.Lock()
	defer v.mu.Unlock()
	displaced, v.gone = v.gone, nil
	return displaced
}

// asked counts one more request for an entry.
func (v *variantLimit) asked(id string) { v.kept.GetIfPresent(id) }

// detours remember for a while which answers cannot be shared (they stream, are private or too large), so that their
// handlers need not run twice for each request to find that out again.
type detours struct {
	last  atomic.Int64 // no detour is active after it
	until *otter.Cache[string, int64]
}

const (
	detourFor    = 10 * time.Second
	knownDetours = 4096
)

func newDetours() (*detours, error) {
	until, err := otter.New(&otter.Options[string, int64]{MaximumSize: knownDetours, Executor: func(f func()) { f() }})
	if err != nil {
		return nil, fmt.Errorf("httpcache: detours: %w", err)
	}
	return &detours{until: until}, nil
}

func (d *detours) take(id string, now time.Time) {
	until := now.Add(detourFor).UnixNano()
	d.until.Set(id, until)
	d.last.Store(until)
}

func (d *detours) active(id string, now time.Time) bool {
	at := now.UnixNano()
	if at >= d.last.Load() {
		return false
	}
	until, ok := d.until.GetIfPresent(id)
	return ok && at < until
}
