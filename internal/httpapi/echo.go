package httpapi

import (
	"encoding/json"
	"fmt"
	"slices"
	"unicode/utf8"
)

// mostEchoed is how many characters of a client's input are sent back: enough to recognise it.
const mostEchoed = 200

// MarshalJSON writes the item with its echoed input cut short: a refusal must not be as long as the input.
func (i Item) MarshalJSON() ([]byte, error) {
	type plain Item
	short := plain(i)
	short.Input = echoed(i.Input)
	if n := len(i.Loc); n > 0 && slices.Contains(secretFields, fmt.Sprint(i.Loc[n-1])) {
		short.Input = nil
	}
	short.Loc = make([]any, len(i.Loc))
	for n, part := range i.Loc { // the name of an unexpected member is client input too
		if name, ok := part.(string); ok {
			part = Shorten(name)
		}
		short.Loc[n] = part
	}
	return json.Marshal(short)
}

// secretFields are members of bodies that no answer repeats.
var secretFields = []string{"password", "new_password", "current_password", "token", "refresh_token"}

// echoed is input as an answer shows it: whole, or if it is long, the beginning of its text.
func echoed(input any) any {
	switch v := input.(type) {
	case nil, bool, int, int64, float64:
		return v
	case string:
		return Shorten(v)
	}
	b, err := json.Marshal(input)
	if err != nil {
		return Shorten(fmt.Sprint(input))
	}
	if utf8.RuneCount(b) > mostEchoed {
		return Shorten(string(b))
	}
	return input
}

// Shorten cuts a text that an answer repeats to its first 200 characters, and marks the cut.
func Shorten(s string) string {
	if len(s) <= mostEchoed {
		return s
	}
	n := 0
	for at := range s {
		if n == mostEchoed {
			return s[:at] + "…"
		}
		n++
	}
	return s
}
