package app

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"os/exec"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"openlearn/internal/jobs"
	"openlearn/internal/scraping/newsroom"
	"openlearn/internal/testkit"
)

// withWorkers makes a service run passes by itself, with intervals for tests.
func withWorkers(n int) func(*Config) {
	return func(c *Config) {
		c.Scraping.Workers = n
		c.testing.jobs = jobs.Options{Poll: 10 * time.Millisecond, Beat: 50 * time.Millisecond, Lease: 2 * time.Second, SoftStop: 50 * time.Millisecond}
	}
}

// jobOf is a job as the API shows it.
type jobOf struct {
	ID       int64
	Source   string
	State    string
	Asked    bool
	Attempt  int
	Progress *struct {
		PagesTotal int `json:"pages_total"`
		PagesDone  int `json:"pages_done"`
		Percent    float64
		Report     struct{ Saved, Found, Failed int }
	}
	Errors []struct{ Error string }
}

func decoded[T any](t testing.TB, r reply) (v T) {
	t.Helper()
	if err := json.Unmarshal(r.body, &v); err != nil {
		t.Fatalf("%v: %.300s", err, r.body)
	}
	return v
}

type triggeredOf struct {
	Status, Source, Scraper, State string
	JobID                          int64 `json:"job_id"`
	Deduplicated                   bool
}

func (a *testApp) trigger(name string) triggeredOf {
	a.t.Helper()
	return decoded[triggeredOf](a.t, a.admin("POST", "/api/scraping/trigger/"+url.PathEscape(name), "", 200))
}

func (a *testApp) awaitJob(id int64, state string) (j jobOf) {
	a.t.Helper()
	testkit.Eventually(a.t, "the job is "+state, func() bool {
		j = decoded[jobOf](a.t, a.get(fmt.Sprintf("/api/v1/scraping/jobs/%d", id)))
		return j.State == state
	})
	return j
}

// sourceOf returns a source from the status page.
func (a *testApp) sourceOf(id string) (out struct {
	ID, Name, Health, Failure string
	Failures, Stored          int
	PausedAt                  *time.Time `json:"paused_at"`
	PauseReason               string     `json:"pause_reason"`
	LastSuccess               *time.Time `json:"last_success"`
	NewestItem                *time.Time `json:"newest_item"`
	NextPass                  *time.Time `json:"next_pass"`
},
) {
	a.t.Helper()
	page := decoded[struct{ Sources []json.RawMessage }](a.t, a.get("/api/scraping/status"))
	for _, raw := range page.Sources {
		if err := json.Unmarshal(raw, &out); err != nil {
			a.t.Fatal(err)
		}
		if out.ID == id {
			return out
		}
	}
	a.t.Fatalf("no source %s among %d", id, len(page.Sources))
	return out
}

// TestScrapingRunsByItself: articles appear without any request.
func TestScrapingRunsByItself(t *testing.T) {
	t.Parallel()
	paper := newTestNewsroom(t)
	a := newTestApp(t, paper.known, withWorkers(2))
	testkit.Eventually(t, "a pass has ended", func() bool { return a.sourceOf(newsroom.ID).LastSuccess != nil })
	s := a.sourceOf(newsroom.ID)
	if s.Health != "ok" && s.Health != "silent" || s.Failures != 0 || s.Stored == 0 || s.NewestItem == nil || s.NextPass == nil || s.NextPass.Before(time.Now()) {
		t.Errorf("%+v", s)
	}
	list := decoded[struct {
		Items   []jobOf
		Count   int
		HasMore bool `json:"has_more"`
	}](t, a.get("/api/scraping/jobs?source=demo&limit=5"))
	if list.Count != 1 || list.HasMore || list.Items[0].Asked || list.Items[0].Progress == nil {
		t.Fatalf("%+v", list)
	}
	j := a.awaitJob(list.Items[0].ID, "completed")
	if p := j.Progress; p.PagesTotal == 0 || p.PagesDone != p.PagesTotal || p.Percent != 100 || p.Report.Saved != s.Stored {
		t.Errorf("%+v", p)
	}
	if other := a.sourceOf("el_tiempo"); other.Health != "untried" {
		t.Errorf("a source that is not to be read by itself: %+v", other)
	}

	// A pass can be requested by an informal name, and reads the source again.
	in := a.trigger("Demo")
	if in.Status != "triggered" || in.Scraper != "DemoScraper" || in.JobID <= j.ID || in.Deduplicated {
		t.Errorf("%+v", in)
	}
	if again := a.awaitJob(in.JobID, "completed"); !again.Asked || again.Progress.Report.Saved != 0 || again.Progress.Report.Found == 0 {
		t.Errorf("%+v", again)
	}
}

// TestTriggers: who may trigger, what is answered, and that a source has only one job.
func TestTriggers(t *testing.T) {
	t.Parallel()
	paper := newTestNewsroom(t)
	a := newTestApp(t, paper.known) // has no workers
	first, second := a.trigger("El Tiempo"), a.trigger("el tiempo")
	if first.Deduplicated || !second.Deduplicated || first.JobID != second.JobID || first.State != "available" || first.Scraper != "ElTiempoScraper" || second.Source != "El Tiempo" {
		t.Errorf("%+v, %+v", first, second)
	}
	if j := decoded[jobOf](t, a.get(fmt.Sprintf("/api/scraping/jobs/%d", first.JobID))); j.State != "available" || j.Source != "El Tiempo" || j.Progress != nil || j.Errors == nil {
		t.Errorf("%+v", j)
	}
	for path, want := range map[string]struct {
		status int
		says   string
	}{
		"POST /api/scraping/trigger/El%20Tiempo":          {401, ""},
		"POST /api/scraping/sources/el_tiempo/pause":      {401, ""},
		"GET /api/v1/scraping/trigger/El%20Tiempo":        {405, "Method Not Allowed"},
		"GET /api/scraping/jobs/999999":                   {404, "Job 999999 not found"},
		"GET /api/scraping/jobs/0":                        {422, ""},
		"GET /api/scraping/jobs?source=El%20Tienpo":       {404, "nearest: El Tiempo"},
		"GET /api/scraping/jobs?state=sleeping":           {422, ""},
		"GET /api/scraping/jobs?limit=101":                {422, ""},
		"GET /api/scraping/jobs?state=running":            {200, `"items":[]`},
		"GET /api/scraping/jobs?source=semana":            {200, `"items":[]`},
		"GET /api/scraping/jobs?source=El%20Tiempo":       {200, `"count":1`},
		"GET /api/scraping/sources?format=catalogue&x=1":  {200, ""},
		"GET /api/scraping/sources?format=catalogue":      {200, `"id":"el_tiempo"`},
		"ADMIN /api/scraping/trigger/Nope":                {404, "Source Nope not found"},
		"ADMIN /api/scraping/trigger/El%20Espectadro":     {404, "nearest: El Espectador"},
		"ADMIN /api/scraping/trigger/%FF%00":              {404, "not found"},
		"ADMIN /api/scraping/trigger/dane":                {200, `"status":"not_implemented"`},
		"ADMIN /api/scraping/sources/el_tiemp/pause":      {404, "nearest"},
		"ADMIN /api/scraping/sources/semana/pause?reason": {200, `"health":"paused"`},
	} {
		method, path, _ := strings.Cut(path, " ")
		var r reply
		if method == "ADMIN" {
			r = a.do("POST", path, "", "X-API-Key", testAdminKey)
		} else {
			r = a.do(method, path, "")
		}
		if r.StatusCode != want.status || !strings.Contains(string(r.body), want.says) {
			t.Errorf("%s %s: %d %.300s, want %d and %q", method, path, r.StatusCode, r.body, want.status, want.says)
		}
	}
	full := decoded[struct {
		Total, Scrapable int
		Sources          []struct{ ID string }
	}](t, a.get("/api/scraping/sources?format=catalogue"))
	if full.Total < 80 || full.Scrapable < 40 || len(full.Sources) != full.Total {
		t.Errorf("the whole catalogue: %d sources, %d scrapable", full.Total, full.Scrapable)
	}
}

// TestPause: a paused source is read on request, and automatically only after it was resumed. The status page changes at
// once.
func TestPause(t *testing.T) {
	t.Parallel()
	paper := newTestNewsroom(t)
	cfg := testConfig(t)
	paper.known(&cfg)
	b := newTestApp(t, func(c *Config) { *c = cfg })
	b.awaitGate()
	b.settle()
	if s := b.sourceOf(newsroom.ID); s.Health != "untried" {
		t.Fatalf("%+v", s)
	}
	b.admin("POST", "/api/scraping/sources/demo/pause?reason=repairs", "", 200)
	if s := b.sourceOf(newsroom.ID); s.Health != "paused" || s.PauseReason != "repairs" || s.PausedAt == nil || s.NextPass != nil {
		t.Errorf("after the pause: %+v", s)
	}
	// Workers elsewhere look but find nothing due; a requested pass is made.
	a := newTestApp(t, func(c *Config) { *c = cfg }, withWorkers(1))
	a.awaitJob(b.trigger("demo").JobID, "completed")
	testkit.Eventually(t, "the sources have been looked through", func() bool { return a.ended("scraping_schedule") > 0 })
	if list := decoded[struct{ Items []jobOf }](t, a.get("/api/scraping/jobs")); len(list.Items) != 1 || !list.Items[0].Asked {
		t.Errorf("%+v", list.Items)
	}
	b.admin("POST", "/api/scraping/sources/demo/resume", "", 200)
	if s := b.sourceOf(newsroom.ID); s.PausedAt != nil || s.PauseReason != "" || s.NextPass == nil || s.NextPass.After(time.Now()) {
		t.Errorf("after the resumption it is due: %+v", s)
	}
}

// ended is how many attempts at jobs of a kind succeeded here.
func (a *testApp) ended(kind string) float64 {
	families, err := a.registry.Gather()
	if err != nil {
		a.t.Fatal(err)
	}
	for _, f := range families {
		if f.GetName() != "jobs_attempts_total" {
			continue
		}
		for _, m := range f.GetMetric() {
			if m.GetLabel()[0].GetValue() == kind && m.GetLabel()[1].GetValue() == "done" {
				return m.GetCounter().GetValue()
			}
		}
	}
	return 0
}

// TestAFailingSourceIsSeen: the pass fails, is tried again, and the status page says why.
func TestAFailingSourceIsSeen(t *testing.T) {
	t.Parallel()
	paper := newTestNewsroom(t)
	paper.gone.Store(true)
	a := newTestApp(t, paper.known, withWorkers(1))
	testkit.Eventually(t, "the failure is told", func() bool { return a.sourceOf(newsroom.ID).Failures > 0 })
	s := a.sourceOf(newsroom.ID)
	if s.Health != "failing" || !strings.Contains(s.Failure, "no entry of the source could be read") || s.LastSuccess != nil {
		t.Errorf("%+v", s)
	}
	list := decoded[struct{ Items []jobOf }](t, a.get("/api/scraping/jobs"))
	j := a.awaitJob(list.Items[0].ID, "retryable")
	if len(j.Errors) != 1 || j.Attempt != 1 {
		t.Errorf("%+v", j)
	}
	// An operator who knows that it works again need not wait for the next attempt.
	paper.gone.Store(false)
	if in := a.trigger("demo"); !in.Deduplicated || in.JobID != j.ID {
		t.Errorf("%+v", in)
	}
	a.awaitJob(j.ID, "completed")
	if s := a.sourceOf(newsroom.ID); s.Failures != 0 || s.Failure != "" || s.LastSuccess == nil {
		t.Errorf("%+v", s)
	}
}

// TestAKilledWorker: after kill -9 of `openlearn work` during a pass a service finishes it, and every article is stored
// once.
func TestAKilledWorker(t *testing.T) {
	t.Parallel()
	const articles, before = 30, 16 // read before the paper falls silent: a batch of ten has been stored
	var read atomic.Int32
	reached, goOn := make(chan struct{}), make(chan struct{})
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		base := "http://" + r.Host
		switch {
		case r.URL.Path == "/feed.xml":
			w.Header().Set("Content-Type", "application/rss+xml")
			fmt.Fprint(w, `<rss version="2.0"><channel><title>Noticiero</title>`)
			for n := range articles {
				fmt.Fprintf(w, `<item><title>Nota %d</title><link>%s/nota-%d</link></item>`, n, base, n)
			}
			fmt.Fprint(w, `</channel></rss>`)
		case strings.HasPrefix(r.URL.Path, "/nota-"):
			switch n := read.Add(1); {
			case n == before:
				close(reached)
				fallthrough
			case n > before:
				select {
				case <-goOn:
				case <-r.Context().Done():
					return
				}
			}
			n := strings.TrimPrefix(r.URL.Path, "/nota-")
			w.Header().Set("Content-Type", "text/html; charset=utf-8")
			fmt.Fprintf(w, `<!doctype html><html lang="es"><head><title>Nota %s</title></head><body><article><h1>Nota %s</h1>`, n, n)
			fmt.Fprintf(w, `<p>La vereda número %s abrió una biblioteca nueva en el centro, con salas para niños, jóvenes y mayores, y un café.</p>`, n)
			fmt.Fprintf(w, `<p>La alcaldesa explicó que el edificio %s, construido con madera de la región, costó menos de lo previsto y abrirá todos los días.</p>`, n)
			fmt.Fprint(w, `</article></body></html>`)
		default:
			http.NotFound(w, r)
		}
	}))
	t.Cleanup(srv.Close)
	base := srv.URL

	cfg := testConfig(t)
	cfg.Scraping.NewsroomURL = base
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	var said bytes.Buffer
	worker := exec.Command(self)
	worker.Env = []string{
		"PATH=" + os.Getenv("PATH"), "TMPDIR=" + os.TempDir(), commandVariable + "=work", "DATABASE_URL=" + cfg.Database.URL, "REDIS_URL=" + cfg.Redis.URL,
		"NEWSROOM_URL=" + base, "SCRAPER_WORKERS=1",
	}
	worker.Stderr = &said
	if err := worker.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- worker.Wait() }()
	select {
	case <-reached:
	case err := <-ended:
		t.Fatalf("the worker ended: %v\n%s", err, said.String())
	case <-time.After(2 * time.Minute):
		_ = worker.Process.Kill()
		t.Fatalf("the worker made no pass\n%s", said.String())
	}
	a := newTestApp(t, func(c *Config) { *c = cfg }, withWorkers(2), func(c *Config) { c.testing.jobs.Lease = 12 * time.Second }) // the worker gives a sign every 5 s
	var held []jobOf
	testkit.Eventually(t, "the job runs", func() bool {
		held = decoded[struct{ Items []jobOf }](t, a.get("/api/scraping/jobs?state=running")).Items
		return len(held) == 1
	})
	if err := worker.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	<-ended
	close(goOn)
	db, err := pgx.Connect(t.Context(), cfg.Database.URL)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close(t.Context())
	var j jobOf
	for deadline := time.Now().Add(2 * time.Minute); j.State != "completed"; time.Sleep(50 * time.Millisecond) {
		if j = decoded[jobOf](t, a.get(fmt.Sprintf("/api/scraping/jobs/%d", held[0].ID))); time.Now().After(deadline) {
			t.Fatalf("nobody finished it: %+v", j)
		}
	}
	if j.Attempt != 2 || len(j.Errors) != 1 || !strings.Contains(j.Errors[0].Error, "died") {
		t.Errorf("%+v", j)
	}
	var stored, distinct, passes int
	if err := db.QueryRow(t.Context(), `SELECT count(*), count(DISTINCT (source_url, title)), (SELECT count(*) FROM river_job WHERE kind = 'scraping_pass') FROM scraped_content`).Scan(&stored, &distinct, &passes); err != nil {
		t.Fatal(err)
	}
	if p := j.Progress; p == nil || stored != articles || stored != distinct || passes != 1 || p.Report.Saved == 0 || p.Report.Saved >= articles {
		t.Errorf("%d articles stored, %d distinct, %d jobs; %+v", stored, distinct, passes, p)
	}
}

// TestOperationsOnSourcesAreLogged: what an operator does to sources is logged with who did it; what is refused is not done.
func TestOperationsOnSourcesAreLogged(t *testing.T) {
	t.Parallel()
	paper := newTestNewsroom(t)
	a, said := loggedApp(t, paper.known)
	name := "/api/scraping/sources/" + newsroom.ID
	a.admin("POST", name+"/pause?reason=mudanza", "", 200)
	a.admin("POST", name+"/resume", "", 200)
	a.admin("POST", "/api/scraping/trigger/"+newsroom.ID, "", 200)
	a.admin("POST", "/api/scraping/trigger/nadie", "", 404)
	if r := a.do("POST", name+"/pause", "", "X-API-Key", "otra"); r.StatusCode < 400 {
		t.Errorf("a wrong key: %d", r.StatusCode)
	}
	var lines []string
	testkit.Eventually(t, "all is logged", func() bool { // the answer may be there before its line
		lines = nil
		for line := range strings.SplitSeq(said.String(), "\n") {
			if strings.Contains(line, `msg="scraping operation"`) {
				lines = append(lines, line)
			}
		}
		return len(lines) >= 4
	})
	for i, want := range []string{
		`operation=scraping-pause source=demo reason=mudanza status=200 actor="admin key" remote=127.0.0.1 `, "operation=scraping-resume source=demo reason=\"\" status=200 ",
		"operation=scraping-trigger source=demo reason=\"\" status=200 ", "operation=scraping-trigger source=nadie reason=\"\" status=404 ",
	} {
		if !strings.Contains(lines[i], want) || !strings.Contains(lines[i], " request_id=") || strings.Contains(lines[i], "request_id=\"\"") || strings.Contains(lines[i], testAdminKey) {
			t.Errorf("%s\nwant %s", lines[i], want)
		}
	}
	if len(lines) != 4 {
		t.Errorf("%d lines: %q", len(lines), lines)
	}
}
