package cache

import (
	"errors"
	"fmt"
)

// ErrNotFound is what a loader's error wraps when the thing does not exist:
// that answer is cached too, briefly, with the same dependencies.
var ErrNotFound = errors.New("not found")

// ErrMiss is returned by Get when nothing current is stored.
var ErrMiss = errors.New("cache: miss")

// ErrClosed is returned by every operation after Close.
var ErrClosed = errors.New("cache: closed")

// ErrBypass is returned by operations on stored entries while Redis or the
// gate keeps the cache out of use. Loading reads never return it: they go to
// the source.
var ErrBypass = errors.New("cache: bypassed")

// ErrTooLarge is wrapped by Set for a value above Options.MaxValueBytes.
var ErrTooLarge = errors.New("cache: value too large")

// ErrCycle is returned to a load that, through its nested reads, asks for the
// very entry it is loading.
var ErrCycle = errors.New("cache: a load reads its own entry")

// ErrUnknownLayer is wrapped where a caller names a layer that does not exist.
var ErrUnknownLayer = errors.New("cache: unknown layer")

// ErrInvalidKey is wrapped for identifiers, dependencies and patterns that
// cannot name an entry.
var ErrInvalidKey = errors.New("cache: invalid key")

// ErrInvalidTTL is wrapped for negative or absurd lifetimes.
var ErrInvalidTTL = errors.New("cache: invalid TTL")

// PanicError is what callers get when a loader panicked; the cache goes on.
type PanicError struct {
	Value any    // the value of the panic
	Stack []byte // the loader's stack
}

func (p *PanicError) Error() string { return fmt.Sprintf("cache: loader panicked: %v", p.Value) }
