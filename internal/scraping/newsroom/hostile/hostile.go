// Package hostile has newspapers of our own that behave as badly as real ones: pages and challenges instead of feeds,
// throttling, loops, bombs, false claims about changes. They serve HTTP on loopback by a clock that tests give them, and
// record the requests they get, so that a client's manners can be judged from the server's side.
package hostile

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"

	"openlearn/internal/scraping/source"
)

// Habit is one way in which a newspaper misbehaves.
type Habit string

// The habits. Those marked as spells last for some hours of each day: see Plan.
const (
	HTMLFeed    Habit = "html"        // spells: the front page instead of the feed
	Challenge   Habit = "challenge"   // spells: a challenge for robots instead of the feed
	EmptyFeed   Habit = "empty"       // spells: status 200 and nothing
	Gone        Habit = "gone"        // spells: 410
	Forbids     Habit = "forbids"     // spells: 403 for every article
	Throttles   Habit = "throttles"   // spells: 429 or 503 with Retry-After, for everything but robots.txt
	RobotsDown  Habit = "robots-down" // spells: 503 for robots.txt
	Stale       Habit = "stale"       // a second feed of a hundred items that are years old
	Moves       Habit = "moves"       // the feed has moved permanently
	Mislabels   Habit = "mislabels"   // compressed without saying so, and plain where it says compressed
	Stuck       Habit = "stuck"       // "not modified" to every conditional request
	Retags      Habit = "retags"      // each answer, even a 304, has a new ETag, and only the last one is recognised
	Future      Habit = "future"      // articles are announced hours before they are due
	Edits       Habit = "edits"       // articles are changed after a day and a half, and the feed says so
	Wire        Habit = "wire"        // each day one agency story that other papers have too
	Disallows   Habit = "disallows"   // robots.txt forbids one article a day
	CrawlDelay  Habit = "crawl-delay" // robots.txt asks for half a minute between requests
	MaxAge      Habit = "max-age"     // the feed asks to be read every five hours
	Bombs       Habit = "bombs"       // one article a day decompresses from kilobytes to many megabytes
	Loops       Habit = "loops"       // one article a day redirects to itself, by way of another
	Slow        Habit = "slow"        // one article a day breaks off the first time
	ControlFeed Habit = "control"     // control characters in the feed, and the writing program's messages before it
)

// Plan says what a newspaper does.
type Plan struct {
	ID     string
	Number int // of the paper; its stories are derived from it
	Habits []Habit
	Start  time.Time
	// Days is for how many days it publishes PerDay stories each and misbehaves. After that it publishes nothing and
	// behaves.
	Days, PerDay int
	// Interval is the least time between requests that it tolerates.
	Interval time.Duration
	Now      func() time.Time
}

// The delay of CrawlDelay, and what MaxAge asks for.
const (
	Delay   = 30 * time.Second
	Fresh   = 5 * time.Hour
	Penalty = 40 * time.Minute // Retry-After of Throttles
	// announcedFor is how long an article stays in the feed.
	announcedFor = 80 * time.Hour
	editedAfter  = 36 * time.Hour
	ahead        = 3 * time.Hour // of Future
	spell        = 5 * time.Hour
)

// Paper is one newspaper. It is an http.Handler for its whole host.
type Paper struct {
	Plan
	base    string
	stories []*Story
	byPath  map[string]*Story

	mu     sync.Mutex
	log    []Request
	rest   time.Time       // no request before this time, as the paper has asked
	broken map[string]bool // Slow: already broke off once
	tag    int             // Retags
}

// Request is one that a paper got.
type Request struct {
	At     time.Time
	Path   string
	Status int
	// Early says that the paper had asked to be left alone, and the request came all the same.
	Early bool
}

// New makes a paper at an address (http://127.0.0.1:1234).
func New(p Plan, base string) *Paper {
	paper := &Paper{Plan: p, base: base, byPath: map[string]*Story{}, broken: map[string]bool{}}
	paper.write()
	return paper
}

// Has says whether the paper has a habit.
func (p *Paper) Has(h Habit) bool { return slices.Contains(p.Habits, h) }

// Source is the paper's entry in the catalogue.
func (p *Paper) Source(interval time.Duration) source.Source {
	s := source.Source{
		ID: p.ID, Name: "Diario " + p.ID, BaseURL: p.base, Language: "es-CO", RequestsPerMinute: float64(time.Minute) / float64(p.Interval),
		IntervalMinutes: int(interval / time.Minute), AllowLoopback: true, Entries: []source.Entry{{URL: p.base + "/rss.xml", Kind: source.Feed}},
	}
	if p.Has(Stale) {
		s.Entries = append([]source.Entry{{URL: p.base + "/viejo.xml", Kind: source.Feed}}, s.Entries...)
	}
	return s
}

// Requests returns all requests that the paper got, in order.
func (p *Paper) Requests() []Request {
	p.mu.Lock()
	defer p.mu.Unlock()
	return slices.Clone(p.log)
}

// LeastGap is the least time that the paper wants between requests.
func (p *Paper) LeastGap() time.Duration {
	if p.Has(CrawlDelay) {
		return max(p.Interval, Delay)
	}
	return p.Interval
}

// bad says whether a spell of a habit is on: for some hours of each day, from an hour of the paper's own.
func (p *Paper) bad(h Habit, now time.Time) bool {
	since := now.Sub(p.Start)
	if !p.Has(h) || since < 0 || since > time.Duration(p.Days)*24*time.Hour {
		return false
	}
	begins := time.Duration(3+p.Number*7%16) * time.Hour
	at := since % (24 * time.Hour)
	return at >= begins && at < begins+spell
}

// recorder notes the status of an answer.
type recorder struct {
	http.ResponseWriter
	status int
}

func (r *recorder) WriteHeader(status int) {
	r.status = status
	r.ResponseWriter.WriteHeader(status)
}

func (r *recorder) Unwrap() http.ResponseWriter { return r.ResponseWriter }

// ServeHTTP answers according to the plan at this time.
func (p *Paper) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	p.mu.Lock()
	now := p.Now()
	place := len(p.log)
	p.log = append(p.log, Request{At: now, Path: r.URL.Path, Early: now.Before(p.rest)})
	p.mu.Unlock()
	rec := &recorder{ResponseWriter: w, status: http.StatusOK}
	defer func() {
		p.mu.Lock()
		defer p.mu.Unlock()
		p.log[place].Status = rec.status
	}()
	if r.URL.Path == "/robots.txt" {
		p.robots(rec, now)
		return
	}
	if p.bad(Throttles, now) {
		p.throttle(rec, now)
		return
	}
	switch r.URL.Path {
	case "/":
		fmt.Fprint(rec, p.front(now))
	case "/rss.xml":
		if p.Has(Moves) {
			http.Redirect(rec, r, "/nuevo/rss.xml", http.StatusMovedPermanently)
			return
		}
		p.feed(rec, r, now)
	case "/nuevo/rss.xml":
		p.feed(rec, r, now)
	case "/viejo.xml":
		fmt.Fprint(rec, p.stale())
	default:
		p.page(rec, r, now)
	}
}

// throttle asks to be left alone, sometimes in seconds and sometimes by date.
func (p *Paper) throttle(w http.ResponseWriter, now time.Time) {
	p.mu.Lock()
	p.rest = now.Add(Penalty).Truncate(time.Second) // HTTP dates have whole seconds
	until := p.rest
	p.mu.Unlock()
	status := http.StatusTooManyRequests
	if now.Hour()%2 == 0 {
		w.Header().Set("Retry-After", fmt.Sprint(int(Penalty/time.Second)))
	} else {
		status = http.StatusServiceUnavailable
		w.Header().Set("Retry-After", until.UTC().Format(http.TimeFormat))
	}
	w.WriteHeader(status)
}

func (p *Paper) robots(w http.ResponseWriter, now time.Time) {
	if p.bad(RobotsDown, now) {
		w.WriteHeader(http.StatusServiceUnavailable)
		return
	}
	var b strings.Builder
	b.WriteString("User-agent: *\n")
	if p.Has(CrawlDelay) {
		fmt.Fprintf(&b, "Crawl-delay: %d\n", int(Delay/time.Second))
	}
	b.WriteString("Disallow: /privado/\nAllow: /\n")
	fmt.Fprint(w, b.String())
}
