package proxy

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"openlearn/internal/cache/httpcache/internal/cachetest"
	"openlearn/internal/cache/httpcache/rules"
	"openlearn/internal/testkit"
)

// step is one request through the cache: what the client sends, how the upstream would answer, and what the result must
// be.
type step struct {
	after  time.Duration // time that passes first
	method string        // GET
	url    string        // http://example.test/a
	send   string        // fields, "A: 1\nB: 2"
	status int           // of the upstream, 200
	reply  string        // its fields; $date±n is Date's value now plus n seconds
	body   string        // its body, "body"
	down   bool          // it cannot be reached
	took   time.Duration // until it answers

	cached   bool   // it must not be asked
	behind   bool   // it is asked in the background too
	want     int    // status; 0 = the upstream's, or 200
	wantBody string // "" = not looked at; "-" = empty
	has      string // fields of the answer
	hasNot   string // names that it must not have
	asked    string // fields the upstream must have seen
	askedNot string // names that it must not have seen
	xcache   string
}

// fields of a request or response as tests write them.
func header(text string, now time.Time) http.Header {
	h := http.Header{}
	for line := range strings.Lines(text) {
		if line = strings.TrimSpace(line); line == "" {
			continue
		}
		name, value, _ := strings.Cut(line, ":")
		h.Add(name, expand(strings.TrimSpace(value), now))
	}
	return h
}

// expand replaces $date, $date+n and $date-n.
func expand(value string, now time.Time) string {
	rest, ok := strings.CutPrefix(value, "$date")
	if !ok {
		return value
	}
	d := time.Duration(0)
	if rest != "" {
		var err error
		if d, err = time.ParseDuration(rest + "s"); err != nil {
			panic(err)
		}
	}
	return rules.FormatDate(now.Add(d))
}

// play runs steps through a proxy of its own.
func play(t *testing.T, steps []step, edit ...func(*Options)) {
	t.Helper()
	clk := newClock()
	var cur step
	var asked []http.Header
	seen := make(chan struct{}, 100)
	upstream := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		asked = append(asked, r.Header.Clone())
		defer func() { seen <- struct{}{} }()
		clk.Advance(cur.took)
		if cur.down {
			UpstreamFailed(w, errors.New("connection reset"))
			w.WriteHeader(http.StatusBadGateway)
			return
		}
		for name, values := range header(cur.reply, clk.Now()) {
			w.Header()[name] = values
		}
		w.WriteHeader(max(cur.status, 200))
		if r.Method != http.MethodHead && cur.status != 204 && cur.status != 304 {
			body := cur.body
			if body == "" {
				body = "body"
			}
			_, _ = w.Write([]byte(body))
		}
	})
	o := Options{Store: NewStore(cachetest.Engine(t, testkit.RedisURL(t))), Now: clk.Now, Targets: []string{"Example-Cache-Control", "CDN-Cache-Control"}}
	for _, e := range edit {
		e(&o)
	}
	p, err := New(upstream, o)
	if err != nil {
		t.Fatal(err)
	}
	defer p.Close()
	for i, s := range steps {
		clk.Advance(s.after)
		cur = s
		before := len(asked)
		r := httptest.NewRequestWithContext(context.Background(), or(s.method, "GET"), or(s.url, "http://example.test/a"), nil)
		for name, values := range header(s.send, clk.Now()) {
			r.Header[name] = values
		}
		w := httptest.NewRecorder()
		p.ServeHTTP(w, r)
		if s.behind {
			select {
			case <-seen:
			case <-time.After(20 * time.Second):
				t.Fatalf("step %d: no refresh in the background", i+1)
			}
			testkit.Eventually(t, "the refresh has ended", func() bool {
				p.mu.Lock()
				defer p.mu.Unlock()
				return len(p.refreshing) == 0
			})
		}
		for len(seen) > 0 {
			<-seen
		}
		s.check(t, i+1, w.Result(), w.Body.String(), asked[before:], clk.Now())
		if t.Failed() {
			return
		}
	}
}

func (s *step) check(t *testing.T, n int, res *http.Response, body string, asked []http.Header, now time.Time) {
	t.Helper()
	if s.cached && !s.behind && len(asked) > 0 {
		t.Errorf("step %d: the upstream was asked; X-Cache %q, Cache-Status %q", n, res.Header.Get("X-Cache"), res.Header.Get("Cache-Status"))
	}
	if !s.cached && len(asked) == 0 {
		t.Errorf("step %d: the upstream was not asked; Cache-Status %q", n, res.Header.Get("Cache-Status"))
	}
	want := s.want
	if want == 0 {
		want = max(s.status, 200)
	}
	if res.StatusCode != want {
		t.Errorf("step %d: status %d, want %d (%v)", n, res.StatusCode, want, res.Header)
	}
	if s.wantBody != "" && body != strings.TrimPrefix(s.wantBody, "-") {
		t.Errorf("step %d: body %q, want %q", n, body, s.wantBody)
	}
	if s.xcache != "" && res.Header.Get("X-Cache") != s.xcache {
		t.Errorf("step %d: X-Cache %q, want %q (%s)", n, res.Header.Get("X-Cache"), s.xcache, res.Header.Get("Cache-Status"))
	}
	match(t, n, "answer", res.Header, s.has, s.hasNot, now)
	if s.asked+s.askedNot != "" {
		if len(asked) == 0 {
			t.Fatalf("step %d: the upstream saw nothing", n)
		}
		match(t, n, "request upstream", asked[0], s.asked, s.askedNot, now)
	}
}

func match(t *testing.T, n int, what string, got http.Header, has, hasNot string, now time.Time) {
	t.Helper()
	for name, values := range header(has, now) {
		if strings.Join(got[name], ", ") != strings.Join(values, ", ") {
			t.Errorf("step %d: %s has %s %q, want %q", n, what, name, got[name], values)
		}
	}
	for name := range strings.FieldsSeq(hasNot) {
		if v, ok := got[http.CanonicalHeaderKey(name)]; ok {
			t.Errorf("step %d: %s has %s %q, want none", n, what, name, v)
		}
	}
}

func or(s, fallback string) string {
	if s == "" {
		return fallback
	}
	return s
}

// playAll runs named scenarios in parallel.
func playAll(t *testing.T, scenarios map[string][]step) {
	t.Helper()
	t.Parallel()
	for name, steps := range scenarios {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			play(t, steps)
		})
	}
}

// twice is the common scenario: a response, and whether it answers a second request 3 s later.
func twice(reply string, cached bool) []step {
	return []step{{reply: reply}, {after: 3 * time.Second, reply: reply, cached: cached}}
}
