package proxy

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"openlearn/internal/cache/httpcache/internal/cachetest"
	"openlearn/internal/testkit"
)

// waiting is a proxy before an upstream that holds its answers back until it is told.
type waiting struct {
	*Proxy
	asked   atomic.Int32
	release chan struct{}
}

func newWaiting(t *testing.T, answer func(http.ResponseWriter, *http.Request)) *waiting {
	t.Helper()
	w := &waiting{release: make(chan struct{})}
	p, err := New(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		w.asked.Add(1)
		select {
		case <-w.release:
		case <-r.Context().Done():
			panic(http.ErrAbortHandler) // as a ReverseProxy does
		}
		answer(rw, r)
	}), Options{Store: NewStore(cachetest.Engine(t, testkit.RedisURL(t)))})
	if err != nil {
		t.Fatal(err)
	}
	w.Proxy = p
	t.Cleanup(p.Close)
	return w
}

// atOnce asks n times at once; edit may change the i-th request. The answers are what X-Cache, Cache-Status and the body say.
func (w *waiting) atOnce(n int, edit func(i int, r *http.Request)) (wait func() map[string]int) {
	var mu sync.Mutex
	var all sync.WaitGroup
	got := map[string]int{}
	for i := range n {
		all.Go(func() {
			r := httptest.NewRequest(http.MethodGet, "/slow", nil)
			if edit != nil {
				edit(i, r)
			}
			rec := httptest.NewRecorder()
			w.ServeHTTP(rec, r)
			status := rec.Header().Get("Cache-Status")
			if at := strings.Index(status, "; ttl="); at >= 0 {
				status = status[:at]
			}
			mu.Lock()
			defer mu.Unlock()
			got[rec.Header().Get("X-Cache")+" "+status+" "+rec.Body.String()]++
		})
	}
	return func() map[string]int { all.Wait(); return got }
}

// leads waits until the upstream has been asked n times.
func (w *waiting) leads(t *testing.T, n int32) {
	t.Helper()
	testkit.Eventually(t, fmt.Sprint(n, " requests upstream"), func() bool { return w.asked.Load() == n })
}

func fresh(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Cache-Control", "max-age=60")
	fmt.Fprint(w, "body")
}

// TestMissesAtOnceAreOneRequest: whoever comes while a URI is being fetched shares what is stored.
func TestMissesAtOnceAreOneRequest(t *testing.T) {
	t.Parallel()
	w := newWaiting(t, fresh)
	wait := w.atOnce(50, nil)
	w.leads(t, 1)
	close(w.release)
	got := wait()
	if w.asked.Load() != 1 || got["MISS cache; fwd=uri-miss; fwd-status=200 body"] != 1 {
		t.Errorf("%d requests upstream: %v", w.asked.Load(), got)
	}
	if n := got["HIT cache; fwd=uri-miss; collapsed body"] + got["HIT cache; hit body"]; n != 49 { // who came late enough just hits
		t.Errorf("%d shared it: %v", n, got)
	}
}

// TestWhatCannotBeStoredIsNotWaitedFor: as soon as that shows, and for later requests from the start.
func TestWhatCannotBeStoredIsNotWaitedFor(t *testing.T) {
	t.Parallel()
	begun, end := make(chan struct{}, 20), make(chan struct{})
	w := newWaiting(t, func(rw http.ResponseWriter, _ *http.Request) {
		rw.Header().Set("Cache-Control", "private")
		rw.WriteHeader(http.StatusOK)
		begun <- struct{}{}
		<-end // the body takes its time
	})
	wait := w.atOnce(10, nil)
	w.leads(t, 1)
	close(w.release)
	for range 10 { // all ten are answered at the same time, by fields alone
		<-begun
	}
	later := w.atOnce(3, nil)
	for range 3 {
		<-begun
	}
	close(end)
	wait()
	later()
	if n := w.asked.Load(); n != 13 {
		t.Errorf("%d requests upstream", n)
	}
}

// TestAnotherTakesOverFromAClientThatLeaves: those who wait do not all fetch.
func TestAnotherTakesOverFromAClientThatLeaves(t *testing.T) {
	t.Parallel()
	w := newWaiting(t, fresh)
	ctx, leave := context.WithCancel(t.Context())
	left := make(chan struct{})
	go func() {
		defer close(left)
		defer func() { _ = recover() }() // as the server does
		w.ServeHTTP(httptest.NewRecorder(), httptest.NewRequest(http.MethodGet, "/slow", nil).WithContext(ctx))
	}()
	w.leads(t, 1)
	wait := w.atOnce(20, nil)
	leave()
	<-left
	w.leads(t, 2)
	close(w.release)
	got := wait()
	if n := w.asked.Load(); n != 2 {
		t.Errorf("%d requests upstream: %v", n, got)
	}
}

// TestVariantsAndCredentialsAskForThemselves: an answer for another, or for one person, is nobody else's.
func TestVariantsAndCredentialsAskForThemselves(t *testing.T) {
	t.Parallel()
	w := newWaiting(t, func(rw http.ResponseWriter, r *http.Request) {
		rw.Header().Set("Vary", "Accept-Language")
		rw.Header().Set("Cache-Control", "max-age=60")
		fmt.Fprint(rw, r.Header.Get("Accept-Language"), r.Header.Get("Authorization"))
	})
	wait := w.atOnce(3, func(i int, r *http.Request) {
		r.Header.Set("Accept-Language", []string{"es", "en", "en"}[i])
		if i == 2 {
			r.Header.Set("Authorization", "Bearer x")
		}
	})
	w.leads(t, 2) // the credentials, and one of the others
	close(w.release)
	got := wait()
	bodies := map[string]int{}
	for what, n := range got {
		bodies[what[strings.LastIndexByte(what, ' ')+1:]] += n
	}
	if len(got) == 0 || bodies["es"] != 1 || bodies["en"] != 1 {
		t.Errorf("%v", got)
	}
}

// TestFlightsLandOnce: the first outcome counts, and what is remembered is bounded.
func TestFlightsLandOnce(t *testing.T) {
	t.Parallel()
	var f flights
	now := time.Now()
	one, lead := f.join("u", now, now)
	if two, again := f.join("u", now, now); !lead || again || two != one {
		t.Fatal("two lead")
	}
	f.land("u", one, declined, now)
	f.land("u", one, stored, now)
	select {
	case <-one.done:
	default:
		t.Fatal("it has not landed")
	}
	if one.outcome != declined {
		t.Errorf("landed as %d", one.outcome)
	}
	if fl, lead := f.join("u", now, now); fl != nil || lead {
		t.Error("what was declined is waited for")
	}
	if fl, lead := f.join("u", now, now.Add(declinedFor)); fl == nil || !lead {
		t.Error("it is never tried again")
	}
	three, _ := f.join("v", now, now)
	f.land("v", three, stored, now.Add(1))
	if fl, lead := f.join("v", now, now); lead || fl == nil || fl.outcome != stored {
		t.Error("who looked before it was stored fetches again")
	}
	if fl, lead := f.join("v", now.Add(1), now); !lead || fl == nil {
		t.Error("who looked after it was stored, and found nothing, does not fetch")
	}
	for i := range mostDeclined + 10 {
		uri := fmt.Sprint(i)
		fl, _ := f.join(uri, now, now)
		f.land(uri, fl, declined, now)
	}
	if n := len(f.declined); n > mostDeclined {
		t.Errorf("%d remembered", n)
	}
}
