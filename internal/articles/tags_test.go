package articles

import (
	"encoding/json"
	"reflect"
	"testing"
	"unicode/utf8"
)

// FuzzTags: whatever JSON a column holds, its texts are read and nothing else.
func FuzzTags(f *testing.F) {
	for _, seed := range []string{
		`["paz", "café"]`, `["paz","café"]`, `["a", 1, "b"]`, `["a",1,"b"]`, `[""]`, `["", ""]`, `[]`, `null`, `"x"`, `{"a":["b"]}`,
		`["com\"illa", "b"]`, `["a\\", "b"]`, `["\u00e9"]`, `["a", null]`, `["a", ["b"]]`, `["a" , "b"]`, ` ["a"]`, `["a, b", "c"]`, `["a", "b","c"]`,
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		if !json.Valid([]byte(text)) || !utf8.ValidString(text) {
			return
		}
		var got Tags
		if err := got.UnmarshalJSON([]byte(text)); err != nil {
			t.Fatalf("%s: %v", text, err)
		}
		var list []any
		var want Tags
		if json.Unmarshal([]byte(text), &list) == nil && list != nil {
			want = Tags{}
			for _, v := range list {
				if s, ok := v.(string); ok {
					want = append(want, s)
				}
			}
		}
		if !reflect.DeepEqual(got, want) {
			t.Errorf("%s: %#v, want %#v", text, got, want)
		}
	})
}
