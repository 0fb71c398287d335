package replay

import (
	"fmt"
	"testing"
	"time"
)

// TestWhatLearntLifetimesSave measures what docs/decisions/adaptive-lifetimes.md rests on: learnt lifetimes against the
// one fixed lifetime that is stale as often, which is found on the same trace. 300 values, 60 days, the first 15 for
// learning. With -v it prints the table of docs/benchmarks.md.
func TestWhatLearntLifetimesSave(t *testing.T) {
	t.Parallel()
	seeds, bases := []uint64{1, 2, 3}, []time.Duration{6 * time.Hour, time.Hour} // those of api_government and api_news
	worlds := 4
	if raceEnabled {
		seeds, bases, worlds = seeds[:1], bases[:1], 3 // ten times slower
	}
	const skip = 15
	for _, base := range bases {
		for _, c := range []struct {
			world func(uint64) *World
			most  float64 // of the fixed lifetime's fetches, for 6 hours
		}{{Alike, 1.05}, {Mixed, 0.9}, {Calendar, 0.85}, {Turning, 0.97}}[:worlds] {
			var learnt, fixed Freshness
			name, equal := "", ""
			for _, seed := range seeds {
				w := c.world(seed)
				l := w.Learnt(base, base/16, 10*base, skip)
				ttl, f := w.Equal(base, skip, l)
				name, equal = w.Name, equal+fmt.Sprintf(" %v", ttl.Round(time.Minute))
				learnt, fixed = learnt.plus(l), fixed.plus(f)
			}
			of := float64(learnt.Fetches) / float64(fixed.Fetches)
			t.Logf("| %v | %s | %.4f | %.4f (%s) | %d | %d | %+.1f %% |", base, name, learnt.Share(), fixed.Share(), equal[1:], learnt.Fetches, fixed.Fetches, 100*(of-1))
			if d := learnt.Share()/fixed.Share() - 1; d < -0.03 || d > 0.03 {
				t.Errorf("%s: stale %.4f and %.4f are not to be compared", name, learnt.Share(), fixed.Share())
			}
			if base == bases[0] && of > c.most {
				t.Errorf("%v, %s: %.3f of the fetches of a fixed lifetime, want at most %.2f", base, name, of, c.most)
			}
		}
	}
}

func (f Freshness) plus(o Freshness) Freshness {
	return Freshness{f.Reads + o.Reads, f.Stale + o.Stale, f.Fetches + o.Fetches}
}

// TestWorldsChangeAsTheySay: the pace of Alike, and versions by time.
func TestWorldsChangeAsTheySay(t *testing.T) {
	t.Parallel()
	w := Alike(9)
	n := 0
	for k, at := range w.changes {
		n += len(at)
		if len(at) == 0 {
			continue
		}
		if got := [3]int{w.version(int32(k), at[0]-1), w.version(int32(k), at[0]), w.version(int32(k), worldDays*dayMS)}; got != [3]int{0, 1, len(at)} {
			t.Fatalf("key %d: versions %v around its first change and at the end, of %d", k, got, len(at))
		}
	}
	if want := worldKeys * worldDays * 2; n < want*95/100 || n > want*105/100 {
		t.Errorf("%d changes, want about %d", n, want)
	}
	if got, want := len(w.reads), worldKeys*worldDays*readsADay; got < want*95/100 || got > want*105/100 {
		t.Errorf("%d reads, want about %d", got, want)
	}
	// If nothing is kept at all, nothing is stale and every read is a fetch, but for the grace: a tenth of a
	// nanosecond.
	if f := w.Fixed(10, 1, 0); f.Stale != 0 || f.Fetches < f.Reads*95/100 {
		t.Errorf("without keeping: %+v", f)
	}
}
