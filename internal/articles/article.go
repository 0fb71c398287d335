// Package articles is the newspaper archive: articles, their listings and search, and how all of it is cached.
package articles

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"

	"openlearn/internal/articles/limits"
	"openlearn/internal/cache"
)

// ErrNotFound is the error of reading an article that does not exist. Like an answer, it is cached, but briefly.
var ErrNotFound = fmt.Errorf("article: %w", cache.ErrNotFound)

// ErrDuplicate is the error of storing an address for the second time.
var ErrDuplicate = errors.New("article: an article with this URL exists")

// Article is one row of scraped_content. Nil means NULL: not known.
type Article struct {
	ID              int64           `json:"id" gorm:"primaryKey"`
	Source          string          `json:"source"`
	SourceURL       string          `json:"source_url" gorm:"column:source_url"`
	Category        *string         `json:"category"`
	Title           string          `json:"title"`
	Subtitle        *string         `json:"subtitle"`
	Content         string          `json:"content"`
	Author          *string         `json:"author"`
	WordCount       *int            `json:"word_count"`
	PublishedDate   *time.Time      `json:"published_date"`
	ScrapedAt       *time.Time      `json:"scraped_at"`
	UpdatedAt       *time.Time      `json:"updated_at" gorm:"autoUpdateTime:false"`
	ContentHash     *string         `json:"-"`
	Entities        json.RawMessage `json:"colombian_entities" gorm:"column:colombian_entities;serializer:jsonb"`
	Tags            Tags            `json:"tags" gorm:"serializer:jsonb"`
	ExtraMetadata   json.RawMessage `json:"extra_metadata" gorm:"serializer:jsonb"`
	DifficultyScore *float64        `json:"difficulty_score"`
	IsPaywall       *bool           `json:"is_paywall"`
	ModifiedDate    *time.Time      `json:"modified_date" doc:"When the newspaper says that it last changed the article"`
	Image           *string         `json:"image" doc:"Address of the article's picture"`
	Language        *string         `json:"language" doc:"BCP 47"`
	Revision        int             `json:"revision" gorm:"default:1" doc:"Grows with each change of the title, subtitle or text"`
	AnalysedAt      *time.Time      `json:"analysed_at" doc:"When an analysis last changed what is shown here"`
	DuplicateGroup  *int64          `json:"duplicate_group" doc:"Articles that tell the same story share this number; null: no other tells it"`
}

// Tags are an article's keywords. Rows that other programs wrote may hold any JSON: whatever is not a text is left out.
type Tags []string

// plainTexts reads a list of texts without escapes, as PostgreSQL and encoding/json write it; the caller guarantees valid
// JSON. In such a list every quotation mark begins or ends a text.
func plainTexts(list string) ([]string, bool) {
	inner, ok := strings.CutPrefix(list, `["`)
	if !ok || !strings.HasSuffix(inner, `"]`) || strings.Contains(inner, `\`) {
		return nil, false
	}
	inner = inner[:len(inner)-len(`"]`)]
	between := `", "`
	if !strings.Contains(inner, between) {
		between = `","`
	}
	texts := strings.Split(inner, between)
	for _, s := range texts {
		if strings.Contains(s, `"`) { // something else is between texts
			return nil, false
		}
	}
	return texts, true
}

// UnmarshalJSON reads a list of texts; anything else gives an empty list.
func (t *Tags) UnmarshalJSON(b []byte) error {
	*t = nil
	if texts, ok := plainTexts(string(b)); ok {
		*t = texts
		return nil
	}
	var list []any
	if err := json.Unmarshal(b, &list); err != nil {
		var syntax *json.SyntaxError
		if errors.As(err, &syntax) {
			return err
		}
		return nil
	}
	if list == nil {
		return nil
	}
	*t = Tags{}
	for _, v := range list {
		if s, ok := v.(string); ok {
			*t = append(*t, s)
		}
	}
	return nil
}

// TableName is the table's name in the original.
func (Article) TableName() string { return "scraped_content" }

// Date is the article's date wherever one is needed: when it was published, else when it was stored, and never later than
// that; nil if it has neither.
func (a *Article) Date() *time.Time {
	if a.PublishedDate == nil || a.ScrapedAt != nil && a.ScrapedAt.Before(*a.PublishedDate) {
		return a.ScrapedAt
	}
	return a.PublishedDate
}

// hashURN is the prefix of the name, derived from its text, of an article without an address.
const hashURN = "urn:sha256:"

// prepare makes a ready for storing, or returns an *InvalidError.
func (a *Article) prepare(now time.Time) error {
	a.complete(now)
	if p := a.problems(); len(p) > 0 {
		return &InvalidError{p}
	}
	return nil
}

// complete fills in the derived fields, in the one place through which every article passes: text in NFC without control
// characters, a URN for an article without an address, hash, word count, times to the microsecond in UTC.
func (a *Article) complete(now time.Time) {
	for _, s := range []*string{&a.Source, &a.Title} {
		*s = strings.TrimSpace(clean(*s))
	}
	a.Content = strings.TrimSpace(clean(a.Content))
	a.SourceURL = strings.TrimSpace(a.SourceURL)
	for _, s := range []**string{&a.Category, &a.Subtitle, &a.Author, &a.Image, &a.Language} {
		if *s == nil {
			continue
		}
		if v := strings.TrimSpace(clean(**s)); v == "" {
			*s = nil
		} else {
			*s = &v
		}
	}
	hash := contentHash(a.Content)
	a.ContentHash = &hash
	if a.SourceURL == "" || strings.HasPrefix(a.SourceURL, hashURN) { // a name derived from the content changes with it
		a.SourceURL = hashURN + hash
	}
	words := len(strings.Fields(a.Content))
	a.WordCount = &words
	tags := make([]string, 0, len(a.Tags))
	for _, t := range a.Tags {
		if t = strings.TrimSpace(clean(t)); t != "" {
			tags = append(tags, t)
		}
	}
	a.Tags = tags
	now = now.UTC().Truncate(time.Microsecond)
	a.UpdatedAt = &now
	if a.ScrapedAt == nil {
		a.ScrapedAt = &now
	}
	for _, d := range []**time.Time{&a.PublishedDate, &a.ModifiedDate} {
		if *d != nil {
			t := (*d).UTC().Truncate(time.Microsecond)
			*d = &t
		}
	}
	a.Revision = max(a.Revision, 1)
}

// Problem is one reason why an article cannot be stored.
type Problem struct {
	Field, Message string
	Input          any
}

// problems lists what the columns would refuse, so that bad input gets a proper answer instead of a database error.
func (a *Article) problems() []Problem {
	var out []Problem
	text := func(field, v string, limit int, needed bool) {
		switch n := utf8.RuneCountInString(v); {
		case needed && n == 0:
			out = append(out, Problem{field, "must not be blank", v})
		case n > limit:
			out = append(out, Problem{field, fmt.Sprintf("must have at most %d characters, has %d", limit, n), abbreviate(v, 80)})
		}
	}
	text("source", a.Source, limits.Source, true)
	text("source_url", a.SourceURL, limits.URL, true)
	text("title", a.Title, limits.Title, true)
	text("content", a.Content, limits.Content, true)
	text("author", deref(a.Author), limits.Author, false)
	text("category", deref(a.Category), limits.Category, false)
	text("subtitle", deref(a.Subtitle), limits.Subtitle, false)
	text("image", deref(a.Image), limits.Image, false)
	text("language", deref(a.Language), limits.Language, false)
	if u, err := url.Parse(a.SourceURL); err != nil || u.Scheme != "urn" && (u.Scheme != "http" && u.Scheme != "https" || u.Host == "") {
		out = append(out, Problem{"source_url", "must be an http or https address, or a urn", abbreviate(a.SourceURL, 80)})
	}
	if d := a.DifficultyScore; d != nil && !(*d >= 0 && *d <= 5) { // written so that NaN is refused too
		out = append(out, Problem{"difficulty_score", "must lie between 0 and 5", fmt.Sprint(*d)})
	}
	if len(a.Tags) > limits.Tags {
		out = append(out, Problem{"tags", fmt.Sprintf("must be at most %d, are %d", limits.Tags, len(a.Tags)), len(a.Tags)})
	}
	for _, tag := range a.Tags {
		text("tags", tag, limits.Tag, false)
	}
	for _, d := range []struct {
		field string
		at    *time.Time
	}{{"published_date", a.PublishedDate}, {"modified_date", a.ModifiedDate}} {
		if d.at != nil && (d.at.Year() < 1500 || d.at.Year() > 9999) {
			out = append(out, Problem{d.field, "must lie between the years 1500 and 9999", d.at.Format(time.RFC3339)})
		}
	}
	return out
}

// clean makes text that PostgreSQL stores and readers can compare: valid UTF-8, composed accents, no control characters
// except line breaks and tabs.
func clean(s string) string {
	s = norm.NFC.String(strings.ToValidUTF8(s, "\uFFFD"))
	return strings.Map(func(r rune) rune {
		if unicode.IsControl(r) && r != '\n' && r != '\t' {
			return -1
		}
		return r
	}, s)
}

// contentHash identifies a text: hex SHA-256 of its bytes.
func contentHash(content string) string {
	sum := sha256.Sum256([]byte(content))
	return hex.EncodeToString(sum[:])
}

// abbreviate cuts s to n characters (code points), marking the cut with "...", as the original does.
func abbreviate(s string, n int) string {
	if cut := firstCharacters(s, n); len(cut) < len(s) {
		return cut + "..."
	}
	return s
}

// firstCharacters is the first n characters (code points) of s.
func firstCharacters(s string, n int) string {
	if len(s) <= n {
		return s
	}
	for i := range s {
		if n == 0 {
			return s[:i]
		}
		n--
	}
	return s
}

func deref[T any](p *T) T {
	if p == nil {
		var zero T
		return zero
	}
	return *p
}
