package cache

import (
	"encoding/json"
	"reflect"
	"strconv"
)

// Codec turns values into bytes and back. Its Name is part of every
// entry's fingerprint: changing the codec makes misses, never wrong data.
type Codec interface {
	Name() string
	Marshal(v any) ([]byte, error)
	Unmarshal(data []byte, v any) error
}

// JSON is the default codec.
type JSON struct{}

// Name is "json".
func (JSON) Name() string { return "json" }

// Marshal is encoding/json's.
func (JSON) Marshal(v any) ([]byte, error) { return json.Marshal(v) }

// Unmarshal is encoding/json's.
func (JSON) Unmarshal(data []byte, v any) error { return json.Unmarshal(data, v) }

// fingerprint hashes what a reader must agree on with the writer about T: the
// codec and the type with its fields, their types and tags, all the way down.
// The dependency names are mixed in per entry.
func fingerprint(codec string, t reflect.Type) uint64 {
	h := hash64(fnvOffset, codec)
	return hashType(h, t, map[reflect.Type]bool{})
}

func hashType(h uint64, t reflect.Type, seen map[reflect.Type]bool) uint64 {
	if t == nil {
		return hash64(h, "|nil")
	}
	h = hash64(h, "|"+t.PkgPath()+"."+t.String()+"/"+t.Kind().String())
	if seen[t] {
		return h
	}
	seen[t] = true
	switch t.Kind() {
	case reflect.Pointer, reflect.Slice, reflect.Array, reflect.Chan:
		if t.Kind() == reflect.Array {
			h = hash64(h, strconv.Itoa(t.Len()))
		}
		h = hashType(h, t.Elem(), seen)
	case reflect.Map:
		h = hashType(hashType(h, t.Key(), seen), t.Elem(), seen)
	case reflect.Struct:
		for i := range t.NumField() {
			f := t.Field(i)
			h = hashType(hash64(h, ";"+f.Name+"`"+string(f.Tag)), f.Type, seen)
		}
	default: // scalars and interfaces are their name
	}
	return h
}
