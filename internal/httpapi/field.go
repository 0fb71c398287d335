package httpapi

import (
	"encoding/json"
	"reflect"

	"github.com/danielgtaylor/huma/v2"
)

// Field is a member of a JSON Merge Patch (RFC 7396): absent changes nothing, null clears, a value sets.
type Field[T any] struct {
	Set, Null bool
	Value     T
}

// UnmarshalJSON runs only for members that are present.
func (f *Field[T]) UnmarshalJSON(b []byte) error {
	f.Set = true
	if string(b) == "null" {
		f.Null = true
		return nil
	}
	return json.Unmarshal(b, &f.Value)
}

// MarshalJSON writes the value, or null.
func (f Field[T]) MarshalJSON() ([]byte, error) {
	if !f.Set || f.Null {
		return []byte("null"), nil
	}
	return json.Marshal(f.Value)
}

// Schema documents the member as its value's type or null.
func (f Field[T]) Schema(r huma.Registry) *huma.Schema {
	s := *huma.SchemaFromType(r, reflect.TypeFor[T]())
	s.Nullable = true
	return &s
}

// Apply changes what p points to: not at all, to nil, or to the value.
func (f Field[T]) Apply(p **T) {
	switch {
	case !f.Set:
	case f.Null:
		*p = nil
	default:
		v := f.Value
		*p = &v
	}
}
