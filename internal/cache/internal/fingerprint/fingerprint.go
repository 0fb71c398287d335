// Package fingerprint hashes what the reader and the writer of an entry must agree on: the codec, the type and the names
// of the dependencies. An entry with another fingerprint is a miss, never wrong data.
package fingerprint

import (
	"reflect"
	"strconv"
	"sync"

	"openlearn/internal/cache/internal/fnv1a"
)

// Of hashes a codec's name and a type with its fields, their types and tags, all the way down. The dependency names are
// mixed in for each entry.
func Of(codec string, t reflect.Type) uint64 {
	return hashType(fnv1a.Sum(codec), t, map[reflect.Type]bool{})
}

// WithDeps mixes dependency names into a fingerprint of codec and type.
func WithDeps(f uint64, deps []string) uint64 {
	for _, d := range deps {
		f = (fnv1a.Add(f, d) ^ 0xff) * fnv1a.Prime
	}
	return f
}

func hashType(h uint64, t reflect.Type, seen map[reflect.Type]bool) uint64 {
	if t == nil {
		return fnv1a.Add(h, "|nil")
	}
	h = fnv1a.Add(h, "|"+t.PkgPath()+"."+t.String()+"/"+t.Kind().String())
	if seen[t] {
		return h
	}
	seen[t] = true
	switch t.Kind() {
	case reflect.Pointer, reflect.Slice, reflect.Array, reflect.Chan:
		if t.Kind() == reflect.Array {
			h = fnv1a.Add(h, strconv.Itoa(t.Len()))
		}
		h = hashType(h, t.Elem(), seen)
	case reflect.Map:
		h = hashType(hashType(h, t.Key(), seen), t.Elem(), seen)
	case reflect.Struct:
		for i := range t.NumField() {
			f := t.Field(i)
			h = hashType(fnv1a.Add(h, ";"+f.Name+"`"+string(f.Tag)), f.Type, seen)
		}
	default: // scalars and interfaces are described by their names
	}
	return h
}

// Schemas remembers what kinds of entries a process reads and writes, so that an entry's fingerprint can be shown as
// names. They are few, and each is written once. The zero value is ready.
type Schemas struct{ byPrint sync.Map } // uint64 → schema

type schema struct{ codec, kind string }

// Note remembers the codec and type of a fingerprint.
func (s *Schemas) Note(f uint64, codec string, t reflect.Type) {
	if _, ok := s.byPrint.Load(f); !ok {
		s.byPrint.Store(f, schema{codec, t.String()})
	}
}

// Find names the codec and type whose fingerprint, with these dependencies mixed in, is f; "" if none is known.
func (s *Schemas) Find(f uint64, deps []string) (codec, kind string) {
	s.byPrint.Range(func(base, have any) bool {
		if WithDeps(base.(uint64), deps) == f {
			codec, kind = have.(schema).codec, have.(schema).kind
		}
		return codec == ""
	})
	return codec, kind
}
