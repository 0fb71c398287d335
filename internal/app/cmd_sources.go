package app

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"slices"
	"text/tabwriter"

	"go.yaml.in/yaml/v3"

	"openlearn/internal/scraping"
	"openlearn/internal/scraping/source"
)

const sourcesHelp = `list          the sources, and which of them can be read
show ID       one source as the catalogue has it, in the form of SCRAPER_SOURCES_FILE
check [FILE]  whether the catalogue, with FILE or SCRAPER_SOURCES_FILE over it, is sound
probe ID      look for feeds, sitemaps and section pages of a source, and say what each answers; --all: of every source
              without an entry. A line in a file named by SCRAPER_SOURCES_FILE makes an entry of what was found.
None of them needs PostgreSQL or Redis.`

var sourcesVerbs = []verb{
	{"list", "", nil}, {"show", "SOURCE", nil}, {"check", "FILE", nil}, {"probe", "SOURCE", []string{"all"}},
}

func sourcesFlags(fs *flag.FlagSet) {
	fs.Bool("all", false, "probe: every source without an entry that is read")
}

func runSources(ctx context.Context, c *call) error {
	if len(c.args) == 0 {
		return usageError{"sources: expected list, show, check or probe (see openlearn sources -h)"}
	}
	args := c.args[1:]
	var cfg scrapingConfig
	if err := loadParts(&cfg); err != nil {
		return usageError{err.Error()}
	}
	if c.args[0] == "check" && len(args) == 1 {
		cfg.SourcesFile = args[0]
	}
	sources, err := cfg.sources()
	if err != nil {
		return err
	}
	asJSON := c.inJSON()
	switch all := c.flags.Lookup("all").Value.String() == "true"; {
	case c.args[0] == "list" && len(args) == 0:
		listSources(c.stdout, sources, asJSON)
		return nil
	case c.args[0] == "show" && len(args) == 1:
		return showSource(c, sources, args[0])
	case c.args[0] == "check" && len(args) <= 1:
		all, read := len(sources.All()), len(sources.Scrapable())
		return c.result(map[string]any{"sources": all, "read": read}, "%d sources, %d of them are read\n", all, read)
	case c.args[0] == "probe" && (len(args) == 1) != all && len(args) <= 1:
		return probeSources(ctx, c, cfg, sources, args, asJSON)
	}
	return usageError{fmt.Sprintf("sources: expected list, show ID, check [FILE] or probe ID, got %q", c.args)}
}

// listed is a source as `sources list --json` prints it.
type listedSource struct {
	ID       string   `json:"id"`
	Name     string   `json:"name"`
	Kind     string   `json:"kind"`
	Priority string   `json:"priority"`
	Minutes  int      `json:"interval_minutes"`
	Read     bool     `json:"read"`
	Disabled bool     `json:"disabled"`
	Entries  []string `json:"entries"`
}

func listSources(w io.Writer, sources *source.Catalogue, asJSON bool) {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	if !asJSON {
		fmt.Fprintln(t, "ID\tPRIORITY\tEVERY\tENTRIES\tNAME")
	}
	for _, s := range sources.All() {
		usable := s.Usable()
		if asJSON {
			l := listedSource{ID: s.ID, Name: s.Name, Kind: s.Kind, Priority: s.Priority, Minutes: int(s.Interval().Minutes()), Read: s.Scrapable() && !s.Disabled, Disabled: s.Disabled, Entries: []string{}}
			for _, e := range usable {
				l.Entries = append(l.Entries, e.URL)
			}
			printJSON(w, l)
			continue
		}
		entries := fmt.Sprint(len(usable))
		switch {
		case s.Disabled:
			entries = "disabled"
		case len(usable) == 0:
			entries = "none: probe it"
		}
		fmt.Fprintf(t, "%s\t%s\t%d min\t%s\t%s\n", s.ID, s.Priority, int(s.Interval().Minutes()), entries, s.Name)
	}
	t.Flush()
}

func showSource(c *call, sources *source.Catalogue, name string) error {
	s, ok := sources.Find(name)
	if !ok {
		return unknownSource(sources, name)
	}
	if c.inJSON() { // the same members as in YAML
		b, err := yaml.Marshal(s)
		var members map[string]any
		if err == nil {
			err = yaml.Unmarshal(b, &members)
		}
		return errors.Join(err, writeJSON(c.stdout, members))
	}
	enc := yaml.NewEncoder(c.stdout)
	enc.SetIndent(2)
	err := enc.Encode(map[string]any{"version": 1, "sources": []source.Source{s}})
	return errors.Join(err, enc.Close())
}

func probeSources(ctx context.Context, c *call, cfg scrapingConfig, sources *source.Catalogue, args []string, asJSON bool) error {
	chosen := slices.DeleteFunc(sources.All(), source.Source.Scrapable)
	if len(args) == 1 {
		s, ok := sources.Find(args[0])
		if !ok {
			return unknownSource(sources, args[0])
		}
		chosen = []source.Source{s}
	}
	log := NewConsoleLogger(c.stderr, envOr("LOG_LEVEL", "error"))
	fetcher := cfg.fetcher(log)
	defer fetcher.Close()
	service, err := scraping.NewService(scraping.ServiceConfig{Sources: sources, Fetcher: fetcher, Sink: nowhere{}, Logger: log})
	if err != nil {
		return err
	}
	for _, s := range chosen {
		states, err := service.Probe(ctx, s.ID)
		if err != nil && ctx.Err() != nil {
			return err
		}
		works := 0
		for _, e := range states {
			if e.Works() {
				works++
			}
		}
		if asJSON {
			printJSON(c.stdout, map[string]any{"id": s.ID, "works": works, "entries": states})
			continue
		}
		fmt.Fprintf(c.stdout, "%s: %d of %d addresses announce articles\n", s.ID, works, len(states))
		for _, e := range states {
			printEntry(c.stdout, e)
		}
	}
	return nil
}
