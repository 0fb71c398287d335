package httpapi

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"unicode/utf8"

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

// ReadJSON reads a body that no typed input describes, as strictly as those. The error is a 422.
func ReadJSON(data []byte, v any) error {
	f := jsonFormat()
	var read any
	err := f.Unmarshal(data, &read)
	if err == nil {
		err = f.Unmarshal(data, v)
	}
	if err == nil {
		return nil
	}
	return Problems([]error{&Problem{Location: "body", Message: err.Error()}})
}

// CheckText refuses text that is no text: it must be valid UTF-8 without NUL characters. The error is a 422.
func CheckText(s string, loc ...any) error {
	if utf8.ValidString(s) && !strings.ContainsRune(s, 0) {
		return nil
	}
	return Value(plainText, nil, loc...)
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
