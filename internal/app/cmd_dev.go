package app

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"sync"
	"time"

	"openlearn/deploy"
	"openlearn/internal/devstack"
	"openlearn/internal/postgres"
	"openlearn/internal/scraping"
	"openlearn/internal/scraping/newsroom"
)

func devFlags(fs *flag.FlagSet) {
	fs.String("data", ".dev", "directory of the private PostgreSQL and Redis")
	fs.Int("articles", sampleDefault, "how many sample articles an empty database gets")
}

// runDev is `make run`: everything on one machine, private, with something to see.
func runDev(ctx context.Context, c *call) (err error) {
	data := c.flags.Lookup("data").Value.String()
	articles := c.flags.Lookup("articles").Value.(flag.Getter).Get().(int)
	log := NewConsoleLogger(c.stderr, envOr("LOG_LEVEL", "info"))

	addr := envOr("HTTP_ADDR", "127.0.0.1:8000")
	host, port, err := net.SplitHostPort(addr)
	if err != nil {
		return usageError{"HTTP_ADDR: expected host:port, such as 127.0.0.1:8000"}
	}
	if host == "" {
		host = "127.0.0.1" // the admin routes are open to this machine, so only this machine is let in
	}
	if ip := net.ParseIP(host); host != "localhost" && (ip == nil || !ip.IsLoopback()) {
		return usageError{"HTTP_ADDR: dev serves on loopback only (127.0.0.1:8000); use serve elsewhere"}
	}
	// Listen first: a port in use must be reported before servers are started for nothing.
	l, err := new(net.ListenConfig).Listen(ctx, "tcp", net.JoinHostPort(host, port))
	if err != nil {
		return fmt.Errorf("HTTP_ADDR: %w", err)
	}
	defer func() { err = errors.Join(err, ignoreClosed(l.Close())) }()

	dir, err := filepath.Abs(data)
	if err != nil {
		return fmt.Errorf("dev: data directory %s: %w", data, err)
	}
	stack, err := devstack.Start(ctx, devstack.Options{Dir: dir, RedisConf: deploy.RedisConf, Logger: log})
	if err != nil {
		return err
	}
	defer func() {
		stop, cancel := context.WithTimeout(context.WithoutCancel(ctx), 30*time.Second)
		defer cancel()
		err = errors.Join(err, stack.Stop(stop))
	}()

	cfg, err := devConfig(stack, l.Addr().String())
	if err != nil {
		return err
	}
	if _, err := postgres.Migrate(ctx, cfg.Database.URL); err != nil {
		return err
	}
	paper, err := openNewsroom(ctx)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, paper.close()) }()
	cfg.Scraping.NewsroomURL = paper.url
	defer paceCollector(ctx).Close()
	s, err := New(ctx, cfg, log)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.Close()) }()
	if err := writeEnvFile(filepath.Join(dir, "env"), cfg); err != nil {
		log.Warn("other shells will not find the private servers", "error", err) // root may have run `dev` here before
	}

	serving, stop := context.WithCancel(ctx)
	kept := make(chan error, 1)
	go func() {
		defer stop() // without its servers the service cannot serve
		kept <- stack.Keep(serving)
	}()
	defer func() { stop(); err = errors.Join(err, <-kept) }()

	background, stopBackground := context.WithCancel(serving)
	var furnishing sync.WaitGroup
	furnishing.Go(func() {
		s.furnish(background, articles)
		if background.Err() == nil {
			fmt.Fprintf(c.stdout, "\n  OpenLearn is up   %s\n  API docs          %s/docs\n  Cache console     %s/admin/cache\n  Demo newspaper    %s\n\n  Ctrl-C stops all of it. In another shell: source %s/env; bin/openlearn scrape demo\n\n",
				cfg.Server.PublicURL, cfg.Server.PublicURL, cfg.Server.PublicURL, paper.url, data)
		}
	})
	defer func() { stopBackground(); furnishing.Wait() }()

	return s.Serve(serving, l)
}

// devConfig is the environment's configuration with the private servers in place of any named there.
func devConfig(stack *devstack.Stack, addr string) (Config, error) {
	for name, value := range map[string]string{"DATABASE_URL": stack.DatabaseURL(), "REDIS_URL": stack.RedisURL(), "HTTP_ADDR": addr} {
		if err := os.Setenv(name, value); err != nil {
			return Config{}, err
		}
	}
	if os.Getenv("PUBLIC_URL") == "" {
		_, port, err := net.SplitHostPort(addr)
		if err != nil {
			return Config{}, err
		}
		if err := os.Setenv("PUBLIC_URL", "http://localhost:"+port); err != nil {
			return Config{}, err
		}
	}
	cfg, err := LoadConfig()
	if err != nil {
		return cfg, usageError{err.Error()}
	}
	cfg.Guard.Dev, cfg.Server.DrainDelay = true, 0 // no balancer asks
	if os.Getenv("RATE_LIMIT_ENABLED") == "" {     // whoever develops asks more often than sixty times a minute
		cfg.Limits.Enabled = false
	}
	return cfg, nil
}

// writeEnvFile saves the addresses of all servers for other shells: `source .dev/env`. It contains passwords, so only this
// user may read it.
func writeEnvFile(path string, cfg Config) error {
	text := fmt.Sprintf("export DATABASE_URL='%s'\nexport REDIS_URL='%s'\nexport HTTP_ADDR='%s'\nexport PUBLIC_URL='%s'\nexport NEWSROOM_URL='%s'\n",
		cfg.Database.URL, cfg.Redis.URL, cfg.Server.Addr, cfg.Server.PublicURL, cfg.Scraping.NewsroomURL)
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		return fmt.Errorf("dev: %w", err)
	}
	return nil
}

// furnish fills an empty database with the sample and then scrapes the demo newsroom, over HTTP and through the same
// cache as everything else. A development server works without it, so failures are only logged.
func (c *core) furnish(ctx context.Context, articles int) {
	counts, err := c.Articles.Counts(ctx, time.Now())
	if err == nil && counts.Total < int64(articles) { // again after an interrupted first run: seeding twice adds nothing
		var n int
		n, err = c.seed(ctx, articles)
		c.log.Info("loaded the sample", "articles", n)
	}
	if err == nil && !c.jobs.Works() { // workers scrape it anyway
		var report scraping.Report
		if report, err = c.Scraping.Scrape(ctx, newsroom.ID, scraping.Options{}); err == nil {
			c.log.Info("scraped the demo newsroom", "report", report)
		}
	}
	if err == nil {
		_, err = c.Analysis.Drain(ctx, 1, nil)
	}
	if err != nil && ctx.Err() == nil {
		c.log.Error("the sample is incomplete", "error", err)
	}
}

// newsroomServer is the bundled newspaper on loopback, for as long as `dev` runs.
type newsroomServer struct {
	url    string
	srv    *http.Server
	failed chan error
}

// openNewsroom serves on 127.0.0.1:8010, so that links in stored articles survive a restart, or on any port if that one is
// taken.
func openNewsroom(ctx context.Context) (*newsroomServer, error) {
	var lc net.ListenConfig
	l, err := lc.Listen(ctx, "tcp", "127.0.0.1:8010")
	if err != nil {
		l, err = lc.Listen(ctx, "tcp", "127.0.0.1:0")
	}
	if err != nil {
		return nil, fmt.Errorf("demo newsroom: %w", err)
	}
	n := &newsroomServer{url: "http://" + l.Addr().String(), failed: make(chan error, 1)}
	n.srv = &http.Server{Handler: newsroom.Handler(n.url), ReadHeaderTimeout: 5 * time.Second}
	go func() { n.failed <- n.srv.Serve(l) }()
	return n, nil
}

func (n *newsroomServer) close() error {
	err := n.srv.Close()
	if e := <-n.failed; !errors.Is(e, http.ErrServerClosed) {
		err = errors.Join(err, e)
	}
	return err
}

func envOr(name, fallback string) string {
	if v := os.Getenv(name); v != "" {
		return v
	}
	return fallback
}

func ignoreClosed(err error) error {
	if errors.Is(err, net.ErrClosed) {
		return nil
	}
	return err
}
