package app

import (
	"openlearn/internal/scraping"
	"openlearn/internal/scraping/fetch"
	"openlearn/internal/scraping/newsroom"
	"openlearn/internal/scraping/source"
)

// scrapingConfig is what the environment says of scraping.
type scrapingConfig struct {
	// NewsroomURL is where the demo newspaper is while `openlearn dev` runs, whose env file says so; "" = not there.
	NewsroomURL string `envconfig:"NEWSROOM_URL"`
}

func (*scrapingConfig) Validate() error { return nil } // the definition is validated with all others

// definitions are the sources that can be scraped.
func (c *scrapingConfig) definitions() (*source.Definitions, error) {
	var extra []source.Definition
	if c.NewsroomURL != "" {
		extra = append(extra, newsroom.Definition(c.NewsroomURL))
	}
	return source.NewDefinitions(extra...)
}

// openScraping makes the one Service of the process: what it remembers of feeds, robots and paces counts for all passes.
func (c *core) openScraping() error {
	defs, err := c.cfg.Scraping.definitions()
	if err != nil {
		return err
	}
	metrics, err := scraping.NewMetrics(c.registry, defs)
	if err != nil {
		return err
	}
	fetcher := fetch.New(fetch.Config{Log: c.log})
	c.closers.addFunc(fetcher.Close)
	c.Scraping, err = scraping.NewService(scraping.ServiceConfig{
		Definitions: defs, Fetcher: fetcher, Sink: scrapeSink{c}, Known: c.Articles.Known, Log: c.log, Metrics: metrics,
	})
	return err
}
