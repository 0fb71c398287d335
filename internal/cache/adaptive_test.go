package cache

import (
	"context"
	"errors"
	"strconv"
	"sync"
	"testing"
	"time"

	"openlearn/internal/testkit"
)

// paced is a Func over numbered values: the even ones never change, the odd ones have changed at each fetch.
func paced(t *testing.T, clk *testkit.Clock, a *Adaptive, layer string) (*Func[int, string], *sync.Map) {
	t.Helper()
	o := Options{Redis: ownRedis(t), Jitter: -1, EarlyRefresh: -1, Now: clk.Now}
	loads := &sync.Map{}
	f := Wrap(newCache(t, o), Spec[int]{Layer: layer, Key: func(id int) Key { return Key{ID: strconv.Itoa(id)} }, Adaptive: a},
		func(_ context.Context, id int) (string, error) {
			n, _ := loads.Load(id)
			count, _ := n.(int)
			loads.Store(id, count+1)
			if id%2 == 0 {
				return "always the same", nil
			}
			return strconv.Itoa(count), nil
		})
	return f, loads
}

// life is how long an entry that was just fetched will be kept.
func life(t *testing.T, f *Func[int, string], id int) time.Duration {
	t.Helper()
	_, info, err := f.GetInfo(context.Background(), id)
	if err != nil || info.Source != FromSource {
		t.Fatalf("%v from %v: not fetched", err, info.Source)
	}
	return info.Expires().Sub(info.StoredAt())
}

// TestAdaptiveLearnsLifetimes: the first fetch has the documented lifetime; a value that does not change is kept longer
// each time, up to the bound, and one that changes at each fetch is kept shorter.
func TestAdaptiveLearnsLifetimes(t *testing.T) {
	t.Parallel()
	clk := newClock()
	f, _ := paced(t, clk, &Adaptive{}, APIGovernment)
	var calm, busy time.Duration
	for round := range 40 {
		calm, busy = life(t, f, 0), life(t, f, 1)
		if round == 0 && (calm < 5*time.Hour || calm > 7*time.Hour || calm != busy) {
			t.Errorf("to begin with %v and %v, documented are 6 hours", calm, busy)
		}
		for _, d := range []time.Duration{calm, busy} {
			if d < 6*time.Hour/16-time.Minute || d > 60*time.Hour {
				t.Fatalf("kept for %v", d)
			}
		}
		clk.Advance(max(calm, busy) + 7*time.Hour) // past the grace too
	}
	if calm < 24*time.Hour {
		t.Errorf("what never changes is kept for %v", calm)
	}
}

// TestAdaptiveShortens: a value that changes every eight hours is kept for less time than one that changes every
// fifteen days.
func TestAdaptiveShortens(t *testing.T) {
	t.Parallel()
	clk := newClock()
	p, err := newPace(Adaptive{}, &Layers()[5], 0, 72*time.Hour)
	if err != nil {
		t.Fatal(err)
	}
	due := map[string]time.Time{}
	kept := map[string]time.Duration{}
	for range 60 * 24 * 4 { // every quarter of an hour for sixty days
		now := clk.Now()
		for id, every := range map[string]time.Duration{"often": 8 * time.Hour, "seldom": 15 * 24 * time.Hour} {
			if now.Before(due[id]) {
				continue
			}
			kept[id] = p.fetched(id, []byte(strconv.FormatInt(now.UnixNano()/int64(every), 10)), now)
			due[id] = now.Add(kept[id])
		}
		clk.Advance(15 * time.Minute)
	}
	if kept["often"] > 5*time.Hour || kept["seldom"] < 8*time.Hour {
		t.Errorf("what changes every 8 hours is kept for %v, every 15 days for %v; documented are 6 hours", kept["often"], kept["seldom"])
	}
}

func TestAdaptiveGivesWay(t *testing.T) {
	t.Parallel()
	clk := newClock()
	f, _ := paced(t, clk, nil, APINews)
	for range 5 {
		if d := life(t, f, 0); d != time.Hour {
			t.Errorf("%v without being asked to adapt", d)
		}
		clk.Advance(3 * time.Hour)
	}
	f, _ = paced(t, clk, &Adaptive{}, APINews)
	f.ResultTTL(func(int, string) time.Duration { return 7 * time.Minute })
	if d := life(t, f, 0); d != 7*time.Minute {
		t.Errorf("%v against the result's own 7 minutes", d)
	}
}

// TestAdaptiveIsBounded: it is bounded in memory, and safe for concurrent use.
func TestAdaptiveIsBounded(t *testing.T) {
	t.Parallel()
	p, err := newPace(Adaptive{Keys: 50}, &Layers()[5], 0, 72*time.Hour)
	if err != nil {
		t.Fatal(err)
	}
	start := newClock().Now()
	var group sync.WaitGroup
	for g := range 4 {
		group.Go(func() {
			for i := range 500 {
				if d := p.fetched(strconv.Itoa((g*131+i)%200), []byte{byte(i)}, start.Add(time.Duration(i)*time.Minute)); d <= 0 {
					t.Errorf("kept for %v", d)
				}
			}
		})
	}
	group.Wait()
	if len(p.past) != 50 {
		t.Errorf("%d entries remembered, want 50", len(p.past))
	}
}

func TestAdaptiveRefusesWhatCannotBe(t *testing.T) {
	t.Parallel()
	clk := newClock()
	for name, a := range map[string]Adaptive{
		"longer than any entry may live":     {Max: 71 * time.Hour},
		"shorter at most than the TTL":       {Max: time.Hour},
		"longer at least than the TTL":       {Min: 7 * time.Hour},
		"negative":                           {Min: -time.Hour},
		"no memory, but a negative one":      {Keys: -1},
		"a right with a lifetime of its own": {},
	} {
		layer := APIGovernment
		if a == (Adaptive{}) {
			layer = Token
		}
		f, _ := paced(t, clk, &a, layer)
		if f.Err() == nil || layer != Token && !errors.Is(f.Err(), ErrInvalidTTL) {
			t.Errorf("%s: %v", name, f.Err())
		}
	}
}
