package app

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"openlearn/internal/postgres"
	"openlearn/internal/testkit"
)

// A given case is a line of the reference data: what a stranger did, and what is right.
type givenCase struct {
	ID    string
	Steps []givenStep
	Want  string
}

// givenStep is a request, or a text for people.
type givenStep struct {
	Text         string
	Method, Path string
	Headers      map[string]string
	Body         json.RawMessage
	BodyBytes    string `json:"body_bytes"`
}

func (s *givenStep) UnmarshalJSON(b []byte) error {
	if len(b) > 0 && b[0] == '"' {
		return json.Unmarshal(b, &s.Text)
	}
	type plain givenStep
	return json.Unmarshal(b, (*plain)(s))
}

// caseRun plays a case against a service.
type caseRun struct {
	*testApp
	test    *testing.T
	steps   []givenStep
	answers []reply
}

// with is a run on a service of its own.
func (r *caseRun) with(change ...func(*Config)) *caseRun {
	r.testApp = newTestApp(r.t, change...)
	r.awaitGate()
	return r
}

// seeded has at least n articles, whose numbers begin at 1.
func (r *caseRun) seeded(n int) *caseRun {
	r.t.Helper()
	if _, err := r.seed(r.t.Context(), n); err != nil {
		r.t.Fatal(err)
	}
	r.settle()
	return r
}

var idOfStep = regexp.MustCompile(`\{id of step (\d+)\}`)

// play sends step i, numbered from 1 as in the texts; more are headers.
func (r *caseRun) play(i int, more ...string) reply {
	r.t.Helper()
	s := r.steps[i-1]
	path := idOfStep.ReplaceAllStringFunc(s.Path, func(m string) string {
		n, err := strconv.Atoi(idOfStep.FindStringSubmatch(m)[1])
		if err != nil {
			r.t.Fatal(err)
		}
		return fmt.Sprint(r.answers[n-1].json(r.t).(map[string]any)["id"])
	})
	body := string(s.Body)
	if s.BodyBytes != "" {
		body = strings.NewReplacer(`\xff`, "\xff", `\\`, `\`).Replace(s.BodyBytes)
	}
	headers := slices.Clone(more)
	for name, value := range s.Headers {
		if !slices.Contains(more, name) && name != "Host" {
			headers = append(headers, name, strings.ReplaceAll(value, "<admin key>", testAdminKey))
		}
	}
	got := r.do(s.Method, path, body, headers...)
	for len(r.answers) < i {
		r.answers = append(r.answers, reply{})
	}
	r.answers[i-1] = got
	return got
}

// expect plays steps from the first on, and compares their statuses.
func (r *caseRun) expect(statuses ...int) {
	r.t.Helper()
	for i, want := range statuses {
		if got := r.play(i + 1); got.StatusCode != want {
			r.t.Errorf("step %d, %s %s: %d, want %d: %.300s", i+1, r.steps[i].Method, r.steps[i].Path, got.StatusCode, want, got.body)
		}
	}
}

// listen serves as the program does, on a listener with its bounds.
func (r *caseRun) listen() {
	r.t.Helper()
	l, err := new(net.ListenConfig).Listen(r.t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		r.t.Fatal(err)
	}
	ctx, stop := context.WithCancel(r.t.Context())
	served := make(chan error, 1)
	go func() { served <- r.Serve(ctx, l) }()
	r.t.Cleanup(func() {
		stop()
		if err := <-served; err != nil {
			r.t.Error(err)
		}
	})
	r.base = "http://" + l.Addr().String()
}

// rawStep is the request of a raw step: what precedes the remark, with its escapes read.
func (s givenStep) rawStep() string {
	text, _, _ := strings.Cut(s.Text, " (no key")
	return strings.NewReplacer(`\r`, "\r", `\n`, "\n").Replace(text)
}

// isHit waits for a hit on a path: right after a write, a read may bypass the cache.
func (r *caseRun) isHit(path string) {
	r.t.Helper()
	testkit.Eventually(r.t, "a hit on "+path, func() bool { return r.get(path).Header.Get("X-Cache") == "HIT" })
}

// shownBy names the tests that play a case that no single request can: they break servers, take all connections or run
// commands.
func shownBy(tests ...func(*testing.T)) func(*caseRun) {
	return func(r *caseRun) {
		if len(tests) == 0 {
			r.t.Error("by no test")
		}
	}
}

// playCases plays every line of a folder. A line without an expectation fails, and so does an expectation without a line.
func playCases(t *testing.T, folder string, expectations map[string]func(*caseRun)) {
	t.Helper()
	f, err := os.Open(filepath.Join(testkit.Data(t), "cases", folder, "cases.jsonl"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	seen := map[string]bool{}
	in := bufio.NewReader(f)
	for {
		line, err := in.ReadBytes('\n')
		if len(line) > 1 {
			var c givenCase
			if err := json.Unmarshal(line, &c); err != nil {
				t.Fatalf("%.100s: %v", line, err)
			}
			seen[c.ID] = true
			judge := expectations[c.ID]
			if judge == nil {
				t.Errorf("%s: nothing says what is right; it wants %s", c.ID, c.Want)
				continue
			}
			t.Run(c.ID, func(t *testing.T) {
				t.Parallel()
				judge(&caseRun{testApp: &testApp{t: t}, test: t, steps: c.Steps})
			})
		}
		if err == io.EOF {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	for id := range expectations {
		if !seen[id] {
			t.Errorf("%s is no case of %s", id, folder)
		}
	}
}

// strangersDoNotFill: another client asks for ever new things, and what is asked for twice is kept all the same.
func strangersDoNotFill(path string) func(*caseRun) {
	return func(r *caseRun) {
		r.with().seeded(10)
		for i := range 10_050 {
			req := httptest.NewRequestWithContext(r.t.Context(), http.MethodGet, fmt.Sprintf("/api/articles?limit=1&source=zz%d", i), nil)
			rec := httptest.NewRecorder()
			r.Handler().ServeHTTP(rec, req)
			if rec.Code != http.StatusOK && rec.Code != http.StatusServiceUnavailable {
				r.t.Fatalf("%d %s", rec.Code, rec.Body)
			}
		}
		r.isHit(path)
	}
}

// oneLarge: an answer that is too large to be kept does not keep others out.
func oneLarge(content, metadata string) func(*caseRun) {
	return func(r *caseRun) {
		r.with().seeded(10)
		r.isHit("/api/articles/5")
		id := r.create("t", "E", fmt.Sprintf(`"subtitle": %q, "extra_metadata": {"x": %q}`, content, metadata))
		r.isHit("/api/articles/5")
		if got := r.get(fmt.Sprint("/api/articles/", id)); got.StatusCode != http.StatusOK || len(got.body) < len(metadata) {
			r.t.Errorf("the large one: %d, %d bytes", got.StatusCode, len(got.body))
		}
		for range 3 {
			if got := r.served("/api/articles/5"); got.Header.Get("X-Cache") != "HIT" || got.Header.Get("ETag") == "" {
				r.t.Errorf("after it: %v", got.Header)
			}
		}
	}
}

// frozenPostgreSQL: health answers look for themselves.
func frozenPostgreSQL(r *caseRun) {
	pg := testkit.Postgres(r.t)
	if _, err := postgres.Migrate(r.t.Context(), pg.URL()); err != nil {
		r.t.Fatal(err)
	}
	r.with(func(c *Config) { c.Database.URL = pg.URL() })
	if got := r.get("/health"); got.StatusCode != http.StatusOK {
		r.t.Fatalf("%d %s", got.StatusCode, got.body)
	}
	if err := pg.Pause(); err != nil {
		r.t.Fatal(err)
	}
	defer func() {
		if err := pg.Resume(); err != nil {
			r.t.Error(err)
		}
	}()
	for _, path := range []string{"/health", "/health", "/api/health", "/health/ready"} {
		if got := r.get(path); got.StatusCode != http.StatusServiceUnavailable || got.Header.Get("Cache-Control") != "no-store" || got.Header.Get("X-Cache") != "" || got.Header.Get("Retry-After") == "" {
			r.t.Errorf("%s: %d %v %s", path, got.StatusCode, got.Header, got.body)
		}
	}
}

// answersSoon sends a request verbatim, and wants a refusal while its body is still owed.
func answersSoon(status int, request string) func(*caseRun) {
	return func(r *caseRun) {
		r.with().listen()
		if request == "" {
			request = r.steps[0].rawStep()
		}
		if _, res := r.raw(request); res.StatusCode != status || !res.Close {
			r.t.Errorf("%d, closes %v", res.StatusCode, res.Close)
		}
	}
}
