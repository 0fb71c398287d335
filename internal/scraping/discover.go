package scraping

import (
	"bytes"
	"errors"
	"fmt"
	"net/url"
	"regexp"
	"strings"
	"time"

	"github.com/mmcdole/gofeed"
	"golang.org/x/text/encoding/charmap"

	"openlearn/internal/newsdate"
)

// FeedItem is one article that a feed announces. What it says beyond the address fills the gaps of the page.
type FeedItem struct {
	URL         string // canonical, on the source's host
	Title       string
	Authors     []string
	Categories  []string
	PublishedAt *time.Time
}

// maxFeedItems bounds one feed; real ones have 20 to 100.
const maxFeedItems = 1000

// parseFeed reads an RSS or Atom document into the items that lie on the source's host, each address once, in feed
// order. skipped counts items without a usable address: on other hosts, listings, files, repetitions.
//
// A feed that breaks off in the middle still yields its whole items.
func parseFeed(body []byte, feedURL *url.URL, s site) (items []FeedItem, skipped int, err error) {
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
			if address, ok = canonicalURL(s, base, raw); ok {
				break
			}
		}
		if !ok || seen[address] || !looksLikeArticle(address) {
			skipped++
			continue
		}
		seen[address] = true
		items = append(items, feedItem(it, address))
	}
	return items, skipped, nil
}

func feedItem(it *gofeed.Item, address string) FeedItem {
	out := FeedItem{URL: address, Title: cleanInline(it.Title)}
	for _, p := range it.Authors {
		if p != nil {
			out.Authors = append(out.Authors, cleanInline(p.Name))
		}
	}
	for _, c := range it.Categories {
		if c = cleanInline(c); c != "" {
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

var errNoFeed = errors.New("no RSS or Atom document")

func decodeFeed(body []byte) (*gofeed.Feed, error) {
	body = feedBytes(body)
	if !bytes.HasPrefix(bytes.TrimSpace(body), []byte("<")) {
		return nil, errNoFeed // the library would also read JSON feeds, which nobody here writes
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
	return nil, fmt.Errorf("%w: %w", errNoFeed, err)
}

var xmlEncoding = regexp.MustCompile(`(?i)^(\s*<\?xml[^>]*?)\s+encoding\s*=\s*["'][^"'>]*["']`)

// feedBytes settles the encoding before the parser sees it: bytes that are UTF-8 are that, whatever the declaration
// says, and bytes that are not and declare nothing are windows-1252.
func feedBytes(body []byte) []byte {
	body = trimBOM(body)
	declared := xmlEncoding.Match(body)
	good, bad := utf8Runs(body)
	switch {
	case hasUTF16BOM(body):
		return body
	case bad == 0 && good > 0 && declared:
		return xmlEncoding.ReplaceAll(body, []byte("$1"))
	case bad > good && (!declared || bytes.Contains(bytes.ToLower(body[:min(len(body), 200)]), []byte("utf-8"))):
		out, err := charmap.Windows1252.NewDecoder().Bytes(body)
		if err != nil {
			return body
		}
		return xmlEncoding.ReplaceAll(out, []byte("$1"))
	}
	return body
}
