package proxy

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"openlearn/internal/cache/httpcache/internal/cachetest"
	"openlearn/internal/cache/httpcache/rules"
	"openlearn/internal/testkit"
)

// site is an upstream with one text, which every unsafe method replaces by its body, and which answers with validators
// that do not tell two texts of one second apart.
type site struct {
	mu   sync.Mutex
	text string
	at   func(r *http.Request, after bool) // called before and after the text is read or replaced
	vary string
}

func (s *site) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if s.at != nil {
		s.at(r, false)
	}
	s.mu.Lock()
	if !rules.SafeMethod(r.Method) {
		b, _ := io.ReadAll(r.Body)
		s.text = string(b)
	}
	text := s.text
	s.mu.Unlock()
	if s.at != nil {
		s.at(r, true)
	}
	h := w.Header()
	if r.Method == http.MethodPut {
		w.WriteHeader(http.StatusNoContent)
		return
	}
	h.Set("Cache-Control", "max-age=60, stale-while-revalidate=60")
	h.Set("Last-Modified", "Sat, 01 Jan 2022 00:00:00 GMT")
	h.Set("Content-Length", strconv.Itoa(len(text)))
	if s.vary != "" {
		h.Set("Vary", s.vary)
	}
	if r.Method == http.MethodPost {
		h.Set("Content-Location", r.URL.Path)
	}
	if r.Header.Get("If-Modified-Since") != "" {
		w.WriteHeader(http.StatusNotModified)
		return
	}
	if r.Method != http.MethodHead {
		_, _ = io.WriteString(w, text)
	}
}

// slow holds one Begin at a moment of the test's choice.
type slow struct {
	Store
	hold             atomic.Bool
	arrived, Release chan struct{}
}

func (s *slow) Begin(ctx context.Context, uri string) (Save, error) {
	if s.hold.CompareAndSwap(true, false) {
		close(s.arrived)
		<-s.Release
	}
	return s.Store.Begin(ctx, uri)
}

// two are proxies of two instances that share what is stored; the first one's Begin can be held.
func two(t *testing.T, upstream http.Handler, now func() (func(), Options)) (a, b *Proxy, s *slow, later func()) {
	t.Helper()
	url := testkit.RedisURL(t)
	later, o := now()
	s = &slow{Store: NewStore(cachetest.Engine(t, url)), arrived: make(chan struct{}), Release: make(chan struct{})}
	made := make([]*Proxy, 2)
	for i, st := range []Store{s, NewStore(cachetest.Engine(t, url))} {
		o.Store = st
		p, err := New(upstream, o)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(p.Close)
		made[i] = p
	}
	return made[0], made[1], s, later
}

func moving() (func(), Options) {
	clock := newClock()
	return func() { clock.Advance(61_000_000_000) }, Options{Now: clock.Now}
}

func ask(h http.Handler, method, text string, fields ...string) (body, said string) {
	r := httptest.NewRequest(method, "http://example.test/x", strings.NewReader(text))
	for i := 0; i+1 < len(fields); i += 2 {
		r.Header.Set(fields[i], fields[i+1])
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w.Body.String(), w.Header().Get("Cache-Status")
}

// TestWhatIsFreshenedWasReadAfterTheTicket: a response that was selected, and then invalidated before the ticket was taken,
// is not stored again by whatever confirms it.
func TestWhatIsFreshenedWasReadAfterTheTicket(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		method string
		fields []string
		expire bool
		vary   string
	}{
		"HEAD":              {method: http.MethodHead, fields: []string{"Cache-Control", "no-cache"}},
		"304":               {method: http.MethodGet, fields: []string{"Cache-Control", "no-cache"}},
		"304, a variant":    {method: http.MethodGet, fields: []string{"Cache-Control", "no-cache", "X-Kind", "k"}, vary: "X-Kind"},
		"in the background": {method: http.MethodGet, expire: true},
	} {
		for _, change := range []string{http.MethodPut, http.MethodPost, http.MethodDelete} {
			t.Run(name+", "+change, func(t *testing.T) {
				t.Parallel()
				up := &site{text: "old!", vary: c.vary}
				a, b, s, later := two(t, up, moving)
				ask(a, http.MethodGet, "", "X-Kind", "k")
				if body, said := ask(b, http.MethodGet, "", "X-Kind", "k"); body != "old!" || !strings.Contains(said, "; hit") {
					t.Fatal(body, said)
				}
				if c.expire {
					later()
				}
				s.hold.Store(true)
				var wg sync.WaitGroup
				wg.Go(func() { ask(a, c.method, "", c.fields...) })
				<-s.arrived
				ask(b, change, "new!")
				close(s.Release)
				wg.Wait()
				a.work.Wait()
				for n, p := range []*Proxy{a, b} {
					if body, said := ask(p, http.MethodGet, "", "X-Kind", "k"); body != "new!" {
						t.Errorf("instance %d after the %s was answered: %q (%s)", n, change, body, said)
					}
				}
			})
		}
	}
}

// TestAPostIsStoredUnlessSomethingElseChanged: another unsafe method that ends, or a POST that begins, while a POST is under
// way keeps its response out of the store, in whichever order upstream took them.
func TestAPostIsStoredUnlessSomethingElseChanged(t *testing.T) {
	t.Parallel()
	for _, other := range []string{http.MethodPut, http.MethodPost, http.MethodDelete} {
		for _, taken := range []bool{false, true} { // has upstream taken the first POST before it waits?
			t.Run(other+map[bool]string{false: " first", true: " second"}[taken], func(t *testing.T) {
				t.Parallel()
				arrived, release := make(chan struct{}), make(chan struct{})
				var once sync.Once
				up := &site{text: "none", at: func(r *http.Request, after bool) {
					if r.Header.Get("X-Wait") != "" && after == taken {
						once.Do(func() { close(arrived) })
						<-release
					}
				}}
				a, b, _, _ := two(t, up, moving)
				var wg sync.WaitGroup
				wg.Go(func() { ask(a, http.MethodPost, "post", "X-Wait", "1") })
				<-arrived
				ask(b, other, "othr")
				close(release)
				wg.Wait()
				want := map[bool]string{false: "post", true: "othr"}[taken]
				for n, p := range []*Proxy{b, a} {
					if body, said := ask(p, http.MethodGet, ""); body != want {
						t.Errorf("instance %d: %q, want %q (%s)", n, body, want, said)
					}
				}
			})
		}
	}
}

// TestAPostReplacesWhatGetsBrought: it does so on every instance, and a GET in progress does not bring the old response
// back.
func TestAPostReplacesWhatGetsBrought(t *testing.T) {
	t.Parallel()
	arrived, release := make(chan struct{}), make(chan struct{})
	up := &site{text: "old!", at: func(r *http.Request, after bool) {
		if r.Header.Get("X-Wait") != "" && after {
			close(arrived)
			<-release
		}
	}}
	a, b, _, _ := two(t, up, moving)
	ask(b, http.MethodGet, "")
	var wg sync.WaitGroup
	wg.Go(func() { ask(b, http.MethodGet, "", "X-Wait", "1", "Cache-Control", "no-cache") })
	<-arrived
	ask(a, http.MethodPost, "post")
	close(release)
	wg.Wait()
	for n, p := range []*Proxy{a, b} {
		if body, said := ask(p, http.MethodGet, ""); body != "post" || !strings.Contains(said, "; hit") {
			t.Errorf("instance %d: %q (%s)", n, body, said)
		}
	}
	ask(b, http.MethodPut, "put!")
	if body, said := ask(a, http.MethodGet, ""); body != "put!" {
		t.Errorf("after a PUT: %q (%s)", body, said)
	}
}

// TestAnUpstreamThatFailsAChange: it may have made the change, so what is stored is invalidated, and the client is told
// of the failure.
func TestAnUpstreamThatFailsAChange(t *testing.T) {
	t.Parallel()
	up := &site{text: "old!"}
	a, b, _, _ := two(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !rules.SafeMethod(r.Method) {
			up.ServeHTTP(httptest.NewRecorder(), r)
			UpstreamFailed(w, errors.New("broke off"))
			w.WriteHeader(http.StatusBadGateway)
			_, _ = io.WriteString(w, "failed")
			return
		}
		up.ServeHTTP(w, r)
	}), moving)
	ask(a, http.MethodGet, "")
	w := httptest.NewRecorder()
	b.ServeHTTP(w, httptest.NewRequest(http.MethodPut, "http://example.test/x", strings.NewReader("new!")))
	if w.Code != http.StatusBadGateway || w.Body.String() != "failed" {
		t.Errorf("the client got %d %q", w.Code, w.Body)
	}
	if body, said := ask(a, http.MethodGet, ""); body != "new!" {
		t.Errorf("after the change: %q (%s)", body, said)
	}
}
