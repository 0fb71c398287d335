// Package discover reads what sources announce: from the bytes of a feed to the addresses of articles. It does no I/O.
package discover

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/mmcdole/gofeed"
	"golang.org/x/net/html/charset"
	"golang.org/x/text/encoding"
	"golang.org/x/text/encoding/charmap"
	"golang.org/x/text/encoding/unicode"
	"golang.org/x/text/transform"

	"openlearn/internal/newsdate"
	"openlearn/internal/scraping/source"
)

// Item is one article that a feed announces. What it says beyond the address fills the gaps of the page.
type Item struct {
	URL         string // canonical, on the source's host
	Title       string
	Authors     []string
	Categories  []string
	PublishedAt *time.Time
}

// maxFeedItems bounds one feed; real ones have 20 to 100.
const maxFeedItems = 1000

// ParseFeed reads an RSS or Atom document into the items that lie on the source's host, each address once, in feed
// order. skipped counts items without a usable address: on other hosts, listings, files, repetitions.
//
// A feed that breaks off in the middle still yields its whole items.
func ParseFeed(body []byte, feedURL *url.URL, s source.Site) (items []Item, skipped int, err error) {
	feed, err := decodeFeed(body)
	if err != nil {
		return nil, 0, err
	}
	base := feedURL
	seen := map[string]bool{}
	for _, it := range feed.Items {
		if it == nil || len(items) == maxFeedItems {
			skipped++
			continue
		}
		address, ok := "", false
		for _, raw := range append([]string{it.Link, it.GUID}, it.Links...) {
			if raw == "" || (raw == it.GUID && !strings.Contains(raw, "://")) {
				continue
			}
			if address, ok = s.Canonical(base, raw); ok {
				break
			}
		}
		if !ok || seen[address] || !source.LooksLikeArticle(address) {
			skipped++
			continue
		}
		seen[address] = true
		items = append(items, newItem(it, address))
	}
	return items, skipped, nil
}

func newItem(it *gofeed.Item, address string) Item {
	out := Item{URL: address, Title: source.CleanInline(it.Title)}
	for _, p := range it.Authors {
		if p != nil {
			out.Authors = append(out.Authors, source.CleanInline(p.Name))
		}
	}
	for _, c := range it.Categories {
		if c = source.CleanInline(c); c != "" {
			out.Categories = append(out.Categories, c)
		}
	}
	for _, raw := range []string{it.Published, it.Updated} {
		// Our own reading: the library takes a date without a zone for UTC, and Colombian feeds mean Bogotá.
		if d, err := newsdate.Parse(raw, nil); err == nil {
			out.PublishedAt = &d.Time
			break
		}
	}
	return out
}

var ErrNoFeed = errors.New("no RSS or Atom document")

func decodeFeed(body []byte) (*gofeed.Feed, error) {
	body, err := feedBytes(body)
	if err != nil {
		return nil, err
	}
	if !bytes.HasPrefix(bytes.TrimSpace(body), []byte("<")) {
		return nil, ErrNoFeed // the library would also read JSON feeds, which nobody here writes
	}
	if err := boundFeed(body); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrNoFeed, err)
	}
	feed, err := gofeed.NewParser().Parse(bytes.NewReader(body))
	if err == nil {
		return feed, nil
	}
	for tag, closing := range map[string]string{"</item>": "</channel></rss>", "</entry>": "</feed>"} {
		at := bytes.LastIndex(body, []byte(tag))
		if at < 0 {
			continue
		}
		whole := append(bytes.Clone(body[:at+len(tag)]), closing...)
		if feed, again := gofeed.NewParser().Parse(bytes.NewReader(whole)); again == nil && len(feed.Items) > 0 {
			return feed, nil
		}
	}
	return nil, fmt.Errorf("%w: %w", ErrNoFeed, err)
}

var xmlEncoding = regexp.MustCompile(`(?i)^(\s*<\?xml[^>]*?)\s+encoding\s*=\s*["']([^"'>]*)["']`)

// maxFeedDecoded bounds a feed once more when it is UTF-8: a character of one byte may become one of three.
const maxFeedDecoded = 12 << 20

// feedBytes settles the encoding before the parser sees it, which then finds UTF-8 and no declaration: bytes that are UTF-8
// are that, whatever the declaration says, and bytes that are not and declare nothing are windows-1252.
func feedBytes(body []byte) ([]byte, error) {
	body = source.TrimBOM(body)
	good, bad := source.UTF8Runs(body)
	declared := xmlEncoding.FindSubmatch(body)
	if source.HasUTF16BOM(body) {
		return decoded(body, unicode.UTF16(unicode.BigEndian, unicode.UseBOM))
	}
	if declared == nil && bad <= good {
		return body, nil
	}
	rest := body
	if declared != nil {
		rest = slices.Concat(declared[1], body[len(declared[0]):])
	}
	var enc encoding.Encoding
	var name string
	if declared != nil {
		enc, name = charset.Lookup(strings.TrimSpace(string(declared[2])))
	}
	switch {
	case bad == 0 && good > 0, name == "utf-8" && bad <= good:
		return rest, nil
	case bad > good && (declared == nil || name == "utf-8"):
		return decoded(rest, charmap.Windows1252)
	case enc == nil:
		return nil, fmt.Errorf("%w: an encoding that nobody knows", ErrNoFeed)
	default:
		return decoded(rest, enc)
	}
}

func decoded(body []byte, enc encoding.Encoding) ([]byte, error) {
	out, err := io.ReadAll(io.LimitReader(transform.NewReader(bytes.NewReader(body), enc.NewDecoder()), maxFeedDecoded+1))
	switch {
	case err != nil:
		return nil, fmt.Errorf("%w: %w", ErrNoFeed, err)
	case len(out) > maxFeedDecoded:
		return nil, fmt.Errorf("%w: %w: more than %d bytes in UTF-8", ErrNoFeed, errFeedBounds, maxFeedDecoded)
	}
	// What UTF-16 declared itself to be, it is no more.
	if declared := xmlEncoding.FindSubmatchIndex(out); declared != nil {
		out = append(out[:declared[3]], out[declared[1]:]...)
	}
	return out, nil
}
