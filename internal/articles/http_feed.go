package articles

import (
	"context"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/google/uuid"
)

// Feeds of the newest articles, as Atom and as JSON Feed. Their identifiers are derived from the archive's identifier, so
// that an article stays the same entry when the service moves to another address.

type feedInput struct {
	Source   []string `query:"source,explode" maxItems:"20" maxLength:"100" doc:"Exact name of a newspaper; repeated, any of them"`
	Category string   `query:"category" maxLength:"50" doc:"Exact category"`
	Tag      string   `query:"tag" maxLength:"200" doc:"One of the article's tags"`
	Level    string   `query:"level" enum:"A1,A2,B1,B2,C1,C2" doc:"CEFR level of who can read it"`
	Collapse string   `query:"collapse" enum:"duplicates" doc:"duplicates: of articles that tell one story, show the first alone"`
	Limit    int      `query:"limit" default:"30" minimum:"1" doc:"More than 100 counts as 100"`
}

func (in *feedInput) query() (listQuery, error) {
	f := Filter{Sources: in.Source, Category: in.Category, Tag: in.Tag, Level: in.Level, Collapse: in.Collapse == collapseDuplicates}
	return listQuery{f, Newest, nil, in.Limit, excerptCut}, nil
}

const feedTitle = "OpenLearn Colombia"

// feed is the content of both formats.
type feed struct {
	id, title string
	self      string // including the query
	list      string // the same articles in this API
	updated   time.Time
	entries   []feedEntry
}

type feedEntry struct {
	*Article
	id        string
	published *time.Time // nil: the newspaper gives no date
	updated   time.Time
	summary   string
	page      string // at its newspaper, or here
}

// readFeed reads the feed that in asks for, at the given path.
func (h *handlers) readFeed(ctx context.Context, in *feedInput, path string) (*feed, error) {
	q, err := in.query()
	if err != nil {
		return nil, err
	}
	archive, err := h.s.archiveID(ctx)
	if err != nil {
		return nil, err
	}
	page, err := h.s.cached.list.Get(ctx, q)
	if err != nil {
		return nil, answer(err)
	}
	chosen := q.Filter.params()
	asked := ""
	if len(chosen) > 0 {
		asked = "?" + chosen.Encode() // a feed of its own (RFC 4287, 4.2.6)
	}
	f := &feed{
		id: urn(archive, "feed"+asked), title: feedTitle, self: h.api.PublicURL + path + asked, list: h.api.PublicURL + "/api/articles" + asked,
		updated: time.Unix(0, 0), entries: make([]feedEntry, 0, len(page.Articles)),
	}
	if said := in.filterInWords(); said != "" {
		f.title += ": " + said
	}
	for i := range page.Articles {
		a := &page.Articles[i]
		here := h.link(a.ID)
		e := feedEntry{Article: a, id: urn(archive, "article:"+strconv.FormatInt(a.ID, 10)), updated: a.modified(), summary: abbreviate(a.Content, excerptCut), page: alternate(a, here)}
		if a.PublishedDate != nil {
			e.published = a.Date()
			if e.updated.Before(*e.published) {
				e.updated = *e.published
			}
		}
		if e.updated.After(f.updated) {
			f.updated = e.updated
		}
		f.entries = append(f.entries, e)
	}
	return f, nil
}

// lastModified is the feed's Last-Modified, "" if it is empty.
func (f *feed) lastModified() string {
	if len(f.entries) == 0 {
		return ""
	}
	return lastModified(f.updated)
}

// filterInWords is the filter as a reader's list of feeds shows it.
func (in *feedInput) filterInWords() string {
	said := slices.Clone(in.Source)
	for _, s := range []string{in.Category, in.Tag, in.Level} {
		if s != "" {
			said = append(said, s)
		}
	}
	return strings.Join(said, ", ")
}

// urn makes an identifier for a part of the archive (RFC 4122, version 5).
func urn(archive uuid.UUID, name string) string { return uuid.NewSHA1(archive, []byte(name)).URN() }

// alternate is the article's address at its newspaper; an article without one exists only here.
func alternate(a *Article, here string) string {
	if u, err := url.Parse(a.SourceURL); err == nil && (u.Scheme == "http" || u.Scheme == "https") {
		return a.SourceURL
	}
	return here
}

// asMedia documents the media type of a body of bytes: huma would say JSON.
func asMedia(op huma.Operation, mediaType, description string) huma.Operation {
	op.Responses = map[string]*huma.Response{"200": {
		Description: description,
		Content:     map[string]*huma.MediaType{mediaType: {Schema: &huma.Schema{Type: huma.TypeString}}},
	}}
	return op
}
