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

// How long one reading of robots.txt counts: RFC 9309 §2.4 allows a day. After a failure it is read again sooner. While a
// file is unreachable, the last version counts for up to a month (§2.3.1.4 asks for at least a reasonable time).
const (
	robotsLifetime        = 24 * time.Hour
	robotsFailureLifetime = 5 * time.Minute
	robotsMemory          = 30 * 24 * time.Hour
)

// robotsFile is one authority's robots.txt. The slot admits one reader at a time, so that a file is fetched once however
// many pages wait for it, and a waiter gives up when its context ends.
type robotsFile struct {
	slot    chan struct{}
	record  RobotsRecord
	rules   *robots.Rules
	closed  bool   // it could not be read, which forbids everything
	blocked string // the rule last passed to State; guarded by Fetcher.mu
}

// rulesFor returns the rules of u's authority, fetching robots.txt if it is not known. An unreachable file forbids
// everything, a missing one allows everything (RFC 9309 §2.3.1.3 and §2.3.1.4).
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
	if file.rules == nil || !f.cfg.Now().Before(file.record.Until) {
		if err := f.renewRobots(ctx, req, u, authority, file); err != nil {
			return nil, err
		}
	}
	if file.closed { // reported for every page that is not fetched: "disallowed" would blame the site for a broken network
		return nil, &Error{URL: u.String(), Reason: ReasonRobots, Err: fmt.Errorf("robots.txt could not be read: %s", file.record.Detail)}
	}
	return file.rules, nil
}

// renewRobots takes the robots.txt that another instance has read, or reads it itself.
func (f *Fetcher) renewRobots(ctx context.Context, req request, u *url.URL, authority string, file *robotsFile) error {
	if f.knownRobots(ctx, authority, file) {
		return nil
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	// Instances that come at the same time all find nothing and wait for their turns. The first to get one reads for all.
	req.superseded = func(ctx context.Context) bool { return f.knownRobots(ctx, authority, file) }
	record, err := f.readRobots(ctx, req, &url.URL{Scheme: u.Scheme, Host: u.Host, Path: "/robots.txt"}, file.record)
	switch {
	case errors.Is(err, errSuperseded):
		return nil
	case err != nil:
		return err
	}
	f.useRobots(file, record)
	if f.cfg.State != nil {
		if err := f.cfg.State.KeepRobots(ctx, authority, record); err != nil {
			f.cfg.Logger.WarnContext(ctx, "scraping: robots.txt could not be kept", "authority", authority, "error", err)
		}
	}
	return nil
}

// knownRobots takes the record of robots.txt that all instances share, and reports whether it still counts.
func (f *Fetcher) knownRobots(ctx context.Context, authority string, file *robotsFile) bool {
	if f.cfg.State == nil {
		return false
	}
	kept, ok, err := f.cfg.State.Robots(ctx, authority)
	if err != nil {
		if ctx.Err() == nil {
			f.cfg.Logger.WarnContext(ctx, "scraping: what is known of robots.txt is not available", "authority", authority, "error", err)
		}
		return false
	}
	if ok {
		f.useRobots(file, kept)
	}
	return ok && f.cfg.Now().Before(kept.Until)
}

// readRobots fetches a robots.txt. The error is nil whatever the site answers: the answer is in the record.
func (f *Fetcher) readRobots(ctx context.Context, req request, at *url.URL, before RobotsRecord) (RobotsRecord, error) {
	doc, err := f.follow(ctx, request{def: req.def, site: req.site, accept: "text/plain,*/*;q=0.5", robots: true, superseded: req.superseded}, at)
	now := f.cfg.Now()
	var failed *Error
	switch {
	case errors.Is(err, errSuperseded):
		return RobotsRecord{}, err
	case err == nil:
		return RobotsRecord{Answer: RobotsRead, Body: doc.Body, ReadAt: now, Until: now.Add(robotsLifetime)}, nil
	case ctx.Err() != nil:
		return RobotsRecord{}, ctx.Err() // this says nothing about the site
	case errors.As(err, &failed) && failed.Reason == ReasonStatus && failed.Status >= 400 && failed.Status < 500 && failed.Status != 429,
		failed != nil && failed.Reason == ReasonRedirects: // §2.3.1.2: more than five hops count as missing
		return RobotsRecord{Answer: RobotsMissing, Until: now.Add(robotsLifetime), Detail: detail(err)}, nil
	case failed != nil && failed.Reason == ReasonAddress:
		return RobotsRecord{}, err // the page would fail in the same way; report the true reason
	}
	f.cfg.Logger.WarnContext(ctx, "scraping: robots.txt could not be read", "url", at.String(), "error", err)
	return RobotsRecord{Answer: RobotsUnreachable, Body: before.Body, ReadAt: before.ReadAt, Until: now.Add(robotsFailureLifetime), Detail: detail(err)}, nil
}

// useRobots makes a record the one that counts.
func (f *Fetcher) useRobots(file *robotsFile, r RobotsRecord) {
	file.record, file.closed = r, false
	switch {
	case r.Answer == RobotsRead, r.Answer == RobotsUnreachable && !r.ReadAt.IsZero() && f.cfg.Now().Sub(r.ReadAt) < robotsMemory:
		file.rules = robots.Parse(r.Body, f.agent)
	case r.Answer == RobotsMissing:
		file.rules = robots.AllowAll
	default:
		file.rules, file.closed = robots.DisallowAll, true
	}
}

// detail is an error's text, cut to 300 bytes.
func detail(err error) string {
	s := err.Error()
	return s[:min(len(s), 300)]
}

// Sitemaps lists the sitemaps that the source's robots.txt names.
func (f *Fetcher) Sitemaps(ctx context.Context, src source.Source) ([]string, error) {
	site := src.Site()
	rules, err := f.rulesFor(ctx, request{def: src, site: site}, site.Base())
	if err != nil {
		return nil, err
	}
	return rules.Sitemaps, nil
}
