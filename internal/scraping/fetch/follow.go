package fetch

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"time"

	"openlearn/internal/scraping/source"
)

// request holds what stays the same over the hops and attempts of one Get.
type request struct {
	def     source.Source
	site    source.Site
	accept  string
	known   Validators
	cookies http.CookieJar // of this chain alone, for pages that set a cookie and redirect to themselves
	robots  bool           // this is the fetch of robots.txt: no robots check, redirects may leave the host (RFC 9309 §2.3.1.2)
	// superseded is called when a request gets its turn. It says whether another instance has the answer by now. nil: none
	// can.
	superseded func(context.Context) bool
}

// errSuperseded ends a request that another instance has made in the meantime.
var errSuperseded = errors.New("another instance has the answer")

func (r request) client(f *Fetcher) *http.Client {
	if r.def.AllowLoopback {
		return f.loopback
	}
	return f.public
}

// what is the kind of document that is requested.
func (r request) what() string {
	switch {
	case r.robots:
		return ReadRobots
	case r.accept == AcceptPage:
		return ReadPage
	}
	return ReadFeed
}

// follow fetches u and the addresses it redirects to.
func (f *Fetcher) follow(ctx context.Context, req request, u *url.URL) (*Document, error) {
	forGood, seen := true, map[string]int{}
	start := u
	for hop := 0; ; hop++ {
		// A page that has set a cookie on the way may be visited once more; a third visit is a loop.
		if seen[u.String()]++; seen[u.String()] > 2 {
			return nil, &Error{URL: u.String(), Reason: ReasonRedirects, Err: errors.New("a loop")}
		}
		if !req.robots {
			if !req.site.Accepts(u) {
				return nil, &Error{URL: u.String(), Reason: ReasonOffHost, Err: errors.New("not on the source's host")}
			}
		}
		interval, err := f.permission(ctx, req, u)
		if err != nil {
			return nil, err
		}
		doc, next, err := f.attempts(ctx, req, u, interval)
		if err != nil {
			return nil, err
		}
		if next == nil && doc != nil && req.accept == AcceptPage {
			next = refreshOf(doc)
		}
		if next == nil {
			if forGood && u != start {
				doc.Moved = u
			}
			return doc, nil
		}
		forGood = forGood && doc != nil && doc.Moved != nil
		if hop == f.cfg.MaxRedirects {
			return nil, &Error{URL: u.String(), Reason: ReasonRedirects, Err: fmt.Errorf("more than %d redirects", f.cfg.MaxRedirects)}
		}
		if u.Scheme == "https" && next.Scheme != "https" {
			return nil, &Error{URL: next.String(), Reason: ReasonOffHost, Err: errors.New("redirect from https to " + next.Scheme)}
		}
		u = next
	}
}

// permission asks robots.txt about u and returns the interval to keep between requests to its host.
func (f *Fetcher) permission(ctx context.Context, req request, u *url.URL) (time.Duration, error) {
	perMinute := req.def.RequestsPerMinute
	if perMinute == 0 {
		perMinute = source.DefaultRequestsPerMinute
	}
	interval := time.Duration(float64(time.Minute) / perMinute)
	if req.robots {
		return interval, nil
	}
	rules, err := f.rulesFor(ctx, req, u)
	if err != nil {
		return 0, err
	}
	if rule := rules.Blocking(u); rule != "" {
		f.recordBlocked(ctx, u, rule)
		return 0, &Error{URL: u.String(), Reason: ReasonRobots, Err: fmt.Errorf("robots.txt: Disallow: %s", rule)}
	}
	return max(interval, rules.CrawlDelay), nil
}

// attempts tries u until it answers or the attempts are used up. next is set if the answer is a redirect.
func (f *Fetcher) attempts(ctx context.Context, req request, u *url.URL, interval time.Duration) (doc *Document, next *url.URL, err error) {
	host := source.BareAuthority(u)
	backoff := f.cfg.Backoff
	for attempt := 1; ; attempt++ {
		if err := f.turn(ctx, u.String(), host, interval); err != nil {
			return nil, nil, err
		}
		if req.superseded != nil && req.superseded(ctx) {
			return nil, nil, errSuperseded
		}
		asked := f.cfg.Now()
		doc, next, err = f.once(ctx, req, u)
		again, hostFault := retryable(err)
		outcome := Outcome{OK: err == nil, Took: f.cfg.Now().Sub(asked), Failed: hostFault}
		if failed, ok := errors.AsType[*Error](err); ok {
			// A robots.txt that is forbidden means that the site is open (RFC 9309 §2.3.1.3).
			outcome.Refused = failed.Status == http.StatusForbidden && !req.robots || failed.Status == http.StatusTooManyRequests
			outcome.RetryAfter = failed.RetryAfter
		}
		f.told(ctx, host, outcome)
		if !again || attempt == f.cfg.Attempts || ctx.Err() != nil {
			return doc, next, err
		}
		f.cfg.Logger.DebugContext(ctx, "scraping: retry", "url", u.String(), "attempt", attempt, "retry_after", outcome.RetryAfter, "error", err)
		if outcome.RetryAfter == 0 { // otherwise the next turn waits for the host's rest
			if f.cfg.Sleep(ctx, backoff) != nil {
				return nil, nil, err
			}
			backoff *= 2
		}
	}
}

// retryable says whether trying again may help, and whether the failure is the host's fault (it counts towards its rest).
func retryable(err error) (again, hostFault bool) {
	if err == nil {
		return false, false
	}
	var fetch *Error
	if errors.As(err, &fetch) && fetch.Reason == ReasonStatus {
		switch fetch.Status {
		case http.StatusTooManyRequests:
			return true, false
		case http.StatusRequestTimeout, http.StatusInternalServerError, http.StatusBadGateway, http.StatusServiceUnavailable, http.StatusGatewayTimeout:
			return true, true
		}
		return false, false
	}
	switch ReasonOf(err) {
	case ReasonTimeout, ReasonNetwork:
		return true, true
	}
	return false, false
}
