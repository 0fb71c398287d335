package importer

import (
	"bytes"
	"encoding/json"
	"strconv"
	"strings"
	"unicode/utf16"
	"unicode/utf8"
)

const (
	mostDepth  = 100    // as bodies of requests
	mostDigits = 16_000 // of a number, its exponent included: PostgreSQL's numeric has 16,383 after the point
)

// storable says whether the database stores valid JSON as it is: as the API, it takes neither NUL nor half a surrogate pair, and
// what cannot be stored must not cost the batch.
func storable(v json.RawMessage) bool {
	if !utf8.Valid(v) || !plainEscapes(v) {
		return false
	}
	in := json.NewDecoder(bytes.NewReader(v))
	in.UseNumber()
	for depth := 0; ; {
		token, err := in.Token()
		if err != nil {
			return true // the end: v is valid
		}
		switch token := token.(type) {
		case json.Delim:
			if token == '{' || token == '[' {
				depth++
			} else {
				depth--
			}
		case json.Number:
			if digits(token.String()) > mostDigits {
				return false
			}
		}
		if depth > mostDepth {
			return false
		}
	}
}

// digits bounds how many digits a number has when it is written out.
func digits(number string) int {
	mantissa, exponent, _ := strings.Cut(strings.ToLower(number), "e")
	if exponent == "" {
		return len(mantissa)
	}
	e, err := strconv.Atoi(exponent)
	if err != nil || e > mostDigits || e < -mostDigits {
		return mostDigits + 1
	}
	return len(mantissa) + max(e, -e)
}

// plainEscapes says whether no escape of valid JSON stands for NUL or half a surrogate pair.
func plainEscapes(v []byte) bool {
	for {
		at := bytes.IndexByte(v, '\\')
		if at < 0 || at+1 >= len(v) {
			return true
		}
		if v[at+1] != 'u' {
			v = v[at+2:]
			continue
		}
		r, _ := hex4(v[at+2:])
		v = v[at+6:]
		switch {
		case r == 0:
			return false
		case utf16.IsSurrogate(r):
			if len(v) < 6 || v[0] != '\\' || v[1] != 'u' {
				return false
			}
			low, _ := hex4(v[2:])
			if utf16.DecodeRune(r, low) == utf8.RuneError {
				return false
			}
			v = v[6:]
		}
	}
}
