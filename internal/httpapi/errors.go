package httpapi

import (
	"errors"
	"fmt"
	"net/http"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/validation"
)

// Error is the body of every error of this API: {"detail": …}, as FastAPI's clients know it. Detail is a string, or a list
// of what is wrong with the request (422).
type Error struct {
	Detail any `json:"detail" doc:"What went wrong: a text, or the list of invalid parts of the request."`

	status  int
	headers http.Header
	cause   error
}

// Item describes one invalid part of a request, in the shape of pydantic v2.
type Item struct {
	Type  string         `json:"type"`
	Loc   []any          `json:"loc"`
	Msg   string         `json:"msg"`
	Input any            `json:"input"`
	Ctx   map[string]any `json:"ctx,omitempty"`
}

func (e *Error) Error() string {
	if e.cause != nil {
		return fmt.Sprintf("%d: %v: %v", e.status, e.Detail, e.cause)
	}
	return fmt.Sprintf("%d: %v", e.status, e.Detail)
}

// Unwrap returns the cause, for the log and never for the client.
func (e *Error) Unwrap() error { return e.cause }

// GetStatus is the HTTP status of the answer.
func (e *Error) GetStatus() int { return e.status }

// GetHeaders are the headers that belong to the error, such as WWW-Authenticate.
func (e *Error) GetHeaders() http.Header { return e.headers }

// With is the error with one more header field.
func (e *Error) With(name, value string) *Error {
	with := *e
	if with.headers = e.headers.Clone(); with.headers == nil {
		with.headers = http.Header{}
	}
	with.headers.Add(name, value)
	return &with
}

// NewError makes an error answer whose detail the client may read.
func NewError(status int, detail string) *Error { return &Error{Detail: detail, status: status} }

// NotFound is a 404 that says what was not found.
func NotFound(detail string) *Error { return NewError(http.StatusNotFound, detail) }

// Unavailable is a 503 that says when to try again; cause is for the log.
func Unavailable(detail string, after time.Duration, cause error) *Error {
	seconds := int((max(after, time.Second) + time.Second - 1) / time.Second)
	return &Error{Detail: detail, status: http.StatusServiceUnavailable, headers: http.Header{"Retry-After": {strconv.Itoa(seconds)}}, cause: cause}
}

// Invalid is a 422 for one part of the request; loc is e.g. "query", "cursor".
func Invalid(kind, msg string, input any, loc ...any) *Error {
	return &Error{status: http.StatusUnprocessableEntity, Detail: []Item{{Type: kind, Loc: loc, Msg: msg, Input: input}}}
}

// Value is a 422 of the catch-all type value_error.
func Value(msg string, input any, loc ...any) *Error {
	return &Error{status: http.StatusUnprocessableEntity, Detail: []Item{valueItem(msg, input, loc...)}}
}

func valueItem(msg string, input any, loc ...any) Item {
	return Item{Type: "value_error", Loc: loc, Msg: "Value error, " + msg, Input: input, Ctx: map[string]any{"error": map[string]any{}}}
}

// huma keeps its error constructor and its strictness in package variables; this is the one place that sets them, before
// anything runs.
func init() {
	// "Title" is not another spelling of "title". To encoding/json it is, and the last of the two would win.
	huma.ValidateStrictCasing = true
	huma.NewError = func(status int, msg string, errs ...error) huma.StatusError { return fromHuma(status, msg, errs) }
	huma.NewErrorWithContext = func(ctx huma.Context, status int, msg string, errs ...error) huma.StatusError {
		e := fromHuma(status, msg, errs)
		if e.status >= http.StatusInternalServerError {
			reportCause(ctx, e.cause)
		}
		return e
	}
}

// fromHuma turns huma's validation results and uncaught errors into ours. Text of an unknown error never leaves.
func fromHuma(status int, msg string, errs []error) *Error {
	var items []Item
	for _, err := range errs {
		var d *huma.ErrorDetail
		switch {
		case err == nil:
		case errors.As(err, &d):
			items = addOnce(items, itemOf(d))
		case msg == bodyUnread && statusOf(err) >= http.StatusInternalServerError:
			return NewError(http.StatusBadRequest, "The request's body could not be read: it ended too soon, or its framing is wrong")
		case status == http.StatusInternalServerError:
			s := statusOf(err)
			return &Error{status: s, Detail: detailOf(s), cause: err}
		}
	}
	// huma answers 400 to a body that is not JSON; to FastAPI it is one more validation error.
	if len(items) > 0 {
		items = items[:min(len(items), mostItems)]
		return &Error{status: http.StatusUnprocessableEntity, Detail: items}
	}
	switch {
	case msg == "request body is required":
		return Invalid("missing", "Field required", nil, "body")
	case status >= http.StatusInternalServerError:
		msg = detailOf(status)
	}
	return &Error{status: status, Detail: msg, cause: errors.Join(errs...)}
}

// addOnce leaves out what is said already: the schema and a handler may check the same thing.
func addOnce(items []Item, it Item) []Item {
	if len(items) > mostItems || slices.ContainsFunc(items, func(o Item) bool {
		return o.Type == it.Type && o.Msg == it.Msg && slices.Equal(o.Loc, it.Loc)
	}) {
		return items
	}
	return append(items, it)
}

// bodyUnread is huma's message for a body that did not arrive, which is the fault of the client or its network.
const bodyUnread = "cannot read request body"

func detailOf(status int) string { return http.StatusText(status) }

// wordings map huma's messages to pydantic's types and texts. The first match wins; $1 is the submatch.
var wordings = []struct {
	re        *regexp.Regexp
	kind, msg string
	ctx       string // name of the bound in ctx, "" if there is none
}{
	{regexp.MustCompile(`^invalid integer$`), "int_parsing", "Input should be a valid integer, unable to parse string as an integer", ""},
	{regexp.MustCompile(`^invalid float$`), "float_parsing", "Input should be a valid number, unable to parse string as a number", ""},
	{regexp.MustCompile(`^invalid boolean$`), "bool_parsing", "Input should be a valid boolean, unable to interpret input", ""},
	{regexp.MustCompile(`^required \w+ parameter is missing$`), "missing", "Field required", ""},
	{regexp.MustCompile(`^expected required property .* to be present$`), "missing", "Field required", ""},
	{regexp.MustCompile(`^expected length >= (\d+)$`), "string_too_short", "String should have at least $1 characters", "min_length"},
	{regexp.MustCompile(`^expected length <= (\d+)$`), "string_too_long", "String should have at most $1 characters", "max_length"},
	{regexp.MustCompile(`^expected number >= (.+)$`), "greater_than_equal", "Input should be greater than or equal to $1", "ge"},
	{regexp.MustCompile(`^expected number <= (.+)$`), "less_than_equal", "Input should be less than or equal to $1", "le"},
	{regexp.MustCompile(`^expected number > (.+)$`), "greater_than", "Input should be greater than $1", "gt"},
	{regexp.MustCompile(`^expected number < (.+)$`), "less_than", "Input should be less than $1", "lt"},
	{regexp.MustCompile(`^expected array length >= (\d+)$`), "too_short", "List should have at least $1 items after validation", "min_length"},
	{regexp.MustCompile(`^expected array length <= (\d+)$`), "too_long", "List should have at most $1 items after validation", "max_length"},
	{regexp.MustCompile(`^expected string$`), "string_type", "Input should be a valid string", ""},
	{regexp.MustCompile(`^expected integer$`), "int_type", "Input should be a valid integer", ""},
	{regexp.MustCompile(`^expected number$`), "float_type", "Input should be a valid number", ""},
	{regexp.MustCompile(`^expected boolean$`), "bool_type", "Input should be a valid boolean", ""},
	{regexp.MustCompile(`^expected array$`), "list_type", "Input should be a valid list", ""},
	{regexp.MustCompile(`^expected object$`), "dict_type", "Input should be a valid dictionary", ""},
	{regexp.MustCompile(`^expected string to be RFC 3339`), "datetime_parsing", "Input should be a valid datetime, expected RFC 3339 with a zone, such as 2026-11-22T10:00:00Z", ""},
	{regexp.MustCompile(`^invalid date/time for format`), "datetime_parsing", "Input should be a valid datetime, expected RFC 3339 with a zone, such as 2026-11-22T10:00:00Z", ""},
	{regexp.MustCompile(`^unexpected property$`), "extra_forbidden", "Extra inputs are not permitted", ""},
}

var (
	oneOf    = regexp.MustCompile(`^expected value to be one of "(.*)"$`)
	required = regexp.MustCompile(`^expected required property (.*) to be present$`)
)

// itemOf words one of huma's validation errors as pydantic would.
func itemOf(d *huma.ErrorDetail) Item {
	loc := location(d.Location)
	if m := required.FindStringSubmatch(d.Message); m != nil {
		loc = append(loc, m[1])
	}
	input := d.Value
	switch d.Message {
	case "required query parameter is missing":
		input = nil
	case validation.MsgUnexpectedProperty: // huma gives the object, pydantic the member
		object, _ := input.(map[string]any)
		name, _ := loc[len(loc)-1].(string)
		input = object[name]
	}
	if msg, where, ok := placedError(d.Message); ok {
		return valueItem(msg, nil, where...)
	}
	if reason, ok := strings.CutPrefix(d.Message, NoEmail); ok {
		return Item{Type: "value_error", Loc: loc, Msg: d.Message, Input: input, Ctx: map[string]any{"reason": reason}}
	}
	if m := oneOf.FindStringSubmatch(d.Message); m != nil {
		want := quoteList(strings.Split(m[1], ", "))
		return Item{Type: "literal_error", Loc: loc, Msg: "Input should be " + want, Input: input, Ctx: map[string]any{"expected": want}}
	}
	for _, r := range wordings {
		m := r.re.FindStringSubmatch(d.Message)
		if m == nil {
			continue
		}
		it := Item{Type: r.kind, Loc: loc, Msg: r.msg, Input: input}
		if r.ctx != "" {
			it.Msg = strings.ReplaceAll(r.msg, "$1", m[1])
			it.Ctx = map[string]any{r.ctx: number(m[1])}
		}
		return it
	}
	if d.Location == "body" && isJSONError(d.Message) {
		return Item{Type: "json_invalid", Loc: loc, Msg: "JSON decode error", Input: map[string]any{}, Ctx: map[string]any{"error": d.Message}}
	}
	return valueItem(d.Message, input, loc...)
}

// mostItems bounds the number of items in one answer.
const mostItems = 100

// isJSONError recognises messages of encoding/json, the only other source of errors located at the whole body.
func isJSONError(msg string) bool {
	return strings.HasPrefix(msg, "json: ") || strings.Contains(msg, "invalid character") || strings.Contains(msg, "unexpected end of JSON") || strings.Contains(msg, "unexpected EOF")
}

// NoEmail begins the message of a Problem with an e-mail address; the reason follows.
const NoEmail = "value is not a valid email address: "

// location splits "body.tags[0]" into ["body", "tags", 0].
func location(s string) []any {
	loc := []any{}
	for _, part := range strings.FieldsFunc(s, func(r rune) bool { return r == '.' || r == '[' || r == ']' }) {
		if n, err := strconv.Atoi(part); err == nil {
			loc = append(loc, n)
		} else {
			loc = append(loc, part)
		}
	}
	return loc
}

// quoteList writes a, b, c as 'a', 'b' or 'c'.
func quoteList(vs []string) string {
	for i := range vs {
		vs[i] = "'" + vs[i] + "'"
	}
	if len(vs) == 1 {
		return vs[0]
	}
	return strings.Join(vs[:len(vs)-1], ", ") + " or " + vs[len(vs)-1]
}

func number(s string) any {
	if n, err := strconv.ParseInt(s, 10, 64); err == nil {
		return n
	}
	if f, err := strconv.ParseFloat(s, 64); err == nil {
		return f
	}
	return s
}

// Problem is an invalid part of a request, found by a handler: Location is like "body.title".
type Problem = huma.ErrorDetail

// Problems is the 422 that lists what handlers found, each as a *Problem.
func Problems(errs []error) *Error {
	return fromHuma(http.StatusUnprocessableEntity, "validation failed", errs)
}

// Text words an item for people.
func (i Item) Text() string {
	text := strings.TrimPrefix(i.Msg, "Value error, ")
	for _, part := range slices.Backward(i.Loc) {
		if name, ok := part.(string); ok && len(i.Loc) > 1 {
			return name + ": " + text
		}
	}
	return text
}

// InvalidItems is a 422 that lists what is wrong.
func InvalidItems(items []Item) *Error {
	return &Error{status: http.StatusUnprocessableEntity, Detail: items}
}
