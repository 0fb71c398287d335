package warming

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/redis/go-redis/v9"

	"openlearn/internal/cache"
	"openlearn/internal/cache/forecast"
	"openlearn/internal/periodic"
	"openlearn/internal/testkit"
)

func TestMain(m *testing.M) { testkit.Main(m) }

// house is a database and a Redis, with the instances of a service on them.
type house struct {
	t     *testing.T
	pool  *pgxpool.Pool
	redis *redis.Client
	now   time.Time
}

func newHouse(t *testing.T) *house {
	t.Helper()
	pool, err := pgxpool.New(t.Context(), testkit.Database(t))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(pool.Close)
	return &house{t, pool, testkit.Redis(t), time.Date(2026, 3, 4, 10, 30, 0, 0, time.UTC)}
}

// instance is a warmer and what it loaded. Its time is the house's.
type instance struct {
	*Warmer
	cache  *cache.Cache
	values *cache.Func[int64, int64]

	mu     sync.Mutex
	loaded []int64
	fail   error
	closed bool          // the gate
	rested time.Duration // between batches
	open   int           // batches under way
	most   int           // of them, ever
}

const layer = "article"

func (h *house) instance(change func(*Options)) *instance {
	h.t.Helper()
	in := &instance{}
	c, err := cache.New(cache.Options{Redis: h.redis, Layers: []cache.Layer{cache.Graced(cache.Layer{Name: layer, Namespace: layer, TTL: time.Hour})}, Gate: func() bool {
		in.mu.Lock()
		defer in.mu.Unlock()
		return !in.closed
	}})
	if err != nil {
		h.t.Fatal(err)
	}
	h.t.Cleanup(func() {
		if err := c.Close(); err != nil {
			h.t.Error(err)
		}
	})
	in.cache = c
	in.values = cache.Wrap(c, cache.Spec[int64]{
		Layer: layer, Key: func(id int64) cache.Key { return cache.Key{ID: strconv.FormatInt(id, 10)} }, Deps: func(int64) []string { return []string{"table"} },
	}, func(_ context.Context, id int64) (int64, error) { return id, nil }).Batch(func(_ context.Context, ids []int64) ([]cache.Loaded[int64], error) {
		in.mu.Lock()
		defer in.mu.Unlock()
		in.loaded = append(in.loaded, ids...)
		out := make([]cache.Loaded[int64], len(ids))
		for i, id := range ids {
			out[i].Value = id
		}
		return out, in.fail
	})
	o := Options{
		Cache: c, Layer: layer, Deps: []string{"table"}, Load: in.load, Pool: h.pool, Config: Config{Keys: 20, Schedule: Predicted, Interval: 3 * time.Minute, Rate: 10},
		Now: func() time.Time { return h.now },
	}
	if change != nil {
		change(&o)
	}
	in.Warmer = New(o)
	in.pause = func(_ context.Context, d time.Duration) error {
		in.rested += d
		return nil
	}
	return in
}

func (in *instance) load(ctx context.Context, ids []int64) (n int, err error) {
	in.mu.Lock()
	in.open++
	in.most = max(in.most, in.open)
	in.mu.Unlock()
	for _, r := range in.values.GetMany(cache.Warming(ctx), ids) {
		if err = errors.Join(err, r.Err); r.Err == nil && r.Info.Source == cache.FromSource {
			n++
		}
	}
	in.mu.Lock()
	in.open--
	in.mu.Unlock()
	return n, err
}

// once makes one pass and returns what was loaded, in order of id.
func (in *instance) once(t *testing.T) []int64 {
	t.Helper()
	if err := in.runOnce(t.Context()); err != nil {
		t.Fatal(err)
	}
	in.mu.Lock()
	defer in.mu.Unlock()
	out := in.loaded
	in.loaded = nil
	slices.Sort(out)
	return out
}

// see lets readers request ids 1 to n, lower ones more often.
func (in *instance) see(n int64) {
	for id := range n {
		for range n - id {
			in.See(id + 1)
		}
	}
}

func upTo(n int64) (out []int64) {
	for id := range n {
		out = append(out, id+1)
	}
	return out
}

func same(t *testing.T, what string, got, want []int64) {
	t.Helper()
	if !slices.Equal(got, want) {
		t.Errorf("%s: loaded %v, want %v", what, got, want)
	}
}

// TestPopularityOutlivesProcessesAndRedis: what readers asked for is warm at the next start, in an empty Redis too.
func TestPopularityOutlivesProcessesAndRedis(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	a := h.instance(nil)
	same(t, "nothing is known yet", a.once(t), nil)
	a.see(50)
	for _, j := range a.Jobs() {
		periodic.Start(t.Context(), j).Close() // saves the counts
	}
	if err := h.redis.FlushDB(t.Context()).Err(); err != nil {
		t.Fatal(err)
	}
	h.now = h.now.Add(time.Minute)
	b := h.instance(nil)
	same(t, "start", b.once(t), upTo(20))
	for _, id := range upTo(20) {
		if _, info, err := b.values.GetInfo(t.Context(), id); err != nil || info.Source == cache.FromSource {
			t.Errorf("%d: from %v, %v; want a hit", id, info.Source, err)
		}
	}
	same(t, "at once again", b.once(t), nil)
	c := h.instance(nil)
	same(t, "a third instance finds everything there", c.once(t), nil)
}

// TestFlushed: after the layer, or what all its entries depend on, was invalidated the popular ones come back, in number,
// rate and concurrency bounded. One entry's invalidation is no flush.
func TestFlushed(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	a := h.instance(func(o *Options) { o.Keys = 120 })
	a.see(200)
	same(t, "start", a.once(t), upTo(120))
	for what, flush := range map[string]func() error{
		"the layer":  func() error { return a.cache.InvalidateLayer(t.Context(), layer) },
		"all layers": func() error { return a.cache.InvalidateAll(t.Context()) },
		"the table":  func() error { return a.cache.Invalidate(t.Context(), "table") },
		"Redis":      func() error { return h.redis.FlushDB(t.Context()).Err() },
	} {
		a.rested = 0
		if err := flush(); err != nil {
			t.Fatal(err)
		}
		same(t, what, a.once(t), upTo(120))
		if want := 12 * time.Second; a.rested < want {
			t.Errorf("%s: 120 loads at 10 in a second rested %v, want %v", what, a.rested, want)
		}
		same(t, what+", a second look", a.once(t), nil)
	}
	if a.most != 1 {
		t.Errorf("%d batches at once", a.most)
	}
	if err := a.cache.Delete(t.Context(), layer, cache.Key{ID: "1"}); err != nil {
		t.Fatal(err)
	}
	same(t, "one entry", a.once(t), nil)
}

// TestInstancesAddUp: each saves its own counts, and the hour has their sum.
func TestInstancesAddUp(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	a, b := h.instance(nil), h.instance(nil)
	var group sync.WaitGroup
	for _, in := range []*instance{a, b} {
		group.Go(func() {
			for range 20 { // they write the same rows at the same time
				in.see(15)
				if err := in.save(t.Context(), h.now); err != nil {
					t.Error(err)
				}
			}
		})
	}
	group.Wait()
	got, err := a.history.between(t.Context(), hourOf(h.now)-1, hourOf(h.now))
	if err != nil || len(got) != 1 || len(got[0].counts) != 15 {
		t.Fatalf("%+v, %v", got, err)
	}
	for i, c := range got[0].counts {
		if want := (forecast.Count{Key: strconv.Itoa(i + 1), N: float64(2 * 20 * (15 - i))}); c != want {
			t.Errorf("%+v, want %+v", c, want)
		}
	}
}

// TestScheduleFollowsTheForecast: articles that are read at ten every day are brought in as ten comes near, and only those.
func TestScheduleFollowsTheForecast(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	now := hourOf(h.now)
	past := &history{pool: h.pool, layer: layer, most: 100}
	for hour := now - 15*24; hour < now-3; hour++ { // a day more than is kept; it is past ten, so today's ten has not been yet
		counts := []forecast.Count{{Key: "1", N: 10}} // at every hour: its readers keep it alive
		if hour%24 == 9 {
			counts = append(counts, forecast.Count{Key: "2", N: 30}, forecast.Count{Key: "3", N: 20})
		}
		for i := range 40 { // read now and then, more than are kept of an hour
			counts = append(counts, forecast.Count{Key: strconv.Itoa(1000 + i), N: 1})
		}
		if err := past.add(t.Context(), hour, counts); err != nil {
			t.Fatal(err)
		}
	}
	h.now = timeOf(now - 3).Add(10 * time.Minute) // 7:10
	a := h.instance(func(o *Options) { o.Keys = 30 })
	if got := a.once(t); !slices.Contains(got, 1) || len(got) != 30 {
		t.Errorf("start: %v", got)
	}
	var rows, oldest int64
	if err := h.pool.QueryRow(t.Context(), `SELECT max(n), min(hour) FROM (SELECT count(*) AS n, extract(epoch FROM hour)::bigint / 3600 AS hour FROM cache_access GROUP BY 2) AS r`).Scan(&rows, &oldest); err != nil {
		t.Fatal(err)
	}
	if rows != 30 || oldest < hourOf(h.now)-14*24-1 {
		t.Errorf("kept: %d rows of an hour, want 30; %d hours, want 14 days", rows, hourOf(h.now)-oldest)
	}
	var loads []string
	for range 4 * 60 / 3 { // until 11:10; the entries are taken away each time, so that what the schedule asks for shows
		h.now = h.now.Add(3 * time.Minute)
		for _, id := range []string{"1", "2", "3", "1000"} {
			if err := a.cache.Delete(t.Context(), layer, cache.Key{ID: id}); err != nil {
				t.Fatal(err)
			}
		}
		if got := a.once(t); len(got) > 0 {
			loads = append(loads, fmt.Sprint(h.now.Format("15"), got))
		}
	}
	loads = slices.Compact(loads)
	for _, l := range loads {
		if l != "08[2 3]" && l != "09[2 3]" && l != "08[2]" && l != "09[2]" {
			t.Errorf("the schedule asked for %v", l)
		}
	}
	if len(loads) == 0 || !slices.Contains(loads, "09[2 3]") {
		t.Errorf("the schedule asked for %v, want 2 and 3 before and in their hour", loads)
	}
}

// TestSchedules: popular keeps what was requested during the last day, and nothing is predicted without enough history.
func TestSchedules(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		schedule Schedule
		want     []int64
	}{{Popular, upTo(3)}, {Predicted, nil}, {Off, nil}} {
		h := newHouse(t)
		a := h.instance(func(o *Options) { o.Schedule = c.schedule })
		for hour := hourOf(h.now) - 4; hour < hourOf(h.now); hour++ {
			if err := a.history.add(t.Context(), hour, []forecast.Count{{Key: "1", N: 9}, {Key: "2", N: 5}, {Key: "3", N: 3}, {Key: "4", N: 1}}); err != nil {
				t.Fatal(err)
			}
		}
		same(t, "start", a.once(t), upTo(4))
		for _, id := range upTo(4) {
			if err := a.cache.Delete(t.Context(), layer, cache.Key{ID: strconv.FormatInt(id, 10)}); err != nil {
				t.Fatal(err)
			}
		}
		h.now = h.now.Add(3 * time.Minute)
		same(t, string(c.schedule), a.once(t), c.want)
		s := a.Status()
		var keys []int64
		for _, k := range s.Scheduled {
			keys = append(keys, numbers([]forecast.Count{k})...)
			if k.N < 2 || k.N > 9 {
				t.Errorf("%+v", k)
			}
		}
		same(t, string(c.schedule)+", in the status", keys, c.want)
		if n := uint64(len(c.want)); s.By["schedule"].Checked != n || s.By["schedule"].Loaded != n || s.By["start"].Loaded != 4 || s.Hours == 0 || !s.LookedAt.Equal(h.now) {
			t.Errorf("%s: %+v", c.schedule, s)
		}
	}
}

// TestNothingIsLoadedPastTheCache: while entries may not be served nothing is warmed, and it is when they may be again.
func TestNothingIsLoadedPastTheCache(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	a := h.instance(nil)
	a.see(30)
	a.closed = true
	for range 3 {
		same(t, "gate closed", a.once(t), nil)
		h.now = h.now.Add(time.Minute)
	}
	a.mu.Lock()
	a.closed = false
	a.mu.Unlock()
	same(t, "gate open", a.once(t), upTo(20))
}

// TestFailuresAreTriedAgain: failures are retried later, and what was to be warmed is not forgotten.
func TestFailuresAreTriedAgain(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	a := h.instance(nil)
	a.see(5)
	a.fail = errors.New("the source is away")
	if err := a.runOnce(t.Context()); !errors.Is(err, a.fail) {
		t.Fatalf("%v, want the source's error", err)
	}
	if s := a.Status(); s.Failures != 0 || s.By["start"].Last == nil || !s.By["start"].Last.Failed || s.By["start"].Passes != 0 {
		t.Errorf("after a pass that failed: %+v", s)
	}
	a.fail, a.loaded = nil, nil
	same(t, "at once", a.once(t), nil)
	h.now = h.now.Add(retryAfter)
	testkit.Eventually(t, "a busy machine lets Redis answer", a.cache.Serving)
	same(t, "later", a.once(t), upTo(5))
	if last := a.Status().By["start"].Last; last.Failed || last.Entries != 5 || last.Loaded != 5 || !last.At.Equal(h.now) {
		t.Errorf("the pass after it: %+v", last)
	}
	h.pool.Close()
	h.now = h.now.Add(time.Hour)
	a.see(5)
	if err := a.runOnce(t.Context()); err == nil {
		t.Error("counts were not written down, and nobody was told")
	}
}

// TestNothingWarmedIsStale: an article is changed again and again while it is being warmed, and no reader is shown what it
// was before.
func TestNothingWarmedIsStale(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	a := h.instance(nil)
	var mu sync.Mutex
	truth := int64(0)
	read := func() int64 { mu.Lock(); defer mu.Unlock(); return truth }
	f := cache.Wrap(a.cache, cache.Spec[int64]{
		Layer: layer, Key: func(id int64) cache.Key { return cache.Key{ID: strconv.FormatInt(id, 10)} }, Deps: func(int64) []string { return []string{"thing"} },
	}, func(context.Context, int64) (int64, error) { return read(), nil })
	a.opt.Load = func(ctx context.Context, ids []int64) (int, error) { return f.Warm(cache.Warming(ctx), ids) }
	ctx, stop := context.WithCancel(t.Context())
	var group sync.WaitGroup
	passes := 0
	group.Go(func() {
		for ctx.Err() == nil {
			if err := a.pass(ctx, "flush", []int64{1, 2, 3}); err != nil && ctx.Err() == nil {
				t.Error(err)
				return
			}
			passes++
		}
	})
	for want := int64(1); want <= 300; want++ {
		mu.Lock()
		truth = want
		mu.Unlock()
		if err := a.cache.Invalidate(t.Context(), "thing"); err != nil {
			t.Fatal(err)
		}
		if got, err := f.Get(t.Context(), 1+want%3); err != nil || got != want {
			t.Fatalf("%d, %v after %d was invalidated", got, err, want)
		}
	}
	stop()
	group.Wait()
	if passes < 10 {
		t.Errorf("only %d passes beside 300 changes", passes)
	}
}
