package articles

import (
	"bytes"
	"context"
	"encoding/xml"
	"fmt"
	"time"
)

const atomType = "application/atom+xml"

type feedOutput struct {
	ContentType  string `header:"Content-Type" hidden:"true"` // documented with the content
	LastModified string `header:"Last-Modified"`
	Body         []byte
}

// The parts of an Atom document (RFC 4287) that a feed of articles needs.
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

func (h *handlers) atom(ctx context.Context, in *feedInput) (*feedOutput, error) {
	f, err := h.readFeed(ctx, in, "/api/articles/feed.atom")
	if err != nil {
		return nil, err
	}
	doc := atomFeed{
		Lang: "es", ID: f.id, Title: f.title, Author: atomPerson{feedTitle}, Updated: atomTime(f.updated),
		Links: []atomLink{{"self", atomType, f.self}, {"alternate", "application/json", f.list}},
	}
	for i := range f.entries {
		from := &f.entries[i]
		e := atomEntry{
			ID: from.id, Title: from.Title, Summary: from.summary, Updated: atomTime(from.updated), Links: []atomLink{{"alternate", "", from.page}},
		}
		if from.published != nil {
			e.Published = atomTime(*from.published)
		}
		if from.Author != nil {
			e.Author = &atomPerson{*from.Author}
		}
		for _, t := range from.Tags {
			e.Categories = append(e.Categories, atomCategory{t})
		}
		doc.Entries = append(doc.Entries, e)
	}
	var b bytes.Buffer
	b.WriteString(xml.Header)
	if err := xml.NewEncoder(&b).Encode(doc); err != nil {
		return nil, fmt.Errorf("encode feed: %w", err)
	}
	return &feedOutput{atomType + "; charset=utf-8", f.lastModified(), b.Bytes()}, nil
}

func atomTime(t time.Time) string { return t.UTC().Format(time.RFC3339) }
