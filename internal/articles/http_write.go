package articles

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"openlearn/internal/httpapi"
	"openlearn/internal/outbox"
)

// Input is a complete article for POST and PUT.
type Input struct {
	Source          string           `json:"source" minLength:"1" maxLength:"100" example:"El Tiempo"`
	SourceURL       string           `json:"source_url,omitempty" maxLength:"500" doc:"Address of the original; without one, a URN of the text's hash"`
	Category        *string          `json:"category,omitempty" maxLength:"50"`
	Title           string           `json:"title" minLength:"1" maxLength:"500"`
	Subtitle        *string          `json:"subtitle,omitempty" maxLength:"10000"`
	Content         string           `json:"content" minLength:"1" maxLength:"500000"`
	Author          *string          `json:"author,omitempty" maxLength:"200"`
	PublishedDate   *time.Time       `json:"published_date,omitempty"`
	Entities        *json.RawMessage `json:"colombian_entities,omitempty" doc:"Names by type, e.g. {\"institutions\": [\"DANE\"]}"`
	Tags            []string         `json:"tags,omitempty" maxItems:"100"`
	DifficultyScore *float64         `json:"difficulty_score,omitempty" minimum:"0" maximum:"5"`
	IsPaywall       *bool            `json:"is_paywall,omitempty"`
	ExtraMetadata   *json.RawMessage `json:"extra_metadata,omitempty"`
	ModifiedDate    *time.Time       `json:"modified_date,omitempty"`
	Image           *string          `json:"image,omitempty" maxLength:"2000"`
	Language        *string          `json:"language,omitempty" maxLength:"35" doc:"BCP 47"`
}

// Patch is a partial article for PATCH: absent fields stay, null clears.
type Patch struct {
	Source          httpapi.Field[string]          `json:"source,omitempty"`
	SourceURL       httpapi.Field[string]          `json:"source_url,omitempty"`
	Category        httpapi.Field[string]          `json:"category,omitempty"`
	Title           httpapi.Field[string]          `json:"title,omitempty"`
	Subtitle        httpapi.Field[string]          `json:"subtitle,omitempty"`
	Content         httpapi.Field[string]          `json:"content,omitempty"`
	Author          httpapi.Field[string]          `json:"author,omitempty"`
	PublishedDate   httpapi.Field[time.Time]       `json:"published_date,omitempty"`
	Entities        httpapi.Field[json.RawMessage] `json:"colombian_entities,omitempty"`
	Tags            httpapi.Field[[]string]        `json:"tags,omitempty"`
	DifficultyScore httpapi.Field[float64]         `json:"difficulty_score,omitempty"`
	IsPaywall       httpapi.Field[bool]            `json:"is_paywall,omitempty"`
	ExtraMetadata   httpapi.Field[json.RawMessage] `json:"extra_metadata,omitempty"`
	ModifiedDate    httpapi.Field[time.Time]       `json:"modified_date,omitempty"`
	Image           httpapi.Field[string]          `json:"image,omitempty"`
	Language        httpapi.Field[string]          `json:"language,omitempty"`
}

// InvalidError says why an article cannot be stored.
type InvalidError struct{ Problems []Problem }

func (e *InvalidError) Error() string {
	return fmt.Sprintf("article cannot be stored: %+v", e.Problems)
}

// reason is the first problem in a few words.
func (e *InvalidError) reason() string {
	if len(e.Problems) == 0 {
		return "invalid"
	}
	return strings.TrimPrefix(e.Problems[0].Field+": "+e.Problems[0].Message, ": ")
}

func (e *InvalidError) answer() error {
	var errs []error
	for _, p := range e.Problems {
		errs = append(errs, &httpapi.Problem{Location: strings.TrimSuffix("body."+p.Field, "."), Message: p.Message, Value: p.Input})
	}
	return httpapi.Problems(errs)
}

func (in *Input) article() Article {
	return Article{
		Source: in.Source, SourceURL: in.SourceURL, Category: in.Category, Title: in.Title, Subtitle: in.Subtitle, Content: in.Content,
		Author: in.Author, PublishedDate: in.PublishedDate, Entities: deref(in.Entities), Tags: in.Tags,
		DifficultyScore: in.DifficultyScore, IsPaywall: in.IsPaywall, ExtraMetadata: deref(in.ExtraMetadata),
		ModifiedDate: in.ModifiedDate, Image: in.Image, Language: in.Language,
	}
}

func (p *Patch) apply(a *Article) {
	for _, f := range []struct {
		field httpapi.Field[string]
		to    *string
	}{{p.Source, &a.Source}, {p.SourceURL, &a.SourceURL}, {p.Title, &a.Title}, {p.Content, &a.Content}} {
		if f.field.Set {
			*f.to = f.field.Value // null empties, and is then reported as blank
		}
	}
	p.Category.Apply(&a.Category)
	p.Subtitle.Apply(&a.Subtitle)
	p.Author.Apply(&a.Author)
	p.PublishedDate.Apply(&a.PublishedDate)
	p.ModifiedDate.Apply(&a.ModifiedDate)
	p.Image.Apply(&a.Image)
	p.Language.Apply(&a.Language)
	p.DifficultyScore.Apply(&a.DifficultyScore)
	p.IsPaywall.Apply(&a.IsPaywall)
	if p.Tags.Set {
		a.Tags = p.Tags.Value
	}
	if p.Entities.Set {
		a.Entities = p.Entities.Value
	}
	if p.ExtraMetadata.Set {
		a.ExtraMetadata = p.ExtraMetadata.Value
	}
}

type createInput struct{ Body Input }

func (h *handlers) create(ctx context.Context, in *createInput) (*articleOutput, error) {
	a, pending, err := h.s.Create(ctx, in.Body.article())
	if errors.Is(err, outbox.ErrUnconfirmed) {
		return nil, httpapi.StoredUnconfirmed(h.link(a.ID))
	}
	if err != nil {
		return nil, answer(err)
	}
	return h.written(a, pending, h.link(a.ID))
}

type replaceInput struct {
	IDInput
	httpapi.Conditions
	Body Input
}

func (h *handlers) replace(ctx context.Context, in *replaceInput) (*articleOutput, error) {
	a, pending, err := h.s.Update(ctx, in.ID, h.check(&in.Conditions), func(old *Article) {
		replacement := in.Body.article()
		replacement.ID, replacement.ScrapedAt, replacement.Revision = old.ID, old.ScrapedAt, old.Revision
		*old = replacement
	})
	if err != nil {
		return nil, answer(err)
	}
	return h.written(a, pending, "")
}

type editInput struct {
	IDInput
	httpapi.Conditions
	Body Patch `contentType:"application/merge-patch+json"`
}

func (h *handlers) edit(ctx context.Context, in *editInput) (*articleOutput, error) {
	a, pending, err := h.s.Update(ctx, in.ID, h.check(&in.Conditions), in.Body.apply)
	if err != nil {
		return nil, answer(err)
	}
	return h.written(a, pending, "")
}

type removeOutput struct {
	Invalidation string `header:"X-Invalidation"`
}

// removeInput is the article to delete, and the preconditions.
type removeInput struct {
	IDInput
	httpapi.Conditions
}

func (h *handlers) remove(ctx context.Context, in *removeInput) (*removeOutput, error) {
	pending, err := h.s.Delete(ctx, in.ID, h.check(&in.Conditions))
	return &removeOutput{told(pending)}, answer(err)
}

// check evaluates a write's preconditions against the current article.
func (h *handlers) check(c *httpapi.Conditions) func(*Article) error {
	return func(a *Article) error { return h.api.Check(c, *a, a.modified()) }
}

// written answers a write with the article as every GET now shows it, and with its new entity tag.
func (h *handlers) written(a Article, pending bool, location string) (*articleOutput, error) {
	etag, err := h.api.ETag(a)
	return &articleOutput{Location: location, ETag: etag, LastModified: lastModified(a.modified()), Invalidation: told(pending), Body: a}, err
}

// told is the header that says whether the invalidation of a change is still pending.
func told(pending bool) string {
	if pending {
		return httpapi.InvalidationPending
	}
	return ""
}
