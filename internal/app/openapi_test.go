package app

import (
	"bytes"
	"encoding/json"
	"fmt"
	"image/png"
	"maps"
	"mime"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/santhosh-tekuri/jsonschema/v6"
)

// contract is the OpenAPI document of a service, against which answers are judged.
type contract struct {
	doc      map[string]any
	compiler *jsonschema.Compiler
}

func (a *testApp) contract() *contract {
	a.t.Helper()
	doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(a.get("/openapi.json").body))
	if err != nil {
		a.t.Fatal(err)
	}
	c := &contract{doc.(map[string]any), jsonschema.NewCompiler()}
	c.compiler.DefaultDraft(jsonschema.Draft2020)
	c.compiler.AssertFormat()
	if err := c.compiler.AddResource("https://openlearn.example/openapi.json", doc); err != nil {
		a.t.Fatal(err)
	}
	return c
}

// gets are the GET operations by path.
func (c *contract) gets() map[string]map[string]any {
	out := map[string]map[string]any{}
	for path, item := range c.doc["paths"].(map[string]any) {
		if op, ok := item.(map[string]any)["get"].(map[string]any); ok {
			out[path] = op
		}
	}
	return out
}

func pointer(parts ...string) string {
	escape := strings.NewReplacer("~", "~0", "/", "~1")
	s := ""
	for _, p := range parts {
		s += "/" + url.PathEscape(escape.Replace(p))
	}
	return "https://openlearn.example/openapi.json#" + s
}

// judge reports how an answer differs from what the document says of the operation: its status, its fields, its media type,
// its body.
func (c *contract) judge(path, method string, r reply) (problems []string) {
	op, _ := c.doc["paths"].(map[string]any)[path].(map[string]any)[method].(map[string]any)
	status := fmt.Sprint(r.StatusCode)
	said, _ := op["responses"].(map[string]any)[status].(map[string]any)
	if said == nil {
		return []string{"the status " + status + " is not documented"}
	}
	headers, _ := said["headers"].(map[string]any)
	for name := range headers {
		if r.Header.Get(name) == "" && slices.Contains([]string{"ETag", "Retry-After", "Location"}, name) {
			problems = append(problems, "there is no "+name)
		}
	}
	content, _ := said["content"].(map[string]any)
	media, _, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	switch {
	case len(content) == 0:
		if len(r.body) > 0 {
			problems = append(problems, "it has a body")
		}
		return problems
	case err != nil || content[media] == nil:
		return append(problems, fmt.Sprintf("the media type %q is not documented", r.Header.Get("Content-Type")))
	case media != "application/json" || content[media].(map[string]any)["schema"] == nil:
		return problems
	}
	schema, err := c.compiler.Compile(pointer("paths", path, method, "responses", status, "content", media, "schema"))
	if err != nil {
		return append(problems, err.Error())
	}
	body, err := jsonschema.UnmarshalJSON(bytes.NewReader(r.body))
	if err == nil {
		err = schema.Validate(body)
	}
	if err != nil {
		problems = append(problems, err.Error())
	}
	return problems
}

// fullApp is a service in which every GET has something to show, with the values of path parameters and queries that show it.
func fullApp(t *testing.T) (a *testApp, known map[string]string, asUser, asAdmin string) {
	t.Helper()
	a, _ = newGovernmentApp(t, newTestNewsroom(t).known)
	if _, err := a.seed(t.Context(), 40); err != nil {
		t.Fatal(err)
	}
	a.drain()
	job := a.trigger("El Tiempo")
	id := a.write("La Ministra viajó a Medellín", "El Ministerio de Educación Nacional anunció este lunes en Medellín, la capital de Antioquia, nuevas becas para estudiantes de Quibdó.")
	a.admin(http.MethodPatch, fmt.Sprintf("/api/articles/%d", id), `{"title": "La Ministra viajó ayer a Medellín"}`, http.StatusOK)
	a.drain()
	batch := a.admin(http.MethodPost, "/api/analysis/batch-analyze", fmt.Sprintf(`{"content_ids": [%d]}`, id), http.StatusOK).json(t).(map[string]any)
	ana := a.member("ana@example.org")
	var picture_ bytes.Buffer
	if err := png.Encode(&picture_, picture(t, 30)); err != nil {
		t.Fatal(err)
	}
	avatar := ana.upload(picture_.Bytes(), http.StatusCreated)["avatar_url"].(string)
	asUser, asAdmin = ana.cookie("/", "access_token"), a.adminToken()
	ana.want(http.StatusOK, http.MethodPut, "/api/preferences", string(ana.want(http.StatusOK, http.MethodGet, "/api/preferences", "").body))
	a.get(fmt.Sprintf("/api/articles/%d", id)) // for the cache to hold it
	result := a.get("/api/analysis/results").json(t).(map[string]any)["items"].([]any)[0].(map[string]any)["id"]
	known = map[string]string{
		"/api/analysis/jobs/{id}":                fmt.Sprintf("/api/analysis/jobs/%v", batch["job_id"]),
		"/api/analysis/results/{analysis_id}":    fmt.Sprintf("/api/analysis/results/%v", result),
		"/api/analysis/trends":                   "/api/analysis/trends?entity=Medell%C3%ADn",
		"/api/articles/search":                   "/api/articles/search?q=gobierno",
		"/api/scraping/jobs/{id}":                fmt.Sprintf("/api/scraping/jobs/%d", job.JobID),
		"/api/avatars/{filename}":                avatar,
		"/api/cache/dependencies/{name}":         "/api/cache/dependencies/articles",
		"/api/cache/exists/{layer}/{identifier}": fmt.Sprintf("/api/cache/exists/article/%d", id),
		"/api/cache/key/{layer}/{identifier}":    fmt.Sprintf("/api/cache/key/article/%d", id),
		"/api/cache/keys":                        "/api/cache/keys?layer=article",
		"/api/government/banrep/{series}":        "/api/government/banrep/uvr",
		"/api/government/budget/execution":       "/api/government/budget/execution?municipality=05001&period=20251201",
		"/api/government/catalog":                "/api/government/catalog?q=contratos",
		"/api/government/climate/{variable}":     "/api/government/climate/precipitation?from=2026-04-01&to=2026-04-05",
		"/api/government/datasets/{key}":         "/api/government/datasets/divipola_municipalities",
		"/api/government/datasets/{key}/rows":    "/api/government/datasets/divipola_municipalities/rows?department=antioquia",
		"/api/government/secop/contracts/{id}":   "/api/government/secop/contracts/CO1.PCCNTR.5361557",
		"/api/government/secop/summary":          "/api/government/secop/summary?from=2022-01-01&to=2022-12-31&group_by=month",
		"/api/government/trm":                    "/api/government/trm?from=2014-01-02&to=2014-01-07",
		"/api/government/worldbank/{indicator}":  "/api/government/worldbank/inflation",
		"/api/users/{id}":                        fmt.Sprintf("/api/users/%d", ana.id()),
	}
	for _, of := range []string{"", "/analysis", "/context", "/related", "/revisions"} {
		known["/api/articles/{id}"+of] = fmt.Sprintf("/api/articles/%d%s", id, of)
	}
	known["/api/scraping/content/{id}"] = fmt.Sprintf("/api/scraping/content/%d", id)
	return a, known, asUser, asAdmin
}

// nothing matches the parameters in a path.
var nothing = regexp.MustCompile(`\{(?:[^}]*)\}`)

const examplesFile = "examples.json"

// TestEveryGETIsAsDocumented asks every GET for something that there is, for the same again with the entity-tag that it gave,
// for something that there is not, and with parameters that are wrong, and judges all answers by the OpenAPI document. With
// -update it writes the examples of the document, from the same answers.
func TestEveryGETIsAsDocumented(t *testing.T) {
	t.Parallel()
	a, known, asUser, asAdmin := fullApp(t)
	c := a.contract()
	examples := map[string]any{}
	seen := map[string]int{}
	for path, op := range c.gets() {
		at := known[path]
		if at == "" {
			at = path
		}
		if strings.Contains(at, "{") {
			t.Errorf("%s: what is its parameter? (see fullApp)", path)
			continue
		}
		headers := []string{"Accept", "application/json"}
		switch {
		case forAdmins(op):
			headers = append(headers, "Authorization", "Bearer "+asAdmin)
		case op["security"] != nil:
			headers = append(headers, "Authorization", "Bearer "+asUser)
		}
		ask := func(what, at string, want int, more ...string) reply {
			r := a.get(at, append(slices.Clone(headers), more...)...)
			for _, problem := range c.judge(path, "get", r) {
				t.Errorf("%s (%s): %s\n%.400s", at, what, problem, r.body)
			}
			if want != 0 && r.StatusCode != want {
				t.Errorf("%s (%s): %d, want %d\n%.400s", at, what, r.StatusCode, want, r.body)
			}
			seen[what]++
			return r
		}
		a.settle()
		r := ask("there is one", at, http.StatusOK)
		said := op["responses"].(map[string]any)
		switch tag := r.Header.Get("ETag"); {
		case said["304"] != nil:
			ask("current", at, http.StatusNotModified, "If-None-Match", tag)
		case tag != "" && a.get(at, append(headers, "If-None-Match", tag)...).StatusCode == http.StatusNotModified:
			t.Errorf("%s: 304 is not documented", path)
		}
		if said["404"] != nil && strings.Contains(path, "{") {
			ask("there is none", strings.NewReplacer("{id}", "999999", "{analysis_id}", "999999").Replace(nothing.ReplaceAllString(path, "nothing")), 0)
		}
		if said["422"] != nil {
			ask("wrong", at+map[bool]string{false: "?", true: "&"}[strings.Contains(at, "?")]+"limit=x&offset=x&order=loudest", 0)
		}
		if op["security"] != nil {
			headers = headers[:2]
			ask("a stranger", at, http.StatusUnauthorized)
		} else if r.StatusCode == http.StatusOK && strings.HasPrefix(r.Header.Get("Content-Type"), "application/json") {
			examples[op["operationId"].(string)] = shortened(r.json(t))
		}
	}
	if seen["there is one"] < 70 || seen["current"] < 15 || seen["there is none"] < 15 || seen["wrong"] < 25 || seen["a stranger"] < 15 {
		t.Errorf("asked %v", seen)
	}
	if *update {
		b, err := json.MarshalIndent(examples, "", " ")
		if err == nil {
			err = os.WriteFile(examplesFile, append(b, '\n'), 0o644)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
}

// loopback is the address of a service of the test.
var loopback = regexp.MustCompile(`^http://127\.0\.0\.1:\d+`)

// shortened is an example that is made of an answer: lists have one item, and texts an end.
func shortened(v any) any {
	switch v := v.(type) {
	case map[string]any:
		if len(v) > 30 { // a map of many things alike
			keys := slices.Sorted(maps.Keys(v))
			for _, k := range keys[30:] {
				delete(v, k)
			}
		}
		for k, member := range v {
			v[k] = shortened(member)
		}
	case []any:
		if len(v) > 1 {
			v = v[:1]
		}
		for i := range v {
			v[i] = shortened(v[i])
		}
		return v
	case string:
		v = loopback.ReplaceAllString(v, "https://www.datos.gov.co")
		if utf8.RuneCountInString(v) > 160 {
			return string([]rune(v)[:159]) + "…"
		}
	}
	return v
}

// TestOpenAPIExamples: every public GET that answers with JSON has an example, and every example is what its schema allows.
func TestOpenAPIExamples(t *testing.T) {
	t.Parallel()
	a := newTestApp(t)
	c := a.contract()
	for path, op := range c.gets() {
		content, _ := op["responses"].(map[string]any)["200"].(map[string]any)["content"].(map[string]any)
		media, _ := content["application/json"].(map[string]any)
		if media == nil || op["security"] != nil {
			continue
		}
		if media["example"] == nil {
			t.Errorf("%s has no example: go test ./internal/app -run TestEveryGETIsAsDocumented -update", path)
			continue
		}
		schema, err := c.compiler.Compile(pointer("paths", path, "get", "responses", "200", "content", "application/json", "schema"))
		if err == nil {
			err = schema.Validate(media["example"])
		}
		if err != nil {
			t.Errorf("%s: the example: %v", path, err)
		}
	}
}

// TestOpenAPIIsLinted by testdata/openapilint, which names the rules that do not hold here.
func TestOpenAPIIsLinted(t *testing.T) {
	t.Parallel()
	doc := newTestApp(t).get("/openapi.json").body
	dir := moduleFolder(t, "openapilint", doc)
	tool(t, dir, "go", "build", "-o", "lint", ".")
	lint := func(file string) (string, error) {
		cmd := exec.CommandContext(t.Context(), filepath.Join(dir, "lint"), file)
		cmd.Dir = dir
		out, err := cmd.CombinedOutput()
		return string(out), err
	}
	if out, err := lint("openapi.json"); err != nil {
		t.Errorf("%v\n%s", err, out)
	}
	bad := bytes.Replace(doc, []byte(`"type":"string"`), []byte(`"type":["","null"]`), 1)
	if err := os.WriteFile(filepath.Join(dir, "bad.json"), bad, 0o600); err != nil {
		t.Fatal(err)
	}
	if out, err := lint("bad.json"); err == nil || !strings.Contains(out, "validation-invalid-schema") {
		t.Errorf("a schema of no type passes: %s", out)
	}
}
