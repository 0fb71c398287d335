package scraping

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humaecho"
	"github.com/labstack/echo/v4"

	"openlearn/internal/httpapi"
	"openlearn/internal/jobs"
	"openlearn/internal/outbox"
	"openlearn/internal/scraping/source"
)

// registerJobs mounts the routes that request, follow, pause and resume passes.
func registerJobs(api *httpapi.API, h *handlers) {
	admin := func(path, id, summary string) huma.Operation {
		op := api.AdminOnly(huma.Operation{
			Method: http.MethodPost, Path: "/api/scraping" + path, OperationID: id, Summary: summary, Tags: []string{"scraping"},
			Errors: []int{http.StatusUnauthorized, http.StatusForbidden, http.StatusNotFound, http.StatusServiceUnavailable},
		})
		op.Middlewares = append(op.Middlewares, h.audit)
		return op
	}
	get := func(path, id, summary string, errors ...int) huma.Operation {
		return huma.Operation{Method: http.MethodGet, Path: "/api/scraping" + path, OperationID: id, Summary: summary, Tags: []string{"scraping"}, Errors: errors}
	}
	huma.Register(api, admin("/trigger/{source_name}", "scraping-trigger", "Ask for a pass over a source now"), h.trigger)
	huma.Register(api, admin("/sources/{source_name}/pause", "scraping-pause", "Let no more passes over a source begin by themselves"), h.pause)
	huma.Register(api, admin("/sources/{source_name}/resume", "scraping-resume", "Let passes over a source begin again, the first now"), h.resume)
	huma.Register(api, get("/jobs", "scraping-jobs", "Passes that wait, run, or ended lately; the newest first"), h.jobs)
	huma.Register(api, get("/jobs/{id}", "scraping-job", "One pass, and how far it is", http.StatusNotFound), h.job)
}

// audit logs who asked for what, and the answer's status.
func (h *handlers) audit(ctx huma.Context, next func(huma.Context)) {
	next(ctx)
	c := humaecho.Unwrap(ctx)
	r := c.Request()
	h.scraping.cfg.Logger.Info("scraping operation", "operation", ctx.Operation().OperationID, "source", httpapi.Shorten(ctx.Param("source_name")),
		"reason", httpapi.Shorten(ctx.Query("reason")), "status", c.Response().Status, "actor", httpapi.Actor(r), "remote", httpapi.ClientAddress(r),
		"request_id", c.Response().Header().Get(echo.HeaderXRequestID))
}

type sourceInput struct {
	Name string `path:"source_name" maxLength:"200" doc:"Id, name or alias of a source, in any spelling of its accents" example:"El Tiempo"`
}

// Named finds the source of that name, or returns a 404 that suggests the nearest names.
func (s *Service) Named(name string) (source.Source, error) {
	if plain, err := url.PathUnescape(name); err == nil {
		name = plain
	}
	src, ok := s.cfg.Sources.Find(name)
	if ok {
		return src, nil
	}
	text := fmt.Sprintf("Source %s not found", httpapi.Shorten(name))
	var near []string
	for _, id := range s.cfg.Sources.Nearest(name, 3) {
		if one, ok := s.cfg.Sources.Find(id); ok {
			near = append(near, one.Name)
		}
	}
	if len(near) > 0 {
		text += "; nearest: " + strings.Join(near, ", ")
	}
	return src, httpapi.NotFound(text)
}

// triggerOutput is dynamic because the contract has two shapes: a source that cannot be scraped is not an error.
type triggerOutput struct{ Body any }

type triggered struct {
	Status       string     `json:"status"`
	Source       string     `json:"source"`
	Scraper      string     `json:"scraper"`
	JobID        int64      `json:"job_id"`
	Deduplicated bool       `json:"deduplicated"`
	State        jobs.State `json:"state"`
	Timestamp    time.Time  `json:"timestamp"`
}

type notImplemented struct {
	Status    string   `json:"status"`
	Source    string   `json:"source"`
	Message   string   `json:"message"`
	Available []string `json:"available_scrapers"`
}

func (h *handlers) trigger(ctx context.Context, in *sourceInput) (*triggerOutput, error) {
	src, err := h.scraping.Named(in.Name)
	if err != nil {
		return nil, err
	}
	if !src.Scrapable() {
		return &triggerOutput{notImplemented{
			"not_implemented", src.Name, fmt.Sprintf("No entry of %s is known: openlearn sources probe %s looks for some", src.Name, src.ID), h.catalogue.Implemented(),
		}}, nil
	}
	job, err := h.scraping.Trigger(ctx, src)
	if err != nil {
		return nil, err
	}
	return &triggerOutput{triggered{"triggered", src.Name, scraperName(src), job.ID, job.Duplicate, job.State, time.Now().UTC()}}, nil
}

// scraperName is what the original called the class: El Tiempo had an ElTiempoScraper.
func scraperName(src source.Source) string {
	var b strings.Builder
	for word := range strings.SplitSeq(src.ID, "_") {
		if word != "" {
			b.WriteString(strings.ToUpper(word[:1]) + word[1:])
		}
	}
	return b.String() + "Scraper"
}

type pauseInput struct {
	Name   string `path:"source_name" maxLength:"200"`
	Reason string `query:"reason" maxLength:"300" doc:"Shown to other operators"`
}

type sourceOutput struct {
	Invalidation string `header:"X-Invalidation"`
	Body         SourceStatus
}

func (h *handlers) pause(ctx context.Context, in *pauseInput) (*sourceOutput, error) {
	return h.setPaused(ctx, in.Name, true, in.Reason)
}

func (h *handlers) resume(ctx context.Context, in *sourceInput) (*sourceOutput, error) {
	return h.setPaused(ctx, in.Name, false, "")
}

func (h *handlers) setPaused(ctx context.Context, name string, paused bool, reason string) (*sourceOutput, error) {
	src, err := h.scraping.Named(name)
	if err != nil {
		return nil, err
	}
	pending, err := h.scraping.Pause(ctx, src, paused, reason)
	if errors.Is(err, outbox.ErrUnconfirmed) {
		return nil, httpapi.StoredUnconfirmed("")
	}
	if err != nil {
		return nil, err
	}
	st, err := h.scraping.cfg.Store.State(ctx, src.ID)
	if err != nil {
		return nil, err
	}
	out := &sourceOutput{Body: statusOf(src, st, time.Now())}
	if pending {
		out.Invalidation = httpapi.InvalidationPending
	}
	return out, nil
}

type jobsInput struct {
	Source string `query:"source" maxLength:"200" doc:"Only passes over this source: id, name or alias"`
	State  string `query:"state" enum:"available,scheduled,retryable,running,completed,cancelled,discarded" doc:"Only jobs in this state"`
	Limit  int    `query:"limit" minimum:"1" maximum:"100" default:"50"`
	Before int64  `query:"before" minimum:"0" doc:"Only jobs with lower ids: next_before of the page before"`
}

type jobsOutput struct {
	CacheControl string `header:"Cache-Control"`
	Body         struct {
		Items      []JobStatus `json:"items" nullable:"false"`
		HasMore    bool        `json:"has_more"`
		NextBefore *int64      `json:"next_before"`
		Count      int         `json:"count"`
	}
}

// JobStatus is a pass as a job.
type JobStatus struct {
	ID        int64               `json:"id"`
	Source    string              `json:"source"`
	SourceID  string              `json:"source_id"`
	State     jobs.State          `json:"state" doc:"available: waits for a worker; scheduled: for its time; retryable: failed, and waits for another attempt; discarded: failed as often as it may"`
	Asked     bool                `json:"asked" doc:"Somebody asked for it; else it was due"`
	Attempt   int                 `json:"attempt"`
	Attempts  int                 `json:"max_attempts"`
	CreatedAt time.Time           `json:"created_at"`
	DueAt     time.Time           `json:"due_at"`
	StartedAt *time.Time          `json:"started_at"`
	EndedAt   *time.Time          `json:"ended_at"`
	Progress  *JobProgress        `json:"progress"`
	Errors    []jobs.AttemptError `json:"errors" nullable:"false" doc:"Of attempts that failed"`
}

// JobProgress is how far a pass is.
type JobProgress struct {
	PagesTotal int     `json:"pages_total"`
	PagesDone  int     `json:"pages_done"`
	Percent    float64 `json:"percent"`
	Report     Report  `json:"report"`
}

// Passes lists a page of passes as jobs, the newest first: of one source by its id ("" = all), in one state ("" = any),
// with ids below before (0 = the newest). more says whether there are others.
func (s *Service) Passes(ctx context.Context, id, state string, before int64, limit int) (found []JobStatus, more bool, err error) {
	f := jobs.Filter{Kinds: []string{passKind}, Before: before, Limit: limit + 1}
	if state != "" {
		f.States = []jobs.State{jobs.State(state)}
	}
	if id != "" {
		f.Like = likeSource{id}
	}
	infos, err := s.cfg.Jobs.List(ctx, f)
	if err != nil {
		return nil, false, err
	}
	if more = len(infos) > limit; more {
		infos = infos[:limit]
	}
	found = make([]JobStatus, len(infos))
	for i, info := range infos {
		if found[i], err = s.jobStatus(info); err != nil {
			return nil, false, err
		}
	}
	return found, more, nil
}

func (s *Service) jobStatus(i jobs.Info) (JobStatus, error) {
	var args PassArgs
	if err := json.Unmarshal(i.Args, &args); err != nil {
		return JobStatus{}, fmt.Errorf("arguments of job %d: %w", i.ID, err)
	}
	out := JobStatus{
		ID: i.ID, SourceID: args.Source, Source: args.Source, State: i.State, Asked: args.Asked, Attempt: i.Attempt, Attempts: i.Attempts,
		CreatedAt: i.Created, DueAt: i.Scheduled, StartedAt: i.Begun, EndedAt: i.Ended, Errors: append([]jobs.AttemptError{}, i.Errors...),
	}
	if src, ok := s.cfg.Sources.Find(args.Source); ok {
		out.Source = src.Name
	}
	if i.Progress != nil {
		p := &JobProgress{}
		if err := json.Unmarshal(i.Progress, &p.Report); err != nil {
			return out, fmt.Errorf("progress of job %d: %w", i.ID, err)
		}
		p.PagesTotal, p.PagesDone = p.Report.tried()
		if p.Percent = 100; p.PagesTotal > 0 {
			p.Percent = 100 * float64(p.PagesDone) / float64(p.PagesTotal)
		}
		out.Progress = p
	}
	return out, nil
}

func (h *handlers) jobs(ctx context.Context, in *jobsInput) (*jobsOutput, error) {
	id := ""
	if in.Source != "" {
		src, err := h.scraping.Named(in.Source)
		if err != nil {
			return nil, err
		}
		id = src.ID
	}
	out := &jobsOutput{CacheControl: "no-store"}
	b := &out.Body
	var err error
	if b.Items, b.HasMore, err = h.scraping.Passes(ctx, id, in.State, in.Before, in.Limit); err != nil {
		return nil, err
	}
	if b.Count = len(b.Items); b.HasMore {
		b.NextBefore = &b.Items[b.Count-1].ID
	}
	return out, nil
}

// likeSource selects passes by their source.
type likeSource struct {
	Source string `json:"source"`
}

// Kind is the kind of passes.
func (likeSource) Kind() string { return passKind }

type jobInput struct {
	ID int64 `path:"id" minimum:"1" doc:"The job's number"`
}

type jobOutput struct {
	CacheControl string `header:"Cache-Control"`
	Body         JobStatus
}

func (h *handlers) job(ctx context.Context, in *jobInput) (*jobOutput, error) {
	i, err := h.scraping.cfg.Jobs.Get(ctx, in.ID, passKind)
	if errors.Is(err, jobs.ErrNotFound) {
		return nil, httpapi.NotFound(fmt.Sprintf("Job %d not found: there is none, or it ended long ago", in.ID))
	}
	if err != nil {
		return nil, err
	}
	out := &jobOutput{CacheControl: "no-store"}
	out.Body, err = h.scraping.jobStatus(i)
	return out, err
}
