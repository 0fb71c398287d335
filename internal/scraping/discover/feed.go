// Package discover reads what sources announce: from the bytes of a feed to the addresses of articles. It does no I/O.
package discover

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/mmcdole/gofeed"
	"golang.org/x/net/html/charset"
	"golang.org/x/text/encoding"
	"golang.org/x/text/encoding/charmap"
	"golang.org/x/text/encoding/unicode"
	"golang.org/x/text/transform"

	"openlearn/internal/newsdate"
	"openlearn/internal/scraping/source"
)

// Item is one article that a source announces. Everything but the address fills gaps that the page leaves.
type Item struct {
	URL         string // canonical, on the source's host
	Title       string
	Authors     []string
	Categories  []string
	PublishedAt *time.Time
	ModifiedAt  *time.Time // when the source says that it last changed the article
}

// Found is what a document announces.
type Found struct {
	Items   []Item
	Skipped int           // announcements without a usable address: other hosts, listings, files, repetitions
	TTL     time.Duration // how long the source asks to wait before the next look; 0: it does not say
}

// maxItems bounds one feed; real ones have 20 to 100.
const maxItems = 1000

// ParseFeed reads an RSS, Atom or JSON Feed document into the items that lie on the source's site, each address once, in
// document order. If the document is no feed the error wraps ErrNoFeed, and ErrEmpty, ErrHTML or ErrChallenge where one of
// them says what it is instead.
//
// A truncated feed still yields its complete items.
func ParseFeed(body []byte, feedURL *url.URL, s source.Site) (Found, error) {
	body, err := Inflate(body)
	if err != nil {
		return Found{}, fmt.Errorf("%w: %w", ErrNoFeed, err)
	}
	feed, ttl, err := decodeFeed(body)
	if err != nil {
		return Found{}, err
	}
	out := Found{TTL: ttl}
	seen := newAddresses()
	for _, it := range feed.Items {
		if it == nil || len(out.Items) == maxItems {
			out.Skipped++
			continue
		}
		address, ok := "", false
		for _, raw := range links(it) {
			if address, ok = s.Canonical(feedURL, raw); ok && source.LooksLikeArticle(address) {
				break
			}
			ok = false
		}
		if !ok || !seen.add(address) {
			out.Skipped++
			continue
		}
		out.Items = append(out.Items, newItem(it, address))
	}
	return out, nil
}

// links lists the addresses that an item may mean, the likeliest first: the original link that a feed proxy replaced
// (origLink), the link, and the identifier if it is an address.
func links(it *gofeed.Item) []string {
	var out []string
	for _, space := range []string{"feedburner", "pheedo"} {
		for _, e := range it.Extensions[space]["origLink"] {
			out = append(out, e.Value)
		}
	}
	out = append(out, it.Link)
	out = append(out, it.Links...)
	if strings.Contains(it.GUID, "://") || strings.HasPrefix(it.GUID, "/") {
		out = append(out, it.GUID)
	}
	return slices.DeleteFunc(out, func(s string) bool { return strings.TrimSpace(s) == "" })
}

// addresses remembers the addresses seen; a trailing slash makes no difference.
type addresses map[string]bool

func newAddresses() addresses { return addresses{} }

func (a addresses) add(address string) bool {
	key := strings.TrimRight(address, "/")
	if a[key] {
		return false
	}
	a[key] = true
	return true
}

func newItem(it *gofeed.Item, address string) Item {
	out := Item{URL: address, Title: text(it.Title)}
	for _, p := range it.Authors {
		if p != nil {
			out.Authors = append(out.Authors, text(p.Name))
		}
	}
	for _, c := range it.Categories {
		if c = text(c); c != "" {
			out.Categories = append(out.Categories, c)
		}
	}
	// We parse dates ourselves: the library takes a date without a zone for UTC, but Colombian feeds mean Bogotá time.
	out.PublishedAt, out.ModifiedAt = date(it.Published), date(it.Updated)
	if out.PublishedAt == nil {
		out.PublishedAt = out.ModifiedAt
	}
	return out
}

func date(raw string) *time.Time {
	if d, err := newsdate.Parse(raw, nil); err == nil {
		return &d.Time
	}
	return nil
}

// text is one line of plain text, with what was encoded twice ("CafÃ©") put right.
func text(s string) string {
	s = source.CleanInline(s)
	if !strings.ContainsAny(s, "ÃÂ") {
		return s
	}
	narrow, err := charmap.Windows1252.NewEncoder().String(s)
	if err != nil || !utf8.ValidString(narrow) || len(narrow) == utf8.RuneCountInString(narrow) {
		return s
	}
	return source.CleanInline(narrow)
}

// What a document that is not a feed is instead.
var (
	ErrNoFeed    = errors.New("no RSS, Atom or JSON Feed document")
	ErrEmpty     = errors.New("an empty answer")
	ErrHTML      = errors.New("a page in its place")
	ErrChallenge = errors.New("a challenge for robots in its place")
)

func decodeFeed(body []byte) (*gofeed.Feed, time.Duration, error) {
	if len(bytes.TrimSpace(source.TrimBOM(body))) == 0 {
		return nil, 0, fmt.Errorf("%w: %w", ErrNoFeed, ErrEmpty)
	}
	body, err := feedBytes(body)
	if err != nil {
		return nil, 0, err
	}
	if feed, is, err := jsonFeed(body); is {
		return feed, 0, err
	}
	if body, err = fromRoot(body); err != nil {
		return nil, 0, err
	}
	body = withoutControls(body)
	if err := boundFeed(body); err != nil {
		return nil, 0, fmt.Errorf("%w: %w", ErrNoFeed, err)
	}
	ttl := feedTTL(body)
	feed, err := gofeed.NewParser().Parse(bytes.NewReader(body))
	if err == nil {
		return feed, ttl, nil
	}
	for tag, closing := range map[string]string{"</item>": "</channel></rss>", "</entry>": "</feed>"} {
		at := bytes.LastIndex(body, []byte(tag))
		if at < 0 {
			continue
		}
		whole := append(bytes.Clone(body[:at+len(tag)]), closing...)
		if feed, again := gofeed.NewParser().Parse(bytes.NewReader(whole)); again == nil && len(feed.Items) > 0 {
			return feed, ttl, nil
		}
	}
	return nil, 0, fmt.Errorf("%w: %w", ErrNoFeed, err)
}

// maxNoise bounds what may stand before a feed: warnings of the program that wrote it.
const maxNoise = 64 << 10

var (
	feedRoot  = regexp.MustCompile(`(?i)<(?:\w+:)?(?:rss|feed|rdf)[\s>]`)
	prologue  = regexp.MustCompile(`(?i)<\?xml[\s?]|<!doctype\s+rss`)
	pageRoot  = regexp.MustCompile(`(?i)<!doctype\s+html|<html[\s>]|<head[\s>]|<body[\s>]`)
	challenge = regexp.MustCompile(`(?i)cf-challenge|challenge-platform|cf_chl_|_incapsula_|captcha|just a moment|enable javascript and cookies|checking your browser|ddos-guard|verifique que (?:usted )?(?:no )?es (?:un )?(?:humano|robot)|px-captcha`)
)

// fromRoot drops what stands before the document, and refuses a document whose root element is not that of a feed.
func fromRoot(body []byte) ([]byte, error) {
	head := body[:min(len(body), maxNoise)]
	root := feedRoot.FindIndex(head)
	if page := pageRoot.FindIndex(head); page != nil && (root == nil || page[0] < root[0]) || root == nil && challenge.Match(head) {
		if challenge.Match(head) {
			return nil, fmt.Errorf("%w: %w", ErrNoFeed, ErrChallenge)
		}
		return nil, fmt.Errorf("%w: %w", ErrNoFeed, ErrHTML)
	}
	if root == nil {
		return nil, ErrNoFeed
	}
	start := root[0]
	if p := prologue.FindIndex(head[:start]); p != nil {
		start = p[0]
	}
	return body[start:], nil
}

var charRef = regexp.MustCompile(`&#(?:[xX]([0-9a-fA-F]{1,6})|([0-9]{1,7}));`)

// withoutControls drops the characters that XML does not have, written out or as references: a single one makes a parser
// refuse the whole document.
func withoutControls(body []byte) []byte {
	illegal := func(r rune) bool {
		return r < 0x20 && r != '\t' && r != '\n' && r != '\r' || r == 0xfffe || r == 0xffff || r >= 0xd800 && r <= 0xdfff || r > utf8.MaxRune
	}
	if bytes.IndexFunc(body, illegal) >= 0 {
		body = bytes.Map(func(r rune) rune {
			if illegal(r) {
				return -1
			}
			return r
		}, body)
	}
	if !bytes.Contains(body, []byte("&#")) {
		return body
	}
	return charRef.ReplaceAllFunc(body, func(ref []byte) []byte {
		m := charRef.FindSubmatch(ref)
		digits, base := string(m[2]), 10
		if len(m[1]) > 0 {
			digits, base = string(m[1]), 16
		}
		if n, err := strconv.ParseInt(digits, base, 32); err != nil || illegal(rune(n)) {
			return nil
		}
		return ref
	})
}

var ttlElement = regexp.MustCompile(`(?i)<ttl>\s*(\d{1,5})\s*</ttl>`)

// feedTTL is how long the channel asks to wait, in RSS's minutes.
func feedTTL(body []byte) time.Duration {
	m := ttlElement.FindSubmatch(body[:min(len(body), maxNoise)])
	if m == nil {
		return 0
	}
	minutes, err := strconv.Atoi(string(m[1]))
	if err != nil {
		return 0
	}
	return time.Duration(minutes) * time.Minute
}

// jsonFeed reads a JSON Feed (jsonfeed.org, version 1.1); is says whether the document is JSON at all.
func jsonFeed(body []byte) (feed *gofeed.Feed, is bool, err error) {
	body = bytes.TrimSpace(body)
	if !bytes.HasPrefix(body, []byte("{")) {
		return nil, false, nil
	}
	var doc struct {
		Version string `json:"version"`
		Items   []struct {
			ID            any      `json:"id"`
			URL           string   `json:"url"`
			ExternalURL   string   `json:"external_url"`
			Title         string   `json:"title"`
			DatePublished string   `json:"date_published"`
			DateModified  string   `json:"date_modified"`
			Tags          []string `json:"tags"`
			Author        struct {
				Name string `json:"name"`
			} `json:"author"`
			Authors []struct {
				Name string `json:"name"`
			} `json:"authors"`
		} `json:"items"`
	}
	if err := json.Unmarshal(body, &doc); err != nil {
		return nil, true, fmt.Errorf("%w: %w", ErrNoFeed, err)
	}
	if !strings.Contains(doc.Version, "jsonfeed.org/version") {
		return nil, true, ErrNoFeed
	}
	feed = &gofeed.Feed{}
	for _, it := range doc.Items {
		id, _ := it.ID.(string)
		item := &gofeed.Item{Title: it.Title, Link: it.URL, Links: []string{it.ExternalURL}, GUID: id, Published: it.DatePublished, Updated: it.DateModified, Categories: it.Tags}
		for _, a := range append(it.Authors, it.Author) {
			if a.Name != "" {
				item.Authors = append(item.Authors, &gofeed.Person{Name: a.Name})
			}
		}
		feed.Items = append(feed.Items, item)
	}
	return feed, true, nil
}

var xmlEncoding = regexp.MustCompile(`(?i)^(\s*<\?xml[^>]*?)\s+encoding\s*=\s*["']([^"'>]*)["']`)

// maxFeedDecoded bounds a feed once more when it is UTF-8: a one-byte character may become three bytes.
const maxFeedDecoded = 12 << 20

// feedBytes settles the encoding before parsing, so that the parser finds UTF-8 and no declaration. Valid UTF-8 is taken as
// UTF-8 whatever the declaration says; other bytes without a declaration are taken as windows-1252.
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
	// The text is no longer UTF-16, so its declaration goes.
	if declared := xmlEncoding.FindSubmatchIndex(out); declared != nil {
		out = append(out[:declared[3]], out[declared[1]:]...)
	}
	return out, nil
}
