package httpapi

import (
	"encoding/json"
	"maps"
	"reflect"
	"strings"

	"github.com/danielgtaylor/huma/v2"
)

// ErrorSchema is the name of the schema of error bodies, in components/schemas.
const ErrorSchema = "Error"

// Describe completes the OpenAPI document. It is called once, when every operation is registered and before anything is
// served: requests are validated with the same schemas. complete sees each operation with its path.
func (a *API) Describe(complete func(path string, op *huma.Operation)) {
	doc := a.OpenAPI()
	schemas := doc.Components.Schemas.Map()
	schemas["ErrorItem"] = errorItemSchema()
	if e := schemas[ErrorSchema]; e != nil {
		e.Properties["detail"] = detailSchema()
	}
	for name, s := range schemas {
		repair(s)
		allowNull(s, doc.Components.Schemas.TypeFromRef("#/components/schemas/"+name))
	}
	for path, item := range doc.Paths {
		for _, op := range []*huma.Operation{item.Get, item.Post, item.Put, item.Patch, item.Delete} {
			if op == nil {
				continue
			}
			for _, p := range op.Parameters {
				repair(p.Schema)
			}
			complete(path, op)
		}
	}
}

// detailSchema is what Error.Detail may be.
func detailSchema() *huma.Schema {
	return &huma.Schema{
		Description: "What went wrong: a text, or for 422 the invalid parts of the request.",
		AnyOf: []*huma.Schema{
			{Type: huma.TypeString, Examples: []any{"Article not found"}},
			{Type: huma.TypeArray, Items: &huma.Schema{Ref: "#/components/schemas/ErrorItem"}},
		},
	}
}

func errorItemSchema() *huma.Schema {
	text := func(about string, example any) *huma.Schema {
		return &huma.Schema{Type: huma.TypeString, Description: about, Examples: []any{example}}
	}
	return &huma.Schema{
		Type: huma.TypeObject, Description: "One invalid part of a request, in the form of pydantic.",
		Required: []string{"type", "loc", "msg", "input"},
		Properties: map[string]*huma.Schema{
			"type": text("Which rule is broken", "greater_than_equal"),
			"loc": {
				Type: huma.TypeArray, Description: "Where: path, query, header or body, then names and indices", Examples: []any{[]any{"query", "limit"}},
				Items: &huma.Schema{AnyOf: []*huma.Schema{{Type: huma.TypeString}, {Type: huma.TypeInteger, Format: "int64"}}},
			},
			"msg":   text("The same in words", "Input should be greater than or equal to 1"),
			"input": {Description: "What was given, or the beginning of it"},
			"ctx":   {Type: huma.TypeObject, Description: "Values that belong to the rule, such as a bound", AdditionalProperties: true},
		},
	}
}

// repair mends what huma writes of Go types that it cannot describe: a member of any type that may be null was given the types
// "" and null, where any value includes null.
func repair(s *huma.Schema) {
	if s == nil {
		return
	}
	if s.Type == "" {
		s.Nullable = false
	}
	for p := range maps.Values(s.Properties) {
		repair(p)
	}
	repair(s.Items)
	if more, ok := s.AdditionalProperties.(*huma.Schema); ok {
		repair(more)
	}
	for _, list := range [][]*huma.Schema{s.AllOf, s.AnyOf, s.OneOf} {
		for _, one := range list {
			repair(one)
		}
	}
}

// allowNull says which members of a struct may be null where others have an object: pointers that are never left out.
func allowNull(s *huma.Schema, t reflect.Type) {
	for t != nil && t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	if t == nil || t.Kind() != reflect.Struct {
		return
	}
	for f := range t.Fields() {
		name, rest, _ := strings.Cut(f.Tag.Get("json"), ",")
		p := s.Properties[name]
		if p == nil || p.Ref == "" || f.Type.Kind() != reflect.Pointer || strings.Contains(rest, "omit") {
			continue
		}
		s.Properties[name] = &huma.Schema{Description: p.Description, AnyOf: []*huma.Schema{{Ref: p.Ref}, {Type: "null"}}}
	}
}

// Examples gives operations the examples of their answers, by operation id.
func Examples(op *huma.Operation, examples map[string]json.RawMessage) {
	example := examples[op.OperationID]
	if example == nil {
		return
	}
	for status, r := range op.Responses {
		if content := r.Content["application/json"]; content != nil && status[0] == '2' {
			content.Example = example
		}
	}
}
