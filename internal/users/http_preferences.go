package users

import (
	"bytes"
	"context"
	"encoding/csv"
	"encoding/json"
	"fmt"
	"net/http"
	"reflect"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/danielgtaylor/huma/v2"

	"openlearn/internal/httpapi"
)

var (
	errOther  = httpapi.NewError(http.StatusForbidden, "These are another user's")
	errNoData = httpapi.NotFound("No data found for user")
)

// registerPreferences mounts what users do with their preferences.
func registerPreferences(api *httpapi.API, h *handlers) {
	op := func(method, path, id, summary string) huma.Operation {
		return api.UserOnly(huma.Operation{
			Method: method, Path: "/api/preferences" + path, OperationID: id, Summary: summary, Tags: []string{"preferences"}, DefaultStatus: http.StatusOK, MaxBodyBytes: 256 << 10,
			Errors: []int{http.StatusUnauthorized, http.StatusForbidden, http.StatusServiceUnavailable},
		})
	}
	huma.Register(api, op(http.MethodGet, "", "preferences", "What one prefers; the defaults as long as nothing is stored"), h.preferences)
	huma.Register(api, op(http.MethodPut, "", "set-preferences", "Store what one prefers, whole"), h.setPreferences)
	huma.Register(api, op(http.MethodDelete, "", "drop-preferences", "Go back to the defaults"), h.dropPreferences)
	export := op(http.MethodGet, "/export", "export-preferences", "What is stored of one's preferences, as a file")
	export.Errors = append(export.Errors, http.StatusNotFound)
	export.Responses = asFile(map[string]*huma.Schema{"application/json": schemaOf[Preferences](api, "Preferences"), "text/csv": {Type: huma.TypeString}})
	huma.Register(api, export, h.exportPreferences)
	huma.Register(api, huma.Operation{Method: http.MethodGet, Path: "/api/preferences/health", OperationID: "preferences-health", Summary: "Whether preferences can be read", Tags: []string{"preferences"}}, h.preferencesHealth)
}

// OwnInput names the user whose preferences are meant, as the original's clients do: it can only be who asks.
type OwnInput struct {
	UserID httpapi.Opt[string] `query:"user_id" maxLength:"20" doc:"One's own number, if it is given"`
}

func (in *OwnInput) check(ctx context.Context) (int64, error) {
	id := who(ctx).User
	if in.UserID.Set && in.UserID.Value != strconv.FormatInt(id, 10) {
		return 0, errOther
	}
	return id, nil
}

type preferencesOutput struct{ Body Preferences }

func (h *handlers) preferences(ctx context.Context, in *OwnInput) (*preferencesOutput, error) {
	id, err := in.check(ctx)
	if err != nil {
		return nil, err
	}
	p, _, err := h.s.Preferences(ctx, id)
	return &preferencesOutput{p}, err
}

type setPreferencesInput struct {
	OwnInput
	Body Preferences
}

// Resolve checks what the schema cannot.
func (in *setPreferencesInput) Resolve(huma.Context) (errs []error) {
	l := &in.Body.Learning
	if r := l.DifficultyRange; len(r) == 2 && (r[0] < 0 || r[1] > 100 || r[0] > r[1]) {
		errs = append(errs, &httpapi.Problem{Location: "body.learning.difficultyRange", Message: "difficultyRange must be between 0-100 with min <= max", Value: r})
	}
	for name, list := range map[string][]string{"preferredSources": l.PreferredSources, "preferredCategories": l.PreferredCategories} {
		for i, s := range list {
			if utf8.RuneCountInString(s) > 100 {
				errs = append(errs, &httpapi.Problem{Location: fmt.Sprintf("body.learning.%s[%d]", name, i), Message: "expected length <= 100", Value: s})
			}
		}
	}
	if zone := in.Body.Profile.Timezone; zone != "" {
		if _, err := time.LoadLocation(zone); err != nil {
			errs = append(errs, &httpapi.Problem{Location: "body.profile.timezone", Message: "is no time zone, such as America/Bogota", Value: zone})
		}
	}
	return errs
}

func (h *handlers) setPreferences(ctx context.Context, in *setPreferencesInput) (*preferencesOutput, error) {
	id, err := in.check(ctx)
	if err != nil {
		return nil, err
	}
	if in.Body.UserID != strconv.FormatInt(id, 10) {
		return nil, errOther
	}
	p, err := h.s.SetPreferences(ctx, id, in.Body)
	return &preferencesOutput{p}, err
}

func (h *handlers) dropPreferences(ctx context.Context, in *OwnInput) (*preferencesOutput, error) {
	id, err := in.check(ctx)
	if err != nil {
		return nil, err
	}
	if err := h.s.DropPreferences(ctx, id); err != nil {
		return nil, err
	}
	p, _, err := h.s.Preferences(ctx, id)
	return &preferencesOutput{p}, err
}

type exportInput struct {
	OwnInput
	Format string `query:"format" enum:"json,csv" default:"json"`
}

type fileOutput struct {
	ContentType string `header:"Content-Type"`
	Disposition string `header:"Content-Disposition"`
	Body        []byte
}

// asFile documents the media types of a body of bytes, for which huma would say that it is a text.
func asFile(kinds map[string]*huma.Schema) map[string]*huma.Response {
	content := map[string]*huma.MediaType{}
	for kind, schema := range kinds {
		content[kind] = &huma.MediaType{Schema: schema}
	}
	return map[string]*huma.Response{"200": {Description: "OK", Content: content}}
}

func schemaOf[T any](api *httpapi.API, name string) *huma.Schema {
	return api.OpenAPI().Components.Schemas.Schema(reflect.TypeFor[T](), true, name)
}

func (h *handlers) exportPreferences(ctx context.Context, in *exportInput) (*fileOutput, error) {
	id, err := in.check(ctx)
	if err != nil {
		return nil, err
	}
	p, stored, err := h.s.Preferences(ctx, id)
	if err != nil {
		return nil, err
	}
	if !stored {
		return nil, errNoData
	}
	out := &fileOutput{ContentType: jsonType, Disposition: fmt.Sprintf("attachment; filename=openlearn-data-%d.%s", id, in.Format)}
	if out.Body, err = json.Marshal(p); err != nil {
		return nil, err
	}
	if in.Format == "csv" {
		out.ContentType = "text/csv; charset=utf-8"
		out.Body, err = asCSV(out.Body)
	}
	return out, err
}

// asCSV lists the members of a JSON object as the original does: category, field, value.
func asCSV(object []byte) ([]byte, error) {
	var b bytes.Buffer
	w := csv.NewWriter(&b)
	w.UseCRLF = true
	if err := w.Write([]string{"Category", "Field", "Value"}); err != nil {
		return nil, err
	}
	if err := rowsOf(json.NewDecoder(bytes.NewReader(object)), "", "", w); err != nil {
		return nil, err
	}
	w.Flush()
	return b.Bytes(), w.Error()
}

// rowsOf writes the rows of one JSON value, in the order of its members.
func rowsOf(in *json.Decoder, category, field string, w *csv.Writer) error {
	in.UseNumber()
	t, err := in.Token()
	if err != nil {
		return err
	}
	row := func(value string) error {
		if category == "" {
			return w.Write([]string{"root", field, harmless(value)})
		}
		return w.Write([]string{category, field, harmless(value)})
	}
	switch t := t.(type) {
	case json.Delim:
		if t == '[' {
			var values []string
			for in.More() {
				v, err := in.Token()
				if err != nil {
					return err
				}
				values = append(values, fmt.Sprint(v))
			}
			if _, err := in.Token(); err != nil {
				return err
			}
			return row(strings.Join(values, ", "))
		}
		if field != "" {
			category = strings.TrimPrefix(category+"."+field, ".")
		}
		for in.More() {
			name, err := in.Token()
			if err != nil {
				return err
			}
			if err := rowsOf(in, category, name.(string), w); err != nil {
				return err
			}
		}
		_, err := in.Token()
		return err
	case bool:
		if t {
			return row("True")
		}
		return row("False")
	case nil:
		return row("None")
	}
	return row(fmt.Sprint(t))
}

// harmless keeps spreadsheets from taking a text for a formula (OWASP, CSV Injection).
func harmless(s string) string {
	if s != "" && strings.ContainsRune("=+-@\t\r＝＋－＠", []rune(s)[0]) {
		return "'" + s
	}
	return s
}

type preferencesHealthOutput struct {
	Body struct {
		Status    string    `json:"status"`
		Timestamp time.Time `json:"timestamp"`
	}
}

// preferencesHealth does not say how many users there are, as the original did.
func (h *handlers) preferencesHealth(ctx context.Context, _ *struct{}) (*preferencesHealthOutput, error) {
	if _, err := h.s.store.preferences(ctx, 0); err != nil && !isMissing(err) {
		return nil, err
	}
	out := &preferencesHealthOutput{}
	out.Body.Status, out.Body.Timestamp = "healthy", h.s.opt.Now().UTC()
	return out, nil
}
