package coherence

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"os"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/redis/go-redis/v9"
	"go.uber.org/goleak"

	"openlearn/internal/cache"
)

// order is what the parent tells a worker, as JSON in the environment.
type order struct {
	Role   string // which store is read through, or another job of this binary
	Number int
	Memory string   // path of the shared memory
	Nodes  []string // addresses of a cluster; none: the one primary at memory.Port
	Args   map[string]string
}

const orderVariable = "OPENLEARN_COHERENCE_ORDER"

// The user that is added to the private servers.
const (
	userName     = "tester"
	userPassword = "coherence"
	userSetting  = "user " + userName + " on >" + userPassword + " ~* &* +@all"
)

// store is what a worker reads through: this cache, or a control.
type store interface {
	// read returns the value of each entry, with where it came from. A missing one has Missing set.
	read(ctx context.Context, r *rand.Rand, es []entry) []result
	// invalidate returns nil once it is acknowledged that these names changed.
	invalidate(ctx context.Context, names []string) error
	close() error
}

type result struct {
	value
	source cache.Origin
	stale  bool
	err    error
}

type worker struct {
	order
	m     *memory
	ring  *ring
	store store
}

// obey runs a worker process.
func obey(o order) (err error) {
	m, unmap, err := mapMemory(o.Memory)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, unmap()) }()
	w := &worker{order: o, m: m, ring: &m.Rings[o.Number]}
	m.InLoad[o.Number].Store(0) // left by a worker that was killed
	go endWithParent()
	redis.SetLogger(silent{})
	rdb := w.client()
	switch o.Role {
	case "herd":
		return errors.Join(w.herd(rdb), rdb.Close())
	case "writer":
		return w.writeAndDie()
	case "cache":
		w.store, err = newCached(w, rdb)
	case "aside":
		w.store = &aside{w: w, rdb: rdb}
	case "singleflight":
		w.store = &shared{w: w}
	default:
		err = fmt.Errorf("no such role: %q", o.Role)
	}
	if err != nil {
		return err
	}
	var wg sync.WaitGroup
	for range 6 {
		wg.Go(func() { w.readOn(rand.New(rand.NewPCG(rand.Uint64(), rand.Uint64()))) })
	}
	wg.Go(func() { w.writeOn(rand.New(rand.NewPCG(rand.Uint64(), rand.Uint64()))) })
	wg.Wait()
	err = errors.Join(w.store.close(), rdb.Close())
	leaks := goleak.Find(goleak.IgnoreAnyFunction("openlearn/internal/cache/coherence.endWithParent"),
		// go-redis notices only every second that its pool was closed while it dialled in vain.
		goleak.IgnoreAnyFunction("github.com/redis/go-redis/v9/internal/pool.(*ConnPool).tryDial"))
	if leaks != nil {
		err = errors.Join(err, leaks)
	}
	return err
}

// endWithParent ends this process when the parent dies: nothing is left to do then.
func endWithParent() {
	_, _ = io.Copy(io.Discard, os.Stdin)
	os.Exit(3)
}

func (w *worker) over() bool { return w.m.Stop.Load() || w.m.Shut[w.Number].Load() }

// client reaches the cluster, or whichever server is the primary when it dials.
func (w *worker) client() redis.UniversalClient {
	if len(w.Nodes) > 0 {
		return redis.NewClusterClient(&redis.ClusterOptions{Addrs: w.Nodes, Username: userName, Password: userPassword})
	}
	limit := time.Second
	if w.Role == "herd" {
		limit = herdPatience
	}
	dialer := net.Dialer{Timeout: limit}
	return redis.NewClient(&redis.Options{
		Addr: "primary", Username: userName, Password: userPassword,
		DialTimeout: 5 * limit, ReadTimeout: 3 * limit, WriteTimeout: 3 * limit, PoolTimeout: 4 * limit, // go-redis' own, for a second
		Dialer: func(ctx context.Context, _, _ string) (net.Conn, error) {
			conn, err := dialer.DialContext(ctx, "tcp", net.JoinHostPort("127.0.0.1", strconv.FormatInt(w.m.Port.Load(), 10)))
			if err != nil || w.Args["history"] != "hidden" {
				return conn, err
			}
			return &hidesHistory{Conn: conn}, nil
		},
	})
}

// pace leaves the machine to other processes between two operations.
func pace(r *rand.Rand, most time.Duration) { time.Sleep(time.Duration(r.Int64N(int64(most)))) }

func (w *worker) readOn(r *rand.Rand) {
	for !w.over() {
		n := 1
		if r.IntN(5) == 0 {
			n = 2 + r.IntN(5)
			w.m.count(nBatches, 1)
		}
		layer := r.IntN(len(layerNames)) // a batch is of one layer
		es := make([]entry, n)
		for i := range es {
			es[i] = entry(layer*keys + skewed(r))
		}
		w.readAndJudge(r, es)
		pace(r, 12*time.Millisecond)
	}
}

// skewed prefers low keys: some entries are hot.
func skewed(r *rand.Rand) int { return min(r.IntN(keys), r.IntN(keys)) }

func (w *worker) readAndJudge(r *rand.Rand, es []entry) {
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	strictly := w.m.strictFloors(es...)
	loosely := make([]floors, len(es))
	if es[0].layer() == bounded && w.Role == "cache" {
		for i, e := range es {
			loosely[i] = w.m.boundedFloors(e)
		}
	}
	begin := w.m.Seq.Add(1)
	results := w.store.read(ctx, r, es)
	end := w.m.Seq.Add(1)
	w.m.count(nReads, len(es))
	for i, got := range results {
		e := es[i]
		w.ring.note(begin, end, opRead, int(e), got.Stamp, int64(got.source), got.err != nil)
		if got.err != nil {
			w.m.count(nErrors, 1)
			continue
		}
		f := strictly
		if e.layer() == bounded && w.Role == "cache" {
			if f = loosely[i]; f == nil {
				continue
			}
			w.m.count(nBoundedJudged, 1)
		}
		w.tally(got)
		if wrong := judge(e, got.value, f); wrong != "" {
			w.m.count(nViolations, 1)
			w.m.First.CompareAndSwap(0, begin)
			if w.Args["control"] == "" {
				fmt.Fprintf(os.Stderr, "VIOLATION worker %d, read %d-%d from %v: %s\n%s", w.Number, begin, end, got.source, wrong, w.m.story(e, begin))
			}
		}
	}
}

func (w *worker) tally(got result) {
	w.m.count(nJudged, 1)
	w.m.count(nFromSource+int(got.source), 1)
	if got.stale {
		w.m.count(nStale, 1)
	}
	if got.Missing {
		w.m.count(nNegative, 1)
	}
	if len(got.Parts) > 0 && got.source != cache.FromSource && got.source != cache.FromBypass {
		w.m.count(nNested, 1)
	}
}

func (w *worker) writeOn(r *rand.Rand) {
	for !w.over() {
		e := entry(r.IntN(int(entries)))
		var changed []string
		switch n := r.IntN(100); {
		case n < 70: // some of what an entry depends on, except layers
			for _, name := range e.declared() {
				if !strings.HasPrefix(name, "layer:") && r.IntN(3) == 0 {
					changed = append(changed, name)
				}
			}
		case n < 73:
			changed = []string{"things"}
		case n < 94:
			changed = []string{e.layer() + ":" + e.id()} // Delete
		case n < 96:
			changed = []string{deletePattern + e.layer()}
		case n < 99:
			changed = []string{"layer:" + e.layer()}
		default:
			for _, l := range layerNames {
				changed = append(changed, "layer:"+l)
			}
		}
		if len(changed) > 0 {
			w.invalidate(r, changed)
			w.m.count(nOwnWrites, 1)
			w.readAndJudge(r, []entry{e}) // it reads what this process wrote
		}
		pace(r, 50*time.Millisecond)
	}
}

// deletePattern, with a layer behind it, stands for a pattern that matches the keys of one digit.
const deletePattern = "\x00"

// oneDigit is a pattern of one star and no "?": keys that begin with 2.
const oneDigit = "2*"

func (w *worker) invalidate(_ *rand.Rand, changed []string) {
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	begin := w.m.Seq.Add(1)
	err := w.store.invalidate(ctx, changed)
	if layer, ok := strings.CutPrefix(changed[0], deletePattern); ok {
		changed = changed[:0]
		for k := range keys {
			if id := strconv.Itoa(k); id[0] == oneDigit[0] {
				changed = append(changed, layer+":"+id)
			}
		}
	}
	if err == nil {
		for _, name := range changed {
			raise(&w.m.Floors[known[name]], begin)
		}
		w.m.count(nAcked, 1)
	} else {
		w.m.count(nRefused, 1)
	}
	end := w.m.Seq.Add(1)
	for _, name := range changed {
		w.ring.note(begin, end, opInvalidate, known[name], 0, 0, err != nil)
	}
}

// fetch asks the source for an entry that is built from nothing: the number is drawn first, and what makes a fetch slow
// comes after it. The source does not always have what it is asked for, and it sometimes fails.
func (w *worker) fetch(ctx context.Context, e entry) (value, error) {
	v := value{Entry: e, Stamp: w.m.Seq.Add(1)}
	w.m.count(nLoads, 1)
	w.m.InLoad[w.Number].Add(1)
	defer w.m.InLoad[w.Number].Add(-1)
	var wait time.Duration
	switch n := rand.IntN(100); {
	case n < 2:
		wait = time.Duration(20+rand.IntN(80)) * time.Millisecond
	case n < 15:
		wait = time.Duration(rand.IntN(4000)) * time.Microsecond
	case n < 16:
		return v, errSource
	}
	if wait > 0 {
		t := time.NewTimer(wait)
		defer t.Stop()
		select {
		case <-t.C:
		case <-ctx.Done():
			return v, ctx.Err()
		}
	}
	if e.key()%4 == 1 && v.Stamp%3 == 0 {
		v.Missing = true
		return v, nil
	}
	if e.key()%5 == 0 {
		v.Pad = padding
	}
	return v, nil
}

var (
	errSource = errors.New("the source fails")
	padding   = strings.Repeat("compressible ", 120)
)

// silent drops go-redis's log messages about servers that are killed on purpose.
type silent struct{}

func (silent) Printf(context.Context, string, ...any) {}

func ordered() (o order, ok bool) {
	text := os.Getenv(orderVariable)
	if text == "" {
		return o, false
	}
	if err := json.Unmarshal([]byte(text), &o); err != nil {
		panic(err)
	}
	return o, true
}
