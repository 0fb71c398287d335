package outbox

import (
	"context"
	"slices"
	"sync"
)

// Heard collects what the writes of one request have changed.
type Heard struct {
	mu   sync.Mutex
	deps []string
}

type heardKey struct{}

// Listen returns a context whose writes tell what they have changed.
func Listen(ctx context.Context) (context.Context, *Heard) {
	h := &Heard{}
	return context.WithValue(ctx, heardKey{}, h), h
}

// Deps lists the dependencies of what has been changed until now.
func (h *Heard) Deps() []string {
	h.mu.Lock()
	defer h.mu.Unlock()
	return slices.Clone(h.deps)
}

func tell(ctx context.Context, deps []string) {
	if h, ok := ctx.Value(heardKey{}).(*Heard); ok {
		h.mu.Lock()
		h.deps = append(h.deps, deps...)
		h.mu.Unlock()
	}
}
