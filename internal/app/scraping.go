package app

import (
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"strings"

	"openlearn/internal/articles"
	"openlearn/internal/netguard"
	"openlearn/internal/scraping"
	"openlearn/internal/scraping/fetch"
	"openlearn/internal/scraping/newsroom"
	"openlearn/internal/scraping/source"
)

// scrapingConfig holds the settings of scraping.
type scrapingConfig struct {
	// NewsroomURL is the address of the demo newspaper while `openlearn dev` runs, which writes it to its env file; "" =
	// none. While it is set, no other source is read automatically.
	NewsroomURL string `envconfig:"NEWSROOM_URL"`
	// SourcesFile adds sources to the catalogue, or replaces some.
	SourcesFile string `envconfig:"SCRAPER_SOURCES_FILE"`
	// AllowedNets are networks that may be reached although they are not public, comma-separated.
	AllowedNets string `envconfig:"SCRAPER_ALLOWED_NETS"`
	// Workers is how many of the due or requested passes this process makes at a time; 0 = none. Passes mostly wait.
	Workers int `envconfig:"SCRAPER_WORKERS" default:"8"`
	// MetricsAddr is where `openlearn work` serves /metrics; "" = nowhere.
	MetricsAddr string `envconfig:"WORK_METRICS_ADDR"`
	// UserAgent identifies us; "" = fetch.DefaultUserAgent.
	UserAgent string `envconfig:"SCRAPER_USER_AGENT"`

	nets []netip.Prefix
}

// Validate parses the networks. The catalogue is read and checked when it is needed.
func (c *scrapingConfig) Validate() (err error) {
	if c.Workers < 0 || c.Workers > 1000 {
		return errors.New("SCRAPER_WORKERS: expected 0 to 1000")
	}
	if c.MetricsAddr = strings.TrimSpace(c.MetricsAddr); c.MetricsAddr != "" {
		if _, _, err := net.SplitHostPort(c.MetricsAddr); err != nil {
			return errors.New("WORK_METRICS_ADDR: expected host:port or :port")
		}
	}
	c.SourcesFile, c.UserAgent = strings.TrimSpace(c.SourcesFile), strings.TrimSpace(c.UserAgent)
	if err := netguard.CheckUserAgent(c.UserAgent); err != nil {
		return fmt.Errorf("SCRAPER_USER_AGENT: expected %w", err)
	}
	if c.nets, err = netguard.ParseNets(c.AllowedNets); err != nil {
		return fmt.Errorf("SCRAPER_ALLOWED_NETS: expected %w", err)
	}
	return nil
}

// sources is the catalogue.
func (c *scrapingConfig) sources() (*source.Catalogue, error) {
	var extra []source.Source
	if c.NewsroomURL != "" {
		extra = append(extra, newsroom.Definition(c.NewsroomURL))
	}
	return source.Load(c.SourcesFile, extra...)
}

// only selects the sources that are read automatically; nil = all.
func (c *scrapingConfig) only() func(source.Source) bool {
	if c.NewsroomURL == "" {
		return nil
	}
	return func(s source.Source) bool { return s.ID == newsroom.ID }
}

// fetchConfig is the configuration of fetchers.
func (c *scrapingConfig) fetchConfig(log *slog.Logger) fetch.Config {
	return fetch.Config{UserAgent: c.UserAgent, Allowed: c.nets, Logger: log}
}

// fetcher makes a fetcher for a command without PostgreSQL and Redis: it does not share its pace.
func (c *scrapingConfig) fetcher(log *slog.Logger) *fetch.Fetcher {
	return fetch.New(c.fetchConfig(log))
}

// openScraping makes the status of scraping and the process's one Service. The state of entries and of robots.txt is in
// PostgreSQL, the pace of requests to hosts is in Redis: all instances share both.
func (c *core) openScraping() error {
	c.scrapingStatus = scraping.NewStatus(scraping.StatusConfig{
		Cache: c.cache, Archive: archiveFigures{c.Articles}, Deps: []string{articles.AllArticles, articles.Table},
	})
	metrics, err := scraping.NewMetrics(c.registry, c.catalogue)
	if err != nil {
		return err
	}
	c.fetches = scraping.NewFetchStore(c.db.Gorm)
	config := c.cfg.Scraping.fetchConfig(c.log)
	config.Budgets, config.State, config.Read = fetch.RedisBudgets{Client: c.redis}, c.fetches, metrics.Read
	fetcher := fetch.New(config)
	c.closers.addFunc(fetcher.Close)
	c.Scraping, err = scraping.NewService(scraping.ServiceConfig{
		Sources: c.catalogue, Fetcher: fetcher, Sink: scrapeSink{c}, Known: c.Articles.Known, Logger: c.log, Metrics: metrics,
		Entries: c.fetches, Cache: c.cache,
		Store: scraping.NewStore(c.db.Gorm, c.outbox), Jobs: c.jobs, Only: c.cfg.Scraping.only(), Lease: c.cfg.testing.sourceLease,
	})
	if err != nil {
		return err
	}
	return c.Scraping.Register(c.registry)
}
