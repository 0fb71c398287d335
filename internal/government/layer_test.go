package government

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"testing"
	"time"

	"openlearn/internal/cache"
	"openlearn/internal/government/replay"
	"openlearn/internal/government/upstream"
)

// impatient gives up on an upstream that hangs after a fifth of a second.
func impatient(c *upstream.Config) {
	quick(c)
	c.Budget, c.Attempts = 200*time.Millisecond, 1
}

// TestABadAnswerNeverReplacesAGoodOne puts each upstream in each bad mood: with an answer that expired it is served, stale; with
// none there is an error; and when the upstream is well again so is the answer.
func TestABadAnswerNeverReplacesAGoodOne(t *testing.T) {
	t.Parallel()
	for _, mood := range replay.Moods() {
		t.Run(string(mood), func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, func(o *Options) { o.Tune = impatient })
			ctx := context.Background()
			good := map[string]string{}
			for _, name := range questions {
				k, info, err := w.ask(ctx, name)
				if err != nil || len(k.Table.Rows) == 0 || info.Stale {
					t.Fatalf("%s: %d rows, %+v, %v", name, len(k.Table.Rows), info, err)
				}
				good[name] = fmt.Sprint(texts(k))
			}
			w.server.Set(mood)
			w.clock.Advance(48 * time.Hour) // past any lifetime that may have been learnt
			for _, name := range questions {
				k, info, err := w.ask(ctx, name)
				if err != nil || !info.Stale || fmt.Sprint(texts(k)) != good[name] {
					t.Errorf("%s: %+v, %v\n%v\nwant %s", name, info, err, texts(k), good[name])
				}
				if age := w.clock.Now().Sub(info.StoredAt()); age < 48*time.Hour-time.Second {
					t.Errorf("%s: the stale answer is said to be %v old", name, age)
				}
			}
			w.clock.Advance(8 * 24 * time.Hour) // past what is kept
			for _, name := range questions {
				if k, _, err := w.ask(ctx, name); mood != replay.Empty && err == nil {
					t.Errorf("%s: %d rows where nothing is kept", name, len(k.Table.Rows))
				}
			}
			w.server.Set(replay.Well)
			w.clock.Advance(time.Hour)
			for _, name := range questions {
				k, info, err := w.ask(ctx, name)
				if err != nil || info.Stale || fmt.Sprint(texts(k)) != good[name] {
					t.Errorf("%s, well again: %+v, %v", name, info, err)
				}
			}
		})
	}
}

func texts(k kept) (out [][]string) {
	for _, row := range k.Table.Rows {
		var line []string
		for _, cell := range row {
			if cell == nil {
				line = append(line, "null")
				continue
			}
			line = append(line, *cell)
		}
		out = append(out, line)
	}
	return out
}

// TestWhatIsUnchangedIsNotSentAgain: an expired answer is asked for conditionally, and is fresh again after a 304.
func TestWhatIsUnchangedIsNotSentAgain(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	ctx := context.Background()
	first, _, err := w.ask(ctx, "rows")
	if err != nil || first.Known.ETag == "" {
		t.Fatal(first.Known, err)
	}
	w.clock.Advance(48 * time.Hour)
	again, info, err := w.ask(ctx, "rows")
	if err != nil || info.Stale || info.StoredAt().Before(w.clock.Now().Add(-time.Second)) || fmt.Sprint(texts(again)) != fmt.Sprint(texts(first)) {
		t.Errorf("%+v, %v", info, err)
	}
	requests := w.server.Requests()
	if n := len(requests); n != 2 || requests[1].Header.Get("If-None-Match") != first.Known.ETag {
		t.Errorf("%d requests, the last with %q", n, requests[n-1].Header.Get("If-None-Match"))
	}
	if agent := requests[0].Header.Get("User-Agent"); agent != upstream.DefaultUserAgent {
		t.Errorf("asked as %q", agent)
	}
}

// TestARefusedTokenIsLeftOut: a token that is not accepted is worse than none.
func TestARefusedTokenIsLeftOut(t *testing.T) {
	t.Parallel()
	w := newWorld(t, func(o *Options) { o.Config.AppToken = "secret-token" })
	w.server.Refuse("secret-token")
	ctx := context.Background()
	for _, name := range []string{"rows", "trm"} {
		if k, _, err := w.ask(ctx, name); err != nil || len(k.Table.Rows) == 0 {
			t.Fatal(err)
		}
	}
	tokens := func() (out []string) {
		for _, r := range w.server.Requests() {
			out = append(out, r.Header.Get("X-App-Token"))
		}
		return out
	}
	if got := fmt.Sprintf("%q", tokens()); got != `["secret-token" "" ""]` {
		t.Errorf("tokens sent: %s", got)
	}
	if st := w.APIs()[0]; *st.Token != "refused" || st.State != "up" || st.Breaker != "closed" {
		t.Errorf("%+v", st)
	}
	w.server.Refuse("")
	w.clock.Advance(2 * time.Hour)
	if _, _, err := w.ask(ctx, "contract"); err != nil {
		t.Fatal(err)
	}
	if got := tokens(); got[len(got)-1] != "secret-token" {
		t.Errorf("the token is not tried again: %q", got)
	}
}

// TestAFailureIsNotRepeatedByReaders: who reads an expired answer while its service is down costs it nothing for a while.
func TestAFailureIsNotRepeatedByReaders(t *testing.T) {
	t.Parallel()
	w := newWorld(t, func(o *Options) {
		o.Tune = func(c *upstream.Config) { quick(c); c.Attempts, c.Failures = 1, 1000 }
	})
	ctx := context.Background()
	if _, _, err := w.ask(ctx, "rows"); err != nil {
		t.Fatal(err)
	}
	w.server.Set(replay.Fails)
	w.clock.Advance(48 * time.Hour)
	for range 50 {
		if _, info, err := w.ask(ctx, "rows"); err != nil || !info.Stale {
			t.Fatal(info, err)
		}
	}
	if n := len(w.server.Requests()); n != 2 {
		t.Errorf("%d requests of 50 readers, want 2 with the first", n)
	}
	w.clock.Advance(31 * time.Second)
	w.server.Set(replay.Well)
	if _, info, err := w.ask(ctx, "rows"); err != nil || info.Stale {
		t.Error(info, err)
	}
}

// TestTheBreakerOpens: after five failures in a row the upstream is not asked, and says so.
func TestTheBreakerOpens(t *testing.T) {
	t.Parallel()
	w := newWorld(t, func(o *Options) {
		o.Tune = func(c *upstream.Config) { quick(c); c.Attempts, c.Recess = 1, time.Hour }
	})
	w.server.Set(replay.Down)
	ctx := context.Background()
	for i := range 8 {
		a, err := w.contract(fmt.Sprintf("CO1.%d", i))
		if err != nil {
			t.Fatal(err)
		}
		_, _, err = w.answer(ctx, a)
		e, ok := errors.AsType[*upstream.Error](err)
		want := upstream.Network
		if i >= 5 {
			want = upstream.Open
		}
		if !ok || e.Kind != want || want == upstream.Open && e.After < 50*time.Minute {
			t.Errorf("question %d: %v", i, err)
		}
	}
	if n := len(w.server.Requests()); n != 5 {
		t.Errorf("%d requests", n)
	}
	if st := w.APIs()[0]; st.State != "down" || st.Breaker != "open" || *st.LastError != "network" {
		t.Errorf("%+v", st)
	}
	if st := w.APIs()[2]; st.State != "unknown" || st.Breaker != "closed" {
		t.Errorf("another upstream: %+v", st)
	}
}

// TestAWrongQuestionIsNotTheUpstreamsFault: refusals neither open the breaker nor are asked again.
func TestAWrongQuestionIsNotTheUpstreamsFault(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	ctx := context.Background()
	for i := range 8 {
		a, _, err := w.indicatorOf(fmt.Sprintf("XX.NONE.%d", i), 2000, 2001)
		if err != nil {
			t.Fatal(err)
		}
		if _, _, err = w.answer(ctx, a); err == nil {
			t.Fatal("an indicator that does not exist")
		} else if e, ok := errors.AsType[*upstream.Error](err); !ok || e.Kind != upstream.Refused {
			t.Fatal(err)
		}
	}
	if n := len(w.server.Requests()); n != 8 {
		t.Errorf("%d requests", n)
	}
	if _, _, err := w.ask(ctx, "worldbank"); err != nil {
		t.Error(err)
	}
}

// TestWhatIsStillWorkedAtIsAskedAgain: 202 means to come back.
func TestWhatIsStillWorkedAtIsAskedAgain(t *testing.T) {
	t.Parallel()
	for _, mood := range []replay.Mood{replay.Accepted, replay.Fails, replay.Truncated, replay.Down} {
		w := newWorld(t)
		w.server.Once(mood)
		if k, _, err := w.ask(context.Background(), "rows"); err != nil || len(k.Table.Rows) == 0 {
			t.Errorf("%s: %v", mood, err)
		}
		if n := len(w.server.Requests()); n != 2 {
			t.Errorf("%s: %d requests", mood, n)
		}
	}
}

// TestOnlyTheConfiguredHostIsReached: no private address, and no host that a redirect names.
func TestOnlyTheConfiguredHostIsReached(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	closed := w.newService(nil, func(o *Options) {
		o.Tune = func(c *upstream.Config) { quick(c); c.Allowed, c.Attempts = nil, 1 }
	})
	_, _, err := closed.answer(context.Background(), w.question(closed, "rows"))
	if e, ok := errors.AsType[*upstream.Error](err); !ok || e.Kind != upstream.Network || len(w.server.Requests()) != 0 {
		t.Errorf("a private address: %v, %d requests", err, len(w.server.Requests()))
	}
	w.server.Redirect("http://localhost" + w.server.URL[len("http://127.0.0.1"):])
	_, _, err = w.ask(context.Background(), "rows")
	if e, ok := errors.AsType[*upstream.Error](err); !ok || e.Status != http.StatusFound {
		t.Errorf("a redirect to another host: %v", err)
	}
	for _, r := range w.server.Requests() {
		if r.Host != w.server.URL[len("http://"):] {
			t.Errorf("%s was asked", r.Host)
		}
	}
}

// TestInstancesShareTheRate: two processes together send no more than one may.
func TestInstancesShareTheRate(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	var limits []*upstream.Limiter
	for range 2 {
		limits = append(limits, upstream.NewLimiter("shared", 0.5, 3, w.redis, time.Now))
	}
	taken := 0
	for i := range 10 {
		if _, ok, err := limits[i%2].Take(context.Background(), 0); err != nil {
			t.Fatal(err)
		} else if ok {
			taken++
		}
	}
	if taken != 3 {
		t.Errorf("%d turns at once, want 3", taken)
	}
	wait, ok, err := limits[0].Take(context.Background(), time.Minute)
	if err != nil || !ok || wait <= 0 || wait > 2*time.Second {
		t.Errorf("the next turn: %v, %v, %v", wait, ok, err)
	}
	limits[0].Rest(context.Background(), time.Hour)
	if wait, ok, err := limits[1].Take(context.Background(), time.Minute); err != nil || ok || wait < 59*time.Minute {
		t.Errorf("an upstream that wants to be left alone: %v, %v, %v", wait, ok, err)
	}
	alone := upstream.NewLimiter("alone", 0.5, 3, nil, w.clock.Now)
	taken = 0
	for range 10 {
		if _, ok, err := alone.Take(context.Background(), 0); err == nil && ok {
			taken++
		}
	}
	if taken != 3 {
		t.Errorf("%d turns at once without Redis, want 3", taken)
	}
}

// TestNothingIsFoundForALittle: what is not there is remembered as such, and looked for again.
func TestNothingIsFoundForALittle(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	ctx := context.Background()
	a, err := w.contract("CO1.NONE")
	if err != nil {
		t.Fatal(err)
	}
	for range 3 {
		if _, _, err := w.answer(ctx, a); !errors.Is(err, cache.ErrNotFound) {
			t.Fatal(err)
		}
	}
	if n := len(w.server.Requests()); n != 1 {
		t.Errorf("%d requests", n)
	}
	w.clock.Advance(time.Hour)
	if _, _, err := w.answer(ctx, a); !errors.Is(err, cache.ErrNotFound) || len(w.server.Requests()) != 2 {
		t.Errorf("an hour later: %v, %d requests", err, len(w.server.Requests()))
	}
}
