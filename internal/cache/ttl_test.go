package cache

import (
	"context"
	"errors"
	"testing"
	"time"

	"openlearn/internal/cache/internal/envelope"
	"openlearn/internal/testkit"
)

var errSource = errors.New("source is down")

func TestExpiresByTheInjectedClock(t *testing.T) {
	t.Parallel()
	clk := newClock()
	o := exactly(ownRedis(t), clk)
	o.Layers = only(nil)
	f := count(newCache(t, o), Article)
	mustGet(t, f, 1, 0)
	clk.Advance(time.Hour - time.Millisecond)
	mustGet(t, f, 1, 0)
	wantLoads(t, f, 1)
	clk.Advance(time.Millisecond)
	f.value.Store(1)
	mustGet(t, f, 1, 1)
	wantLoads(t, f, 2)
}

func TestJitterOnlyShortens(t *testing.T) {
	t.Parallel()
	for _, r := range []float64{0, 0.5, 0.999999} {
		clk := newClock()
		o := exactly(ownRedis(t), clk)
		o.Layers, o.Jitter, o.Rand = only(nil), 0.2, func() float64 { return r }
		f := count(newCache(t, o), Article)
		mustGet(t, f, 1, 0)
		info := mustGet(t, f, 1, 0)
		left := info.Expires().Sub(clk.Now())
		if want := time.Hour - time.Duration(r*0.2*float64(time.Hour)); left > time.Hour || left < want-time.Millisecond || left > want+time.Millisecond {
			t.Errorf("rand %v: lives %v, want %v", r, left, want)
		}
	}
}

func staleLayer(near NearMode) []Layer {
	return only(func(l *Layer) {
		l.StaleWhileRevalidate, l.StaleIfError = 10*time.Minute, 30*time.Minute
		l.Near.Mode = near
	})
}

func TestStaleWhileRevalidate(t *testing.T) {
	t.Parallel()
	for _, near := range []NearMode{NearStrict, NearOff} {
		clk := newClock()
		o := exactly(ownRedis(t), clk)
		o.Layers = staleLayer(near)
		c := newCache(t, o)
		f := count(c, Article)
		mustGet(t, f, 1, 0)
		clk.Advance(time.Hour + time.Minute)
		f.value.Store(1)
		release := f.hold()
		if info := mustGet(t, f, 1, 0); !info.Stale {
			t.Error("an expired value was not marked stale")
		}
		for range 5 { // while one refresh runs, no other starts
			mustGet(t, f, 1, 0)
		}
		testkit.Eventually(t, "a refresh began", func() bool { return f.loads.Load() == 2 })
		release()
		testkit.Eventually(t, "the refreshed value is served", func() bool {
			v, info, err := f.GetInfo(context.Background(), 1)
			return err == nil && v == 1 && !info.Stale
		})
		wantLoads(t, f, 2)
	}
}

func TestStaleIfErrorForExpiredNeverForInvalidated(t *testing.T) {
	t.Parallel()
	clk := newClock()
	o := exactly(ownRedis(t), clk)
	o.Layers = staleLayer(NearStrict)
	c := newCache(t, o)
	f := count(c, Article)
	mustGet(t, f, 1, 0)
	clk.Advance(time.Hour + 20*time.Minute) // past revalidate, within if-error
	f.failWith(errSource)
	if info := mustGet(t, f, 1, 0); !info.Stale {
		t.Error("not marked stale")
	}
	f.failWith(nil)
	f.value.Store(1)
	mustGet(t, f, 1, 1) // a working source is asked first
	clk.Advance(time.Hour + 20*time.Minute)
	f.failWith(errSource)
	if err := c.Invalidate(context.Background(), "thing:1"); err != nil {
		t.Fatal(err)
	}
	if v, err := f.Get(context.Background(), 1); !errors.Is(err, errSource) {
		t.Fatalf("invalidated value served: %d, %v", v, err)
	}
}

func TestHardExpiryEndsStale(t *testing.T) {
	t.Parallel()
	clk := newClock()
	o := exactly(ownRedis(t), clk)
	o.Layers = staleLayer(NearStrict)
	f := count(newCache(t, o), Article)
	mustGet(t, f, 1, 0)
	clk.Advance(time.Hour + 30*time.Minute)
	f.failWith(errSource)
	if v, err := f.Get(context.Background(), 1); !errors.Is(err, errSource) {
		t.Fatalf("served past the hard expiry: %d, %v", v, err)
	}
}

func TestSoftTimeoutServesStaleAndGoesOnBehind(t *testing.T) {
	t.Parallel()
	clk := newClock()
	o := exactly(ownRedis(t), clk)
	o.Layers = only(func(l *Layer) { l.StaleIfError, l.SoftTimeout = time.Hour, 5*time.Millisecond })
	f := count(newCache(t, o), Article)
	mustGet(t, f, 1, 0)
	clk.Advance(time.Hour + time.Minute)
	f.value.Store(1)
	release := f.hold()
	if info := mustGet(t, f, 1, 0); !info.Stale {
		t.Error("not marked stale")
	}
	release()
	testkit.Eventually(t, "the slow load is stored", func() bool {
		v, err := f.Get(context.Background(), 1)
		return err == nil && v == 1
	})
	wantLoads(t, f, 2)
}

func TestHardTimeoutBoundsALoad(t *testing.T) {
	t.Parallel()
	o := exactly(ownRedis(t), nil)
	o.Layers = only(func(l *Layer) { l.HardTimeout = 20 * time.Millisecond })
	f := count(newCache(t, o), Article)
	release := f.hold()
	defer release()
	if _, err := f.Get(context.Background(), 1); !errors.Is(err, context.DeadlineExceeded) {
		t.Fatalf("err = %v", err)
	}
}

func TestCredentialsAreNeitherStaleNorBounded(t *testing.T) {
	t.Parallel()
	for _, name := range []string{Session, UserPrefs, Token} {
		clk := newClock()
		c := newCache(t, exactly(ownRedis(t), clk))
		f := count(c, name)
		l, err := c.layer(name)
		if err != nil || !l.Credential {
			t.Fatalf("%s: credential = %v, %v", name, l.Credential, err)
		}
		mustGet(t, f, 1, 0)
		clk.Advance(l.TTL)
		f.failWith(errSource)
		if v, err := f.Get(context.Background(), 1); !errors.Is(err, errSource) {
			t.Errorf("%s: expired value served: %d, %v", name, v, err)
		}
		bad := l.Layer
		bad.StaleIfError = time.Minute
		if bad.validate(time.Hour) == nil {
			t.Errorf("%s: a stale credential layer was accepted", name)
		}
		bad = l.Layer
		bad.Near = Near{Mode: NearBounded, Staleness: time.Second}
		if bad.validate(time.Hour) == nil {
			t.Errorf("%s: a bounded credential layer was accepted", name)
		}
	}
}

func TestEarlyRefreshGrowsTowardsExpiry(t *testing.T) {
	t.Parallel()
	c := newCache(t, Options{Redis: ownRedis(t), Now: newClock().Now, Rand: func() float64 { return 0.5 }})
	now := c.nowMS()
	// cost 1 s, rand 0.5: −δ·ln(0.5) = 693 ms before expiry.
	e := envelope.Envelope{Cost: 1_000_000, Soft: now + 700}
	if c.early(&e) {
		t.Error("refreshed 700 ms ahead")
	}
	e.Soft = now + 690
	if !c.early(&e) {
		t.Error("not refreshed 690 ms ahead")
	}
	e.Cost = 2_000_000
	e.Soft = now + 1300
	if !c.early(&e) {
		t.Error("a dearer fetch is not refreshed earlier")
	}
	e.Flags = envelope.Negative
	if c.early(&e) {
		t.Error("a negative entry is refreshed early")
	}
}

func TestEarlyRefreshServesAtOnceAndReplaces(t *testing.T) {
	t.Parallel()
	clk := newClock()
	o := exactly(ownRedis(t), clk)
	o.Layers, o.EarlyRefresh, o.Rand = only(nil), 1e9, func() float64 { return 0.9 }
	f := count(newCache(t, o), Article)
	// The first load must take some time for XFetch to take into account.
	release := f.hold()
	go func() { <-f.enter; release() }()
	mustGet(t, f, 1, 0)
	clk.Advance(time.Second)
	f.value.Store(1)
	mustGet(t, f, 1, 0) // at once, the old one
	testkit.Eventually(t, "the early refresh is served", func() bool {
		v, err := f.Get(context.Background(), 1)
		return err == nil && v == 1
	})
}

func TestNegativeEntriesLiveBriefly(t *testing.T) {
	t.Parallel()
	clk := newClock()
	o := exactly(ownRedis(t), clk)
	o.Layers = only(func(l *Layer) { l.NegativeTTL, l.StaleIfError = time.Minute, time.Hour })
	f := count(newCache(t, o), Article)
	f.failWith(errNoArticle)
	for range 3 {
		if _, err := f.Get(context.Background(), 1); !errors.Is(err, ErrNotFound) {
			t.Fatal(err)
		}
	}
	wantLoads(t, f, 1)
	clk.Advance(time.Minute)
	f.failWith(nil)
	mustGet(t, f, 1, 0)
	wantLoads(t, f, 2)
}

func TestResultTTL(t *testing.T) {
	t.Parallel()
	clk := newClock()
	o := exactly(ownRedis(t), clk)
	o.Layers = only(nil)
	f := count(newCache(t, o), Article)
	f.ResultTTL(func(_ int, v int) time.Duration {
		return map[int]time.Duration{0: time.Minute, 1: -1, 2: 0}[v]
	})
	mustGet(t, f, 1, 0)
	clk.Advance(time.Minute)
	f.value.Store(1)
	mustGet(t, f, 1, 1) // negative: not stored
	f.value.Store(2)
	mustGet(t, f, 1, 2)
	clk.Advance(time.Hour - time.Second) // 0: the layer's
	mustGet(t, f, 1, 2)
	wantLoads(t, f, 3)
}
