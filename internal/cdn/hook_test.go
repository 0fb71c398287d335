package cdn

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"

	"openlearn/internal/cache/httpcache/tags"
	"openlearn/internal/outbox"
	"openlearn/internal/periodic"
	"openlearn/internal/testkit"
)

func TestMain(m *testing.M) { testkit.Main(m) }

const testSecret = "0123456789abcdef-secret"

// receiver is a real receiver: it verifies signatures, keeps what it accepts, and answers as it is told.
type receiver struct {
	t   *testing.T
	url string

	mu       sync.Mutex
	status   int
	after    string
	tried    int
	accepted []Delivery
	inHand   func()
}

func newReceiver(t *testing.T) *receiver {
	t.Helper()
	r := &receiver{t: t, status: http.StatusNoContent}
	srv := httptest.NewServer(r)
	t.Cleanup(srv.Close)
	r.url = srv.URL + "/purge?of=openlearn"
	return r
}

func (r *receiver) ServeHTTP(w http.ResponseWriter, req *http.Request) {
	body, err := io.ReadAll(req.Body)
	if err != nil {
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.tried++
	if r.inHand != nil {
		r.inHand()
	}
	var d Delivery
	switch err := json.Unmarshal(body, &d); {
	case Verify(testSecret, req.Header.Get(SignatureField), body, time.Now(), 5*time.Minute) != nil:
		r.t.Errorf("the signature does not hold: %v", req.Header)
		w.WriteHeader(http.StatusForbidden)
	case err != nil, len(d.Tags) == 0, d.SentAt.IsZero(), req.Method != http.MethodPost, req.Header.Get("Content-Type") != "application/json",
		req.Header.Get("Surrogate-Key") != tags.Space(d.Tags), req.URL.RawQuery != "of=openlearn":
		r.t.Errorf("%s %s %v: %s (%v)", req.Method, req.URL, req.Header, body, err)
		w.WriteHeader(http.StatusBadRequest)
	case r.status >= 300:
		if r.after != "" {
			w.Header().Set("Retry-After", r.after)
		}
		w.Header().Set("Location", "/elsewhere")
		w.WriteHeader(r.status)
	default:
		r.accepted = append(r.accepted, d)
		w.WriteHeader(r.status)
	}
}

func (r *receiver) answer(status int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.status = status
}

func (r *receiver) take() (all []Delivery, tried int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	all, tried = r.accepted, r.tried
	r.accepted, r.tried = nil, 0
	return all, tried
}

// site is a database whose changes are told to a receiver, in passes that the test makes.
type site struct {
	*Hook
	t     *testing.T
	pool  *pgxpool.Pool
	to    *receiver
	clock *testkit.Clock
}

func keyed(f outbox.Fact) []string {
	var deps []string
	for _, k := range f.Keys {
		deps = append(deps, "article:"+k)
	}
	return deps
}

func newSite(t *testing.T, change ...func(*Options)) *site {
	t.Helper()
	pool, err := pgxpool.New(t.Context(), testkit.Database(t))
	must(t, err)
	t.Cleanup(pool.Close)
	s := &site{t: t, pool: pool, to: newReceiver(t), clock: testkit.NewClock(time.Now())}
	s.Hook = s.instance(change...)
	s.see() // joins
	s.see()
	s.settle()
	s.to.take()
	return s
}

// instance is another instance on the same database.
func (s *site) instance(change ...func(*Options)) *Hook {
	feed := outbox.NewFeed(outbox.FeedOptions{Pool: s.pool, Region: Region, Rules: outbox.Rules{"scraped_content": keyed}})
	o := Options{Pool: s.pool, Feed: feed, All: "everyone", URL: s.to.url, Secret: testSecret, Again: time.Hour, Now: s.clock.Now}
	for _, c := range change {
		c(&o)
	}
	h := NewHook(o)
	s.t.Cleanup(h.client.CloseIdleConnections)
	return h
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func (s *site) see() {
	s.t.Helper()
	must(s.t, s.pass(s.t.Context()))
}

// settle makes second deliveries due, and delivers them.
func (s *site) settle() {
	s.t.Helper()
	s.sql(`UPDATE cdn_purges SET due_at = clock_timestamp() WHERE delivered > 0`)
	s.see()
}

func (s *site) sql(statement string, args ...any) {
	s.t.Helper()
	_, err := s.pool.Exec(s.t.Context(), statement, args...)
	must(s.t, err)
}

// write stores articles in one statement, and has the caches' relay done with them.
func (s *site) write(from, to int) {
	s.t.Helper()
	s.sql(`INSERT INTO scraped_content (id, source, source_url, title, content) SELECT i, 'S', 'u' || i, 't', 'c' FROM generate_series($1::bigint, $2) AS i`, from, to)
	s.sql(`DELETE FROM cache_outbox WHERE region = 'default'`)
}

func (s *site) rows() (n int) {
	s.t.Helper()
	must(s.t, s.pool.QueryRow(s.t.Context(), `SELECT (SELECT count(*) FROM cdn_purges) + (SELECT count(*) FROM cache_outbox)`).Scan(&n))
	return n
}

// purged reports whether deliveries reach every answer that depends on one of these articles.
func purged(all []Delivery, from, to int) error {
	have := map[string]bool{}
	for _, d := range all {
		if len(d.Tags) > rowTags {
			return fmt.Errorf("%d tags in one delivery", len(d.Tags))
		}
		for _, tag := range d.Tags {
			have[tag] = true
		}
	}
	for i := from; i <= to; i++ {
		for _, tag := range tags.Purge([]string{fmt.Sprintf("article:%d", i)}) {
			if !have[tag] {
				return fmt.Errorf("article %d is not purged", i)
			}
		}
	}
	return nil
}

// TestWhoJoinsPurgesEverything: what is held is of a time of which no changes were recorded.
func TestWhoJoinsPurgesEverything(t *testing.T) {
	t.Parallel()
	pool, err := pgxpool.New(t.Context(), testkit.Database(t))
	must(t, err)
	t.Cleanup(pool.Close)
	s := &site{t: t, pool: pool, to: newReceiver(t), clock: testkit.NewClock(time.Now())}
	s.Hook = s.instance()
	if s.Reliable() {
		t.Error("reliable before it has looked")
	}
	s.see()
	s.see()
	all, _ := s.to.take()
	if len(all) != 1 || !all[0].Everything || !slices.Equal(all[0].Tags, []string{"everyone"}) {
		t.Errorf("%+v", all)
	}
	testkit.Eventually(t, "it is reliable", func() bool { s.see(); return s.Reliable() })
}

// TestEachChangeIsDeliveredTwice: at once, and again for what was on its way.
func TestEachChangeIsDeliveredTwice(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.write(1, 3)
	s.see()
	all, tried := s.to.take()
	if err := purged(all, 1, 3); err != nil || tried != 1 {
		t.Errorf("%d deliveries: %v", tried, err)
	}
	if s.see(); s.rows() != 1 {
		t.Errorf("%d rows while the second delivery is not due", s.rows())
	}
	if _, tried := s.to.take(); tried != 0 {
		t.Errorf("%d deliveries before they are due", tried)
	}
	s.settle()
	all, tried = s.to.take()
	if err := purged(all, 1, 3); err != nil || tried != 1 || s.rows() != 0 {
		t.Errorf("the second time: %d deliveries, %d rows left: %v", tried, s.rows(), err)
	}
}

// TestAReceiverThatIsDown: nothing is lost, pauses grow up to their bound, and meanwhile nothing more may be held. Another
// process takes over.
func TestAReceiverThatIsDown(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.to.answer(http.StatusBadGateway)
	s.write(1, 1)
	for i, most := range []time.Duration{250 * time.Millisecond, 500 * time.Millisecond, time.Second, 2 * time.Second, 4 * time.Second, 8 * time.Second, 15 * time.Second, 15 * time.Second} {
		if err := s.pass(t.Context()); err == nil {
			t.Fatal("a refusal is no error")
		}
		pause := s.rest.Sub(s.clock.Now())
		if pause < most/2 || pause > most {
			t.Errorf("pause %d: %v, want %v to %v", i+1, pause, most/2, most)
		}
		_ = s.pass(t.Context()) // rests
		if _, tried := s.to.take(); tried != 1 {
			t.Errorf("%d tries in a pause", tried)
		}
		s.clock.Advance(pause)
	}
	s.rest = s.clock.Now().Add(time.Hour)
	// What has just changed may wait for a moment. The database's clock is not ours.
	testkit.Eventually(t, "it is reliable", func() bool {
		s.sql(`UPDATE cdn_purges SET changed_at = clock_timestamp()`)
		_ = s.pass(t.Context())
		return s.Reliable()
	})
	s.sql(`UPDATE cdn_purges SET changed_at = changed_at - interval '11 seconds'`)
	if _ = s.pass(t.Context()); s.Reliable() {
		t.Error("reliable although nothing is delivered")
	}
	s.write(2, 2)
	_ = s.pass(t.Context())
	s.to.answer(http.StatusOK)
	s.Hook = s.instance() // after a restart
	s.see()
	all, _ := s.to.take()
	if err := purged(all, 1, 2); err != nil {
		t.Error(err)
	}
	if testkit.Eventually(t, "reliable again", func() bool { s.see(); return s.Reliable() }); s.state.Load().waiting != 0 {
		t.Errorf("%+v", s.state.Load())
	}
	s.clock.Advance(reliableFor)
	if s.Reliable() {
		t.Error("reliable although nobody has looked")
	}
}

// TestOrder: what changed first is told first, and what comes together goes together.
func TestOrder(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.to.answer(http.StatusServiceUnavailable)
	for i := range 5 { // each 98 articles: a delivery of its own
		s.write(100*i, 100*i+96)
		_ = s.pass(t.Context())
	}
	for i := range 8 {
		s.write(1000+i, 1000+i)
		_ = s.pass(t.Context())
	}
	s.to.answer(http.StatusAccepted)
	s.to.take()
	s.rest = time.Time{}
	s.see()
	all, _ := s.to.take()
	if len(all) != 6 {
		t.Fatalf("%d deliveries", len(all))
	}
	for i := range 5 {
		if err := purged(all[i:i+1], 100*i, 100*i+96); err != nil {
			t.Errorf("delivery %d: %v", i+1, err)
		}
	}
	if err := purged(all[5:], 1000, 1007); err != nil {
		t.Error(err)
	}
}

// TestLargeChangesAreSplit: a statement that names 500 articles goes in deliveries of a hundred tags.
func TestLargeChangesAreSplit(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.write(1, 500)
	s.see()
	all, tried := s.to.take()
	if err := purged(all, 1, 500); err != nil || tried != 6 {
		t.Errorf("%d deliveries: %v", tried, err)
	}
}

// TestTooMuchBecomesEverything: rows that pile up, and what the receiver calls too large.
func TestTooMuchBecomesEverything(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.to.answer(http.StatusInternalServerError)
	s.sql(`INSERT INTO cdn_purges (tags, changed_at) SELECT '{a}', clock_timestamp() - interval '1 minute' FROM generate_series(1, 1001)`)
	_ = s.pass(t.Context())
	var rows int
	var age float64
	must(t, s.pool.QueryRow(t.Context(), `SELECT count(*), extract(epoch FROM clock_timestamp() - min(changed_at)) FROM cdn_purges WHERE everything`).Scan(&rows, &age))
	if s.rows() != 1 || rows != 1 || age < 60 {
		t.Errorf("%d rows, %d for everything, %v s old", s.rows(), rows, age)
	}
	s.to.answer(http.StatusOK)
	s.rest = time.Time{}
	s.see()
	if all, _ := s.to.take(); len(all) != 1 || !all[0].Everything {
		t.Errorf("%+v", all)
	}
	s.settle()
	s.to.take()
	s.to.answer(http.StatusRequestEntityTooLarge)
	s.write(1, 9)
	_ = s.pass(t.Context())
	s.to.answer(http.StatusOK)
	s.rest = time.Time{}
	s.see()
	if all, _ := s.to.take(); len(all) != 1 || !all[0].Everything {
		t.Errorf("after a 413: %+v", all)
	}
}

func TestAReceiverSaysWhenToComeBack(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.to.answer(http.StatusTooManyRequests)
	s.to.after = "7"
	s.write(1, 1)
	_ = s.pass(t.Context())
	if pause := s.rest.Sub(s.clock.Now()); pause != 7*time.Second {
		t.Errorf("a pause of %v", pause)
	}
}

// TestRedirectsDoNotAcknowledge, nor does a receiver that is not there; and no error names the address.
func TestRedirectsDoNotAcknowledge(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.to.answer(http.StatusTemporaryRedirect)
	s.write(1, 1)
	err := s.pass(t.Context())
	if _, tried := s.to.take(); err == nil || tried != 1 || s.rows() != 1 {
		t.Errorf("%d tries, %d rows: %v", tried, s.rows(), err)
	}
	s.Hook = s.instance(func(o *Options) { o.URL = "http://127.0.0.1:1/hidden" })
	if err := s.pass(t.Context()); err == nil || strings.Contains(err.Error(), "hidden") {
		t.Errorf("%v", err)
	}
}

// TestInstancesShareTheWork: several at once deliver each change, and none twice at a time.
func TestInstancesShareTheWork(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	for i := range 10 {
		s.write(100*i, 100*i+96)
	}
	var all sync.WaitGroup
	errs := make(chan error, 4)
	for range 4 {
		h := s.instance()
		all.Go(func() { errs <- h.pass(t.Context()) })
	}
	all.Wait()
	close(errs)
	for err := range errs {
		must(t, err)
	}
	got, tried := s.to.take()
	for i := range 10 {
		if err := purged(got, 100*i, 100*i+96); err != nil {
			t.Error(err)
		}
	}
	var undelivered int
	must(t, s.pool.QueryRow(t.Context(), `SELECT count(*) FROM cdn_purges WHERE delivered = 0`).Scan(&undelivered))
	if undelivered != 0 {
		t.Errorf("%d rows are left after %d deliveries", undelivered, tried)
	}
}

// TestWhatOperatorsInvalidate is told too, if anybody is.
func TestWhatOperatorsInvalidate(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	must(t, s.queue.Purge(t.Context(), []string{"article:5"}))
	must(t, s.queue.Purge(t.Context(), nil))
	s.see()
	all, _ := s.to.take()
	if err := purged(all, 5, 5); err != nil || len(all) != 1 {
		t.Errorf("%d deliveries: %v", len(all), err)
	}
	must(t, s.queue.PurgeAll(t.Context()))
	s.see()
	if all, _ := s.to.take(); len(all) != 1 || !all[0].Everything {
		t.Errorf("%+v", all)
	}
	s.settle()
	s.sql(`DELETE FROM cache_region WHERE name = 'cdn'`)
	must(t, s.queue.Purge(t.Context(), []string{"article:5"}))
	must(t, s.queue.PurgeAll(t.Context()))
	if s.rows() != 0 {
		t.Errorf("%d rows for nobody", s.rows())
	}
}

// TestTheJobRuns: the hook as the service runs it, with its real pauses.
func TestTheJobRuns(t *testing.T) {
	t.Parallel()
	s := newSite(t, func(o *Options) { o.Now, o.Poll, o.Again = nil, 10*time.Millisecond, 50*time.Millisecond })
	job := s.Job()
	job.Logger = slog.New(slog.DiscardHandler)
	runner := periodic.Start(t.Context(), job)
	defer runner.Close()
	s.write(1, 2)
	testkit.Eventually(t, "both deliveries", func() bool {
		s.to.mu.Lock()
		defer s.to.mu.Unlock()
		return len(s.to.accepted) >= 2
	})
	testkit.Eventually(t, "the queue is empty", func() bool { return s.rows() == 0 })
	runner.Close()
	all, _ := s.to.take()
	if err := purged(all[:1], 1, 2); err != nil {
		t.Error(err)
	}
}

func TestSignatures(t *testing.T) {
	t.Parallel()
	at := time.Unix(1764350000, 0)
	body := []byte(`{"tags":["a"]}`)
	good := sign(testSecret, at, body)
	// printf '1764350000.{"tags":["a"]}' | openssl dgst -sha256 -hmac 0123456789abcdef-secret
	if want := "t=1764350000,v1=" + "9c8575ed122a6c12efd57de4c33318b2bdb1ba7ac3a97b20fa91b860248a451d"; good != want {
		t.Errorf("%s, want %s", good, want)
	}
	for _, c := range []struct {
		what, secret, field string
		body                string
		now                 time.Time
		ok                  bool
	}{
		{"as it is", testSecret, good, string(body), at, true},
		{"with blanks and another version", testSecret, strings.Replace(good, ",", ", v0=00, ", 1), string(body), at, true},
		{"beside that of another secret", testSecret, good + ",v1=00", string(body), at, true},
		{"five minutes late", testSecret, good, string(body), at.Add(5 * time.Minute), true},
		{"too late", testSecret, good, string(body), at.Add(5*time.Minute + time.Second), false},
		{"too early", testSecret, good, string(body), at.Add(-6 * time.Minute), false},
		{"another body", testSecret, good, `{"tags":["b"]}`, at, false},
		{"another secret", testSecret + "x", good, string(body), at, false},
		{"another time", testSecret, strings.Replace(good, "1764350000", "1764350001", 1), string(body), at, false},
		{"no time", testSecret, good[strings.Index(good, "v1"):], string(body), at, false},
		{"no signature", testSecret, "t=1764350000", string(body), at, false},
		{"nothing", testSecret, "", string(body), at, false},
		{"no hex", testSecret, "t=1764350000,v1=zz", string(body), at, false},
	} {
		if err := Verify(c.secret, c.field, []byte(c.body), c.now, 5*time.Minute); (err == nil) != c.ok || err != nil && !errors.Is(err, ErrSignature) {
			t.Errorf("%s: %v", c.what, err)
		}
	}
}

func FuzzVerify(f *testing.F) {
	at := time.Unix(1764350000, 0)
	f.Add(sign(testSecret, at, []byte("x")), []byte("x"))
	f.Add("t=,v1=", []byte{})
	f.Fuzz(func(t *testing.T, field string, body []byte) {
		// Only what was made with the secret holds, and nobody here has it.
		if err := Verify("a secret that no input was signed with", field, body, at, time.Minute); err == nil {
			t.Fatal("it holds")
		}
	})
}

func TestConfig(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		cfg  Config
		want string
	}{
		{Config{}, ""},
		{Config{Tags: "ON", PurgeURL: "http://varnish:6081/purge", PurgeSecret: testSecret, MaxAge: time.Hour}, ""},
		{Config{Tags: "on", MaxAge: time.Second}, ""},
		{Config{Tags: "maybe"}, "CACHE_TAGS"},
		{Config{MaxAge: time.Minute}, "CACHE_TAGS"},
		{Config{PurgeURL: "http://varnish", PurgeSecret: testSecret}, "CACHE_TAGS"},
		{Config{Tags: "on", PurgeURL: "http://varnish", PurgeSecret: "short"}, "CACHE_PURGE_SECRET"},
		{Config{Tags: "on", PurgeURL: "varnish:6081", PurgeSecret: testSecret}, "CACHE_PURGE_URL"},
		{Config{Tags: "on", PurgeURL: "http://u:hidden@varnish", PurgeSecret: testSecret}, "CACHE_PURGE_URL"},
		{Config{Tags: "on", MaxAge: 25 * time.Hour}, "CDN_MAX_AGE"},
		{Config{Tags: "on", MaxAge: time.Millisecond}, "CDN_MAX_AGE"},
		{Config{Tags: "on", MaxAge: -time.Second}, "CDN_MAX_AGE"},
	} {
		err := c.cfg.Validate()
		if (err == nil) != (c.want == "") || err != nil && (!strings.HasPrefix(err.Error(), c.want) || strings.Contains(err.Error(), "hidden")) {
			t.Errorf("%+v: %v", c.cfg, err)
		}
	}
	if c := (Config{Tags: "On"}); c.Validate() != nil || !c.Tagged() {
		t.Error("on is not on")
	}
}
