package app

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"

	"openlearn/internal/postgres"
	"openlearn/internal/scraping/discover"
	"openlearn/internal/scraping/source"
	"openlearn/internal/testkit"
)

// TestCasesSecurity plays the cases of what strangers can do, and of faults.
func TestCasesSecurity(t *testing.T) {
	t.Parallel()
	cursor := func(r *caseRun) {
		if got := r.with().play(1); got.StatusCode != 422 || !strings.Contains(string(got.body), "not a cursor that this listing gave out") {
			r.t.Errorf("%d %s", got.StatusCode, got.body)
		}
	}
	playCases(t, "security", map[string]func(*caseRun){
		"search-negated-phrase-costs-seconds": func(r *caseRun) {
			r.with().seeded(2000)
			if got := r.play(2); got.StatusCode != 200 && got.StatusCode != 422 {
				r.t.Errorf("%d %s", got.StatusCode, got.body)
			}
		},
		"twenty-four-searches-stop-the-rest":        shownBy(TestSearchesTakeHalfOfThePool, TestABusyPoolIsA503),
		"committed-write-unseen-while-pool-is-full": unseenWrites,
		"ack-then-stale-when-redis-refuses-writes":  shownBy(TestAStoredChangeIsNeverShownStale),
		"overload-sheds":                            shownBy(TestSearchesTakeHalfOfThePool, TestALockedTableIsA503WithRetryAfter, TestWhatIsShedIsNoError),
		"health-tells-that-postgresql-is-dead":      shownBy(TestHealth),
		"admin-key-guesses-are-limited-and-told":    wrongKeys,
		"cursor-before-year-1-newest":               cursor,
		"cursor-before-year-1-oldest":               cursor,
		"strangers-do-not-fill-the-variants":        shownBy(TestCasesHTTPCache),
		"one-large-answer-does-not-uncache-a-route": oneLarge(strings.Repeat("<", 9000), strings.Repeat("<", 2_900_000)),
		"login-of-others-does-not-lock-the-operator-out": func(r *caseRun) {
			r.with()
			for range 6 {
				r.submit("/admin/cache/login", url.Values{"key": {"wrong-key-0123456789"}})
			}
			if got := r.submit("/admin/cache/login", url.Values{"key": {testAdminKey}}); got.StatusCode != http.StatusSeeOther {
				r.t.Errorf("%d %.200s", got.StatusCode, got.body)
			}
		},
		"refusal-does-not-wait-for-the-body":        answersSoon(401, "POST /api/articles HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: 4000000\r\n\r\n{"),
		"cause-in-log-under-the-clients-request-id": shownBy(TestTheCauseIsLoggedUnderTheRequestsID),
		"body-must-be-utf8": func(r *caseRun) {
			r.with().expect(422, 422)
			for _, got := range r.answers {
				if !strings.Contains(string(got.body), "valid UTF-8") {
					r.t.Errorf("%s", got.body)
				}
			}
		},
		"public-url-has-no-password": func(r *caseRun) {
			cfg := serverConfig{PublicURL: "http://u:secret@localhost:8000"}
			if err := cfg.Validate(); err == nil || !strings.Contains(err.Error(), "PUBLIC_URL") || strings.Contains(err.Error(), "secret") {
				r.t.Errorf("%v", err)
			}
		},
		"console-cookie-secure-under-admin-hosts": shownBy(TestCookiesAndTLS),
		"figures-cost-no-more-than-a-page":        shownBy(TestFiguresAreShared),
		"sigterm-lets-the-balancer-know-first":    shownBy(TestSigtermTellsBalancersFirst),
		"503-says-when-to-come-back": func(r *caseRun) {
			pg := testkit.Postgres(r.t)
			if _, err := postgres.Migrate(r.t.Context(), pg.URL()); err != nil {
				r.t.Fatal(err)
			}
			r.with(func(c *Config) { c.Database.URL = pg.URL() })
			if err := pg.Kill(); err != nil {
				r.t.Fatal(err)
			}
			if got := r.get("/api/articles/7"); got.StatusCode != 503 || got.Header.Get("Retry-After") == "" {
				r.t.Errorf("%d %v", got.StatusCode, got.Header)
			}
		},
		"idle-connections-do-not-shut-out": shownBy(TestIdleConnectionsDoNotShutOut),
		"deep-feed-is-cheap": func(r *caseRun) {
			at := &url.URL{Scheme: "https", Host: "www.diario.example", Path: "/feed"}
			for _, body := range []string{"<rss><channel><item>" + strings.Repeat("<a:b>", 1_600_000), "<feed><entry>" + strings.Repeat("<m:g>", 1_600_000)} {
				if _, err := discover.ParseFeed([]byte(body), at, source.Source{BaseURL: "https://www.diario.example"}.Site()); err == nil {
					r.t.Error("a feed of a million levels is taken")
				}
			}
		},
	})
}

// unseenWrites: while all connections are taken, a change beside the service is not hidden behind the cache.
func unseenWrites(r *caseRun) {
	r.with().seeded(10)
	r.isHit("/api/articles/1")
	for range r.cfg.Database.MaxConns {
		c, err := r.db.Pool.Acquire(r.t.Context())
		if err != nil {
			r.t.Fatal(err)
		}
		defer c.Release()
	}
	conn, err := pgx.Connect(r.t.Context(), r.cfg.Database.URL)
	if err != nil {
		r.t.Fatal(err)
	}
	defer func() { _ = conn.Close(context.WithoutCancel(r.t.Context())) }()
	if _, err := conn.Exec(r.t.Context(), "UPDATE scraped_content SET title = 'CHANGED' WHERE id = 1"); err != nil {
		r.t.Fatal(err)
	}
	old := func() bool {
		got := r.get("/api/articles/1")
		return got.StatusCode == http.StatusOK && !strings.Contains(string(got.body), "CHANGED")
	}
	testkit.Eventually(r.t, "the old title is gone", func() bool { return !old() })
	for range 5 {
		if old() {
			r.t.Error("the old title is back")
		}
	}
}

// wrongKeys: they are limited, logged once and counted.
func wrongKeys(r *caseRun) {
	a, said := loggedApp(r.test)
	r.testApp = a
	for i := range 40 {
		got := r.get("/api/cache/hot", "X-API-Key", fmt.Sprint("guess", i))
		if got.StatusCode != 401 && (got.StatusCode != 429 || got.Header.Get("Retry-After") == "") {
			r.t.Errorf("guess %d: %d", i, got.StatusCode)
		}
		if i == 39 && got.StatusCode != 429 {
			r.t.Errorf("the last guess: %d", got.StatusCode)
		}
	}
	if n := strings.Count(said.String(), "admin key refused"); n != 1 {
		r.t.Errorf("the log says so %d times", n)
	}
}
