package fetch

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"time"

	"openlearn/internal/scraping/robots"
	"openlearn/internal/scraping/source"
)

// How long one reading of robots.txt counts: RFC 9309 §2.4 allows a day. A failure is looked at again sooner.
const (
	robotsLifetime        = 24 * time.Hour
	robotsFailureLifetime = 5 * time.Minute
)

// robotsFile is one authority's robots.txt. The slot admits one reader at a time, so that a file is fetched once
// however many pages wait for it, and a waiter can give up with its context.
type robotsFile struct {
	slot    chan struct{}
	rules   *robots.Rules
	closed  error // why it could not be read, which closes the site
	expires time.Time
}

// rulesFor answers the rules of u's authority, fetching robots.txt where it is not known. An unreachable file closes
// the site, a missing one opens it (RFC 9309 §2.3.1.3 and §2.3.1.4).
func (f *Fetcher) rulesFor(ctx context.Context, req request, u *url.URL) (*robots.Rules, error) {
	authority := u.Scheme + "://" + u.Host
	f.mu.Lock()
	file, ok := f.robots[authority]
	if !ok {
		file = &robotsFile{slot: make(chan struct{}, 1)}
		f.robots[authority] = file
	}
	f.mu.Unlock()

	select {
	case file.slot <- struct{}{}:
		defer func() { <-file.slot }()
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	if file.rules != nil && f.cfg.Now().Before(file.expires) {
		return file.rules, file.closed
	}
	file.closed = nil
	at := &url.URL{Scheme: u.Scheme, Host: u.Host, Path: "/robots.txt"}
	doc, err := f.follow(ctx, request{def: req.def, site: req.site, accept: "text/plain,*/*;q=0.5", robots: true}, at)
	var fetch *Error
	lifetime := robotsLifetime
	switch {
	case err == nil:
		file.rules = robots.Parse(doc.Body, f.agent)
	case ctx.Err() != nil:
		return nil, ctx.Err() // says nothing about the site
	case errors.As(err, &fetch) && fetch.Reason == ReasonStatus && fetch.Status >= 400 && fetch.Status < 500 && fetch.Status != 429:
		file.rules = robots.AllowAll
	case errors.As(err, &fetch) && fetch.Reason == ReasonRedirects:
		file.rules = robots.AllowAll // §2.3.1.2: more than five hops count as missing
	case errors.As(err, &fetch) && fetch.Reason == ReasonAddress:
		return nil, err // the page would meet the same refusal; say the true reason
	default:
		f.cfg.Log.WarnContext(ctx, "scraping: robots.txt could not be read", "url", at.String(), "err", err)
		file.rules, lifetime = robots.DisallowAll, robotsFailureLifetime
		// Said of every page that is not fetched for it: "disallowed" would blame the site for a network that is down.
		file.closed = &Error{URL: u.String(), Reason: ReasonRobots, Err: fmt.Errorf("robots.txt could not be read: %w", err)}
	}
	file.expires = f.cfg.Now().Add(lifetime)
	return file.rules, file.closed
}

// Sitemaps are those that the source's robots.txt names.
func (f *Fetcher) Sitemaps(ctx context.Context, src source.Source) ([]string, error) {
	site := src.Site()
	rules, err := f.rulesFor(ctx, request{def: src, site: site}, site.Base())
	if err != nil {
		return nil, err
	}
	return rules.Sitemaps, nil
}
