package cache

import (
	"context"
	"fmt"
)

// Last returns the value that is stored for a even if it is past its TTL, and
// never fetches: ErrMiss if nothing is stored that is current, ErrBypass while
// stored entries may not be used. It is for loaders, which make their request
// conditional on what they had, or refuse an answer that lost it. It counts as
// no read, and lays nothing on the load that it is called in: a loader which
// returns the value says that it is good again.
func (f *Func[A, T]) Last(ctx context.Context, a A) (T, Info, error) {
	var zero T
	t, err := f.target(a)
	if err != nil {
		return zero, Info{}, err
	}
	if err := f.c.usable(); err != nil {
		return zero, Info{}, err
	}
	if scopeOf(ctx).bypassed() {
		return zero, Info{}, ErrBypass
	}
	r, err := f.c.readEntry(ctx, &t)
	if err != nil {
		return zero, Info{}, fmt.Errorf("cache: last of %s: %w", t.key, err)
	}
	now := f.c.nowMS()
	e, v := judge(&t, r, now)
	if v == miss || e.IsNegative() {
		return zero, Info{}, ErrMiss
	}
	ans, err := f.c.answerFrom(f.layer, &e, FromRedis, now)
	if err != nil {
		return zero, Info{}, ErrMiss // counted: it does not decompress
	}
	value, info, err := f.decode(a, &ans)
	if err != nil {
		f.layer.met.rejected[rejectUndecoded].inc()
		return zero, Info{}, ErrMiss
	}
	return value, info, nil
}
