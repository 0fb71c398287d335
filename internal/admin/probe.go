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
	"openlearn/internal/httpapi"
)

// probeBudget bounds a probe, below what a request may take.
const probeBudget = 20 * time.Second

type probeInput struct {
	Body struct {
		Endpoint string `json:"endpoint" minLength:"1" maxLength:"2000" doc:"A public GET route of this API with its query" example:"/api/articles?limit=20"`
		Runs     int    `json:"runs,omitempty" default:"20" minimum:"1" maximum:"200" doc:"Of each kind"`
	}
}

// Runs are the times of one kind, exact order statistics of as many runs.
type Runs struct {
	Count  int      `json:"count"`
	MeanMS float64  `json:"mean_ms"`
	MinMS  float64  `json:"min_ms"`
	P50MS  float64  `json:"p50_ms"`
	P95MS  *float64 `json:"p95_ms" doc:"null under 20 runs"`
	P99MS  *float64 `json:"p99_ms" doc:"null under 100 runs"`
	MaxMS  float64  `json:"max_ms"`
}

type probeOutput struct {
	Body struct {
		Status    string   `json:"status"`
		Endpoint  string   `json:"endpoint"`
		Runs      int      `json:"runs" doc:"Of each kind; fewer than asked for if the time ran out"`
		Complete  bool     `json:"complete"`
		BodyBytes int      `json:"body_bytes"`
		Uncached  Runs     `json:"uncached" doc:"Past the cache, to PostgreSQL"`
		Cached    Runs     `json:"cached"`
		Speedup   *float64 `json:"speedup" doc:"Median of the uncached over median of the cached runs; null if the cache was out of use"`
		CacheUsed bool     `json:"cache_used" doc:"The cached runs really came from the cache: none of them loaded anything"`
	}
}

// probe measures inside the process, through the whole handler chain, the two kinds in turn so that both meet the same
// machine.
func (a *Admin) probe(ctx context.Context, in *probeInput) (*probeOutput, error) {
	u, err := probeTarget(in.Body.Endpoint)
	if err != nil {
		return nil, err
	}
	if !a.probing.TryLock() {
		return nil, httpapi.NewError(http.StatusConflict, "Another probe is running: two would measure each other")
	}
	defer a.probing.Unlock()
	ctx, cancel := context.WithTimeout(ctx, probeBudget)
	defer cancel()
	run := func(ctx context.Context) (time.Duration, int, error) { return a.request(ctx, u) }
	// Once each before counting: the cache is filled, and the database's own memory warm.
	for _, c := range []context.Context{cache.Bypass(ctx), ctx} {
		if _, _, err := run(c); err != nil {
			return nil, err
		}
	}
	out := &probeOutput{}
	b := &out.Body
	var cached, uncached []time.Duration
	b.CacheUsed = true
	for range in.Body.Runs {
		slow, _, err := run(cache.Bypass(ctx))
		if err != nil {
			break
		}
		before := a.loads(ctx)
		quick, n, err := run(ctx)
		if err != nil {
			break
		}
		b.CacheUsed = b.CacheUsed && a.loads(ctx) == before
		b.BodyBytes = n
		uncached, cached = append(uncached, slow), append(cached, quick)
	}
	if len(cached) == 0 {
		return nil, httpapi.NewError(http.StatusGatewayTimeout, "The endpoint is too slow to be measured within "+probeBudget.String())
	}
	b.Status, b.Endpoint, b.Runs, b.Complete = "success", u.RequestURI(), len(cached), len(cached) == in.Body.Runs
	b.Uncached, b.Cached = runsOf(uncached), runsOf(cached)
	if b.CacheUsed && b.Cached.P50MS > 0 {
		b.Speedup = ptr(round(b.Uncached.P50MS/b.Cached.P50MS, 2))
	}
	return out, nil
}

// loads are all fetches from sources so far, of this process: other requests' too, so a difference may be theirs.
func (a *Admin) loads(ctx context.Context) uint64 { return a.cache.Stats(ctx).Total.Loads }

// probeTarget takes paths of this API only, and none of the operator's own.
func probeTarget(endpoint string) (*url.URL, error) {
	u, err := url.Parse(endpoint)
	if err != nil || u.IsAbs() || u.Host != "" || u.User != nil || !strings.HasPrefix(u.Path, "/api/") || strings.Contains(u.Path, "..") {
		return nil, httpapi.Value("an endpoint is a path below /api/, such as /api/articles?limit=20", endpoint, "body", "endpoint")
	}
	u.Fragment = ""
	if p := strings.TrimPrefix(strings.TrimPrefix(u.Path, "/api/v1"), "/api"); p == "/cache" || strings.HasPrefix(p, "/cache/") {
		return nil, httpapi.Value("the cache's own routes are not cached", endpoint, "body", "endpoint")
	}
	return u, nil
}

// request asks the service's own handler, as anybody would.
func (a *Admin) request(ctx context.Context, u *url.URL) (time.Duration, int, error) {
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, u.RequestURI(), http.NoBody)
	if err != nil {
		return 0, 0, httpapi.Value("an endpoint is a path below /api/, such as /api/articles?limit=20", u.String(), "body", "endpoint")
	}
	r.RequestURI, r.RemoteAddr, r.Host = u.RequestURI(), "127.0.0.1:0", "localhost"
	r.Header.Set("X-Request-ID", callerOf(ctx).requestID)
	w := &discard{header: http.Header{}, status: http.StatusOK}
	start := time.Now()
	a.opt.Handler().ServeHTTP(w, r)
	took := time.Since(start)
	switch {
	case ctx.Err() != nil:
		return 0, 0, ctx.Err()
	case w.status != http.StatusOK:
		return 0, 0, httpapi.Value(fmt.Sprintf("the endpoint answers %d, and only what answers 200 is measured", w.status), u.RequestURI(), "body", "endpoint")
	}
	return took, w.bytes, nil
}

// discard is a response nobody reads.
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
