package httpapi

import (
	"encoding/json"
	"errors"
	"strings"
	"unicode/utf8"

	"github.com/danielgtaylor/huma/v2"
)

// plainText says what every text in a request must be.
const plainText = "text must be valid UTF-8 without NUL characters"

// jsonFormat reads bodies. encoding/json replaces invalid text by U+FFFD, accepts U+0000, which no column takes and no
// reader sees, allows ten thousand levels of nesting, and takes the last of two members of one name: of a dry run that is
// given as true and as false, nobody knows which was meant.
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
			return &bodyError{bad.Error(), where}
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

// bodyError says where a body is not as it must be. huma passes on only the text of an error, so the text contains the place.
type bodyError struct {
	msg   string
	where []any
}

const placePrefix = "place of the error: "

func (e *bodyError) Error() string {
	b, err := json.Marshal([]any{e.msg, e.where})
	if err != nil {
		return placePrefix + "[]" // unreachable: only names and numbers
	}
	return placePrefix + string(b)
}

// placedError parses the text of a bodyError.
func placedError(message string) (msg string, where []any, ok bool) {
	rest, ok := strings.CutPrefix(message, placePrefix)
	if !ok {
		return "", nil, false
	}
	in := json.NewDecoder(strings.NewReader(rest))
	in.UseNumber() // indices stay whole numbers
	if err := in.Decode(&[]any{&msg, &where}); err != nil {
		return "", nil, false
	}
	return msg, append([]any{"body"}, where...), true
}
