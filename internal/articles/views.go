package articles

import (
	"encoding/json"
	"html"
	"maps"
	"slices"
	"strings"
	"time"
)

// The lengths, in characters, at which listings cut texts.
const (
	contentCut = 500 // scraping/content, as the original
	simpleCut  = 300 // scraping/content/simple, as the original
	excerptCut = 300 // the article API
)

// ContentItem is an article as /scraping/content shows it.
type ContentItem struct {
	ID              int64           `json:"id"`
	Source          string          `json:"source"`
	SourceURL       string          `json:"source_url"`
	Category        *string         `json:"category"`
	Title           string          `json:"title"`
	Subtitle        *string         `json:"subtitle"`
	Content         string          `json:"content"`
	Author          *string         `json:"author"`
	WordCount       *int            `json:"word_count"`
	PublishedDate   *time.Time      `json:"published_date"`
	ScrapedAt       *time.Time      `json:"scraped_at"`
	DifficultyScore *float64        `json:"difficulty_score" doc:"1 (easy) to 5 (hard)"`
	Tags            []string        `json:"tags" nullable:"true"`
	Entities        json.RawMessage `json:"colombian_entities" doc:"Names by type, e.g. {\"institutions\": [\"DANE\"]}; in a list, null when they take more than 16 KiB"`
	IsPaywall       *bool           `json:"is_paywall"`
}

func contentItem(a *Article, cut int) ContentItem {
	item := ContentItem{
		ID: a.ID, Source: a.Source, SourceURL: a.SourceURL, Category: a.Category, Title: a.Title, Subtitle: a.Subtitle, Content: a.Content,
		Author: a.Author, WordCount: a.WordCount, PublishedDate: a.PublishedDate, ScrapedAt: a.ScrapedAt, DifficultyScore: a.DifficultyScore,
		Tags: a.Tags, Entities: a.Entities, IsPaywall: a.IsPaywall,
	}
	if cut > 0 {
		item.Content = abbreviate(a.Content, cut)
	}
	return item
}

// SimpleItem is an article as /scraping/content/simple shows it. The client's pages read the last four fields, but the
// original never sent them.
type SimpleItem struct {
	ID              int64      `json:"id"`
	Source          string     `json:"source"`
	Category        *string    `json:"category"`
	Title           string     `json:"title"`
	Subtitle        *string    `json:"subtitle"`
	Content         string     `json:"content"`
	Author          *string    `json:"author"`
	PublishedDate   *time.Time `json:"published_date"`
	DifficultyScore *float64   `json:"difficulty_score" doc:"1 (easy) to 5 (hard)"`
	WordCount       int        `json:"word_count"`
	Tags            []string   `json:"tags" nullable:"false"`
	Entities        []string   `json:"colombian_entities" nullable:"false" doc:"Names, flat"`
	SourceURL       string     `json:"source_url"`
}

func simpleItem(a *Article) SimpleItem {
	return SimpleItem{
		ID: a.ID, Source: a.Source, Category: a.Category, Title: a.Title, Subtitle: a.Subtitle, Content: abbreviate(a.Content, simpleCut),
		Author: a.Author, PublishedDate: a.PublishedDate, DifficultyScore: a.DifficultyScore,
		WordCount: deref(a.WordCount), Tags: orEmpty(a.Tags), Entities: flatNames(a.Entities), SourceURL: a.SourceURL,
	}
}

// Summary is an article in listings of the article API.
type Summary struct {
	ID              int64           `json:"id"`
	URL             string          `json:"url" doc:"Where this API has the whole article"`
	Source          string          `json:"source"`
	SourceURL       string          `json:"source_url"`
	Category        *string         `json:"category"`
	Title           string          `json:"title"`
	Subtitle        *string         `json:"subtitle"`
	Excerpt         string          `json:"excerpt"`
	Author          *string         `json:"author"`
	WordCount       *int            `json:"word_count"`
	PublishedDate   *time.Time      `json:"published_date"`
	ScrapedAt       *time.Time      `json:"scraped_at"`
	DifficultyScore *float64        `json:"difficulty_score" doc:"1 (easy) to 5 (hard)"`
	Tags            []string        `json:"tags" nullable:"false"`
	Entities        json.RawMessage `json:"colombian_entities" doc:"Names by type; null when they take more than 16 KiB, which the article has whole"`
	IsPaywall       *bool           `json:"is_paywall"`
	Image           *string         `json:"image" doc:"Address of the article's picture"`
	Language        *string         `json:"language" doc:"BCP 47"`
	DuplicateGroup  *int64          `json:"duplicate_group" doc:"Articles that tell the same story share this number; null: no other tells it"`
}

func (h *handlers) summary(a *Article) Summary {
	return Summary{
		ID: a.ID, URL: h.link(a.ID), Source: a.Source, SourceURL: a.SourceURL, Category: a.Category, Title: a.Title, Subtitle: a.Subtitle,
		Excerpt: abbreviate(a.Content, excerptCut), Author: a.Author, WordCount: a.WordCount, PublishedDate: a.PublishedDate,
		ScrapedAt: a.ScrapedAt, DifficultyScore: a.DifficultyScore, Tags: orEmpty(a.Tags), Entities: a.Entities, IsPaywall: a.IsPaywall,
		Image: a.Image, Language: a.Language, DuplicateGroup: a.DuplicateGroup,
	}
}

// SearchHit is a found article with where it matched.
type SearchHit struct {
	Summary
	Score     float64   `json:"score" doc:"Relevance, 0 to 1; comparable within one search"`
	Highlight Highlight `json:"highlight"`
}

// Highlight holds escaped HTML whose only tags are <mark>.
type Highlight struct {
	Title   string `json:"title"`
	Content string `json:"content"`
}

// markup escapes text for HTML and turns the marks of the database into <mark>. An opened mark is always closed.
func markup(s string) string {
	s = html.EscapeString(s)
	s = strings.ReplaceAll(s, highlightStart, "<mark>")
	s = strings.ReplaceAll(s, highlightStop, "</mark>")
	if n := strings.Count(s, "<mark>") - strings.Count(s, "</mark>"); n > 0 {
		s += strings.Repeat("</mark>", n)
	}
	return s
}

// flatNames lists the names in an entities column, whatever their types: types in order, names in their order, each once.
func flatNames(raw json.RawMessage) []string {
	names := []string{}
	seen := map[string]bool{}
	var walk func(v any)
	walk = func(v any) {
		switch v := v.(type) {
		case string:
			if !seen[v] {
				seen[v] = true
				names = append(names, v)
			}
		case []any:
			for _, e := range v {
				walk(e)
			}
		case map[string]any:
			if text, ok := v["text"]; ok { // {"text": …, "type": …}
				walk(text)
				return
			}
			for _, k := range slices.Sorted(maps.Keys(v)) {
				walk(v[k])
			}
		}
	}
	var v any
	if len(raw) > 0 && json.Unmarshal(raw, &v) == nil {
		walk(v)
	}
	return names
}

func orEmpty(s []string) []string {
	if s == nil {
		return []string{}
	}
	return s
}
