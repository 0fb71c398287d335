// Package source holds what is known about the sources: the catalogue, which addresses belong to a source, and how names
// and texts that sources write are compared.
package source

import (
	"fmt"
	"maps"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"time"
)

// Kind is the kind of an entry.
type Kind string

// The kinds of entries.
const (
	Feed         Kind = "feed"          // RSS, Atom or JSON Feed
	NewsSitemap  Kind = "news_sitemap"  // a sitemap of the last two days
	Sitemap      Kind = "sitemap"       // a list of addresses
	SitemapIndex Kind = "sitemap_index" // a list of sitemaps
	Section      Kind = "section"       // a page that links articles
)

// Status says how sure an entry's address is.
type Status string

// The statuses of entries. Entries without one are read: whoever wrote the file vouches for them.
const (
	MeasuredOK   Status = "measured_ok"   // fetched by a public project in 2026, with fresh items
	ReportedOK   Status = "reported_ok"   // listed as working
	Guess        Status = "guess"         // derived from a pattern
	ReportedDead Status = "reported_dead" // gone, or stale, in a public check
)

// Entry is an address where a source announces articles. {yyyy}, {mm} and {Month} (in English) stand for the current month,
// {n} and {offset} for the first page.
type Entry struct {
	URL    string `yaml:"url"`
	Kind   Kind   `yaml:"kind"`
	Status Status `yaml:"status,omitempty"`
}

// Usable says whether the entry is read.
func (e Entry) Usable() bool { return e.Status != Guess && e.Status != ReportedDead }

// At returns the entry's address at a time.
func (e Entry) At(now time.Time) string {
	now = now.In(Bogota)
	return strings.NewReplacer("{yyyy}", now.Format("2006"), "{mm}", now.Format("01"), "{Month}", now.Month().String(), "{n}", "0", "{offset}", "0").Replace(e.URL)
}

// Bogota is the zone of dates that name none: Colombia has no summer time.
var Bogota = time.FixedZone("America/Bogota", -5*60*60)

// Articles says which addresses are articles, by their paths.
type Articles struct {
	Path string   `yaml:"path,omitempty"` // regular expression that every article's path matches
	Not  []string `yaml:"not,omitempty"`  // regular expressions that no article's path matches
}

// Source is one outlet or institution. Sources are data: no code refers to a newspaper by name.
type Source struct {
	// ID names the source on the command line: el_tiempo.
	ID string `yaml:"id"`
	// Name is stored as the source of every article.
	Name string `yaml:"name"`
	// Aliases are other names people use for it.
	Aliases []string `yaml:"aliases,omitempty"`
	// Kind is media, government and so on.
	Kind string `yaml:"kind,omitempty"`
	// Priority is high, medium or low.
	Priority string `yaml:"priority,omitempty"`
	// BaseURL is the front page; its host, with or without www, belongs to the source.
	BaseURL string `yaml:"base_url"`
	// ExtraHosts are further hosts that belong to the source, e.g. a former domain.
	ExtraHosts []string `yaml:"extra_hosts,omitempty"`
	// HostAliases rewrites a host seen in links (a CDN's, say) to the host that serves readers.
	HostAliases map[string]string `yaml:"host_aliases,omitempty"`
	// Language is the BCP 47 tag of pages that do not declare one.
	Language string `yaml:"language,omitempty"`
	Region   string `yaml:"region,omitempty"`
	// RequestsPerMinute bounds the pace of requests to the host; robots.txt may slow it further. 0 means 10.
	RequestsPerMinute float64 `yaml:"requests_per_minute,omitempty"`
	// IntervalMinutes is the time between passes; 0 means that of the priority.
	IntervalMinutes int `yaml:"interval_minutes,omitempty"`
	// Disabled sources are listed, but read only when asked for by name.
	Disabled bool `yaml:"disabled,omitempty"`
	// Listed is the source as clients of the original know it; nil: they do not.
	Listed *Listed `yaml:"listed,omitempty"`
	// Article tells articles from other pages; if it is empty the form of the address does.
	Article Articles `yaml:"article,omitempty"`
	// Entries are where it announces its articles.
	Entries []Entry `yaml:"entries,omitempty"`
	// AllowLoopback lets the fetcher reach this machine for the source: the demo newsroom. No file can set it.
	AllowLoopback bool `yaml:"-"`
}

// DefaultRequestsPerMinute is the pace for a source that does not specify one.
const DefaultRequestsPerMinute = 10

// MinInterval is the least time between passes over a source.
const MinInterval = 15 * time.Minute

// Interval is the time between passes.
func (s Source) Interval() time.Duration {
	minutes := map[string]int{"high": 30, "low": 120}[s.Priority]
	switch {
	case s.IntervalMinutes > 0:
		minutes = s.IntervalMinutes
	case minutes == 0:
		minutes = 60
	}
	return max(time.Duration(minutes)*time.Minute, MinInterval)
}

// Usable lists the entries that are read, in order.
func (s Source) Usable() []Entry {
	return slices.DeleteFunc(slices.Clone(s.Entries), func(e Entry) bool { return !e.Usable() })
}

// Scrapable says whether the source has an entry that is read.
func (s Source) Scrapable() bool { return slices.ContainsFunc(s.Entries, Entry.Usable) }

func (s Source) clone() Source {
	s.Aliases, s.ExtraHosts, s.HostAliases = slices.Clone(s.Aliases), slices.Clone(s.ExtraHosts), maps.Clone(s.HostAliases)
	s.Article.Not, s.Entries = slices.Clone(s.Article.Not), slices.Clone(s.Entries)
	if s.Listed != nil {
		l := s.Listed.clone()
		s.Listed = &l
	}
	return s
}

// problems lists everything that is wrong with the source.
func (s Source) problems() []error {
	var out []error
	bad := func(format string, args ...any) {
		out = append(out, fmt.Errorf("source %s: "+format, append([]any{s.ID}, args...)...))
	}
	if Fold(s.ID) == "" || Fold(s.ID) != s.ID {
		return []error{fmt.Errorf("source id %q: lower-case letters, digits and underscores expected", s.ID)}
	}
	if strings.TrimSpace(s.Name) == "" {
		bad("no name")
	}
	if base, err := url.Parse(s.BaseURL); err != nil || base.Hostname() == "" || (base.Scheme != "http" && base.Scheme != "https") {
		bad("base_url %q is no absolute http(s) address", s.BaseURL)
		return out
	}
	if !(s.RequestsPerMinute >= 0 && s.RequestsPerMinute <= 100_000) { // written so that NaN is refused too
		bad("requests_per_minute %v is no pace", s.RequestsPerMinute)
	}
	if s.IntervalMinutes < 0 {
		bad("interval_minutes %d is negative", s.IntervalMinutes)
	}
	if !slices.Contains([]string{"", "high", "medium", "low"}, s.Priority) {
		bad("priority %q: high, medium or low expected", s.Priority)
	}
	for _, pattern := range append([]string{s.Article.Path}, s.Article.Not...) {
		if _, err := regexp.Compile(pattern); err != nil {
			bad("article: %v", err)
		}
	}
	site := s.Site()
	for _, e := range s.Entries {
		if !slices.Contains([]Kind{Feed, NewsSitemap, Sitemap, SitemapIndex, Section}, e.Kind) {
			bad("entry %s: kind %q: feed, news_sitemap, sitemap, sitemap_index or section expected", e.URL, e.Kind)
		}
		if !slices.Contains([]Status{"", MeasuredOK, ReportedOK, Guess, ReportedDead}, e.Status) {
			bad("entry %s: status %q: measured_ok, reported_ok, guess or reported_dead expected", e.URL, e.Status)
		}
		if u, err := url.Parse(e.At(time.Unix(0, 0))); err != nil || !site.Accepts(u) {
			bad("entry %q is not on the source's host", e.URL)
		}
	}
	return out
}

// Listed is a source as the original listed it, its JSON fields in the original's order. Every field but the name may be
// absent; Category is set only where a list mixes categories (ByPriority).
type Listed struct {
	Name            string   `json:"name" yaml:"-"`
	URL             string   `json:"url,omitempty" yaml:"url,omitempty"`
	API             string   `json:"api,omitempty" yaml:"api,omitempty"`
	Type            string   `json:"type,omitempty" yaml:"type,omitempty"`
	RSS             string   `json:"rss,omitempty" yaml:"rss,omitempty"`
	Region          string   `json:"region,omitempty" yaml:"region,omitempty"`
	Content         []string `json:"content,omitempty" yaml:"content,omitempty"`
	UpdateFrequency string   `json:"update_frequency,omitempty" yaml:"update_frequency,omitempty"`
	Datasets        []string `json:"datasets,omitempty" yaml:"datasets,omitempty"`
	SearchTerms     []string `json:"search_terms,omitempty" yaml:"search_terms,omitempty"`
	Priority        string   `json:"priority,omitempty" yaml:"priority,omitempty"`
	Category        string   `json:"category,omitempty" yaml:"category,omitempty"`
	// Announced says that the original listed the source among its scrapers.
	Announced bool `json:"-" yaml:"announced,omitempty"`
}

func (l Listed) clone() Listed {
	l.Content, l.Datasets, l.SearchTerms = slices.Clone(l.Content), slices.Clone(l.Datasets), slices.Clone(l.SearchTerms)
	return l
}

// Matcher tells articles from other pages by their canonical addresses. The catalogue has checked that patterns compile;
// one that does not matches nothing.
func (a Articles) Matcher() func(address string) bool {
	var is *regexp.Regexp
	if a.Path != "" {
		is, _ = regexp.Compile(a.Path) // checked with the catalogue
	}
	var not []*regexp.Regexp
	for _, pattern := range a.Not {
		if re, err := regexp.Compile(pattern); err == nil {
			not = append(not, re)
		}
	}
	return func(address string) bool {
		u, err := url.Parse(address)
		if err != nil || is != nil && !is.MatchString(u.Path) {
			return false
		}
		return !slices.ContainsFunc(not, func(re *regexp.Regexp) bool { return re.MatchString(u.Path) })
	}
}
