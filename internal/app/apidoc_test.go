package app

import (
	"bytes"
	"flag"
	"fmt"
	"maps"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"
)

var update = flag.Bool("update", false, "rewrite golden files")

const apiDoc = "../../docs/api.md"

// TestAPIDocument keeps docs/api.md what the code says: it is written from the OpenAPI document
// (go test ./internal/app -run TestAPIDocument -update).
func TestAPIDocument(t *testing.T) {
	t.Parallel()
	a := newTestApp(t)
	want := renderAPI(a.get("/openapi.json").json(t).(map[string]any))
	if *update {
		if err := os.WriteFile(apiDoc, want, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	got, err := os.ReadFile(apiDoc)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got, want) {
		t.Errorf("docs/api.md is not what the API is: go test ./internal/app -run TestAPIDocument -update")
	}
}

func renderAPI(doc map[string]any) []byte {
	var b bytes.Buffer
	b.WriteString(`# The API

Written from the OpenAPI document (` + "`/openapi.json`" + `; pages at ` + "`/docs` and `/redoc`" + `) by
` + "`go test ./internal/app -run TestAPIDocument -update`" + `; a test fails when the two differ.

- Every route below ` + "`/api/…`" + ` answers below ` + "`/api/v1/…`" + ` too, without a redirect.
- Times are RFC 3339 in UTC. Text is UTF-8. HEAD is answered wherever GET is.
- Errors are ` + "`{\"detail\": …}`" + `: a text, or for 422 a list of ` + "`{type, loc, msg, input, ctx?}`" + `, one item per invalid part (100 at most);
  ` + "`input`" + ` is what was given, or the first 200 characters of it.
- Text is refused (422) that is no UTF-8, or in JSON half a surrogate pair, or has NUL characters; so is JSON of more than 100 levels. Names of JSON members count in their own spelling only, and numbers are finite.
- A repeated query parameter counts once, the last one; unknown ones are ignored. Routes for admins refuse both, and every route refuses a body that has a member twice: nobody may overlook a dry run.
- Members of a body that are marked *needed* must be given. Others may be left out, or be null where the type says so. Unknown members of JSON are refused.
- A change whose answer has ` + "`X-Invalidation: pending`" + ` is stored and shown, past the caches until they can be told. A 503 with that header: it is stored, and
  not yet sure to be shown by every instance.
- Routes marked *user* need somebody who is logged in: the cookie ` + "`access_token`" + `, or the token as ` + "`Authorization: Bearer`" + `. Their answers
  are that user's own (` + "`private, no-store`" + `). Pages of other origins than ` + "`ALLOWED_ORIGINS`" + ` may change nothing by a cookie.
- Routes marked *admin* need an account with the role admin, or ` + "`ADMIN_API_KEY`" + ` as ` + "`X-API-Key`" + ` or ` + "`Authorization: Bearer`" + `; or, sent the same way, an API key of a machine with the role admin. Wrong keys are
  answered 401, and 429 from where more than ten came within a minute.
- Requests are limited by user, API key or address (60 units a minute and 1,000 an hour without either; most requests are one). Answers have ` + "`X-RateLimit-Limit-Minute`, `-Remaining-Minute`, `-Reset-Minute`" + `,
  the same for ` + "`Hour`" + `, ` + "`RateLimit` and `RateLimit-Policy`" + `. A 429 has ` + "`Retry-After`" + ` and the body ` + "`{error, message, retry_after, limits: {minute: {limit, remaining, reset}, hour}, detail}`" + `.
- Answers with an ` + "`ETag`" + ` are asked for again with ` + "`If-None-Match`" + `: 304 while they are current.
- A refusal does not wait for the request's body: a body that has not arrived by then costs the connection.
`)
	byTag := map[string][]string{}
	paths := doc["paths"].(map[string]any)
	for _, path := range slices.Sorted(maps.Keys(paths)) {
		for _, method := range []string{"get", "post", "put", "patch", "delete"} {
			op, ok := paths[path].(map[string]any)[method].(map[string]any)
			if !ok {
				continue
			}
			tag := op["tags"].([]any)[0].(string)
			byTag[tag] = append(byTag[tag], renderOperation(doc, strings.ToUpper(method), path, op))
		}
	}
	for _, tag := range []string{"root", "articles", "scraping", "analysis", "government", "auth", "users", "preferences", "avatars", "keys", "cache", "health"} {
		if len(byTag[tag]) > 0 {
			fmt.Fprintf(&b, "\n## %s\n%s", strings.ToUpper(tag[:1])+tag[1:], strings.Join(byTag[tag], ""))
			delete(byTag, tag)
		}
	}
	for _, tag := range slices.Sorted(maps.Keys(byTag)) {
		fmt.Fprintf(&b, "\n## %s\n%s", strings.ToUpper(tag[:1])+tag[1:], strings.Join(byTag[tag], ""))
	}
	b.WriteString("\n## Beside the API\n\nPages and figures, which the OpenAPI document does not describe.\n\n| path | what |\n|---|---|\n")
	for _, path := range slices.Sorted(maps.Keys(besideTheAPI)) {
		fmt.Fprintf(&b, "| `%s` | %s |\n", path, besideTheAPI[path])
	}
	return b.Bytes()
}

// besideTheAPI are the routes that are not operations of the API.
var besideTheAPI = map[string]string{
	"/api":                "what `GET /` says",
	"/openapi.json":       "the OpenAPI document",
	"/api/openapi.json":   "the same, where clients of the original look for it",
	"/docs":               "Swagger UI",
	"/api/docs":           "the same",
	"/redoc":              "Redoc",
	"/api/redoc":          "the same",
	"/docs/assets/{name}": "what these pages load",
	"/metrics":            "figures for Prometheus, gathered once a second for all who ask; `Age` says how old they are",
	"/admin":              "leads to the console",
	"/admin/cache":        "the console, with a login of its own",
	"/admin/cache/events": "its live figures, as server-sent events",
	"/admin/cache/*":      "its other pages and forms",
}

func renderOperation(doc map[string]any, method, path string, op map[string]any) string {
	var b strings.Builder
	admin := ""
	switch {
	case forAdmins(op):
		admin = " (admin)"
	case op["security"] != nil:
		admin = " (user)"
	}
	fmt.Fprintf(&b, "\n### `%s %s`%s\n\n%s.\n", method, path, admin, op["summary"])
	if note := notes[op["operationId"].(string)]; note != "" {
		fmt.Fprintf(&b, "\n%s\n", note)
	}
	params, _ := op["parameters"].([]any)
	params = slices.DeleteFunc(params, func(p any) bool {
		return method == "GET" && p.(map[string]any)["in"] == "header" // conditions, which are described once for all
	})
	if len(params) > 0 {
		b.WriteString("\n| parameter | type | default | meaning |\n|---|---|---|---|\n")
		for _, p := range params {
			p := p.(map[string]any)
			schema := p["schema"].(map[string]any)
			def := ""
			if d, ok := schema["default"]; ok {
				def = fmt.Sprintf("`%v`", d)
			}
			name := fmt.Sprintf("`%s`", p["name"])
			if p["in"] == "path" {
				name += " (path)"
			} else if p["required"] == true {
				name += " (needed)"
			}
			fmt.Fprintf(&b, "| %s | %s | %s | %s |\n", name, typeOf(schema), def, cell(p["description"]))
		}
	}
	if body, ok := op["requestBody"].(map[string]any); ok {
		b.WriteString("\n" + renderBody(doc, body))
	}
	responses := op["responses"].(map[string]any)
	for _, code := range slices.Sorted(maps.Keys(responses)) {
		if !strings.HasPrefix(code, "2") {
			continue
		}
		content, _ := responses[code].(map[string]any)["content"].(map[string]any)
		if f := fields(doc, content); f != "" {
			fmt.Fprintf(&b, "\n%s: %s\n", code, f)
			continue
		}
		for _, media := range slices.Sorted(maps.Keys(content)) {
			if media != "application/json" {
				fmt.Fprintf(&b, "\n%s: `%s`\n", code, media)
			}
		}
	}
	return b.String()
}

// renderBody is a table of a body's members; what is below them follows their types.
func renderBody(doc, body map[string]any) string {
	var b strings.Builder
	content := body["content"].(map[string]any)
	for _, media := range slices.Sorted(maps.Keys(content)) {
		schema := resolved(doc, content[media].(map[string]any)["schema"].(map[string]any))
		props, _ := schema["properties"].(map[string]any)
		if len(props) == 0 {
			continue
		}
		form := ""
		if media != "application/json" {
			form = " (`" + media + "`)"
		}
		if body["required"] != true {
			form += ", which is optional"
		}
		fmt.Fprintf(&b, "| member of the body%s | type | default | meaning |\n|---|---|---|---|\n", form)
		for _, name := range slices.Sorted(maps.Keys(props)) {
			p := props[name].(map[string]any)
			def := ""
			if d, ok := p["default"]; ok {
				def = fmt.Sprintf("`%v`", d)
			}
			shown := "`" + name + "`"
			if isRequired(schema, name) {
				shown += " (needed)"
			}
			fmt.Fprintf(&b, "| %s | %s | %s | %s |\n", shown, memberType(doc, p, 0), def, cell(p["description"]))
		}
		return b.String()
	}
	return fmt.Sprintf("Body: `%s`\n", strings.Join(slices.Sorted(maps.Keys(content)), "`, `"))
}

func isRequired(schema map[string]any, name string) bool {
	required, _ := schema["required"].([]any)
	return slices.Contains(required, any(name))
}

// memberType is a type with its bounds, and with what is below it.
func memberType(doc, p map[string]any, depth int) string {
	p = resolved(doc, p)
	out := typeOf(p)
	if props, _ := p["properties"].(map[string]any); len(props) > 0 && depth < 3 {
		var members []string
		for _, name := range slices.Sorted(maps.Keys(props)) {
			m := "`" + name + "`"
			if isRequired(p, name) {
				m += " (needed)"
			}
			members = append(members, strings.TrimSpace(m+" "+memberType(doc, props[name].(map[string]any), depth+1)))
		}
		out = "{" + strings.Join(members, ", ") + "}"
	}
	if items, ok := p["items"].(map[string]any); ok {
		if inner := memberType(doc, items, depth+1); inner != "" {
			out += " of " + inner
		}
	}
	return out
}

// resolved follows a reference.
func resolved(doc, schema map[string]any) map[string]any {
	if ref, ok := schema["$ref"].(string); ok {
		return doc["components"].(map[string]any)["schemas"].(map[string]any)[ref[strings.LastIndex(ref, "/")+1:]].(map[string]any)
	}
	return schema
}

// fields lists the members of a JSON object, and of the objects in its lists, with their types.
func fields(doc, content map[string]any) string {
	for _, media := range slices.Sorted(maps.Keys(content)) {
		schema, _ := content[media].(map[string]any)["schema"].(map[string]any)
		if s := objectFields(doc, schema, 0); s != "" {
			return s
		}
	}
	return ""
}

func objectFields(doc, schema map[string]any, depth int) string {
	schema = resolved(doc, schema)
	props, _ := schema["properties"].(map[string]any)
	if depth > 2 || len(props) == 0 {
		return ""
	}
	var out []string
	for _, name := range slices.Sorted(maps.Keys(props)) {
		p := props[name].(map[string]any)
		s := fmt.Sprintf("`%s`", name)
		items, _ := p["items"].(map[string]any)
		if inner := objectFields(doc, p, depth+1); inner != "" {
			s += " {" + inner + "}"
		} else if inner := objectFields(doc, items, depth+1); items != nil && inner != "" {
			s += " [{" + inner + "}]"
		} else if t := typeOf(p); t != "" {
			s += " " + t
		}
		out = append(out, s)
	}
	return strings.Join(out, ", ")
}

func typeOf(s map[string]any) string {
	var out string
	switch t := s["type"].(type) {
	case string:
		out = t
	case []any:
		var names []string
		for _, n := range t {
			names = append(names, n.(string))
		}
		out = strings.Join(names, " or ")
	}
	if enum, ok := s["enum"].([]any); ok {
		var names []string
		for _, v := range enum {
			names = append(names, fmt.Sprintf("`%v`", v))
		}
		out = strings.Join(names, ", ")
	}
	if f, ok := s["format"].(string); ok && out == "string" {
		out += " (" + f + ")"
	}
	for _, bound := range []struct{ least, most, unit string }{{"minimum", "maximum", ""}, {"minLength", "maxLength", " characters"}, {"minItems", "maxItems", " items"}} {
		least, hasLeast := s[bound.least]
		most, hasMost := s[bound.most]
		switch {
		case hasLeast && hasMost && least == most:
			out += fmt.Sprintf(", %v%s", number(least), bound.unit)
		case hasLeast && hasMost:
			out += fmt.Sprintf(", %v to %v%s", number(least), number(most), bound.unit)
		case hasLeast:
			out += fmt.Sprintf(", %v%s or more", number(least), bound.unit)
		case hasMost:
			out += fmt.Sprintf(", at most %v%s", number(most), bound.unit)
		}
	}
	if p, ok := s["pattern"].(string); ok {
		out += ", like `" + cell(p) + "`"
	}
	return out
}

// number writes a bound without an exponent.
func number(v any) string {
	if f, ok := v.(float64); ok {
		return strconv.FormatFloat(f, 'f', -1, 64)
	}
	return fmt.Sprint(v)
}

func cell(v any) string {
	s, _ := v.(string)
	return strings.ReplaceAll(s, "|", `\|`)
}
