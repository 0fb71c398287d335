package httpapi

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"github.com/danielgtaylor/huma/v2"
)

// plainText says what every text in a request must be.
const plainText = "text must be valid UTF-8 without NUL characters"

// jsonFormat reads bodies. encoding/json replaces invalid text by U+FFFD, accepts U+0000, which no column takes and no
// reader sees, and allows ten thousand levels of nesting.
func jsonFormat() huma.Format {
	f := huma.DefaultJSONFormat
	f.Unmarshal = func(data []byte, v any) error {
		// huma reads every body into an any first, to validate it.
		if _, first := v.(*any); !first {
			return json.Unmarshal(data, v)
		}
		where, bad := findBadText(data)
		if errors.Is(bad, errTooDeep) {
			return bad // before it is parsed
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

// textError says where a body has invalid text. huma passes on only the text of an error, so the text contains the place.
type textError []any

const textPrefix = "no plain text at "

func (e textError) Error() string {
	b, err := json.Marshal([]any(e))
	if err != nil {
		return fmt.Sprint(textPrefix, "[]") // unreachable: only names and numbers
	}
	return textPrefix + string(b)
}

// badTextAt parses the text of a textError.
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
