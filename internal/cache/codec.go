package cache

import "encoding/json"

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
