package importer

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"strings"
	"time"
	"unicode/utf8"

	"openlearn/internal/articles/limits"
	"openlearn/internal/newsdate"
)

// rawArticle is a line as written. Pointers would add nothing to the empty string: null and "" both mean absent.
type rawArticle struct {
	Source   string `json:"source"`
	Title    string `json:"title"`
	Text     string `json:"text"`
	Category string `json:"category"`
	Date     string `json:"date"`
	URL      string `json:"url"`
	Author   string `json:"author"`
	Country  string `json:"country"`
}

// decoded is the result of a line: a record and perhaps warnings, or one rejection.
type decoded struct {
	record Record
	ok     bool
	issues []Issue
}

// decoder turns lines into records. It has no mutable state, so goroutines share one.
type decoder struct {
	zones map[string]*time.Location // by country
	other *time.Location
}

// newDecoder sets the zones for dates that name none: that of the article's country, or Colombia's if no country is given,
// because this collection's sources are there. (newsdate embeds the zone database, so the fixed offsets only serve in case
// of an error that should not occur.)
func newDecoder() *decoder {
	return &decoder{
		zones: map[string]*time.Location{
			"CO": newsdate.Bogota(),
			"MX": zone("America/Mexico_City", -6*time.Hour),
			"ES": zone("Europe/Madrid", time.Hour),
		},
		other: newsdate.Bogota(),
	}
}

func zone(name string, offset time.Duration) *time.Location {
	loc, err := time.LoadLocation(name)
	if err != nil {
		return time.FixedZone(name, int(offset.Seconds()))
	}
	return loc
}

func (d *decoder) decode(l line) decoded {
	if l.reject != "" {
		return rejected(l, l.reject, "")
	}
	n := notes{line: l.number}
	raw, more, reason, err := parse(l.bytes, &n)
	if err != nil {
		return rejected(l, reason, err.Error())
	}
	r := Record{
		Source:  oneLine(raw.Source, &n),
		Title:   oneLine(raw.Title, &n),
		Content: clean(raw.Text, &n),
	}
	switch {
	case r.Source == "":
		return rejected(l, NoSource, "")
	case utf8.RuneCountInString(r.Source) > limits.Source:
		return rejected(l, SourceTooLong, fmt.Sprintf("%d characters", utf8.RuneCountInString(r.Source)))
	case r.Title == "":
		return rejected(l, NoTitle, "")
	case r.Content == "":
		return rejected(l, NoText, "")
	case len(r.Content) > limits.Content && utf8.RuneCountInString(r.Content) > limits.Content:
		return rejected(l, TextTooLong, fmt.Sprintf("%d characters", utf8.RuneCountInString(r.Content)))
	}
	r.Title = n.cut(r.Title, limits.Title, TitleCut)
	r.Author = optional(n.cut(oneLine(raw.Author, &n), limits.Author, AuthorCut))
	r.Country = optional(oneLine(raw.Country, &n))
	if c := oneLine(raw.Category, &n); utf8.RuneCountInString(c) <= limits.Category {
		r.Category = optional(c)
	} else {
		n.warn(CategoryTooLong, c)
	}
	sum := sha256.Sum256([]byte(r.Content))
	r.ContentHash = hex.EncodeToString(sum[:])
	r.WordCount = countWords(r.Content)
	r.URL = d.link(raw.URL, r.ContentHash, &n)
	r.PublishedAt = d.date(raw.Date, r.Country, &n)
	if more != nil {
		d.more(more, &r, &n)
	}
	return decoded{record: r, ok: true, issues: n.issues}
}

// parse reads the JSON of one line. NUL bytes are removed first: JSON may not contain them, but some tools pad with them. The
// usual names are preferred to the API's. more is nil for a line that has none but usual fields.
func parse(b []byte, n *notes) (a rawArticle, more *moreFields, reason Reason, err error) {
	var plain rawArticle
	if readPlain(b, &plain) {
		return plain, nil, "", nil
	}
	if bytes.IndexByte(b, 0) >= 0 {
		b = bytes.ReplaceAll(b, []byte{0}, nil)
		n.warnOnce(ControlChars, "NUL")
	}
	b = bytes.TrimSpace(b)
	if len(b) == 0 || b[0] != '{' {
		if json.Valid(b) {
			return a, nil, NotObject, errors.New(excerpt(b))
		}
		return a, nil, BadJSON, errors.New(excerpt(b))
	}
	if !utf8.Valid(b) {
		n.warnOnce(InvalidUTF8, "") // encoding/json replaces each bad byte by U+FFFD
	}
	var line struct {
		rawArticle
		moreFields
	}
	if err := json.Unmarshal(b, &line); err != nil {
		var wrong *json.UnmarshalTypeError
		if errors.As(err, &wrong) {
			return a, nil, WrongType, fmt.Errorf("%s is a %s", wrong.Field, wrong.Value)
		}
		return a, nil, BadJSON, err //nolint:wrapcheck // the reason is the context
	}
	n.leftOut(b)
	a, more = line.rawArticle, &line.moreFields
	for _, f := range []struct{ usual, api *string }{{&a.Text, &more.Content}, {&a.URL, &more.SourceURL}, {&a.Date, &more.PublishedDate}} {
		if *f.usual == "" {
			*f.usual = *f.api
		}
	}
	return a, more, "", nil
}

// hashURN names an article that has no address of its own by its text.
const hashURN = "urn:sha256:"

// link is the URL to store: the line's if it is an absolute http(s) URL that fits its column, else a name made from the
// content, so that the same text is recognised when it is imported again.
func (d *decoder) link(raw, hash string, n *notes) string {
	urn := hashURN + hash
	s := oneLine(raw, n)
	if s == "" || strings.HasPrefix(s, hashURN) { // an export's name of an article without an address
		return urn
	}
	if utf8.RuneCountInString(s) > limits.URL {
		n.warn(URLTooLong, fmt.Sprintf("%d characters", utf8.RuneCountInString(s)))
		return urn
	}
	u, err := url.Parse(s)
	if err != nil || u.Host == "" || (u.Scheme != "http" && u.Scheme != "https") {
		n.warn(BadURL, s)
		return urn
	}
	return s
}

func (d *decoder) date(raw string, country *string, n *notes) *time.Time {
	s := strings.TrimSpace(raw)
	if s == "" {
		return nil
	}
	loc := d.other
	if country != nil {
		if z, ok := d.zones[*country]; ok {
			loc = z
		}
	}
	parsed, err := newsdate.Parse(s, loc)
	if err != nil {
		n.warn(BadDate, excerpt([]byte(s)))
		return nil
	}
	return &parsed.Time
}

// notes collects the warnings of one line.
type notes struct {
	line   int
	issues []Issue
}

func (n *notes) warn(r Reason, detail string) {
	n.issues = append(n.issues, Issue{Line: n.line, Reason: r, Detail: detail})
}

// warnOnce is for warnings that several fields of a line may share.
func (n *notes) warnOnce(r Reason, detail string) {
	for _, i := range n.issues {
		if i.Reason == r {
			return
		}
	}
	n.warn(r, detail)
}

func (n *notes) cut(s string, limit int, r Reason) string {
	if c := utf8.RuneCountInString(s); c > limit {
		n.warn(r, fmt.Sprintf("%d characters", c))
		return cutAtWord(s, limit)
	}
	return s
}

func rejected(l line, r Reason, detail string) decoded {
	return decoded{issues: []Issue{{Line: l.number, Reason: r, Detail: detail, Rejected: true}}}
}
