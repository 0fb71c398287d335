package admin

import (
	"context"
	"fmt"
	"io"
	"math"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"openlearn/internal/cache"
)

// MostRuns bounds the runs of each kind.
const MostRuns = 200

// probeBudget bounds a probe, below what a request may take.
const probeBudget = 20 * time.Second

// Runs holds the times of one kind of run, as exact order statistics.
type Runs struct {
	Count  int      `json:"count"`
	MeanMS float64  `json:"mean_ms"`
	MinMS  float64  `json:"min_ms"`
	P50MS  float64  `json:"p50_ms"`
	P95MS  *float64 `json:"p95_ms" doc:"null under 20 runs"`
	P99MS  *float64 `json:"p99_ms" doc:"null under 100 runs"`
	MaxMS  float64  `json:"max_ms"`
}

// Probed is the measurement of an endpoint.
type Probed struct {
	Endpoint  string   `json:"endpoint"`
	Runs      int      `json:"runs" doc:"Of each kind; fewer than asked for if the time ran out"`
	Complete  bool     `json:"complete"`
	BodyBytes int      `json:"body_bytes"`
	Uncached  Runs     `json:"uncached" doc:"Past the cache, to PostgreSQL"`
	Cached    Runs     `json:"cached"`
	Speedup   *float64 `json:"speedup" doc:"Median of the uncached over median of the cached runs; null if the cache was out of use"`
	CacheUsed bool     `json:"cache_used" doc:"The cached runs really came from the cache: none of them loaded anything"`
}

// Probe measures a public GET route, cached and uncached, the given number of times each: inside the process, through the
// whole handler chain, alternating so that both meet the same load on the machine.
func (a *Admin) Probe(ctx context.Context, endpoint string, runs int) (Probed, error) {
	u, err := probeTarget(endpoint)
	if err != nil {
		return Probed{}, err
	}
	if runs < 1 || runs > MostRuns {
		return Probed{}, invalid("runs", fmt.Sprintf("1 to %d runs of each kind", MostRuns), runs)
	}
	if !a.probing.TryLock() {
		return Probed{}, &Error{Kind: Busy, Text: "Another probe is running: two would measure each other"}
	}
	defer a.probing.Unlock()
	ctx, cancel := context.WithTimeout(ctx, probeBudget)
	defer cancel()
	run := func(ctx context.Context) (time.Duration, int, error) { return a.request(ctx, u) }
	// Once each before counting, to fill the cache and warm the database's own memory.
	for _, c := range []context.Context{cache.Bypass(ctx), ctx} {
		if _, _, err := run(c); err != nil {
			return Probed{}, err
		}
	}
	p := Probed{Endpoint: u.RequestURI(), CacheUsed: true}
	var cached, uncached []time.Duration
	for range runs {
		slow, _, err := run(cache.Bypass(ctx))
		if err != nil {
			break
		}
		before := a.loads(ctx)
		quick, n, err := run(ctx)
		if err != nil {
			break
		}
		p.CacheUsed = p.CacheUsed && a.loads(ctx) == before
		p.BodyBytes = n
		uncached, cached = append(uncached, slow), append(cached, quick)
	}
	if len(cached) == 0 {
		return Probed{}, &Error{Kind: TooSlow, Text: "The endpoint is too slow to be measured within " + probeBudget.String()}
	}
	p.Runs, p.Complete, p.Uncached, p.Cached = len(cached), len(cached) == runs, runsOf(uncached), runsOf(cached)
	if p.CacheUsed && p.Cached.P50MS > 0 {
		p.Speedup = ptr(round(p.Uncached.P50MS/p.Cached.P50MS, 2))
	}
	return p, nil
}

// loads are all fetches from sources so far, of this process: other requests' too, so a difference may be theirs.
func (a *Admin) loads(ctx context.Context) uint64 { return a.cache.Stats(ctx).Total.Loads }

const noEndpoint = "an endpoint is a path below /api/, such as /api/articles?limit=20"

// probeTarget accepts only paths of this API, and no admin routes.
func probeTarget(endpoint string) (*url.URL, error) {
	u, err := url.Parse(endpoint)
	if err != nil || u.IsAbs() || u.Host != "" || u.User != nil || !strings.HasPrefix(u.Path, "/api/") || strings.Contains(u.Path, "..") {
		return nil, invalid("endpoint", noEndpoint, endpoint)
	}
	u.Fragment = ""
	if p := strings.TrimPrefix(strings.TrimPrefix(u.Path, "/api/v1"), "/api"); p == "/cache" || strings.HasPrefix(p, "/cache/") {
		return nil, invalid("endpoint", "the cache's own routes are not cached", endpoint)
	}
	return u, nil
}

// request calls the service's own handler, as any client would.
func (a *Admin) request(ctx context.Context, u *url.URL) (time.Duration, int, error) {
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, u.RequestURI(), http.NoBody)
	if err != nil {
		return 0, 0, invalid("endpoint", noEndpoint, u.String())
	}
	r.RequestURI, r.RemoteAddr, r.Host = u.RequestURI(), "127.0.0.1:0", "localhost"
	r.Header.Set("X-Request-ID", callerOf(ctx).RequestID)
	w := &discard{header: http.Header{}, status: http.StatusOK}
	start := time.Now()
	a.opt.Handler().ServeHTTP(w, r)
	took := time.Since(start)
	switch {
	case ctx.Err() != nil:
		return 0, 0, ctx.Err()
	case w.status != http.StatusOK:
		return 0, 0, invalid("endpoint", fmt.Sprintf("the endpoint answers %d, and only what answers 200 is measured", w.status), u.RequestURI())
	}
	return took, w.bytes, nil
}

// discard is a response that nobody reads.
type discard struct {
	header http.Header
	status int
	bytes  int
	begun  bool
}

func (d *discard) Header() http.Header { return d.header }

func (d *discard) WriteHeader(status int) {
	if !d.begun && status >= http.StatusOK {
		d.status, d.begun = status, true
	}
}

func (d *discard) Write(b []byte) (int, error) {
	d.begun = true
	d.bytes += len(b)
	return io.Discard.Write(b)
}

func runsOf(d []time.Duration) Runs {
	slices.Sort(d)
	var sum time.Duration
	for _, one := range d {
		sum += one
	}
	at := func(q float64) float64 { return milliseconds(d[int(math.Ceil(q*float64(len(d))))-1]) }
	r := Runs{Count: len(d), MeanMS: milliseconds(sum / time.Duration(len(d))), MinMS: milliseconds(d[0]), P50MS: at(.5), MaxMS: milliseconds(d[len(d)-1])}
	if len(d) >= 20 {
		r.P95MS = ptr(at(.95))
	}
	if len(d) >= enough {
		r.P99MS = ptr(at(.99))
	}
	return r
}
