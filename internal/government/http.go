package government

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"mime"
	"net/http"
	"reflect"
	"strconv"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"openlearn/internal/cache"
	"openlearn/internal/government/catalogue"
	"openlearn/internal/government/table"
	"openlearn/internal/government/upstream"
	"openlearn/internal/httpapi"
)

type handlers struct {
	api *httpapi.API
	s   *Service
}

// Paging is what every list of rows takes.
type Paging struct {
	Limit  int    `query:"limit" default:"50" minimum:"1" maximum:"1000"`
	Offset int    `query:"offset" default:"0" minimum:"0" maximum:"100000"`
	Format string `query:"format" enum:"json,csv" doc:"csv: the rows alone, as Accept: text/csv asks for too"`
	Accept string `header:"Accept" hidden:"true"`
}

func (p *Paging) csv() bool { return wantsCSV(p.Format, p.Accept) }

// Choice is the form of answers that are not paged.
type Choice struct {
	Format string `query:"format" enum:"json,csv" doc:"csv: the rows alone, as Accept: text/csv asks for too"`
	Accept string `header:"Accept" hidden:"true"`
}

func (c *Choice) csv() bool { return wantsCSV(c.Format, c.Accept) }

// wantsCSV reads what a client would rather have: what it names, or the better of what it accepts (RFC 9110 §12.5.1).
func wantsCSV(format, accept string) bool {
	if format != "" {
		return format == "csv"
	}
	asCSV, asJSON := 0.0, 0.0
	for part := range strings.SplitSeq(accept, ",") {
		kind, params, err := mime.ParseMediaType(strings.TrimSpace(part))
		if err != nil {
			continue
		}
		q := 1.0
		if text, ok := params["q"]; ok {
			if q, err = strconv.ParseFloat(text, 64); err != nil {
				continue
			}
		}
		switch kind {
		case "text/csv":
			asCSV = max(asCSV, q)
		case "application/json", "application/*", "*/*":
			asJSON = max(asJSON, q)
		}
	}
	return asCSV > 0 && asCSV >= asJSON
}

// items are rows as the API documents them.
type items struct{ table.Rows }

// Schema documents rows: objects whose members are the answer's columns.
func (items) Schema(huma.Registry) *huma.Schema {
	return &huma.Schema{
		Type: huma.TypeArray, Description: "Rows: members are the answer's columns; values are texts, numbers with all their digits, or null",
		Items: &huma.Schema{Type: huma.TypeObject, AdditionalProperties: true},
	}
}

// Freshness is how old an answer is.
type Freshness struct {
	Stale     bool      `json:"stale" doc:"It is past its time: its service gives no data now, or is being asked"`
	Age       int       `json:"age_seconds"`
	FetchedAt time.Time `json:"fetched_at" doc:"When the service gave it, or said that it still holds"`
}

// RowsBody is a list of rows.
type RowsBody struct {
	Items       items                 `json:"items"`
	Count       int                   `json:"count"`
	HasMore     bool                  `json:"has_more"`
	Total       *int                  `json:"total" doc:"Of all pages, where the service tells it"`
	Columns     []table.Column        `json:"columns" nullable:"false"`
	Attribution catalogue.Attribution `json:"attribution"`
	Freshness   Freshness             `json:"freshness"`
}

// rowsOutput is an answer as it is sent: JSON or CSV.
type rowsOutput struct {
	ContentType  string   `header:"Content-Type"`
	Disposition  string   `header:"Content-Disposition"`
	Cache        string   `header:"X-Cache" doc:"HIT, MISS, STALE or BYPASS"`
	Age          string   `header:"Age"`
	CacheControl string   `header:"Cache-Control"`
	Vary         string   `header:"Vary"`
	Link         []string `header:"Link"`
	Body         []byte
}

// clientsKeep is how long clients may keep a fresh answer without asking.
const clientsKeep = time.Minute

// respond answers a question.
func (h *handlers) respond(ctx context.Context, a ask, by catalogue.Attribution, limit int, csv bool) (*rowsOutput, error) {
	k, info, err := h.s.answer(ctx, a)
	if err != nil {
		return nil, h.problem(a, err)
	}
	return h.send(a, k, outcome(info), info.StoredAt(), by, limit, csv)
}

// send writes an answer; at is when its service gave it, zero: now.
func (h *handlers) send(a ask, k kept, outcome string, at time.Time, by catalogue.Attribution, limit int, csv bool) (out *rowsOutput, err error) {
	now, stale := h.s.now(), outcome == stale
	if at.IsZero() {
		at = now
	}
	age := max(int(now.Sub(at)/time.Second), 0)
	out = &rowsOutput{
		Cache: outcome, Age: strconv.Itoa(age), Vary: "Accept", CacheControl: "public, max-age=" + strconv.Itoa(int(clientsKeep/time.Second)),
		Link: []string{"<" + by.Licence.URL + `>; rel="license"`, "<" + by.Source + `>; rel="via"`},
	}
	if stale {
		out.CacheControl = "no-cache"
	}
	t := k.Table
	more := limit > 0 && len(t.Rows) > limit
	if more {
		t.Rows = t.Rows[:limit]
	}
	if csv {
		out.ContentType, out.Disposition = "text/csv; charset=utf-8; header=present", `attachment; filename="`+a.endpoint+`.csv"`
		out.Body, err = t.CSV()
		return out, err
	}
	if k.Total != nil {
		offset, _ := strconv.Atoi(a.params.Get("offset"))
		more = offset+len(t.Rows) < *k.Total
	}
	out.ContentType = "application/json"
	out.Body, err = json.Marshal(RowsBody{
		items{table.Rows{Table: &t}}, len(t.Rows), more, k.Total, t.Columns, by, Freshness{stale, age, at.UTC()},
	})
	return out, err
}

// stale is the value of X-Cache for what is past its time.
const stale = "STALE"

// outcome is the value of X-Cache.
func outcome(i cache.Info) string {
	switch {
	case i.Stale:
		return stale
	case i.Source == cache.FromRedis, i.Source == cache.FromNear:
		return "HIT"
	case i.Source == cache.FromBypass:
		return "BYPASS"
	}
	return "MISS"
}

// problem words why there is no answer. No text of a foreign service leaves.
func (h *handlers) problem(a ask, err error) error {
	e, failed := errors.AsType[*upstream.Error](err)
	switch {
	case errors.Is(err, cache.ErrNotFound):
		return httpapi.NotFound(err.Error())
	case a.up == nil:
		return err
	case failed:
		return httpapi.Unavailable(fmt.Sprintf("%s gives no data now, and nothing is kept of this: try again later", a.up.Name()), max(e.After, 5*time.Second), err)
	case errors.Is(err, context.DeadlineExceeded):
		return httpapi.Unavailable(fmt.Sprintf("%s did not answer in time: try again later", a.up.Name()), 10*time.Second, err)
	}
	return err
}

// refuse words what is wrong with parameters.
func refuse(err error) error {
	var problems []error
	collect(err, &problems)
	if len(problems) == 0 {
		return err
	}
	return httpapi.Problems(problems)
}

func collect(err error, to *[]error) {
	if joined, ok := err.(interface{ Unwrap() []error }); ok {
		for _, e := range joined.Unwrap() {
			collect(e, to)
		}
		return
	}
	if wrong, ok := errors.AsType[*Invalid](err); ok {
		*to = append(*to, &httpapi.Problem{Location: "query." + wrong.Parameter, Message: wrong.Err.Error()})
	}
}

// operation is a GET that answers rows.
func operation(api *httpapi.API, path, id, summary string) huma.Operation {
	schema := api.OpenAPI().Components.Schemas.Schema(reflect.TypeFor[RowsBody](), true, "GovernmentRows")
	return huma.Operation{
		Method: http.MethodGet, Path: "/api/government" + path, OperationID: id, Summary: summary, Tags: []string{"government"},
		Errors: []int{http.StatusNotFound, http.StatusUnprocessableEntity, http.StatusServiceUnavailable},
		Responses: map[string]*huma.Response{"200": {
			Description: "OK",
			Content:     map[string]*huma.MediaType{"application/json": {Schema: schema}, "text/csv": {Schema: &huma.Schema{Type: huma.TypeString}}},
		}},
	}
}
