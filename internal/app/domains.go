package app

import (
	"context"
	"slices"

	"openlearn/internal/analysis"
	"openlearn/internal/articles"
	"openlearn/internal/cache"
	"openlearn/internal/cache/httpcache"
	"openlearn/internal/cache/httpcache/service"
	"openlearn/internal/government"
	"openlearn/internal/guard"
	"openlearn/internal/httpapi"
	"openlearn/internal/jobs"
	"openlearn/internal/outbox"
	"openlearn/internal/periodic"
	"openlearn/internal/scraping"
	"openlearn/internal/scraping/source"
	"openlearn/internal/users"
	"openlearn/internal/users/mail"
)

// The domains, with all that a domain needs: a field and how it is made, and a line each in layers, facts, workers, mount,
// cached and periodic. docs/architecture.md explains it step by step.

// domains are what the program can do, for requests, commands and jobs alike.
type domains struct {
	Articles *articles.Service
	Analysis *analysis.Service
	Scraping *scraping.Service
	OpenData *government.Service
	Keys     *guard.Keys // of machines
	Users    *users.Service

	catalogue      *source.Catalogue
	scrapingStatus *scraping.Status
	fetches        *scraping.FetchStore
	mails          mail.Sender
}

// openDomains makes the domains.
func (c *core) openDomains(context.Context) (err error) {
	c.Articles = articles.NewService(articles.NewStore(c.db.Gorm).Admit(c.admitted.searches), c.cache, c.outbox)
	c.Analysis = analysis.NewService(analysis.Options{
		Store: analysis.NewStore(c.db.Gorm), Cache: c.cache, Outbox: c.outbox, Archive: analysedArchive{c.Articles}, Jobs: c.jobs, Registerer: c.registry, Logger: c.log,
	})
	if c.catalogue, err = c.cfg.Scraping.sources(); err != nil {
		return err
	}
	if err := c.openGovernment(); err != nil {
		return err
	}
	c.Keys = guard.NewKeys(guard.KeysOptions{DB: c.db.Gorm, Cache: c.cache, Outbox: c.outbox, Logger: c.log})
	if err := c.openUsers(); err != nil {
		return err
	}
	return c.openScraping()
}

// layers joins the tables of cache layers.
func layers() ([]cache.Layer, error) {
	return cache.JoinLayers(
		articles.Layers(),
		analysis.Layers(),
		scraping.Layers(),
		government.Layers(),
		users.Layers(),
		httpcache.Layers(),
	)
}

// facts says what a recorded change of a table invalidates.
func facts() outbox.Rules {
	return outbox.Join(
		articles.Facts(),
		analysis.Facts(),
		scraping.Facts(),
		government.Facts(),
		guard.Facts(),
		users.Facts(),
	)
}

// publicFacts are facts without those that change nothing which may be held outside: who has keys and accounts.
func publicFacts() outbox.Rules {
	rules := facts()
	for table := range outbox.Join(guard.Facts(), users.Facts()) {
		rules[table] = func(outbox.Fact) []string { return nil }
	}
	return rules
}

// workers lists the domains' background work: jobs in PostgreSQL, which run on any instance with workers for them.
func (c *core) workers() []jobs.Work {
	return slices.Concat(
		c.Analysis.Work(c.cfg.Analysis.Workers),
		[]jobs.Work{c.Scraping.Work(c.cfg.Scraping.Workers), c.OpenData.Work(c.cfg.OpenData.Workers)},
		c.Users.Work(),
	)
}

// mount registers the routes.
func (s *Server) mount(api *httpapi.API) {
	articles.Register(api, s.Articles)
	analysis.Register(api, s.Analysis)
	scraping.Register(api, s.Scraping, s.scrapingStatus)
	government.Register(api, s.OpenData)
	users.Register(api, s.Users, s.usersHTTP())
	guard.RegisterKeys(api, s.Keys)
}

// identifiers say who a request is from, in this order.
func (s *Server) identifiers() []httpapi.Identifier { return []httpapi.Identifier{s.Keys, s.Users} }

// cached joins the tables of cached routes.
func (s *Server) cached(api *httpapi.API) []service.Route {
	return slices.Concat(
		articles.Cached(api, s.Articles),
		analysis.Cached(api, s.Analysis),
		scraping.Cached(api, s.scrapingStatus),
	)
}

// periodic lists what every service does periodically for itself. Commands run none of it.
func (s *Server) periodic() []periodic.Job {
	return slices.Concat(
		s.retention.Jobs(),
		s.warmer.Jobs(),
		s.fetches.Jobs(s.log),
		s.limitJobs(),
		s.Keys.Jobs(),
		s.Users.Jobs(),
		s.cdnJobs(),
	)
}
