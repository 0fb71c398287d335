// Package jobs runs background work that outlives a process: jobs are rows in PostgreSQL, which River (riverqueue/river)
// hands to the workers of any instance, retries with backoff and schedules. Only this package uses River.
//
// A domain declares its jobs and schedules in its jobs.go as Work; the composition root registers it. To have work done,
// insert the arguments of a job. Another process may run it, perhaps one of a later release: arguments are stored as JSON
// and hold everything that the job needs.
//
// A job may run twice, because a process may die right after it did the work. So work must be idempotent.
package jobs

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"sync"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/riverqueue/river"
	"github.com/riverqueue/river/riverdriver/riverpgxv5"

	"openlearn/internal/periodic"
	"openlearn/internal/postgres"
)

// Options configure a Client. Database is required.
type Options struct {
	// Database holds the jobs. The client has a pool of its own, separate from that of requests, with PoolSize connections:
	// so work never takes a connection from a request, nor waits for one. It connects when it is first used.
	Database postgres.Config
	// PoolSize bounds the pool; 0 = 4.
	PoolSize int32
	// SoftStop is how long running jobs may go on when the client stops, before their contexts end; 0 = 10 s.
	SoftStop time.Duration
	// Poll is how often workers look for jobs; 0 = 1 s.
	Poll time.Duration
	// Beat is how often a process gives a sign of life, and looks for jobs of processes that no longer do; 0 = 5 s.
	Beat time.Duration
	// Lease is how long after its last sign of life a process is presumed dead and its jobs go to others; 0 = 30 s. A
	// process that could not give a sign for two thirds of this time gives up its jobs.
	Lease time.Duration
	// Registerer receives the metrics; nil = there are none.
	Registerer prometheus.Registerer
	// Logger receives log messages; nil = discard.
	Logger *slog.Logger
}

// Queue is a line of jobs with workers of its own, so that one domain's work does not wait behind another's.
type Queue struct {
	Name string
	// Workers is how many of its jobs this process runs at a time; 0 = none: other processes do.
	Workers int
}

// Work is a domain's background work.
type Work struct {
	Queue     Queue
	Kinds     []Kind
	Schedules []Schedule
}

// Schedule inserts a job periodically from the process that is the leader. The first is inserted when a leader begins. Its
// kind should be Unique, so that jobs do not pile up while there are no workers.
type Schedule struct {
	Every time.Duration
	Args  Args
}

// Client gives the process access to jobs. Without Start it inserts and reads jobs, but runs none.
type Client struct {
	options Options
	id      string
	log     *slog.Logger
	pool    *pgxpool.Pool
	metrics *metrics

	river *river.Client[pgx.Tx]
	kinds map[string]Kind
	works bool // some queue has workers

	heart    *periodic.Runner
	current  sync.Map // int64 → context.CancelCauseFunc: the jobs under way
	mu       sync.Mutex
	started  bool // River's client has been started
	stopping bool
	heard    time.Time // when the last recorded sign of life was begun
	stopped  chan struct{}
	stopErr  error
	close    sync.Once
}

// Open makes a Client. PostgreSQL need not be reachable yet. Register and, in the end, Close must follow.
func Open(ctx context.Context, o Options) (*Client, error) {
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	or(&o.PoolSize, 4)
	or(&o.SoftStop, 10*time.Second)
	or(&o.Poll, time.Second)
	or(&o.Beat, 5*time.Second)
	or(&o.Lease, 30*time.Second)
	cfg := o.Database
	cfg.MaxConns, cfg.Tracer, cfg.Name = o.PoolSize, nil, "openlearn jobs" // polls are not queries of requests
	cfg.StatementTimeout = 30 * time.Second                                // old jobs are deleted ten thousand at a time
	pool, err := postgres.OpenPool(ctx, cfg)
	if err != nil {
		return nil, fmt.Errorf("jobs: %w", err)
	}
	host, err := os.Hostname()
	if err != nil {
		host = "unnamed"
	}
	c := &Client{
		options: o, pool: pool, log: o.Logger, kinds: map[string]Kind{}, stopped: make(chan struct{}),
		id: fmt.Sprintf("%.60s-%d-%s", host, os.Getpid(), rand.Text()[:12]),
	}
	if c.metrics, err = newMetrics(o.Registerer, pool); err != nil {
		pool.Close()
		return nil, err
	}
	return c, nil
}

func or[T comparable](v *T, fallback T) {
	var zero T
	if *v == zero {
		*v = fallback
	}
}

// Register registers the domains' work. It is called once, before anything is inserted.
func (c *Client) Register(works ...Work) error {
	workers := river.NewWorkers()
	config := &river.Config{
		ID:     c.id,
		Logger: slog.New(quieten(c.log.Handler())),
		// Without LISTEN, which would hold a connection and would not work through a pooler.
		PollOnly: true, FetchPollInterval: c.options.Poll, FetchCooldown: min(c.options.Poll, river.FetchCooldownDefault),
		SoftStopTimeout: c.options.SoftStop,
		// Only the owner of the tables may REINDEX, and the service does not run as the owner.
		ReindexerIndexNames: []string{}, ReindexerSchedule: river.NeverSchedule(),
	}
	queues := map[string]river.QueueConfig{}
	for _, w := range works {
		if w.Queue.Workers > 0 {
			queues[w.Queue.Name] = river.QueueConfig{MaxWorkers: w.Queue.Workers}
		}
		for _, k := range w.Kinds {
			k.queue = w.Queue.Name
			if err := k.register(c, k, workers); err != nil {
				return fmt.Errorf("jobs: %w", err)
			}
			c.kinds[k.name] = k
			c.metrics.begin(k.name)
		}
		for _, s := range w.Schedules {
			k, ok := c.kinds[s.Args.Kind()]
			if !ok || s.Every <= 0 {
				return fmt.Errorf("jobs: the schedule of %q: the kind must be known, and the pause positive", s.Args.Kind())
			}
			config.PeriodicJobs = append(config.PeriodicJobs, river.NewPeriodicJob(river.PeriodicInterval(s.Every),
				func() (river.JobArgs, *river.InsertOpts) { return s.Args, k.insertOpts(s.Args) }, &river.PeriodicJobOpts{RunOnStart: true}))
		}
	}
	// The leader schedules for all, so every process with workers has all kinds and schedules, whatever its queues.
	if c.works = len(queues) > 0; c.works {
		config.Queues, config.Workers = queues, workers
	} else {
		config.PeriodicJobs = nil
	}
	client, err := river.NewClient(riverpgxv5.New(c.pool), config)
	if err != nil {
		return fmt.Errorf("jobs: %w", err)
	}
	c.river = client
	return nil
}

// Works says whether Start starts workers in this process.
func (c *Client) Works() bool { return c.works }

// Start starts the workers, if any queue has them. If PostgreSQL is away they begin when it is back.
func (c *Client) Start(ctx context.Context) {
	if !c.works {
		return
	}
	c.heart = periodic.Start(ctx, periodic.Job{Name: "jobs", Every: c.options.Beat, Pass: c.beat, Logger: c.options.Logger})
}

// startRiver starts River's client once, unless we are already stopping.
func (c *Client) startRiver(ctx context.Context) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.started || c.stopping {
		return nil
	}
	if err := c.river.Start(context.WithoutCancel(ctx)); err != nil {
		return fmt.Errorf("start the workers: %w", err)
	}
	c.started = true
	c.log.Info("working on jobs", "worker", c.id)
	return nil
}

// errNotStopped is the error of Close if jobs did not end.
var errNotStopped = errors.New("jobs: some did not end in time: others will do them again")

// Drain lets the running jobs end and starts no more. It does not wait; Close does.
func (c *Client) Drain() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.stopping {
		return
	}
	c.stopping = true
	go func() {
		defer close(c.stopped)
		c.stopErr = c.stopRiver()
	}()
}

// stopBeyond is how long after SoftStop we wait for jobs that do not end although their contexts have, and for their
// results to be recorded.
const stopBeyond = 10 * time.Second

func (c *Client) stopRiver() error {
	c.mu.Lock()
	started := c.started
	c.mu.Unlock()
	if !started {
		return nil
	}
	ctx, cancel := context.WithTimeout(context.Background(), c.options.SoftStop+stopBeyond)
	defer cancel()
	if err := c.river.Stop(ctx); err != nil {
		return fmt.Errorf("%w: %w", errNotStopped, err)
	}
	return nil
}

// Close drains, waits for the running jobs, and closes the pool. Signs of life go on until the last job has ended. Further
// calls do nothing.
func (c *Client) Close() (err error) {
	c.close.Do(func() { err = c.closeAll() })
	return err
}

func (c *Client) closeAll() error {
	c.Drain()
	<-c.stopped
	c.heart.Close()
	c.leave()
	closed := make(chan struct{})
	go func() { c.pool.Close(); close(closed) }()
	select {
	case <-closed:
		return c.stopErr
	case <-time.After(stopBeyond):
		return errors.Join(c.stopErr, errors.New("jobs: connections still in use"))
	}
}
