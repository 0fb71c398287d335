package government

import (
	"cmp"
	"context"
	"errors"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"openlearn/internal/government/catalogue"
	"openlearn/internal/government/soql"
	"openlearn/internal/government/table"
	"openlearn/internal/httpapi"
)

// Named says what articles name. It is an interface because the analyses belong to another domain, which this one does not import;
// the composition root adapts.
type Named interface {
	// Named are the places and organisations in an article; the error wraps ErrNoArticle if there is none.
	Named(ctx context.Context, article int64) ([]Mention, error)
}

// ErrNoArticle is wrapped where an article does not exist.
var ErrNoArticle = errors.New("no such article")

// Mention is what an article names, all its mentions together.
type Mention struct {
	Text     string // as the article writes it first
	Name     string // in full
	Class    string // municipality, department, institution …
	Divipola string // of a place
	Mentions int
}

// PlaceContext is a place that an article names.
type PlaceContext struct {
	Code       string       `json:"divipola"`
	Name       string       `json:"name"`
	Text       string       `json:"text" doc:"As the article writes it"`
	Kind       string       `json:"kind" doc:"Departamento, Municipio, Isla or Área no municipalizada"`
	Department string       `json:"department"`
	Latitude   *float64     `json:"latitude"`
	Longitude  *float64     `json:"longitude"`
	Mentions   int          `json:"mentions"`
	Links      ContextLinks `json:"links"`
}

// InstitutionContext is an organisation that an article names.
type InstitutionContext struct {
	Name     string        `json:"name"`
	Text     string        `json:"text" doc:"As the article writes it"`
	Class    string        `json:"class"`
	Mentions int           `json:"mentions"`
	Entities []SecopEntity `json:"secop_entities" nullable:"false" doc:"Contracting entities of that name, those with the most contracts first"`
}

// SecopEntity is an entity that contracts by SECOP II.
type SecopEntity struct {
	Name      string       `json:"name"`
	NIT       string       `json:"nit"`
	Contracts int          `json:"contracts"`
	Links     ContextLinks `json:"links"`
}

// ContextLinks are paths of this API, from the root of its host.
type ContextLinks struct {
	Contracts string `json:"contracts,omitempty"`
	Budget    string `json:"budget,omitempty"`
	Places    string `json:"municipalities,omitempty"`
}

// ContextBody is what open data has about what an article names.
type ContextBody struct {
	ContentID    int64                   `json:"content_id"`
	Places       []PlaceContext          `json:"places" nullable:"false"`
	Institutions []InstitutionContext    `json:"institutions" nullable:"false"`
	Secop        string                  `json:"secop" enum:"ok,unavailable,not_asked" doc:"unavailable: SECOP gave no answer in time, so that institutions lack their entities; try again later"`
	Attribution  []catalogue.Attribution `json:"attribution" nullable:"false"`
}

// below makes the links begin with the path that the service is mounted at.
func (b *ContextBody) below(base string) {
	for i := range b.Places {
		b.Places[i].Links.below(base)
	}
	for _, in := range b.Institutions {
		for i := range in.Entities {
			in.Entities[i].Links.below(base)
		}
	}
}

func (l *ContextLinks) below(base string) {
	for _, link := range []*string{&l.Contracts, &l.Budget, &l.Places} {
		if *link != "" {
			*link = base + *link
		}
	}
}

type contextInput struct {
	ID int64 `path:"id" minimum:"1" doc:"The article's number" example:"42"`
}

type contextOutput struct {
	CacheControl string `header:"Cache-Control"`
	Body         ContextBody
}

func registerContext(api *httpapi.API, h *handlers) {
	huma.Register(api, huma.Operation{
		Method: http.MethodGet, Path: "/api/articles/{id}/context", OperationID: "article-context", Tags: []string{"government"},
		Summary: "The places that an article names, with their codes, and the institutions, with their contracts", Errors: []int{http.StatusNotFound},
	}, h.context)
}

const (
	// secopPatience is how long an article waits for SECOP: the answer is kept when it comes, for the next reader.
	secopPatience = 2 * time.Second
	// mostInstitutions are looked up.
	mostInstitutions = 10
)

func (h *handlers) context(ctx context.Context, in *contextInput) (*contextOutput, error) {
	mentions, err := h.s.o.Named.Named(ctx, in.ID)
	if errors.Is(err, ErrNoArticle) {
		return nil, httpapi.NotFound("Article not found")
	}
	if err != nil {
		return nil, err
	}
	out := &contextOutput{CacheControl: "no-cache"}
	b := &out.Body
	b.ContentID, b.Places, b.Institutions, b.Secop = in.ID, []PlaceContext{}, []InstitutionContext{}, "not_asked"
	if err := h.s.putPlaces(ctx, b, mentions); err != nil {
		return nil, err
	}
	h.s.putInstitutions(ctx, b, mentions)
	b.below(h.api.BasePath)
	b.Attribution = []catalogue.Attribution{}
	if len(b.Places) > 0 {
		b.Attribution = append(b.Attribution, catalogue.MustGet(catalogue.Municipalities).Attribution())
	}
	if b.Secop == "ok" {
		b.Attribution = append(b.Attribution, catalogue.MustGet(catalogue.Contracts).Attribution())
	}
	return out, nil
}

// putPlaces adds the places that are named, those named most first.
func (s *Service) putPlaces(ctx context.Context, b *ContextBody, mentions []Mention) error {
	var codes []string
	byCode := map[string]Mention{}
	for _, m := range mentions {
		if m.Divipola == "" {
			continue
		}
		was, ok := byCode[m.Divipola]
		if ok {
			was.Mentions += m.Mentions
			m = was
		} else {
			codes = append(codes, m.Divipola)
		}
		byCode[m.Divipola] = m
	}
	slices.Sort(codes)
	found, err := s.located(ctx, codes)
	if err != nil {
		return err
	}
	for _, code := range codes {
		p, ok := found[code]
		if !ok {
			continue
		}
		m := byCode[code]
		b.Places = append(b.Places, PlaceContext{
			Code: code, Name: p.Name, Text: m.Text, Kind: p.Kind, Department: p.Of, Latitude: degrees(p.Latitude), Longitude: degrees(p.Longitude), Mentions: m.Mentions, Links: linksOf(p),
		})
	}
	slices.SortStableFunc(b.Places, func(a, c PlaceContext) int { return cmp.Compare(c.Mentions, a.Mentions) })
	return nil
}

func degrees(s *string) *float64 {
	if s == nil {
		return nil
	}
	f, err := strconv.ParseFloat(*s, 64)
	if err != nil {
		return nil
	}
	return &f
}

func linksOf(p Place) ContextLinks {
	q := url.Values{"department": {p.Department}}
	if len(p.Code) == 2 {
		return ContextLinks{Contracts: "/api/government/secop/contracts?" + q.Encode(), Places: "/api/government/divipola/municipalities?" + q.Encode()}
	}
	if p.Code != "11001" { // SECOP has the capital as a department
		q.Set("municipality", p.Name)
	}
	return ContextLinks{Contracts: "/api/government/secop/contracts?" + q.Encode(), Budget: "/api/government/budget/execution?" + url.Values{"municipality": {p.Code}}.Encode()}
}

// classes are what organisations must be to be looked for among those that contract with public money.
var classes = []string{"institution", "university", "organisation"}

// putInstitutions adds the institutions that are named, with the entities of SECOP that have their names.
func (s *Service) putInstitutions(ctx context.Context, b *ContextBody, mentions []Mention) {
	byName := map[string]int{}
	for _, m := range mentions {
		if !slices.Contains(classes, m.Class) {
			continue
		}
		name := cmp.Or(m.Name, m.Text)
		if i, ok := byName[catalogue.Fold(name)]; ok {
			b.Institutions[i].Mentions += m.Mentions
			continue
		}
		byName[catalogue.Fold(name)] = len(b.Institutions)
		b.Institutions = append(b.Institutions, InstitutionContext{Name: name, Text: m.Text, Class: m.Class, Mentions: m.Mentions, Entities: []SecopEntity{}})
	}
	slices.SortStableFunc(b.Institutions, func(a, c InstitutionContext) int { return cmp.Compare(c.Mentions, a.Mentions) })
	if len(b.Institutions) == 0 {
		return
	}
	b.Institutions = b.Institutions[:min(len(b.Institutions), mostInstitutions)]
	var names []string
	for _, i := range b.Institutions {
		names = append(names, i.Name)
	}
	bound, cancel := context.WithTimeout(ctx, secopPatience)
	defer cancel()
	k, _, err := s.answer(bound, s.entities(names))
	if err != nil {
		b.Secop = "unavailable"
		return
	}
	b.Secop = "ok"
	for i := range b.Institutions {
		in := &b.Institutions[i]
		for row := range k.Table.Rows {
			name := k.Table.Cell(row, "nombre_entidad")
			if plain, _, _ := strings.Cut(name, "("); catalogue.Fold(plain) != catalogue.Fold(in.Name) && catalogue.Fold(name) != catalogue.Fold(in.Name) {
				continue
			}
			e := SecopEntity{Name: name, NIT: k.Table.Cell(row, "nit_entidad")}
			e.Contracts, _ = strconv.Atoi(k.Table.Cell(row, "contracts")) // the table's numbers are numbers
			e.Links.Contracts = "/api/government/secop/contracts?" + url.Values{"nit": {e.NIT}}.Encode()
			in.Entities = append(in.Entities, e)
		}
	}
}

// entities asks which entities contract under these names, as registers may write them.
func (s *Service) entities(names []string) ask {
	names = slices.Compact(slices.Sorted(slices.Values(names)))
	var spelt []soql.Value
	for _, name := range names {
		for _, v := range spellings(name) {
			spelt = append(spelt, soql.Text(v))
		}
	}
	entity, nit, count := soql.MustCol("nombre_entidad"), soql.MustCol("nit_entidad"), soql.MustCol("contracts")
	columns := []table.Column{
		{Name: "nombre_entidad", Kind: table.Text, Doc: "Entity"},
		{Name: "nit_entidad", Kind: table.Number, Doc: "Tax number"},
		{Name: "contracts", Kind: table.Number, Doc: "Number of contracts"},
	}
	q := soql.Query{
		Select: []soql.Selected{soql.Plain(entity), soql.Plain(nit), soql.Count(count)}, Where: soql.In(entity, spelt...),
		Group: []soql.Column{entity, nit}, Order: []soql.Order{{Column: count, Descending: true}}, Limit: 100,
	}
	return s.query("secop-entities", url.Values{"name": names}, catalogue.MustGet(catalogue.Contracts), q, columns, nil)
}
