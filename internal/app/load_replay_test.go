package app

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"
)

// replayClients replay a trace concurrently. More would measure the queue in front of two cores.
const replayClients = 4

// seen is what the clients of a replay observed.
type seen struct {
	requests int // on cached routes, anonymous or not
	statuses map[int]int
	hits     [opKinds][2]int // answers from cached responses; with credentials there are none
	reads    [opKinds][2]int
	took     [opKinds][2][]time.Duration // of reads, by whether the response was cached
	events   []event
}

// replayBegan is when the clock of events began.
var replayBegan = time.Now()

// figures are those of /api/cache at one moment.
type figures struct {
	layers map[string]struct {
		Hits         float64 `json:"hits"`
		Misses       float64 `json:"misses"`
		NestedHits   float64 `json:"nested_hits"`
		NestedMisses float64 `json:"nested_misses"`
	}
	samples struct {
		Requests         float64 `json:"requests"`
		CachedRequests   float64 `json:"cached_requests"`
		UncachedRequests float64 `json:"uncached_requests"`
		Queries          float64 `json:"database"`
	}
	perEndpoint []endpointTimes
	statements  float64 // PostgreSQL's own count
}

// endpointTimes is the comparison's result for an endpoint.
type endpointTimes struct {
	Endpoint         string `json:"endpoint"`
	Cached, Uncached struct {
		P50 *float64 `json:"p50_ms"`
		P99 *float64 `json:"p99_ms"`
	}
}

func (s *stage) figures(a *actor) (f figures) {
	s.t.Helper()
	get := func(path string, into any) {
		req, err := http.NewRequestWithContext(s.t.Context(), http.MethodGet, a.base+path, nil)
		if err != nil {
			s.t.Fatal(err)
		}
		req.Header.Set("X-API-Key", testAdminKey)
		res, err := http.DefaultClient.Do(req)
		if err != nil {
			s.t.Fatal(err)
		}
		defer res.Body.Close()
		if err := json.NewDecoder(res.Body).Decode(into); err != nil || res.StatusCode != http.StatusOK {
			s.t.Fatal(path, res.Status, err)
		}
	}
	var stats struct {
		Layers json.RawMessage `json:"layers"`
	}
	get("/api/cache/stats", &stats)
	if err := json.Unmarshal(stats.Layers, &f.layers); err != nil {
		s.t.Fatal(err)
	}
	var comparison struct {
		Samples   json.RawMessage `json:"samples"`
		Endpoints []endpointTimes `json:"endpoints"`
	}
	get("/api/cache/performance/comparison", &comparison)
	if err := json.Unmarshal(comparison.Samples, &f.samples); err != nil {
		s.t.Fatal(err)
	}
	f.perEndpoint = comparison.Endpoints
	f.statements = float64(statements(s.t.Context(), s.t, s.db))
	return f
}

// replay sends n requests of the trace in order through a few clients, and counts what they observe.
func (s *stage) replay(a *actor, tr *trace, n int, c *ceiling, counts bool) *seen {
	s.t.Helper()
	return s.clients(a, c, counts, func(send func(op)) {
		for range n {
			send(tr.next())
		}
	})
}

// clients sends the requests that produce makes.
func (s *stage) clients(a *actor, c *ceiling, counts bool, produce func(send func(op))) *seen {
	s.t.Helper()
	transport := &http.Transport{MaxIdleConnsPerHost: replayClients, DisableCompression: true}
	defer transport.CloseIdleConnections()
	client := &http.Client{Transport: transport, Timeout: 30 * time.Second}
	total := &seen{statuses: map[int]int{}}
	ops := make(chan op)
	var mu sync.Mutex
	var wg sync.WaitGroup
	for range replayClients {
		wg.Go(func() {
			mine := &seen{statuses: map[int]int{}}
			for o := range ops {
				if err := mine.send(s.t.Context(), client, a.base, o); err != nil {
					s.t.Errorf("%s %s: %v", o.kind, o.path, err)
				}
			}
			mu.Lock()
			defer mu.Unlock()
			total.add(mine)
		})
	}
	produce(func(o op) { ops <- o })
	close(ops)
	wg.Wait()
	if c != nil {
		for _, e := range total.events {
			e.counts = counts
			c.events = append(c.events, e)
		}
	}
	return total
}

func (w *seen) send(ctx context.Context, client *http.Client, base string, o op) error {
	method, body := http.MethodGet, io.Reader(http.NoBody)
	if o.kind == write {
		method, body = http.MethodPatch, strings.NewReader(fmt.Sprintf(`{"subtitle": "edición %d"}`, time.Now().UnixNano()))
	}
	req, err := http.NewRequestWithContext(ctx, method, base+o.path, body)
	if err != nil {
		return err
	}
	if o.keyed || o.kind == write {
		req.Header.Set("X-API-Key", testAdminKey)
		req.Header.Set("Content-Type", "application/json")
	}
	start := time.Now()
	res, err := client.Do(req)
	if err != nil {
		return err
	}
	defer res.Body.Close()
	if _, err := io.Copy(io.Discard, res.Body); err != nil {
		return err
	}
	took := time.Since(start)
	w.events = append(w.events, event{op: o, start: start.Sub(replayBegan), end: start.Sub(replayBegan) + took})
	w.statuses[res.StatusCode]++
	if o.kind == write {
		return nil
	}
	w.requests++
	who, cached := 0, 0
	if o.keyed {
		who = 1
	}
	w.reads[o.kind][who]++
	if res.Header.Get("X-Cache") == "HIT" {
		w.hits[o.kind][who]++
		cached = 1
	}
	w.took[o.kind][cached] = append(w.took[o.kind][cached], took)
	return nil
}

func (w *seen) add(x *seen) {
	w.requests += x.requests
	w.events = append(w.events, x.events...)
	for status, n := range x.statuses {
		w.statuses[status] += n
	}
	for k := range opKinds {
		for i := range 2 {
			w.hits[k][i] += x.hits[k][i]
			w.reads[k][i] += x.reads[k][i]
			w.took[k][i] = append(w.took[k][i], x.took[k][i]...)
		}
	}
}

// quantile of durations in ms.
func quantile(d []time.Duration, q float64) float64 {
	if len(d) == 0 {
		return 0
	}
	d = slices.Clone(d)
	slices.Sort(d)
	return ms(d[min(int(q*float64(len(d))), len(d)-1)])
}

func fromEnv(t *testing.T, name string, fallback int) int {
	t.Helper()
	v := os.Getenv(name)
	if v == "" {
		return fallback
	}
	n, err := strconv.Atoi(v)
	if err != nil {
		t.Fatal(name, err)
	}
	return n
}

// TestLoadReplay prints the replay of docs/benchmarks.md: what clients of a large archive get, with the cache's own
// figures, those of PostgreSQL, and the best that any cache could have done.
func TestLoadReplay(t *testing.T) {
	measuring(t)
	s := newStage(t, fromEnv(t, "OPENLEARN_LOAD_ARTICLES", 100_000))
	n := fromEnv(t, "OPENLEARN_LOAD_REQUESTS", 40_000)
	on := s.start("strict", nil)
	c := &ceiling{}
	tr := newTrace(t, s.db, 0.01)

	// Warm up: each article and page once, as a crawler would, then the trace for a while.
	start := time.Now()
	s.clients(on, c, false, tr.everything)
	s.replay(on, tr, n/4, c, false)
	t.Logf("%d articles, %d lists, %d searches; warm after %v", len(tr.ids), len(tr.lists), len(tr.searches), time.Since(start).Round(time.Second))

	before, start := s.figures(on), time.Now()
	got := s.replay(on, tr, n, c, true)
	after, took := s.figures(on), time.Since(start)
	s.check200(got)
	c.settle()

	out := &strings.Builder{}
	fmt.Fprintf(out, "\n%d requests in %v by %d clients, 1 %% of them writes, a quarter of the readers with credentials.\n", n, took.Round(time.Second), replayClients)
	fmt.Fprintf(out, "\n| reads | of | hits | ceiling | hits / ceiling |\n|---|---|---:|---:|---:|\n")
	ratio := func(hits, reads int) float64 { return float64(hits) / float64(max(reads, 1)) }
	for k := readArticle; k < write; k++ {
		h, best := ratio(got.hits[k][0], got.reads[k][0]), ratio(c.hits[k][0], c.reads[k][0])
		fmt.Fprintf(out, "| %s | responses (http_response) | %.2f %% | %.2f %% | %.4f |\n", k, 100*h, 100*best, h/best)
	}
	outer := func(layer string) float64 {
		b, a := before.layers[layer], after.layers[layer]
		hits := a.Hits - a.NestedHits - b.Hits + b.NestedHits
		return hits / (hits + a.Misses - a.NestedMisses - b.Misses + b.NestedMisses)
	}
	for layer, kinds := range map[string][]opKind{"article": {readArticle}, "content": {readList, readSearch}} {
		hits, reads := 0, 0
		for _, k := range kinds {
			hits, reads = hits+c.hits[k][1], reads+c.reads[k][1]
		}
		fmt.Fprintf(out, "| with credentials | values (%s) | %.2f %% | %.2f %% | %.4f |\n", layer, 100*outer(layer), 100*ratio(hits, reads), outer(layer)/ratio(hits, reads))
	}

	fmt.Fprintf(out, "\n| count | clients | /api/cache | PostgreSQL |\n|---|---:|---:|---:|\n")
	hits, anonymous := 0, 0
	for k := readArticle; k < write; k++ {
		hits, anonymous = hits+got.hits[k][0], anonymous+got.reads[k][0]
	}
	fmt.Fprintf(out, "| requests on cached routes | %d | %.0f | |\n", got.requests, after.samples.Requests-before.samples.Requests)
	fmt.Fprintf(out, "| cached responses | %d | %.0f | |\n", hits, after.samples.CachedRequests-before.samples.CachedRequests)
	fmt.Fprintf(out, "| statements | | %.0f | %.0f |\n", after.samples.Queries-before.samples.Queries, after.statements-before.statements)

	var cached []time.Duration
	for k := range write {
		cached = append(cached, got.took[k][1]...)
	}

	// The same without the cache: fewer requests, because each costs so much more.
	off := s.start("uncached", nil)
	few := max(n/20, 500)
	s.replay(off, tr, few/4, nil, false)
	bare := s.replay(off, tr, few, nil, false)
	s.check200(bare)
	fmt.Fprintf(out, "\n| p50 | cached | cache off | off / cached | /api/cache says cached |\n|---|---:|---:|---:|---:|\n")
	for k := readArticle; k < write; k++ {
		x, y := quantile(got.took[k][1], .5), quantile(bare.took[k][0], .5)
		fmt.Fprintf(out, "| %s | %.2f ms | %.2f ms | %.1f | %s |\n", k, x, y, y/x, says(after.perEndpoint, k))
	}
	// The share of the clients and the network: a page's bytes from a server that does nothing else.
	page, _ := getBody(t, off.base+loadPage)
	echo := s.clients(s.start("echo", bytes.NewReader(page)), nil, false, func(send func(op)) {
		for range few {
			send(op{kind: readList, path: loadPage})
		}
	})
	s.check200(echo)
	fmt.Fprintf(out, "| list, from bare Echo | | %.2f ms | | |\n", quantile(echo.took[readList][0], .5))
	fmt.Fprintf(out, "\nCached responses: p50 %.2f ms, p99 %.2f ms (goal: < 5).\n", quantile(cached, .5), quantile(cached, .99))

	// Only articles, to measure the database load that the cache saves. It cannot save the load of writes.
	perRequest := func(a *actor, requests int) (statements float64, w *seen) {
		b := s.figures(a)
		w = s.replay(a, tr, requests, nil, false)
		s.check200(w)
		return (s.figures(a).samples.Queries - b.samples.Queries) / float64(requests), w
	}
	tr.articlesOnly = true
	all, w := perRequest(on, n/4)
	allOff, _ := perRequest(off, few)
	tr.writes = 1
	each, _ := perRequest(on, 200)
	eachOff, _ := perRequest(off, 200)
	reads := func(all, each float64) float64 { return max(0, all-0.01*each) / 0.99 }
	fmt.Fprintf(out, "Articles with 1 %% of writes: %.2f %% hits of responses; statements per read %.4f with the cache, %.3f without: %.2f %% fewer (writes, %.1f statements each, taken off both).\n",
		100*ratio(w.hits[readArticle][0], w.reads[readArticle][0]), reads(all, each), reads(allOff, eachOff), 100*(1-reads(all, each)/reads(allOff, eachOff)), each)
	t.Log(out)
}

func says(endpoints []endpointTimes, k opKind) string {
	path := map[opKind]string{readArticle: "/api/articles/:id", readList: "/api/articles", readSearch: "/api/articles/search"}[k]
	for _, e := range endpoints {
		if e.Endpoint == path && e.Cached.P50 != nil {
			return fmt.Sprintf("%.2f ms", *e.Cached.P50)
		}
	}
	return "–"
}

func (s *stage) check200(w *seen) {
	s.t.Helper()
	for status, n := range w.statuses {
		if status != http.StatusOK {
			s.t.Errorf("%d answers were %d", n, status)
		}
	}
}
