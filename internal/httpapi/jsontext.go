package httpapi

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"unicode/utf16"
	"unicode/utf8"
)

// mostDepth is how deep a body may nest.
const mostDepth = 100

var (
	errTooDeep = fmt.Errorf("JSON may be nested %d levels deep at most", mostDepth)
	errNoText  = errors.New(plainText)
	errTwice   = errors.New("this member is given more than once")
)

// jsonLevel is an array or object that a scan is in.
type jsonLevel struct {
	object bool
	name   []byte // of the member, quoted; "" before the first
	index  int
	named  bool // the next string is a value
}

// findBadText scans JSON as it was sent, in one pass, for the first string or name that is not valid UTF-8 or has half a
// surrogate pair or a NUL, or for a member of the outermost object whose name was there before; where is its place within the
// body. A body that nests too deep is reported before anything else.
// Invalid JSON is left to the parser to report.
func findBadText(data []byte) (where []any, err error) {
	var levels []jsonLevel
	var members map[string]bool
	for i := 0; i < len(data); i++ {
		switch data[i] {
		case '{', '[':
			if len(levels) == mostDepth {
				return nil, errTooDeep
			}
			levels = append(levels, jsonLevel{object: data[i] == '{'})
		case '}', ']':
			if len(levels) > 0 {
				levels = levels[:len(levels)-1]
			}
		case ',':
			if len(levels) > 0 {
				top := &levels[len(levels)-1]
				top.index++
				top.named = false
			}
		case ':':
			if len(levels) > 0 {
				levels[len(levels)-1].named = true
			}
		case '"':
			end := stringEnd(data, i+1)
			text := data[i+1 : end]
			if len(levels) > 0 {
				if top := &levels[len(levels)-1]; top.object && !top.named {
					top.name = data[i:min(end+1, len(data))]
					if len(levels) == 1 && err == nil {
						if members == nil {
							members = map[string]bool{}
						}
						name := top.text()
						if members[name] {
							where, err = placeOf(levels), errTwice
						}
						members[name] = true
					}
				}
			}
			if err == nil && !isPlain(text) {
				where, err = placeOf(levels), errNoText
			}
			i = end
		default:
			if data[i] >= utf8.RuneSelf && err == nil {
				where, err = placeOf(levels), errNoText // outside strings it is not JSON either
			}
		}
	}
	return where, err
}

// stringEnd is the position of the quote that ends the string beginning at from.
func stringEnd(data []byte, from int) int {
	for i := from; i < len(data); i++ {
		switch data[i] {
		case '\\':
			i++
		case '"':
			return i
		}
	}
	return len(data)
}

// isPlain checks the text between two quotes.
func isPlain(text []byte) bool {
	if !utf8.Valid(text) {
		return false
	}
	for {
		at := bytes.IndexByte(text, '\\')
		if at < 0 || at+1 >= len(text) {
			return true
		}
		if text[at+1] != 'u' {
			text = text[at+2:]
			continue
		}
		unit, ok := escapedUnit(text[at:])
		switch {
		case !ok:
			return true // no JSON
		case unit == 0:
			return false
		}
		text = text[at+6:]
		if utf16.IsSurrogate(unit) {
			low, ok := escapedUnit(text)
			if !ok || utf16.DecodeRune(unit, low) == utf8.RuneError {
				return false
			}
			text = text[6:]
		}
	}
}

// escapedUnit reads the \uXXXX at the beginning of text.
func escapedUnit(text []byte) (rune, bool) {
	if len(text) < 6 || text[0] != '\\' || text[1] != 'u' {
		return 0, false
	}
	n, err := strconv.ParseUint(string(text[2:6]), 16, 16)
	return rune(n), err == nil
}

func placeOf(levels []jsonLevel) []any {
	where := make([]any, 0, len(levels))
	for _, l := range levels {
		if !l.object {
			where = append(where, l.index)
			continue
		}
		where = append(where, l.text())
	}
	return where
}

// text is the name of the member, "" if it is no JSON.
func (l *jsonLevel) text() (name string) {
	if err := json.Unmarshal(l.name, &name); err != nil {
		return ""
	}
	return name
}
