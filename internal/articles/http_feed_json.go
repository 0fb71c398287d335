package articles

import (
	"context"
	"encoding/json"
	"fmt"
	"time"
)

const jsonFeedType = "application/feed+json"

// The parts of JSON Feed 1.1 (jsonfeed.org/version/1.1) that a feed of articles needs.
type (
	jsonFeed struct {
		Version     string       `json:"version"`
		Title       string       `json:"title"`
		HomePageURL string       `json:"home_page_url"`
		FeedURL     string       `json:"feed_url"`
		Language    string       `json:"language"`
		Items       []jsonFeedIt `json:"items"`
	}
	jsonFeedIt struct {
		ID            string           `json:"id"`
		URL           string           `json:"url"`
		Title         string           `json:"title"`
		ContentText   string           `json:"content_text"`
		Image         *string          `json:"image,omitempty"`
		DatePublished *time.Time       `json:"date_published,omitempty"`
		DateModified  time.Time        `json:"date_modified"`
		Authors       []jsonFeedAuthor `json:"authors,omitempty"`
		Tags          []string         `json:"tags,omitempty"`
		Language      *string          `json:"language,omitempty"`
	}
	jsonFeedAuthor struct {
		Name string `json:"name"`
	}
)

func (h *handlers) jsonFeed(ctx context.Context, in *feedInput) (*feedOutput, error) {
	f, err := h.readFeed(ctx, in, "/api/articles/feed.json")
	if err != nil {
		return nil, err
	}
	doc := jsonFeed{
		Version: "https://jsonfeed.org/version/1.1", Title: f.title, HomePageURL: h.api.PublicURL + "/", FeedURL: f.self, Language: "es",
		Items: make([]jsonFeedIt, 0, len(f.entries)),
	}
	for i := range f.entries {
		from := &f.entries[i]
		it := jsonFeedIt{
			ID: from.id, URL: from.page, Title: from.Title, ContentText: from.summary, Image: from.Image, DatePublished: from.published,
			DateModified: from.updated.UTC(), Tags: from.Tags, Language: from.Language,
		}
		if from.Author != nil {
			it.Authors = []jsonFeedAuthor{{*from.Author}}
		}
		doc.Items = append(doc.Items, it)
	}
	body, err := json.Marshal(doc)
	if err != nil {
		return nil, fmt.Errorf("encode feed: %w", err)
	}
	return &feedOutput{jsonFeedType, f.lastModified(), body}, nil
}
