package scraping

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"openlearn/internal/cache"
	"openlearn/internal/scraping/fetch"
	"openlearn/internal/scraping/source"
)

// documentTimeout bounds the fetch of one document, with all its waits, redirects and attempts.
const documentTimeout = 10 * time.Minute

// lostFor is how long a page that is missing or can never be read is not requested again.
const lostFor = 6 * time.Hour

// largestKept is the largest size of a document that is cached: larger ones are not worth the memory in Redis.
const largestKept = 2 << 20

// documents reads the answers of news sites through the cache. What goes stale when? Nobody tells us when a site changes,
// so entries are replaced only when someone asks for a fresh document:
//
//	feeds, sitemaps, sections    as long as the server says, or the time between passes, less a tenth: the next pass fetches again
//	pages                        an hour at first, then learned from their changes (cache.Adaptive); a page announced as
//	                             changed has an entry of its own
type documents struct {
	fetcher *fetch.Fetcher
	cache   *cache.Cache
	cached  *cache.Func[documentAsk, document]
}

// documentAsk says which document is wanted.
type documentAsk struct {
	source  source.Source
	url     string
	accept  string
	version string // of a page: when its source says that it was changed
	entry   bool   // the document announces articles
	known   fetch.Validators
	anew    bool // bypass the cache
}

// document is what the cache keeps of a fetch.Document.
type document struct {
	URL         string        `json:"url"`
	Moved       string        `json:"moved,omitempty"`
	ContentType string        `json:"content_type,omitempty"`
	Body        []byte        `json:"body"`
	ETag        string        `json:"etag,omitempty"`
	Modified    string        `json:"last_modified,omitempty"`
	NotModified bool          `json:"not_modified,omitempty"`
	Lifetime    time.Duration `json:"lifetime_ns,omitempty"`
}

func (a documentAsk) key() cache.Key {
	return cache.Key{ID: a.source.ID, Params: url.Values{"url": {a.url}, "accept": {a.accept}, "version": {a.version}}}
}

func newDocuments(fetcher *fetch.Fetcher, c *cache.Cache) (*documents, error) {
	d := &documents{fetcher: fetcher, cache: c}
	if c == nil {
		return d, nil
	}
	d.cached = cache.Wrap(c, cache.Spec[documentAsk]{
		Layer:    NewsLayer,
		Key:      documentAsk.key,
		Adaptive: &cache.Adaptive{Min: source.MinInterval},
	}, d.load).ResultTTL(func(a documentAsk, doc document) time.Duration {
		switch {
		case len(doc.Body) > largestKept, doc.NotModified && !a.entry:
			return -1
		case a.entry:
			return max(doc.Lifetime, a.source.Interval()) * 9 / 10
		}
		return min(doc.Lifetime, time.Hour) // 0: as learned
	})
	return d, d.cached.Err()
}

func (d *documents) load(ctx context.Context, a documentAsk) (document, error) {
	doc, err := d.fetcher.Get(ctx, a.source, a.url, a.accept, a.known)
	if err != nil {
		if failed := (*fetch.Error)(nil); !a.entry && errors.As(err, &failed) && lost(failed) {
			return document{}, lostPage{failed}
		}
		return document{}, err
	}
	kept := document{
		URL: doc.URL.String(), ContentType: doc.ContentType, Body: doc.Body, ETag: doc.Validators.ETag, Modified: doc.Validators.LastModified,
		NotModified: doc.NotModified, Lifetime: doc.Lifetime,
	}
	if doc.Moved != nil {
		kept.Moved = doc.Moved.String()
	}
	return kept, nil
}

// get returns a document and whether it was fetched just now.
func (d *documents) get(ctx context.Context, a documentAsk) (*fetch.Document, bool, error) {
	if d.cached == nil {
		doc, err := d.fetcher.Get(ctx, a.source, a.url, a.accept, a.known)
		return doc, true, err
	}
	if a.anew {
		if err := d.cache.Delete(ctx, NewsLayer, a.key()); err != nil {
			ctx = cache.Bypass(ctx) // the cached copy cannot be removed now, so it is bypassed
		}
	}
	kept, info, err := d.cached.GetInfo(ctx, a)
	if errors.Is(err, cache.ErrNotFound) {
		return nil, false, lostAgain(a.url, err)
	}
	if err != nil {
		return nil, true, err
	}
	doc := &fetch.Document{
		ContentType: kept.ContentType, Body: kept.Body, Validators: fetch.Validators{ETag: kept.ETag, LastModified: kept.Modified},
		NotModified: kept.NotModified, Lifetime: kept.Lifetime,
	}
	if doc.URL, err = url.Parse(kept.URL); err == nil && kept.Moved != "" {
		doc.Moved, err = url.Parse(kept.Moved)
	}
	if err != nil {
		return nil, true, &fetch.Error{URL: a.url, Reason: fetch.ReasonNetwork, Err: err}
	}
	return doc, info.Source == cache.FromSource || info.Source == cache.FromBypass, nil
}

// lost says whether a failure is the page's own, so that asking again soon would give the same result.
func lost(failed *fetch.Error) bool {
	switch failed.Reason {
	case fetch.ReasonStatus:
		return slices.Contains([]int{http.StatusNotFound, http.StatusGone, http.StatusUnavailableForLegalReasons}, failed.Status)
	case fetch.ReasonTooLarge, fetch.ReasonRedirects, fetch.ReasonContentType, fetch.ReasonOffHost:
		return true
	}
	return false
}

// lostPage is how the cache remembers a lost page: its text holds all that lostAgain needs.
type lostPage struct{ failed *fetch.Error }

func (l lostPage) Error() string {
	return fmt.Sprintf("%s %d %s", l.failed.Reason, l.failed.Status, detail(l.failed.Err))
}

func (l lostPage) Unwrap() error { return l.failed }

func (lostPage) Is(target error) bool { return target == cache.ErrNotFound }

// lostAgain is the failure that the cache remembers.
func lostAgain(address string, err error) error {
	var failed *fetch.Error
	if errors.As(err, &failed) {
		return failed
	}
	failed = &fetch.Error{URL: address, Reason: fetch.ReasonStatus, Err: errors.New("it was lost lately")}
	reason, rest, _ := strings.Cut(err.Error(), " ")
	status, text, _ := strings.Cut(rest, " ")
	if n, bad := strconv.Atoi(status); bad == nil {
		failed.Reason, failed.Status, failed.Err = fetch.Reason(reason), n, errors.New(text)
	}
	return failed
}
