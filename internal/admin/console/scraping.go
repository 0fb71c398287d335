package console

import (
	"context"
	"net/http"
	"net/url"
	"strings"
	"time"
)

// ScrapingPath is the page of scraping: sources, their health, and jobs.
const ScrapingPath = Path + "/scraping"

// Scraping is what the page needs. It is an interface because the console knows no domain; the composition root adapts.
type Scraping interface {
	Sources(ctx context.Context) ([]Source, error)
	Jobs(ctx context.Context) ([]ScrapingJob, error)
	// Trigger requests a pass over a source and returns its job; deduplicated means that there was one already.
	Trigger(ctx context.Context, source string) (job int64, deduplicated bool, err error)
	Pause(ctx context.Context, source string, paused bool, reason string) error
}

// Source is the state of a source.
type Source struct {
	ID, Name, Priority, Health  string
	Paused, Scrapable           bool
	PauseReason, Failure        string
	Failures                    int
	Stored                      int64
	LastSuccess, Newest, NextAt *time.Time
}

// ScrapingJob is one pass as a job.
type ScrapingJob struct {
	ID                 int64
	Source, State      string
	Asked              bool
	Attempt, Attempts  int
	Pages, Done        int // of the pass, as far as it is known
	Stored, Revised    int
	Duplicates, Failed int
	Due                time.Time
	Started, Ended     *time.Time
	Error              string
}

// Service is a foreign service that data comes from, as this instance has seen it.
type Service struct {
	Name, State, Breaker, Error string
	Last                        *time.Time // when it last gave data
}

// serviceRow is a service on the page.
type serviceRow struct {
	Service
	Level, LastSuccess string
}

func serviceRows(now time.Time, of func() []Service) (rows []serviceRow) {
	if of == nil {
		return nil
	}
	for _, s := range of() {
		level := map[string]string{"up": "good", "failing": "fair", "resting": "fair", "down": "poor"}[s.State]
		rows = append(rows, serviceRow{s, level, ago(now, s.Last)})
	}
	return rows
}

// scrapingView is the page.
type scrapingView struct {
	At       time.Time
	LoggedIn bool
	Instance string
	Said     string // the result of a form
	Problem  string

	Sources, Silent []sourceRow // those that are read, and those without an entry
	Jobs            []jobRow
	Services        []serviceRow
	Counts          []healthCount
	Running         int
	Waiting         int
}

type sourceRow struct {
	Source
	Level, Word                        string
	LastSuccess, Newest, NextAt, Title string
}

type jobRow struct {
	ScrapingJob
	Level, Started, Took string
}

type healthCount struct {
	Word, Level string
	N           int
}

// healthWords name the states of health, worst first, with the colours of their cells.
var healthWords = []struct{ health, word, level string }{
	{"failing", "failing", "poor"},
	{"silent", "silent", "fair"},
	{"paused", "paused", "fair"},
	{"untried", "not tried yet", ""},
	{"ok", "well", "good"},
	{"disabled", "disabled", ""},
	{"no_entry", "no entry", ""},
}

func (c *Console) scraping(w http.ResponseWriter, r *http.Request, op operator) {
	v := c.scrapingView(r.Context())
	v.LoggedIn, v.Instance = op.session != nil || op.account, c.opt.Instance
	v.Said = saidOf(r.URL.Query())
	status := http.StatusOK
	if v.Problem != "" {
		status = http.StatusServiceUnavailable
	}
	c.render(w, r, status, "scraping.html", v)
}

// scrapingLive is what changes on the page, for its script.
func (c *Console) scrapingLive(w http.ResponseWriter, r *http.Request, _ operator) {
	c.render(w, r, http.StatusOK, "scraping-live", c.scrapingView(r.Context()))
}

// saidOf describes what a form did. It shows only our own words, and names that the page shows anyway.
func saidOf(q url.Values) string {
	source := q.Get("source")
	if len(source) > 100 {
		source = ""
	}
	switch q.Get("did") {
	case "run":
		return "A pass over " + source + " was asked for: it begins when a worker is free."
	case "again":
		return "A pass over " + source + " is under way or waits already."
	case "pause":
		return source + " is paused."
	case "resume":
		return source + " is read again."
	}
	return ""
}

// operateScraping does what a form asks and shows the page again.
func (c *Console) operateScraping(w http.ResponseWriter, r *http.Request, op operator) {
	if !c.form(w, r) {
		return
	}
	source, do := r.PostForm.Get("source"), r.PostForm.Get("do")
	did := do
	var err error
	switch do {
	case "run":
		var deduplicated bool
		if _, deduplicated, err = c.opt.Scraping.Trigger(r.Context(), source); deduplicated {
			did = "again"
		}
	case "pause", "resume":
		err = c.opt.Scraping.Pause(r.Context(), source, do == "pause", strings.TrimSpace(r.PostForm.Get("reason")))
	default:
		c.refuse(w, r, http.StatusBadRequest, "The form asks for nothing that can be done.")
		return
	}
	if err != nil {
		c.opt.Logger.Warn("console: a source could not be operated", "source", source, "do", do, "actor", op.Actor, "error", err)
		c.refuse(w, r, statusOf(err), messageOf(err))
		return
	}
	c.opt.Logger.Info("console: a source was operated", "source", source, "do", do, "actor", op.Actor)
	c.redirect(w, r, ScrapingPath+"?"+url.Values{"did": {did}, "source": {source}}.Encode()+"#said")
}

func (c *Console) scrapingView(ctx context.Context) scrapingView {
	now := c.opt.Now()
	v := scrapingView{At: now, Services: serviceRows(now, c.opt.Services)}
	sources, err := c.opt.Scraping.Sources(ctx)
	var jobs []ScrapingJob
	if err == nil {
		jobs, err = c.opt.Scraping.Jobs(ctx)
	}
	if err != nil {
		c.opt.Logger.Warn("console: the state of scraping could not be read", "error", err)
		v.Problem = "The state of scraping could not be read: the log says why."
		return v
	}
	for _, h := range healthWords {
		n := 0
		for _, s := range sources {
			if s.Health != h.health {
				continue
			}
			n++
			row := sourceRow{Source: s, Level: h.level, Word: h.word, LastSuccess: ago(now, s.LastSuccess), Newest: ago(now, s.Newest), NextAt: until(now, s.NextAt)}
			if s.Scrapable {
				v.Sources = append(v.Sources, row)
			} else {
				v.Silent = append(v.Silent, row)
			}
		}
		if n > 0 {
			v.Counts = append(v.Counts, healthCount{capital(h.word), h.level, n})
		}
	}
	for _, j := range jobs {
		row := jobRow{ScrapingJob: j, Started: ago(now, j.Started)}
		switch j.State {
		case "running":
			v.Running++
			row.Took = took(j.Started, &now)
		case "available", "retryable", "scheduled":
			v.Waiting++
			row.Level, row.Started = map[string]string{"retryable": "fair"}[j.State], until(now, &j.Due)
		case "completed":
			row.Level, row.Took = "good", took(j.Started, j.Ended)
		case "discarded":
			row.Level, row.Took = "poor", took(j.Started, j.Ended)
		}
		v.Jobs = append(v.Jobs, row)
	}
	return v
}

func ago(now time.Time, at *time.Time) string {
	if at == nil {
		return none
	}
	return span(max(now.Sub(*at), 0)) + " ago"
}

func until(now time.Time, at *time.Time) string {
	switch {
	case at == nil:
		return none
	case !at.After(now):
		return "due"
	}
	return "in " + span(at.Sub(now))
}

func took(from, to *time.Time) string {
	if from == nil || to == nil {
		return none
	}
	return span(max(to.Sub(*from), 0))
}
