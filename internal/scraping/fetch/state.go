package fetch

import (
	"context"
	"net/url"
	"time"
)

// State keeps what is known about hosts beyond this process. It is an interface because this package knows no database; the
// service that uses it has one. After an error something is not remembered, but the fetch goes on.
type State interface {
	// Robots is the robots.txt of an authority ("https://www.example.org") as it was last read; ok is false if it never
	// was.
	Robots(ctx context.Context, authority string) (r RobotsRecord, ok bool, err error)
	// KeepRobots stores a reading.
	KeepRobots(ctx context.Context, authority string, r RobotsRecord) error
	// KeepBlocked stores which rule of an authority's robots.txt last forbade an address, and which address.
	KeepBlocked(ctx context.Context, authority, rule, address string, at time.Time) error
}

// RobotsAnswer is the kind of answer to a request for robots.txt.
type RobotsAnswer string

// The kinds of answers (RFC 9309 §2.3.1).
const (
	RobotsRead        RobotsAnswer = "read"        // its rules count
	RobotsMissing     RobotsAnswer = "missing"     // 4xx, or too many redirects: everything is allowed
	RobotsUnreachable RobotsAnswer = "unreachable" // 5xx or no answer: nothing is allowed, or what an earlier reading allows
)

// RobotsRecord is one authority's robots.txt.
type RobotsRecord struct {
	Answer RobotsAnswer
	Body   []byte    // of the last successful reading
	ReadAt time.Time // when that was; zero: never
	Until  time.Time // until when the record counts
	Detail string    // what went wrong
}

// recordBlocked keeps the rule that forbade u: once for each rule while the file counts.
func (f *Fetcher) recordBlocked(ctx context.Context, u *url.URL, rule string) {
	if f.cfg.State == nil {
		return
	}
	authority := u.Scheme + "://" + u.Host
	f.mu.Lock()
	file := f.robots[authority]
	told := file != nil && file.blocked == rule
	if file != nil {
		file.blocked = rule
	}
	f.mu.Unlock()
	if told {
		return
	}
	if err := f.cfg.State.KeepBlocked(ctx, authority, rule, u.String(), f.cfg.Now()); err != nil {
		f.cfg.Logger.WarnContext(ctx, "scraping: the rule that blocked could not be kept", "url", u.String(), "error", err)
	}
}
