package cache

import (
	"context"
	"errors"
	"fmt"
	"sync"
)

// Loaded is one result of a batch.
type Loaded[T any] struct {
	Value T
	Err   error
	Info  Info // not set by loaders
}

// Batch gives f a way to load many arguments in one call. It returns one result
// for each argument, in their order; its error counts for all of them. Call
// Batch before the first use; it returns f.
func (f *Func[A, T]) Batch(load func(context.Context, []A) ([]Loaded[T], error)) *Func[A, T] {
	f.many = load
	return f
}

// manyAtOnce bounds the single loads of a GetMany without a batch loader.
const manyAtOnce = 8

// GetMany is GetInfo for many arguments, with the same behaviour for each: one
// round trip for the lot, one load call for the missing entries if there is a
// batch loader. The results are in order.
func (f *Func[A, T]) GetMany(ctx context.Context, as []A) []Loaded[T] {
	out := make([]Loaded[T], len(as))
	var qs []*request
	var at []int
	bounded := f.err == nil && f.mayServeBounded(ctx)
	for i, a := range as {
		if bounded {
			if e := f.nearBounded(a); e != nil {
				out[i].Value, out[i].Info, out[i].Err = f.fromNear(ctx, a, e)
				continue
			}
		}
		q, err := f.request(a)
		if err != nil {
			out[i].Err = err
			continue
		}
		qs, at = append(qs, q), append(at, i)
	}
	if len(qs) == 0 {
		return out
	}
	b := batch{c: f.c, fetcher: fetcher{layer: f.layer, qs: qs, many: func(ctx context.Context, which []int) []product {
		args := make([]A, len(which))
		for j, i := range which {
			args[j] = as[at[i]]
		}
		return f.loadMany(ctx, args)
	}}}
	answers := b.tracedRun(ctx)
	for j := range answers {
		r := &out[at[j]]
		r.Value, r.Info, r.Err = f.settle(ctx, qs[j], as[at[j]], &answers[j].ans, answers[j].err)
	}
	return out
}

// loadMany calls the batch loader, or the single one a few at a time.
func (f *Func[A, T]) loadMany(ctx context.Context, args []A) []product {
	out := make([]product, len(args))
	if f.many == nil {
		var wg sync.WaitGroup
		slots := make(chan struct{}, manyAtOnce)
		for i, a := range args {
			slots <- struct{}{}
			wg.Go(func() {
				defer func() {
					if v := recover(); v != nil {
						out[i] = product{err: f.c.panicked(f.layer, v)}
					}
					<-slots
				}()
				sc := scopeOf(ctx).part()
				v, err := f.load(context.WithValue(ctx, scopeKey{}, sc), a)
				out[i] = f.produce(a, v, err)
				out[i].scope = sc
			})
		}
		wg.Wait()
		return out
	}
	results, err := f.many(ctx, args)
	if err == nil && len(results) != len(args) {
		err = fmt.Errorf("cache: batch load in layer %s answered %d of %d", f.layer.Name, len(results), len(args))
	}
	for i := range out {
		if err != nil {
			out[i] = product{err: err}
		} else {
			out[i] = f.produce(args[i], results[i].Value, results[i].Err)
		}
	}
	return out
}

// Warm reads all arguments so that they are stored, and returns how many are,
// with the errors of the others (a "not found" is not an error).
func (f *Func[A, T]) Warm(ctx context.Context, as []A) (int, error) {
	n := 0
	var errs []error
	for _, r := range f.GetMany(ctx, as) {
		switch {
		case r.Err == nil:
			n++
		case !errors.Is(r.Err, ErrNotFound):
			errs = append(errs, r.Err)
		}
	}
	return n, errors.Join(errs...)
}
