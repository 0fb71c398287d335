package importer

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"reflect"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"

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

// moreFields are those of the API's articles that lines in the usual form do not have, so that an export can be imported. What
// the reader can do without is read leniently: a wrong type costs the field and not the line.
type moreFields struct {
	Content       string `json:"content"`
	SourceURL     string `json:"source_url"`
	PublishedDate string `json:"published_date"`

	Subtitle        json.RawMessage `json:"subtitle"`
	Tags            json.RawMessage `json:"tags"`
	DifficultyScore json.RawMessage `json:"difficulty_score"`
	IsPaywall       json.RawMessage `json:"is_paywall"`
	ModifiedDate    json.RawMessage `json:"modified_date"`
	ScrapedAt       json.RawMessage `json:"scraped_at"`
	Image           json.RawMessage `json:"image"`
	Language        json.RawMessage `json:"language"`
}

// leftOut are the fields of the API's articles that an import does not take, and the warning, if it is one: "" is for what the
// archive makes anew.
var leftOut = map[string]Reason{
	"id": "", "url": "", "word_count": "", "updated_at": "", "analysed_at": "", "duplicate_group": "", "revision": "",
	"colombian_entities": EntitiesLeftOut, "extra_metadata": MetadataLeftOut,
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

// known are the names of all fields that are read.
var known = func() map[string]bool {
	names := map[string]bool{}
	for _, t := range []reflect.Type{reflect.TypeFor[rawArticle](), reflect.TypeFor[moreFields]()} {
		for i := range t.NumField() {
			names[t.Field(i).Tag.Get("json")] = true
		}
	}
	return names
}()

// leftOut warns of fields that hold something and are not read.
func (n *notes) leftOut(object []byte) {
	var fields map[string]json.RawMessage
	if json.Unmarshal(object, &fields) != nil {
		return // unreachable: it has just been read
	}
	for name, value := range fields {
		if known[strings.ToLower(name)] || emptyJSON(value) {
			continue
		}
		if reason, is := leftOut[name]; !is {
			n.warnOnce(UnknownField, excerpt([]byte(name)))
		} else if reason != "" {
			n.warn(reason, "")
		}
	}
}

func emptyJSON(v json.RawMessage) bool {
	switch string(v) {
	case "null", `""`, "[]", "{}":
		return true
	}
	return false
}

// more fills in what only the API's articles have.
func (d *decoder) more(f *moreFields, r *Record, n *notes) {
	var text string
	if n.read("subtitle", f.Subtitle, &text) {
		r.Subtitle = optional(n.cut(oneLine(text, n), limits.Subtitle, SubtitleCut))
	}
	for _, s := range []struct {
		name  string
		from  json.RawMessage
		to    **string
		limit int
	}{{"image", f.Image, &r.Image, limits.Image}, {"language", f.Language, &r.Language, limits.Language}} {
		if !n.read(s.name, s.from, &text) {
			continue
		}
		if v := oneLine(text, n); utf8.RuneCountInString(v) <= s.limit {
			*s.to = optional(v)
		} else {
			n.warn(FieldEmptied, s.name)
		}
	}
	var tags []string
	if n.read("tags", f.Tags, &tags) {
		for _, tag := range tags {
			tag = oneLine(tag, n)
			switch {
			case tag == "":
			case len(r.Tags) == limits.Tags || utf8.RuneCountInString(tag) > limits.Tag:
				n.warnOnce(TagsLeftOut, "")
			default:
				r.Tags = append(r.Tags, tag)
			}
		}
	}
	var score float64
	if n.read("difficulty_score", f.DifficultyScore, &score) {
		if score >= 0 && score <= 5 {
			r.Difficulty = &score
		} else {
			n.warn(FieldEmptied, "difficulty_score")
		}
	}
	var paywall bool
	if n.read("is_paywall", f.IsPaywall, &paywall) {
		r.IsPaywall = &paywall
	}
	if n.read("modified_date", f.ModifiedDate, &text) {
		r.ModifiedAt = d.date(text, r.Country, n)
	}
	if n.read("scraped_at", f.ScrapedAt, &text) {
		if at := d.date(text, r.Country, n); at != nil && at.Before(time.Now()) {
			r.StoredAt = at
		}
	}
}

// read decodes an optional field; false if it is absent or of the wrong type.
func (n *notes) read(name string, from json.RawMessage, to any) bool {
	if len(from) == 0 || string(from) == "null" {
		return false
	}
	if json.Unmarshal(from, to) != nil {
		n.warn(FieldEmptied, name)
		return false
	}
	return true
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

// clean makes text fit for PostgreSQL (which refuses NUL), for XML feeds (which refuse the other controls) and for
// search (which compares code points, hence NFC). It keeps newlines and tabs.
func clean(s string, n *notes) string {
	s = strings.TrimSpace(s)
	if tidy(s) {
		return s
	}
	if strings.Contains(s, "\r") {
		s = strings.ReplaceAll(s, "\r\n", "\n")
		s = strings.ReplaceAll(s, "\r", "\n")
	}
	if strings.ContainsFunc(s, unwanted) {
		s = strings.Map(func(r rune) rune {
			if unwanted(r) {
				return -1
			}
			return r
		}, s)
		n.warnOnce(ControlChars, "")
	}
	if !norm.NFC.IsNormalString(s) {
		s = norm.NFC.String(s)
	}
	return strings.TrimSpace(s)
}

// tidy recognises quickly, from its bytes, a text that clean would not change, as most are: it has no control characters,
// and only characters below U+0300 (where NFC leaves composed characters unchanged) and typographic marks. False means that
// clean must look closer.
func tidy(s string) bool {
	for i := 0; i < len(s); i++ {
		switch b := s[i]; {
		case b >= ' ' && b < 0x7f, b >= 0x80 && b < 0xcc, b == '\n', b == '\t':
		case b == 0xe2 && i+2 < len(s) && s[i+1] == 0x80 && s[i+2] > 0x81: // U+2002–U+203F
			i += 2
		default:
			return false
		}
	}
	return true
}

func unwanted(r rune) bool {
	return (r < ' ' && r != '\n' && r != '\t') || r == 0x7f || r == 0xfffe || r == 0xffff
}

// oneLine is clean for single-line fields: runs of white space become one space.
func oneLine(s string, n *notes) string {
	s = clean(s, n)
	var last rune
	for _, r := range s {
		if unicode.IsSpace(r) && (r != ' ' || last == ' ') {
			return strings.Join(strings.Fields(s), " ")
		}
		last = r
	}
	return s
}

// cutAtWord shortens s to at most limit characters including an ellipsis, at the last space that is not too far back (a
// text without spaces is cut at the limit).
func cutAtWord(s string, limit int) string {
	runes := []rune(s)
	head := string(runes[:limit-1])
	if runes[limit-1] != ' ' {
		if i := strings.LastIndexByte(head, ' '); i >= len(head)/2 {
			head = head[:i]
		}
	}
	return strings.TrimRight(head, " ,;:.-") + "…"
}

// countWords counts runs of non-space characters, like strings.Fields, without making them.
func countWords(s string) int {
	n, in := 0, false
	for i := 0; i < len(s); {
		b := s[i]
		space, size := b == ' ' || b >= '\t' && b <= '\r', 1
		if b >= 0xc2 && b <= 0xe3 && b != 0xc3 { // these may begin a non-ASCII space; á and the like cannot
			var r rune
			r, size = utf8.DecodeRuneInString(s[i:])
			space = unicode.IsSpace(r)
		}
		if !space && !in {
			n++
		}
		in = !space
		i += size
	}
	return n
}

func optional(s string) *string {
	if s == "" {
		return nil
	}
	return &s
}

// excerpt is the beginning of a bad value, short and printable enough for a message.
func excerpt(b []byte) string {
	s := strings.Map(func(r rune) rune {
		if !unicode.IsPrint(r) {
			return '�' // a terminal would interpret it
		}
		return r
	}, strings.ToValidUTF8(string(b[:min(len(b), 80)]), "�"))
	if len(b) > 80 {
		s += "…"
	}
	return s
}
