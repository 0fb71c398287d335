package scraping

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"time"

	"openlearn/internal/jobs"
	"openlearn/internal/scraping/source"
)

// The periodic work: every half minute each source that is due gets a job, of which there is only one at a time. How late a
// pass may be depends on its source's priority: see source.Source.Interval.

// queueName is the name of this domain's queue.
const queueName = "scraping"

// PassArgs ask for one pass over a source.
type PassArgs struct {
	Source string `json:"source" river:"unique"` // its id
	// Asked says that somebody asked for the pass: it is made even if the source is paused, and reads everything now.
	Asked bool `json:"asked,omitempty"`

	first bool // ahead of other waiting passes
}

// passKind is the kind of jobs that make a pass.
const passKind = "scraping_pass"

// Kind names the work.
func (PassArgs) Kind() string { return passKind }

// JobPriority puts passes first that somebody waits for, or whose news soon gets old.
func (a PassArgs) JobPriority() int {
	if a.first {
		return 1
	}
	return 2
}

// scheduleArgs ask for a check of which sources are due.
type scheduleArgs struct{}

// Kind names the work.
func (scheduleArgs) Kind() string { return "scraping_schedule" }

// scheduleEvery is how often the sources are checked.
const scheduleEvery = 30 * time.Second

// Work is this domain's background work, with the given number of passes at a time in this process.
func (s *Service) Work(workers int) jobs.Work {
	return jobs.Work{
		Queue: jobs.Queue{Name: queueName, Workers: workers},
		Kinds: []jobs.Kind{
			// A failed pass is tried again twice before the next one is due anyway.
			jobs.Handle(jobs.KindOptions{Timeout: s.cfg.PassTimeout + time.Minute, Attempts: 3, Unique: true, Backoff: jobs.Exponential(2*time.Minute, time.Hour)}, s.workPass),
			jobs.Handle(jobs.KindOptions{Timeout: time.Minute, Attempts: 1, Unique: true}, s.workSchedule),
		},
		Schedules: []jobs.Schedule{{Every: scheduleEvery, Args: scheduleArgs{}}},
	}
}

// workSchedule inserts a pass for every source that is due.
func (s *Service) workSchedule(ctx context.Context, _ *jobs.Job[scheduleArgs]) error {
	ids := []string{}
	for _, src := range s.cfg.Sources.Scrapable() {
		if !src.Disabled && (s.cfg.Only == nil || s.cfg.Only(src)) {
			ids = append(ids, src.ID)
		}
	}
	due, err := s.cfg.Store.Due(ctx, ids)
	if err != nil {
		return err
	}
	passes := make([]jobs.Args, len(due))
	for i, id := range due {
		src, _ := s.cfg.Sources.Find(id)
		passes[i] = PassArgs{Source: id, first: src.Priority == "high"}
	}
	_, err = s.cfg.Jobs.InsertMany(ctx, passes)
	return err
}

// busyPause is how long a pass is put off while another process makes one: `openlearn scrape`, or a process that died
// recently.
const busyPause = 5 * time.Second

var errPaused = errors.New("the source is paused")

// workPass makes one pass. Failures of single pages do not fail the job: they are in the report.
func (s *Service) workPass(ctx context.Context, j *jobs.Job[PassArgs]) error {
	if !j.Args.Asked {
		state, err := s.cfg.Store.State(ctx, j.Args.Source)
		if err != nil {
			return err
		}
		if state.PausedAt != nil {
			return jobs.Cancel(errPaused)
		}
	}
	report, err := s.Scrape(ctx, j.Args.Source, Options{Scheduled: !j.Args.Asked, Progress: func(r Report) { j.Tell(ctx, r.short()) }})
	switch {
	case errors.Is(err, ErrRunning):
		return jobs.Snooze(busyPause)
	case errors.Is(err, ErrUnknownSource): // from the catalogue of another release
		return jobs.Cancel(err)
	}
	j.Conclude(ctx, report.short())
	return err
}

// Trigger asks for a pass over a source now and returns its job, or the existing one if that has not ended.
func (s *Service) Trigger(ctx context.Context, src source.Source) (jobs.Inserted, error) {
	in, err := s.cfg.Jobs.Insert(ctx, PassArgs{Source: src.ID, Asked: true, first: true})
	if err == nil && in.Duplicate {
		err = s.cfg.Jobs.RunNow(ctx, in.ID)
	}
	if err != nil {
		return in, fmt.Errorf("trigger %s: %w", src.ID, err)
	}
	return in, nil
}

// Pause stops scheduled passes over a source, or lets them begin again, the first one now. pending is the result of
// outbox.Write.
func (s *Service) Pause(ctx context.Context, src source.Source, paused bool, reason string) (pending bool, err error) {
	pending, err = s.cfg.Store.Pause(ctx, src.ID, paused, reason)
	if err != nil {
		return pending, fmt.Errorf("pause %s: %w", src.ID, err)
	}
	return pending, nil
}

// concluded records how a pass went, and when the next is due.
func (s *Service) concluded(ctx context.Context, src source.Source, report Report, failed error) {
	e := ended{report: report.short(), failure: report.failure(failed), next: s.nextIn(src, report), newest: report.newest()}
	bound, cancel := context.WithTimeout(context.WithoutCancel(ctx), saveTimeout)
	defer cancel()
	if err := s.cfg.Store.Conclude(bound, e); err != nil {
		s.cfg.Logger.WarnContext(ctx, "scraping: the end of a pass was not recorded", "source", src.ID, "error", err)
	}
}

// longestPause is the longest time between passes, whatever a source asks for.
const longestPause = 24 * time.Hour

// nextIn is the time until the next pass: the source's interval, or longer if its entries ask for that. It varies by a
// tenth, so that sources that began together drift apart.
func (s *Service) nextIn(src source.Source, report Report) time.Duration {
	pause := min(max(src.Interval(), report.TTL), longestPause)
	return time.Duration(float64(pause) * (0.9 + 0.2*rand.Float64()))
}
