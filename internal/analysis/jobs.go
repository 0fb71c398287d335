package analysis

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"time"

	"openlearn/internal/httpapi"
	"openlearn/internal/jobs"
)

// waitingArgs ask for the analysis of everything that waits.
type waitingArgs struct{}

// Kind is what the jobs' rows call it.
func (waitingArgs) Kind() string { return "analysis_waiting" }

// batchArgs ask for the analysis of these articles, which are in ascending order.
type batchArgs struct {
	Articles []int64 `json:"content_ids" river:"unique"`
	Types    []Part  `json:"analysis_types"`
}

const batchKind = "analysis_batch"

// Kind is what the jobs' rows call it.
func (batchArgs) Kind() string { return batchKind }

const (
	lookEvery      = 10 * time.Second // between checks for waiting articles
	waitingTimeout = 10 * time.Minute // of one job: the next one continues
	jobTimeout     = 10 * time.Minute
	batchAtOnce    = 50 // articles between two reports of a batch's progress
)

// Work is this domain's background work: analysing waiting articles in one job at a time over all instances, on the given
// number of processors, and beside it as many batches that somebody asked for. 0 leaves the work to other instances.
func (s *Service) Work(workers int) []jobs.Work {
	return []jobs.Work{
		{
			Queue: jobs.Queue{Name: "analysis", Workers: min(workers, 1)},
			Kinds: []jobs.Kind{jobs.Handle(jobs.KindOptions{Timeout: waitingTimeout, Attempts: 1, Unique: true}, func(ctx context.Context, _ *jobs.Job[waitingArgs]) error {
				return s.workOff(ctx, workers)
			})},
			Schedules: []jobs.Schedule{{Every: lookEvery, Args: waitingArgs{}}},
		},
		{
			Queue: jobs.Queue{Name: "analysis_batch", Workers: workers},
			Kinds: []jobs.Kind{jobs.Handle(jobs.KindOptions{Timeout: jobTimeout, Unique: true}, s.batch)},
		},
	}
}

// workOff analyses waiting articles until there are none, or the job's time is nearly over.
func (s *Service) workOff(ctx context.Context, parallel int) error {
	until := time.Now().Add(waitingTimeout - time.Minute)
	for time.Now().Before(until) {
		taken, _, err := s.Step(ctx, parallel)
		if err != nil || taken == 0 {
			return err
		}
	}
	return nil
}

// progress is the progress of a batch.
type progress struct {
	Done    int     `json:"done"`
	Total   int     `json:"total"`
	Missing []int64 `json:"missing"` // articles that do not exist
}

// batch analyses the articles of a job again. Repeating it gives the same results.
func (s *Service) batch(ctx context.Context, j *jobs.Job[batchArgs]) error {
	p := progress{Total: len(j.Args.Articles), Missing: []int64{}}
	for ids := range slices.Chunk(j.Args.Articles, batchAtOnce) {
		texts, err := s.archive.Texts(ctx, ids)
		if err != nil {
			return err
		}
		there := make([]int64, len(texts))
		for i := range texts {
			there[i] = texts[i].ID
		}
		for _, id := range ids {
			if !slices.Contains(there, id) {
				p.Missing = append(p.Missing, id)
			}
		}
		marked, err := s.store.Mark(ctx, there)
		if err != nil {
			return err
		}
		if _, err := s.analyse(ctx, marked, 1); err != nil {
			return err
		}
		p.Done += len(there)
		j.Tell(ctx, p)
	}
	j.Conclude(ctx, p)
	return nil
}

// mostQueued bounds how many batches may wait, because anybody may ask for one.
const mostQueued = 100

// Enqueue has a job analyse these articles again. While a batch of the same articles has not ended, it returns that job.
func (s *Service) Enqueue(ctx context.Context, articles []int64, types []Part) (jobs.Inserted, error) {
	ids := slices.Compact(slices.Sorted(slices.Values(articles)))
	waiting, err := s.jobs.List(ctx, jobs.Filter{Kinds: []string{batchKind}, States: []jobs.State{jobs.Available, jobs.Retryable, jobs.Scheduled, jobs.Running}, Limit: mostQueued})
	if err != nil {
		return jobs.Inserted{}, err
	}
	if len(waiting) >= mostQueued {
		return jobs.Inserted{}, errQueueFull
	}
	return s.jobs.Insert(ctx, batchArgs{ids, types})
}

var errQueueFull = httpapi.NewError(http.StatusTooManyRequests, fmt.Sprintf("%d batches are waiting already: try again later", mostQueued))

// BatchJob is a batch as the API shows it.
type BatchJob struct {
	ID         int64      `json:"id"`
	Status     string     `json:"status" doc:"queued, processing, completed or failed"`
	ContentIDs []int64    `json:"content_ids" nullable:"false"`
	Types      []Part     `json:"analysis_types" nullable:"false"`
	Done       int        `json:"done" doc:"Articles analysed so far"`
	Total      int        `json:"total"`
	Progress   float64    `json:"progress" doc:"0 to 1"`
	Missing    []int64    `json:"missing" nullable:"false" doc:"Articles that do not exist"`
	Attempts   int        `json:"attempts"`
	Error      *string    `json:"error" doc:"Why the last attempt failed"`
	CreatedAt  time.Time  `json:"created_at"`
	StartedAt  *time.Time `json:"started_at"`
	EndedAt    *time.Time `json:"finished_at"`
}

// Batch returns the current state of a batch, jobs.ErrNotFound if there is none.
func (s *Service) Batch(ctx context.Context, id int64) (BatchJob, error) {
	i, err := s.jobs.Get(ctx, id, batchKind)
	if err != nil {
		return BatchJob{}, err
	}
	var args batchArgs
	if err := json.Unmarshal(i.Args, &args); err != nil {
		return BatchJob{}, fmt.Errorf("arguments of job %d: %w", id, err)
	}
	p := progress{Total: len(args.Articles), Missing: []int64{}}
	if len(i.Progress) > 0 {
		if err := json.Unmarshal(i.Progress, &p); err != nil {
			return BatchJob{}, fmt.Errorf("progress of job %d: %w", id, err)
		}
	}
	b := BatchJob{
		ID: i.ID, Status: statusOf(i.State), ContentIDs: args.Articles, Types: args.Types, Done: p.Done, Total: p.Total, Missing: p.Missing,
		Attempts: i.Attempt, CreatedAt: i.Created.UTC(), StartedAt: i.Begun, EndedAt: i.Ended,
	}
	if b.Total > 0 {
		b.Progress = round(float64(p.Done+len(p.Missing))/float64(p.Total), 3)
	}
	if n := len(i.Errors); n > 0 && i.State != jobs.Completed {
		b.Error = ref("the attempt failed; the service's log says why")
	}
	return b, nil
}

func statusOf(s jobs.State) string {
	switch s {
	case jobs.Completed:
		return "completed"
	case jobs.Cancelled, jobs.Discarded:
		return "failed"
	case jobs.Running:
		return "processing"
	}
	return "queued"
}

type batchAnalyzeInput struct {
	Body struct {
		ContentIDs []int64  `json:"content_ids" minItems:"1" maxItems:"1000" doc:"Numbers of articles"`
		Types      []string `json:"analysis_types,omitempty" maxItems:"20" doc:"As in /api/analysis/analyze; articles are always analysed whole"`
	}
}

type batchAnalyzeOutput struct {
	Body struct {
		Message    string  `json:"message"`
		ContentIDs []int64 `json:"content_ids" nullable:"false"`
		Status     string  `json:"status" doc:"processing: the job says how far it is"`
		JobID      int64   `json:"job_id" doc:"See /api/analysis/jobs/{id}"`
		Duplicate  bool    `json:"duplicate" doc:"These articles had been asked for, and are under way"`
	}
}

func (h *handlers) batchAnalyze(ctx context.Context, in *batchAnalyzeInput) (*batchAnalyzeOutput, error) {
	for i, id := range in.Body.ContentIDs {
		if id < 1 {
			return nil, httpapi.Value("articles have positive numbers", id, "body", "content_ids", i)
		}
	}
	types := wanted(in.Body.Types)
	if in.Body.Types == nil {
		types = []Part{PartSentiment, PartEntities, PartTopics}
	}
	job, err := h.s.Enqueue(ctx, in.Body.ContentIDs, types)
	if err != nil {
		return nil, err
	}
	out := &batchAnalyzeOutput{}
	b := &out.Body
	b.Message = fmt.Sprintf("Analysis of %d articles is under way", len(in.Body.ContentIDs))
	b.ContentIDs, b.Status, b.JobID, b.Duplicate = in.Body.ContentIDs, "processing", job.ID, job.Duplicate
	return out, nil
}

type jobInput struct {
	ID int64 `path:"id" doc:"The job's number"`
}

type jobOutput struct{ Body BatchJob }

func (h *handlers) job(ctx context.Context, in *jobInput) (*jobOutput, error) {
	b, err := h.s.Batch(ctx, in.ID)
	if errors.Is(err, jobs.ErrNotFound) {
		return nil, httpapi.NotFound("Analysis job not found")
	}
	return &jobOutput{b}, err
}
