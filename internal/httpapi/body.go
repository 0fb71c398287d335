package httpapi

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/danielgtaylor/huma/v2"
)

// plainText is what every text of a request must be, wherever it stands.
const plainText = "text must be valid UTF-8 without NUL characters"

// jsonFormat reads bodies. encoding/json lets U+0000 through, which no column takes and no reader sees.
func jsonFormat() huma.Format {
	f := huma.DefaultJSONFormat
	f.Unmarshal = func(data []byte, v any) error {
		if err := json.Unmarshal(data, v); err != nil {
			return err
		}
		// huma reads every body into an any first, to validate it.
		if tree, ok := v.(*any); ok && bytes.Contains(data, []byte(`\u0000`)) {
			if where, found := findNUL(*tree, nil); found {
				return nulError(where)
			}
		}
		return nil
	}
	return f
}

// findNUL is the place of the first text with a NUL in it, or whose name has one.
func findNUL(v any, at []any) (where []any, found bool) {
	switch v := v.(type) {
	case string:
		return at, strings.ContainsRune(v, 0)
	case []any:
		for i, e := range v {
			if where, found := findNUL(e, append(at, i)); found {
				return where, true
			}
		}
	case map[string]any:
		for _, name := range slices.Sorted(maps.Keys(v)) {
			if here := append(at, name); strings.ContainsRune(name, 0) {
				return here, true
			} else if where, found := findNUL(v[name], here); found {
				return where, true
			}
		}
	}
	return nil, false
}

// nulError says where a body has a NUL. huma passes on no more of an error than its text, so the place is in there.
type nulError []any

const nulPrefix = "NUL at "

func (e nulError) Error() string {
	b, err := json.Marshal([]any(e))
	if err != nil {
		return fmt.Sprint(nulPrefix, "[]") // unreachable: names and numbers
	}
	return nulPrefix + string(b)
}

// nulAt reads a nulError's text.
func nulAt(message string) (where []any, ok bool) {
	rest, ok := strings.CutPrefix(message, nulPrefix)
	if !ok {
		return nil, false
	}
	in := json.NewDecoder(strings.NewReader(rest))
	in.UseNumber() // indices stay whole numbers
	if err := in.Decode(&where); err != nil {
		return nil, false
	}
	return append([]any{"body"}, where...), true
}
