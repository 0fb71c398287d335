package app

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"openlearn/internal/testkit"
)

// A real Varnish with deploy/varnish/openlearn.vcl in front of the service.

// passage is a server in between, whose answers can be refused or held up.
type passage struct {
	url string

	mu      sync.Mutex
	down    bool
	holding string        // answers of this path are held up
	held    chan struct{} // closed when one is
	release chan struct{} // closed when it may go on
	proxy   http.Handler
}

func newPassage(t *testing.T, to string) *passage {
	t.Helper()
	u, err := url.Parse(to)
	if err != nil {
		t.Fatal(err)
	}
	p := &passage{}
	p.proxy = &httputil.ReverseProxy{
		Rewrite: func(r *httputil.ProxyRequest) { r.SetURL(u); r.Out.Host = r.In.Host },
		ModifyResponse: func(res *http.Response) error {
			p.mu.Lock()
			hold := p.holding != "" && res.Request.URL.Path == p.holding
			held, release := p.held, p.release
			if hold {
				p.holding = ""
			}
			p.mu.Unlock()
			if hold {
				close(held)
				select {
				case <-release:
				case <-t.Context().Done():
				}
			}
			return nil
		},
	}
	srv := httptest.NewServer(p)
	t.Cleanup(srv.Close)
	p.url = srv.URL
	return p
}

func (p *passage) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	p.mu.Lock()
	down := p.down
	p.mu.Unlock()
	if down {
		w.WriteHeader(http.StatusBadGateway)
		return
	}
	p.proxy.ServeHTTP(w, r)
}

func (p *passage) set(down bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.down = down
}

// hold holds up the next answer of a path, and returns channels: closed when that is so, and to be closed.
func (p *passage) hold(path string) (held, release chan struct{}) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.holding, p.held, p.release = path, make(chan struct{}), make(chan struct{})
	return p.held, p.release
}

// edge is the service behind Varnish.
type edge struct {
	*testApp
	varnish string
	client  *http.Client
	door    *passage // purges go through it
	road    *passage // Varnish's requests go through it
}

func newEdge(t *testing.T) *edge {
	t.Helper()
	if _, err := exec.LookPath("varnishd"); err != nil {
		t.Skip("varnishd is not installed (apt-get install varnish varnish-modules)")
	}
	if found, _ := filepath.Glob("/usr/lib*/*/varnish/vmods/libvmod_xkey.so"); len(found) == 0 {
		if found, _ = filepath.Glob("/usr/lib*/varnish/vmods/libvmod_xkey.so"); len(found) == 0 {
			t.Skip("varnish-modules is not installed (apt-get install varnish-modules)")
		}
	}
	port := freePort(t)
	kept := &http.Transport{MaxIdleConnsPerHost: 16} // many reads, few connections
	t.Cleanup(kept.CloseIdleConnections)
	e := &edge{varnish: "http://127.0.0.1:" + strconv.Itoa(port), client: &http.Client{Transport: kept}}
	e.door = newPassage(t, e.varnish)
	// Without second deliveries: what is to be seen is what the first ones do.
	e.testApp = newTestApp(t, toldOf(e.door.url+"/-/purge"), func(c *Config) { c.testing.purgeAgain = time.Hour })
	e.road = newPassage(t, e.base)
	vcl, err := os.ReadFile(filepath.Join("..", "..", "deploy", "varnish", "openlearn.vcl"))
	if err != nil {
		t.Fatal(err)
	}
	_, upstream, _ := strings.Cut(strings.TrimPrefix(e.road.url, "http://"), ":")
	text := strings.Replace(string(vcl), `.port = "8000"`, `.port = "`+upstream+`"`, 1)
	if text == string(vcl) {
		t.Fatal("the VCL's backend is another one")
	}
	dir := t.TempDir()
	file := filepath.Join(dir, "openlearn.vcl")
	if err := os.WriteFile(file, []byte(text), 0o644); err != nil { //nolint:gosec // varnishd may drop its privileges before it reads it
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	cmd := exec.CommandContext(ctx, "varnishd", "-F", "-j", "none", "-n", filepath.Join(dir, "work"), "-a", "127.0.0.1:"+strconv.Itoa(port), "-f", file, "-s", "malloc,32m", "-p", "thread_pool_min=10")
	cmd.Cancel = func() error { return cmd.Process.Signal(os.Interrupt) }
	cmd.WaitDelay = 10 * time.Second
	var log bytes.Buffer
	cmd.Stdout, cmd.Stderr = &log, &log
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		cancel()
		_ = cmd.Wait()
		if t.Failed() {
			t.Logf("varnishd: %s", log.String())
		}
	})
	e.awaitGate()
	testkit.Eventually(t, "Varnish answers", func() bool {
		_, err := e.ask("/health/live")
		return err == nil
	})
	testkit.Eventually(t, "answers may be held", e.hook.Reliable)
	return e
}

// page is an answer that came through Varnish.
type page struct {
	status int
	title  string
	hit    bool
	header http.Header
}

func (e *edge) ask(path string, headers ...string) (p page, err error) {
	req, err := http.NewRequestWithContext(e.t.Context(), http.MethodGet, e.varnish+path, nil)
	if err != nil {
		return page{}, err
	}
	for i := 0; i < len(headers); i += 2 {
		req.Header.Set(headers[i], headers[i+1])
	}
	res, err := e.client.Do(req)
	if err != nil {
		return page{}, err
	}
	defer func() { _ = res.Body.Close() }()
	body, err := io.ReadAll(res.Body)
	if err != nil {
		return page{}, err
	}
	var article struct{ Title string }
	_ = json.Unmarshal(body, &article) // lists have none
	return page{res.StatusCode, article.Title, strings.Contains(res.Header.Get("Cache-Status"), "varnish; hit"), res.Header}, nil
}

func (e *edge) read(path string, headers ...string) page {
	e.t.Helper()
	p, err := e.ask(path, headers...)
	if err != nil {
		e.t.Fatalf("through Varnish: %s: %v", path, err)
	}
	return p
}

// held reads until Varnish holds the answer.
func (e *edge) held(path string) (p page) {
	e.t.Helper()
	testkit.Eventually(e.t, "Varnish holds "+path, func() bool {
		p = e.read(path)
		return p.hit
	})
	return p
}

func (e *edge) rename(id int64, title string) {
	e.t.Helper()
	e.admin(http.MethodPatch, fmt.Sprintf("/api/articles/%d", id), fmt.Sprintf(`{"title":%q}`, title), http.StatusOK)
}

// awaitPurges waits until Varnish has acknowledged the purges of all that has changed.
func (e *edge) awaitPurges() {
	e.t.Helper()
	testkit.Eventually(e.t, "Varnish has acknowledged what changed", func() bool {
		return e.number(`SELECT (SELECT count(*) FROM cdn_purges WHERE delivered = 0) + (SELECT count(*) FROM cache_outbox WHERE region = 'cdn')`) == 0
	})
}

// TestVarnishHoldsAnswersUntilTheyArePurged: hits, and fresh answers from the acknowledgement of a purge on; also after the
// hook could not be reached for a while.
func TestVarnishHoldsAnswersUntilTheyArePurged(t *testing.T) {
	t.Parallel()
	e := newEdge(t)
	id := e.create("Uno", "El Tiempo", "")
	article := fmt.Sprintf("/api/articles/%d", id)
	lists := []string{"/api/articles?limit=5", "/api/articles?source=El+Tiempo", "/api/articles/search?q=dos", "/api/articles/feed.atom"}
	e.awaitPurges()
	p := e.held(article)
	if p.title != "Uno" || p.header.Get("Surrogate-Key")+p.header.Get("Cache-Tag")+p.header.Get("CDN-Cache-Control")+p.header.Get("xkey") != "" || p.header.Get("Cache-Control") != "public, no-cache" {
		t.Errorf("%+v", p)
	}
	if p := e.read(article, "If-None-Match", p.header.Get("ETag")); p.status != http.StatusNotModified || !p.hit {
		t.Errorf("a client that has it: %+v", p)
	}
	tags := map[string]string{}
	for _, path := range lists {
		tags[path] = e.held(path).header.Get("ETag")
	}
	missing := "/api/articles/88001"
	if p := e.held(missing); p.status != http.StatusNotFound {
		t.Errorf("%+v", p)
	}
	// Who says who they are is answered by the service, and changes nothing for others.
	if p := e.read(article, "X-API-Key", testAdminKey); p.hit || p.header.Get("X-Cache") != "BYPASS" {
		t.Errorf("with a key: %+v", p)
	}
	if p := e.read(article); !p.hit {
		t.Errorf("after that: %+v", p)
	}

	e.rename(id, "Dos")
	e.awaitPurges()
	if p := e.read(article); p.title != "Dos" {
		t.Errorf("after the purge: %+v", p)
	}
	for _, path := range lists {
		if p := e.read(path); p.header.Get("ETag") == tags[path] || p.status != http.StatusOK {
			t.Errorf("%s after the purge: %+v", path, p)
		}
	}
	e.psql(`INSERT INTO scraped_content (id, source, source_url, title, content) VALUES (88001, 'S', 'https://example.org/88001', 'Tres', 'c')`)
	testkit.Eventually(t, "what was missing is found", func() bool { return e.read(missing).title == "Tres" })
	e.awaitPurges()

	e.held(article)
	e.door.set(true)
	e.rename(id, "Cuatro")
	testkit.Eventually(t, "the hook has failed", func() bool { return metric(t, e.testApp, `cdn_purge_deliveries_total{result="refused"}`) > 1 })
	if p := e.read(article); p.title != "Dos" || !p.hit {
		t.Errorf("it was not held: %+v", p)
	}
	e.door.set(false)
	e.awaitPurges()
	if p := e.read(article); p.title != "Cuatro" {
		t.Errorf("after the purge was retried: %+v", p)
	}
	e.held(article)
}

// TestNothingStaleAfterAnAcknowledgement: while many read through Varnish, no read that begins after a purge was acknowledged returns what
// was there before.
func TestNothingStaleAfterAnAcknowledgement(t *testing.T) {
	t.Parallel()
	e := newEdge(t)
	id := e.create("0", "El Tiempo", "")
	path := fmt.Sprintf("/api/articles/%d", id)
	var acknowledged, hits, reads atomic.Int64
	done := make(chan struct{})
	var readers sync.WaitGroup
	for range 4 {
		readers.Go(func() {
			for {
				select {
				case <-done:
					return
				default:
				}
				least := acknowledged.Load()
				p, err := e.ask(path)
				if err != nil {
					t.Error(err)
					return
				}
				if n, err := strconv.ParseInt(p.title, 10, 64); err != nil || n < least {
					t.Errorf("read %q, %d was acknowledged before: %+v", p.title, least, p)
					return
				}
				reads.Add(1)
				if p.hit {
					hits.Add(1)
				}
			}
		})
	}
	for n := int64(1); n <= 12; n++ {
		before := hits.Load()
		testkit.Eventually(t, "it is held", func() bool { return hits.Load() > before || t.Failed() })
		e.rename(id, strconv.FormatInt(n, 10))
		e.awaitPurges()
		acknowledged.Store(n)
	}
	close(done)
	readers.Wait()
	t.Logf("%d reads, %d hits", reads.Load(), hits.Load())
}

// TestAnAnswerOnItsWayIsNotHeld: it left the service before the change, and arrives at Varnish after the purge.
func TestAnAnswerOnItsWayIsNotHeld(t *testing.T) {
	t.Parallel()
	e := newEdge(t)
	id := e.create("antes", "El Tiempo", "")
	e.awaitPurges()
	path := fmt.Sprintf("/api/articles/%d", id)
	testkit.Eventually(t, "it may be held", func() bool { return e.get(path).Header.Get("CDN-Cache-Control") != "" })
	held, release := e.road.hold(path)
	first := make(chan page, 1)
	go func() {
		p, err := e.ask(path)
		if err != nil {
			t.Error(err)
		}
		first <- p
	}()
	<-held
	e.rename(id, "después")
	e.awaitPurges()
	close(release)
	if p := <-first; p.title != "antes" {
		t.Errorf("the answer was not on its way: %+v", p)
	}
	for range 3 {
		if p := e.read(path); p.title != "después" {
			t.Errorf("after the purge: %+v", p)
		}
	}
}

// TestVarnishIsPurgedByTheServiceAlone: neither by other methods, nor by what a client sends elsewhere.
func TestVarnishIsPurgedByTheServiceAlone(t *testing.T) {
	t.Parallel()
	e := newEdge(t)
	if p := e.read("/-/purge"); p.status != http.StatusForbidden {
		t.Errorf("by GET: %+v", p)
	}
	id := e.create("Uno", "El Tiempo", "")
	path := fmt.Sprintf("/api/articles/%d", id)
	e.awaitPurges()
	e.held(path)
	e.read(path, "Surrogate-Key", "openlearn")
	if p := e.read(path); !p.hit {
		t.Errorf("%+v", p)
	}
}
