package app

import (
	_ "embed"
	"encoding/json"
	"fmt"
	"net/http"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/danielgtaylor/huma/v2"

	"openlearn/internal/cache/httpcache/service"
	"openlearn/internal/httpapi"
	"openlearn/internal/users"
)

// apiTags are the parts of the API, in the order of the alphabet.
var apiTags = []*huma.Tag{
	{Name: "analysis", Description: "Spanish texts and articles analysed: names, sentiment, topics, difficulty, summaries, words for learners."},
	{Name: "articles", Description: "The archive: lists, search, single articles, feeds. Changes need the role admin."},
	{Name: "auth", Description: "Accounts, logins and sessions."},
	{Name: "avatars", Description: "Pictures of users."},
	{Name: "cache", Description: "What the cache holds and does, and operations on it."},
	{Name: "government", Description: "Colombian open data: datasets, contracts, the budget, exchange rates, places, climate."},
	{Name: "health", Description: "Probes. They are never cached and never limited."},
	{Name: "keys", Description: "API keys of machines: made, listed and revoked by admins."},
	{Name: "preferences", Description: "What a user has chosen."},
	{Name: "root", Description: "Where to begin."},
	{Name: "scraping", Description: "Sources, passes over them, and the articles they gave, in the form of the original."},
	{Name: users.Tag, Description: "Management of accounts, and a user's own data."},
}

// examplesJSON has an answer of each public GET, by operation id. TestOpenAPIExamples writes it (-update) and validates it.
//
//go:embed examples.json
var examplesJSON []byte

// pathParameter is a path parameter as Echo writes it.
var pathParameter = regexp.MustCompile(`:(\w+)`)

// meanings are the descriptions of parameters that have none of their own, as they are the same wherever they occur.
var meanings = map[string]string{
	"limit": "How many items at most", "offset": "How many items to leave out before the first", "page": "Which page, from 1", "order": "The order of the items",
	"format": "The form of the answer", "layer": "A layer of the cache, such as article (GET /api/cache/layers lists them)",
	"article_id": "The article's number", "analysis_id": "The number of the analysis", "source_name": "The name or id of a source (GET /api/scraping/sources lists them)",
	"filename": "The name of the file, from avatar_url", "series": "The id of a series of Banco de la República", "variable": "What is measured",
	"key": "The id of a dataset (GET /api/government/datasets lists them)", "group_by": "What the sums are by", "entity": "Part of the name of a public body",
	"nit": "Tax number of a public body", "type": "Which kind of entity", "min_difficulty": "1 (easy) to 5 (hard)", "max_difficulty": "1 (easy) to 5 (hard)",
	"role": "Only accounts with this role", "is_active": "Only accounts that may log in, or only those that may not",
	"If-None-Match": "Entity-tags of what the client has: 304 if one of them is current",
}

// fieldMeanings are the descriptions of header fields of answers.
var fieldMeanings = map[string]string{
	"Age":                 "Seconds since the answer was made",
	"Cache-Control":       "Who may keep the answer, and for how long (RFC 9111)",
	"Content-Disposition": "Under which name a browser saves the body",
	"Content-Type":        "The media type of the body",
	"ETag":                "The entity-tag of this representation, for If-None-Match and If-Match",
	"Last-Modified":       "When what is shown last changed",
	"Link":                "Related addresses (RFC 8288)",
	"Location":            "The address of what was made",
	"RateLimit":           "What is left of each limit, and the seconds until it is whole again",
	"RateLimit-Policy":    "The limits",
	"Retry-After":         "Seconds after which the request is worth another try",
	"Set-Cookie":          "Cookies of the session",
	"Vary":                "The request's fields on which the answer depends",
	"X-Cache":             "HIT, MISS, STALE or BYPASS: what the service's cache did",
	"X-Invalidation":      "pending: the change is stored and shown, and caches are told later",
}

// notes are what needs to be known of single operations beyond their summaries, by operation id.
var notes = map[string]string{
	"create-api-key":     "Keys end after 365 days unless `expires_at` says otherwise; null is for a key that never ends.",
	"analyze":            "The text is analysed here and kept nowhere. It costs 2 units of the rate limit and one for each kilobyte.",
	"analyze-articles":   "The answer names a job; `GET /api/analysis/jobs/{id}` says how far it is.",
	"articles-feed":      "Takes the filters of the list. Entries keep their ids when the service moves to another domain.",
	"articles-json-feed": "Takes the filters of the list. Items keep their ids when the service moves to another domain.",
	"article-facets":     "Takes the filters of the list, and counts what they select.",
	"create-article":     "409 if an article with this `source_url` exists.",
	"delete-article":     "Takes If-Match, so that nothing is deleted that has changed since it was read.",
	"edit-article":       "Members that are null are emptied, members that are left out stay (RFC 7396). Takes If-Match.",
	"replace-article":    "Members that are left out are emptied. Takes If-Match.",
	"list-articles":      "Pages are reached by `next_cursor`, which stays right while articles come and go. Newest first, by the effective date: when the article was published, else when it was stored.",
	"search-articles":    "Words are found with and without accents and in all inflections; `\"…\"` is a phrase, `-` before a word excludes it, `OR` stands between alternatives. The most relevant first, or by `order`.",
	"login":              "The answer has the tokens, and sets them as cookies too.",
	"refresh":            "A refresh token can be used once; used twice, its session ends.",
	"cache-invalidate":   "With `dryrun=true` nothing is invalidated, and the answer says what would be.",
	"scraping-trigger":   "The pass runs in the background; `GET /api/scraping/jobs/{id}` says how far it is.",
	"health-ready":       "503 while requests cannot be answered.",
	"api-health-ready":   "503 while requests cannot be answered.",
}

// describe completes the OpenAPI document with what holds for many operations: what the cache, the limits, the guards and
// the bounds of bodies answer.
func (s *Server) describe(api *httpapi.API, cached []service.Route) error {
	examples := map[string]json.RawMessage{}
	if err := json.Unmarshal(examplesJSON, &examples); err != nil {
		return fmt.Errorf("examples of the API: %w", err)
	}
	doc := api.OpenAPI()
	doc.Tags = apiTags
	doc.Components.Headers = map[string]*huma.Header{}
	for _, name := range []string{"ETag", "RateLimit", "RateLimit-Policy", "Retry-After"} {
		doc.Components.Headers[name] = header(name)
	}
	doc.Components.Schemas.Map()["RateLimited"] = rateLimited()
	for name, about := range map[string]string{
		"adminKey": "The admin key, or an API key of a machine.", "adminBearer": "The same as a bearer token.",
		"userBearer": "An access token from POST /api/auth/token: a JWT (RFC 7519), made by the practices of RFC8725, that lives for minutes.",
		"userCookie": "The same, as the cookie that a login sets.",
	} {
		doc.Components.SecuritySchemes[name].Description = about
	}
	isCached := map[string]bool{}
	for _, r := range cached {
		isCached[pathParameter.ReplaceAllString(r.Path, "{$1}")] = true
	}
	api.Describe(func(path string, op *huma.Operation) {
		for _, p := range op.Parameters {
			if p.Description == "" {
				p.Description = meanings[p.Name]
			}
		}
		d := described{op: op}
		d.parts = append(d.parts, op.Summary+".")
		if note := notes[op.OperationID]; note != "" {
			d.parts = append(d.parts, note)
		}
		d.answers(path, op.Method == http.MethodGet && isCached[path])
		d.headers()
		httpapi.Examples(op, examples)
		if len(d.parts) > 1 {
			op.Description = strings.Join(d.parts, "\n\n")
		}
	})
	return nil
}

// described is an operation whose description is being written.
type described struct {
	op    *huma.Operation
	parts []string
}

// answers adds what others than the operation's handler answer.
func (d *described) answers(path string, cached bool) {
	op := d.op
	delete(op.Responses, "default") // what it stands for is listed
	if cached || d.parameter("If-None-Match") && op.Method == http.MethodGet {
		d.conditional()
	}
	if cached {
		d.parts = append(d.parts, "Kept in the service's cache, and never stale after a change.")
	}
	if op.Security != nil {
		d.fails(http.StatusUnauthorized, http.StatusForbidden)
	}
	if d.parameter("If-Match") {
		d.fails(http.StatusPreconditionFailed)
	}
	if op.RequestBody != nil {
		d.fails(http.StatusRequestEntityTooLarge, http.StatusUnprocessableEntity)
	}
	if len(op.Parameters) > 0 {
		d.fails(http.StatusUnprocessableEntity)
	}
	d.fails(http.StatusInternalServerError)
	if unlimitedPath(path) {
		if path == "/health" || path == "/api/health" || strings.HasSuffix(path, "/ready") {
			// The same body says so, with another status.
			op.Responses["503"] = &huma.Response{Description: "Not now", Content: op.Responses["200"].Content}
		}
		return
	}
	d.fails(http.StatusServiceUnavailable)
	op.Responses["429"] = &huma.Response{
		Description: "More was asked for than the limits allow",
		Content:     map[string]*huma.MediaType{"application/json": {Schema: &huma.Schema{Ref: "#/components/schemas/RateLimited"}}},
	}
	for status, r := range op.Responses {
		if status[0] == '2' || status == "304" || status == "429" {
			refer(r, "RateLimit", "RateLimit-Policy")
		}
	}
}

// conditional adds the fields and the answer of conditional requests.
func (d *described) conditional() {
	for _, p := range []struct{ name, about string }{
		{"If-None-Match", meanings["If-None-Match"]}, {"If-Modified-Since", "304 if nothing that is shown was modified after this moment; If-None-Match is more exact"},
	} {
		if !d.parameter(p.name) {
			d.op.Parameters = append(d.op.Parameters, &huma.Param{Name: p.name, In: "header", Description: p.about, Schema: &huma.Schema{Type: huma.TypeString}})
		}
	}
	refer(d.op.Responses["200"], "ETag")
	d.op.Responses["304"] = &huma.Response{Description: "What the client has is current"}
	refer(d.op.Responses["304"], "ETag")
}

func (d *described) parameter(name string) bool {
	return slices.ContainsFunc(d.op.Parameters, func(p *huma.Param) bool { return p.Name == name })
}

// fails adds answers with the body of errors, where there are none.
func (d *described) fails(statuses ...int) {
	for _, status := range statuses {
		if code := strconv.Itoa(status); d.op.Responses[code] == nil {
			d.op.Responses[code] = &huma.Response{
				Description: http.StatusText(status),
				Content:     map[string]*huma.MediaType{"application/json": {Schema: &huma.Schema{Ref: "#/components/schemas/" + httpapi.ErrorSchema}}},
			}
		}
	}
}

// headers says what the fields of the answers mean, and leaves out those that are never sent.
func (d *described) headers() {
	for status, r := range d.op.Responses {
		if status == "429" || status == "503" {
			refer(r, "Retry-After")
		}
		for name, h := range r.Headers {
			switch {
			case name == "Location" && status != "201", name == "X-Invalidation" && d.op.Method == http.MethodGet:
				delete(r.Headers, name)
			case h.Ref == "" && h.Description == "":
				h.Description = fieldMeanings[name]
			}
		}
	}
}

// refer gives an answer fields that are described once for all.
func refer(r *huma.Response, names ...string) {
	if r.Headers == nil {
		r.Headers = map[string]*huma.Param{}
	}
	for _, name := range names {
		r.Headers[name] = &huma.Param{Ref: "#/components/headers/" + name}
	}
}

func header(name string) *huma.Header {
	return &huma.Header{Description: fieldMeanings[name], Schema: &huma.Schema{Type: huma.TypeString}}
}

// rateLimited is the body of a 429. Only detail is always there: too many guesses have nothing else.
func rateLimited() *huma.Schema {
	whole := func(about string) *huma.Schema {
		return &huma.Schema{Type: huma.TypeInteger, Format: "int64", Description: about}
	}
	return &huma.Schema{
		Type: huma.TypeObject, Description: "More was asked for than a limit allows.", Required: []string{"detail"},
		Properties: map[string]*huma.Schema{
			"detail":      {Type: huma.TypeString, Description: "What is spent, and when to try again"},
			"error":       {Type: huma.TypeString, Examples: []any{"rate_limit_exceeded"}},
			"message":     {Type: huma.TypeString},
			"retry_after": whole("Seconds, as in Retry-After"),
			"limits": {
				Type: huma.TypeObject, Description: "Each limit: minute, hour, and bytes if those are spent",
				AdditionalProperties: &huma.Schema{
					Type: huma.TypeObject, Required: []string{"limit", "remaining", "reset"},
					Properties: map[string]*huma.Schema{"limit": whole("Units"), "remaining": whole("Units left"), "reset": whole("When it is whole again, in Unix seconds")},
				},
			},
		},
	}
}
