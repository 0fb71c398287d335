package proxy

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"net/http/httptrace"
	"net/http/httputil"
	"net/textproto"
	"net/url"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/labstack/echo/v4"

	"openlearn/internal/cache/httpcache/internal/cachetest"
	"openlearn/internal/cache/httpcache/rules"
	"openlearn/internal/testkit"
)

// live is a proxy on a real server in front of a real upstream.
func live(t *testing.T, upstream http.Handler, wrap func(*Proxy) http.Handler) (client *http.Client, base string) {
	t.Helper()
	quiet := log.New(io.Discard, "", 0)
	origin := httptest.NewUnstartedServer(upstream)
	origin.Config.ErrorLog = quiet
	origin.Start()
	t.Cleanup(origin.Close)
	u, err := url.Parse(origin.URL)
	if err != nil {
		t.Fatal(err)
	}
	transport := Transport()
	t.Cleanup(transport.CloseIdleConnections)
	p, err := New(&httputil.ReverseProxy{
		Transport: transport, ErrorLog: quiet, FlushInterval: -1,
		Rewrite: func(r *httputil.ProxyRequest) { r.SetURL(u); r.Out.Host = r.In.Host },
		ErrorHandler: func(w http.ResponseWriter, _ *http.Request, err error) {
			UpstreamFailed(w, err)
			w.WriteHeader(http.StatusBadGateway)
		},
	}, Options{Store: NewStore(cachetest.Engine(t, testkit.RedisURL(t)))})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(p.Close)
	var h http.Handler = p
	if wrap != nil {
		h = wrap(p)
	}
	front := httptest.NewUnstartedServer(h)
	front.Config.ErrorLog = quiet
	front.Start()
	t.Cleanup(front.Close)
	return front.Client(), front.URL
}

func fetchText(t *testing.T, client *http.Client, url string, edit ...func(*http.Request)) (*http.Response, string, error) {
	t.Helper()
	r, err := http.NewRequestWithContext(context.Background(), http.MethodGet, url, nil)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range edit {
		e(r)
	}
	res, err := client.Do(r)
	if err != nil {
		return nil, "", err
	}
	defer res.Body.Close()
	b, err := io.ReadAll(res.Body)
	return res, string(b), err
}

// TestRFC9110s152InterimResponses: 1xx pass at once, through Echo too, and are neither stored nor mixed with the final one.
func TestRFC9110s152InterimResponses(t *testing.T) {
	t.Parallel()
	inEcho := func(p *Proxy) http.Handler {
		e := echo.New()
		e.Any("/*", echo.WrapHandler(p))
		return e
	}
	for name, wrap := range map[string]func(*Proxy) http.Handler{"net/http": nil, "echo": inEcho} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			hinted := make(chan struct{})
			client, base := live(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				w.WriteHeader(http.StatusProcessing)
				w.Header().Set("Link", "</a.css>; rel=preload")
				w.Header().Set("X-Hint", "1")
				w.WriteHeader(http.StatusEarlyHints)
				w.Header().Del("Link")
				w.Header().Del("X-Hint")
				w.Header().Set("Cache-Control", "max-age=100")
				select {
				case <-hinted: // the client has the hint before there is a final response
				case <-time.After(20 * time.Second):
				}
				_, _ = io.WriteString(w, "body")
			}), wrap)
			for turn := range 2 {
				var got []string
				trace := &httptrace.ClientTrace{Got1xxResponse: func(code int, h textproto.MIMEHeader) error {
					got = append(got, strconv.Itoa(code)+h.Get("X-Hint"))
					if code == http.StatusEarlyHints {
						close(hinted)
					}
					return nil
				}}
				res, body, err := fetchText(t, client, base, func(r *http.Request) { *r = *r.WithContext(httptrace.WithClientTrace(r.Context(), trace)) })
				if err != nil {
					t.Fatal(err)
				}
				want := "102 1031"
				if turn == 1 {
					want = ""
				}
				if strings.Join(got, " ") != want || body != "body" || res.Header.Get("X-Hint")+res.Header.Get("Link") != "" || res.StatusCode != 200 {
					t.Errorf("request %d: interim %q, then %d %q with %v", turn+1, got, res.StatusCode, body, res.Header)
				}
				if x := res.Header.Get("X-Cache"); x != []string{rules.Miss, rules.Hit}[turn] {
					t.Errorf("request %d: %s", turn+1, x)
				}
			}
		})
	}
}

// TestTruncatedBodiesAreNotStored: a response that breaks off in the middle is passed on as such and is not stored.
func TestTruncatedBodiesAreNotStored(t *testing.T) {
	t.Parallel()
	for name, declare := range map[string]string{"by length": "1000", "chunked": ""} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var asked atomic.Int32
			client, base := live(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				w.Header().Set("Cache-Control", "max-age=100")
				if asked.Add(1) > 1 {
					_, _ = io.WriteString(w, "whole")
					return
				}
				if declare != "" {
					w.Header().Set("Content-Length", declare)
				}
				_, _ = io.WriteString(w, "half")
				_ = http.NewResponseController(w).Flush()
				panic(http.ErrAbortHandler)
			}), nil)
			if _, body, err := fetchText(t, client, base); err == nil {
				t.Fatalf("half a body came as a whole: %q", body)
			}
			if res, body, err := fetchText(t, client, base); err != nil || body != "whole" || res.Header.Get("X-Cache") != rules.Miss {
				t.Fatalf("then %q, %v", body, err)
			}
		})
	}
}

// TestShortAnswersOfHandlersAreNotStored: the response of a handler that returns early is not stored either.
func TestShortAnswersOfHandlersAreNotStored(t *testing.T) {
	t.Parallel()
	asked := 0
	p, err := New(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		asked++
		w.Header().Set("Cache-Control", "max-age=100")
		w.Header().Set("Content-Length", "10")
		_, _ = io.WriteString(w, "short")
	}), Options{Store: NewStore(cachetest.Engine(t, testkit.RedisURL(t)))})
	if err != nil {
		t.Fatal(err)
	}
	defer p.Close()
	for range 2 {
		p.ServeHTTP(httptest.NewRecorder(), httptest.NewRequest("GET", "/", nil))
	}
	if asked != 2 {
		t.Errorf("asked %d times", asked)
	}
}

// TestClientsThatLeave: a client that leaves in the middle of a body leaves nothing half stored.
func TestClientsThatLeave(t *testing.T) {
	t.Parallel()
	var asked atomic.Int32
	gone := make(chan struct{})
	client, base := live(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Cache-Control", "max-age=100")
		first := asked.Add(1) == 1
		_, _ = io.WriteString(w, "half")
		_ = http.NewResponseController(w).Flush()
		if first {
			<-r.Context().Done()
			close(gone)
		}
		_, _ = io.WriteString(w, " and half")
	}), nil)
	ctx, cancel := context.WithCancel(context.Background())
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, base, nil)
	if err != nil {
		t.Fatal(err)
	}
	res, err := client.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := bufio.NewReader(res.Body).Peek(4); err != nil {
		t.Fatal(err)
	}
	cancel()
	_ = res.Body.Close()
	<-gone
	if res, body, err := fetchText(t, client, base); err != nil || body != "half and half" || res.Header.Get("X-Cache") != rules.Miss {
		t.Fatalf("%q, %v", body, err)
	}
}

// TestRFC9112s63UnknownTransferCoding: the response ends with the connection, and the field goes no further.
func TestRFC9112s63UnknownTransferCoding(t *testing.T) {
	t.Parallel()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	answers := []string{
		"HTTP/1.1 200 OK\r\nTransfer-Encoding: FOO\r\nA: 1\r\n\r\nbody",
		"HTTP/1.1 103 Early Hints\r\nA: 0\r\n\r\nHTTP/1.1 200 OK\r\ntransfer-encoding:chunked, foo\r\nA: 1\r\n\r\nbody",
		"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nA: 1\r\nConnection: close\r\n\r\n4\r\nbody\r\n0\r\n\r\n",
	}
	go func() {
		for _, a := range answers {
			c, err := l.Accept()
			if err != nil {
				return
			}
			if _, err := http.ReadRequest(bufio.NewReader(c)); err == nil {
				for _, b := range []byte(a) { // the worst segmentation there is
					_, _ = c.Write([]byte{b})
				}
			}
			_ = c.Close()
		}
	}()
	transport := Transport()
	defer transport.CloseIdleConnections()
	for i := range answers {
		res, body, err := fetchText(t, &http.Client{Transport: transport}, "http://"+l.Addr().String())
		if err != nil || body != "body" || res.Header.Get("A") != "1" || res.Header.Get("Transfer-Encoding") != "" {
			t.Errorf("answer %d: %q, %v, %v", i+1, body, res, err)
		}
	}
}

// TestUpstreamConnectionsAreReused: editing heads does not get in the way of keep-alive.
func TestUpstreamConnectionsAreReused(t *testing.T) {
	t.Parallel()
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		b, err := io.ReadAll(r.Body) // net/http's server does not read and write at once
		if err != nil {
			t.Error(err)
		}
		_, _ = w.Write(b)
	}))
	defer srv.Close()
	transport := Transport()
	defer transport.CloseIdleConnections()
	reused := 0
	trace := &httptrace.ClientTrace{GotConn: func(i httptrace.GotConnInfo) {
		if i.Reused {
			reused++
		}
	}}
	text := strings.Repeat("GET / HTTP/1.1\r\n\r\nHTTP/1.1 200 OK\r\n\r\n", 5000)
	for range 5 {
		r, err := http.NewRequestWithContext(httptrace.WithClientTrace(context.Background(), trace), http.MethodPost, srv.URL, strings.NewReader(text))
		if err != nil {
			t.Fatal(err)
		}
		res, err := (&http.Client{Transport: transport}).Do(r)
		if err != nil {
			t.Fatal(err)
		}
		b, err := io.ReadAll(res.Body)
		_ = res.Body.Close()
		if err != nil || string(b) != text {
			t.Fatalf("%d bytes of %d came back, %v", len(b), len(text), err)
		}
	}
	if reused != 4 {
		t.Errorf("reused %d times, want 4", reused)
	}
}

// failing is a Store in which one operation fails.
type failing struct {
	Store
	load, begin, save error
}

func (f *failing) Load(ctx context.Context, uri string) ([]byte, error) {
	if f.load != nil {
		return nil, f.load
	}
	return f.Store.Load(ctx, uri)
}

func (f *failing) Begin(ctx context.Context, uri string) (Save, error) {
	if f.begin != nil {
		return nil, f.begin
	}
	save, err := f.Store.Begin(ctx, uri)
	if f.save != nil {
		return func(context.Context, []byte, time.Duration) error { return f.save }, err
	}
	return save, err
}

func TestWithoutTheStoreRequestsPass(t *testing.T) {
	t.Parallel()
	down := errors.New("down")
	for _, c := range []struct {
		f    *failing
		want string
	}{
		{&failing{load: down}, "BYPASS cache; fwd=bypass; fwd-status=200"},
		{&failing{begin: down}, "MISS cache; fwd=uri-miss; fwd-status=200"},
		{&failing{save: down}, "MISS cache; fwd=uri-miss; fwd-status=200"},
	} {
		f, want := c.f, c.want
		f.Store = NewStore(cachetest.Engine(t, testkit.RedisURL(t)))
		p, err := New(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Cache-Control", "max-age=100")
			_, _ = io.WriteString(w, "body")
		}), Options{Store: f})
		if err != nil {
			t.Fatal(err)
		}
		for range 2 {
			w := httptest.NewRecorder()
			p.ServeHTTP(w, httptest.NewRequest("GET", "/", nil))
			if got := fmt.Sprint(w.Header().Get("X-Cache"), " ", w.Header().Get("Cache-Status")); got != want || w.Body.String() != "body" {
				t.Errorf("got %q, want %q", got, want)
			}
		}
		p.Close()
	}
}

// TestInvalidationReachesOtherInstances: it does, and a fetch that began before it stores nothing.
func TestInvalidationReachesOtherInstances(t *testing.T) {
	t.Parallel()
	url := testkit.RedisURL(t)
	var version atomic.Int32
	entered, release := make(chan struct{}), make(chan struct{})
	origin := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodPost {
			version.Add(1)
			return
		}
		w.Header().Set("Cache-Control", "max-age=100")
		now := strconv.Itoa(int(version.Load()))
		if r.Header.Get("Slow") != "" {
			close(entered)
			<-release
		}
		_, _ = io.WriteString(w, now)
	})
	var ps [2]*Proxy
	for i := range ps {
		var err error
		if ps[i], err = New(origin, Options{Store: NewStore(cachetest.Engine(t, url))}); err != nil {
			t.Fatal(err)
		}
		defer ps[i].Close()
	}
	ask := func(p *Proxy, method, slow string) (string, string) {
		r := httptest.NewRequest(method, "/", nil)
		if slow != "" {
			r.Header.Set("Slow", slow)
		}
		w := httptest.NewRecorder()
		p.ServeHTTP(w, r)
		return w.Body.String(), w.Header().Get("X-Cache")
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		ask(ps[0], "GET", "1")
	}()
	<-entered
	ask(ps[1], "POST", "")
	close(release)
	<-done
	if body, x := ask(ps[0], "GET", ""); body != "1" || x != rules.Miss {
		t.Fatalf("after the change: %q %s", body, x)
	}
	if body, x := ask(ps[1], "GET", ""); body != "1" || x != rules.Hit {
		t.Fatalf("shared: %q %s", body, x)
	}
	ask(ps[0], "POST", "")
	if body, x := ask(ps[1], "GET", ""); body != "2" || x != rules.Miss {
		t.Fatalf("after another change: %q %s", body, x)
	}
}
