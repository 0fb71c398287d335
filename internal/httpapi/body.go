package httpapi

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"github.com/danielgtaylor/huma/v2"
)

// plainText is what every text of a request must be, wherever it stands.
const plainText = "text must be valid UTF-8 without NUL characters"

// jsonFormat reads bodies. encoding/json puts U+FFFD in place of what is no text, lets U+0000 through, which no column takes
// and no reader sees, and goes ten thousand levels deep.
func jsonFormat() huma.Format {
	f := huma.DefaultJSONFormat
	f.Unmarshal = func(data []byte, v any) error {
		// huma reads every body into an any first, to validate it.
		if _, first := v.(*any); !first {
			return json.Unmarshal(data, v)
		}
		where, bad := findBadText(data)
		if errors.Is(bad, errTooDeep) {
			return bad // before anything is made of it
		}
		if err := json.Unmarshal(data, v); err != nil {
			return err
		}
		if bad != nil {
			return textError(where)
		}
		return nil
	}
	return f
}

// textError says where a body has a text that is none. huma passes on no more of an error than its text, so the place is in
// there.
type textError []any

const textPrefix = "no plain text at "

func (e textError) Error() string {
	b, err := json.Marshal([]any(e))
	if err != nil {
		return fmt.Sprint(textPrefix, "[]") // unreachable: names and numbers
	}
	return textPrefix + string(b)
}

// badTextAt reads a textError's text.
func badTextAt(message string) (where []any, ok bool) {
	rest, ok := strings.CutPrefix(message, textPrefix)
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
