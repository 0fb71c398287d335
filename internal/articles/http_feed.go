package articles

import (
	"bytes"
	"context"
	"encoding/xml"
	"fmt"
	"net/url"
	"time"

	"github.com/danielgtaylor/huma/v2"
)

type feedInput struct {
	Source   string `query:"source" maxLength:"100" doc:"Exact name of the newspaper"`
	Category string `query:"category" maxLength:"50" doc:"Exact category"`
	Collapse string `query:"collapse" enum:"duplicates" doc:"duplicates: of articles that tell one story, show the first alone"`
	Limit    int    `query:"limit" default:"30" minimum:"1" doc:"More than 100 counts as 100"`
}

const atomType = "application/atom+xml"

type feedOutput struct {
	ContentType  string `header:"Content-Type" hidden:"true"` // the documented content says it
	LastModified string `header:"Last-Modified"`
	Body         []byte
}

// asAtom documents what the feed is: of a body of bytes huma would say that it is JSON.
func asAtom(op huma.Operation) huma.Operation {
	op.Responses = map[string]*huma.Response{"200": {
		Description: "An Atom feed (RFC 4287)",
		Content:     map[string]*huma.MediaType{atomType: {Schema: &huma.Schema{Type: huma.TypeString}}},
	}}
	return op
}

// Atom documents (RFC 4287), as far as a feed of articles needs them.
type (
	atomFeed struct {
		XMLName xml.Name    `xml:"http://www.w3.org/2005/Atom feed"`
		Lang    string      `xml:"xml:lang,attr"`
		ID      string      `xml:"id"`
		Title   string      `xml:"title"`
		Updated string      `xml:"updated"`
		Author  atomPerson  `xml:"author"`
		Links   []atomLink  `xml:"link"`
		Entries []atomEntry `xml:"entry"`
	}
	atomEntry struct {
		ID         string         `xml:"id"`
		Title      string         `xml:"title"`
		Published  string         `xml:"published,omitempty"`
		Updated    string         `xml:"updated"`
		Author     *atomPerson    `xml:"author,omitempty"`
		Links      []atomLink     `xml:"link"`
		Categories []atomCategory `xml:"category"`
		Summary    string         `xml:"summary"`
	}
	atomPerson struct {
		Name string `xml:"name"`
	}
	atomCategory struct {
		Term string `xml:"term,attr"`
	}
	atomLink struct {
		Rel  string `xml:"rel,attr"`
		Type string `xml:"type,attr,omitempty"`
		Href string `xml:"href,attr"`
	}
)

func (in *feedInput) query() (listQuery, error) {
	return listQuery{Filter{Source: in.Source, Category: in.Category, Collapse: in.Collapse == collapseDuplicates}, Newest, nil, in.Limit, excerptCut}, nil
}

func (h *handlers) feed(ctx context.Context, in *feedInput) (*feedOutput, error) {
	q, err := in.query()
	if err != nil {
		return nil, err
	}
	page, err := h.s.cached.list.Get(ctx, q)
	if err != nil {
		return nil, answer(err)
	}
	self := h.api.PublicURL + "/api/articles/feed.atom"
	chosen := url.Values{}
	for name, value := range map[string]string{"source": in.Source, "category": in.Category, "collapse": in.Collapse} {
		if value != "" {
			chosen.Set(name, value)
		}
	}
	if len(chosen) > 0 {
		self += "?" + chosen.Encode() // a feed of its own (RFC 4287, 4.2.6)
	}
	feed := atomFeed{
		Lang: "es", ID: self, Title: "OpenLearn Colombia", Author: atomPerson{"OpenLearn Colombia"}, Updated: atomTime(time.Unix(0, 0)),
		Links: []atomLink{{"self", atomType, self}, {"alternate", "application/json", h.api.PublicURL + "/api/articles"}},
	}
	var newest time.Time
	for i := range page.Articles {
		a := &page.Articles[i]
		e := atomEntry{
			ID: h.link(a.ID), Title: a.Title, Summary: abbreviate(a.Content, excerptCut),
			Links: []atomLink{{"alternate", "", alternate(a, h.link(a.ID))}},
		}
		updated := deref(a.UpdatedAt)
		if updated.IsZero() {
			updated = deref(a.ScrapedAt)
		}
		if p := a.PublishedDate; p != nil {
			e.Published = atomTime(*p)
			if updated.Before(*p) {
				updated = *p
			}
		}
		e.Updated = atomTime(updated)
		if updated.After(newest) {
			newest = updated
			feed.Updated = e.Updated
		}
		if a.Author != nil {
			e.Author = &atomPerson{*a.Author}
		}
		for _, t := range a.Tags {
			e.Categories = append(e.Categories, atomCategory{t})
		}
		feed.Entries = append(feed.Entries, e)
	}
	var b bytes.Buffer
	b.WriteString(xml.Header)
	if err := xml.NewEncoder(&b).Encode(feed); err != nil {
		return nil, fmt.Errorf("encode feed: %w", err)
	}
	return &feedOutput{atomType + "; charset=utf-8", lastModified(newest), b.Bytes()}, nil
}

// alternate is the article at its newspaper; one that came without an address is only here.
func alternate(a *Article, here string) string {
	if len(a.SourceURL) > 4 && a.SourceURL[:4] == "http" {
		return a.SourceURL
	}
	return here
}

func atomTime(t time.Time) string { return t.UTC().Format(time.RFC3339) }
