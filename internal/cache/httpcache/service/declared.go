package service

import (
	"math/big"
	"net/url"
	"strconv"
	"strings"
	"unicode/utf8"

	"openlearn/internal/cache/httpcache/rules"
)

// Param is a declared parameter: names are case-sensitive, the last of repeated values counts.
type Param struct {
	name   string
	read   func(string) (string, bool)
	inPath bool
}

// Text is a parameter of any UTF-8 text up to most bytes; an empty one counts as absent.
func Text(name string, most int) Param {
	return Param{name: name, read: func(s string) (string, bool) {
		return s, len(s) <= most && utf8.ValidString(s) && !strings.ContainsRune(s, 0)
	}}
}

// Int is a whole number, in canonical spelling ("+007" is 7). Values above most count as most, if most is not 0: for
// handlers that cap instead of refusing.
func Int(name string, most int64) Param {
	return Param{name: name, read: func(s string) (string, bool) {
		digits := strings.TrimPrefix(rules.TrimOWS(s), "+")
		if len(digits) > 40 {
			return "", false
		}
		n, ok := new(big.Int).SetString(digits, 10)
		if !ok || strings.HasPrefix(digits, "+") {
			return "", false
		}
		if most != 0 && n.Cmp(big.NewInt(most)) > 0 {
			n = big.NewInt(most)
		}
		if !n.IsInt64() {
			return "", false
		}
		return n.String(), true
	}}
}

// Bool is a truth value in any of the usual spellings.
func Bool(name string) Param {
	return Param{name: name, read: func(s string) (string, bool) {
		switch strings.ToLower(s) {
		case "1", "t", "true", "y", "yes", "on":
			return strconv.FormatBool(true), true
		case "0", "f", "false", "n", "no", "off":
			return strconv.FormatBool(false), true
		}
		return "", false
	}}
}

// OneOf is a parameter with a closed set of values.
func OneOf(name string, values ...string) Param {
	return Param{name: name, read: func(s string) (string, bool) {
		for _, v := range values {
			if v == s {
				return v, true
			}
		}
		return "", false
	}}
}

// InPath reads the parameter from the path's value of that name.
func (p Param) InPath() Param {
	p.inPath = true
	return p
}

// Declared is a Route.Canonical for a list of parameters. What is not listed is dropped.
func Declared(params ...Param) func(*Params) bool {
	return func(p *Params) bool {
		var out url.Values
		for _, d := range params {
			if d.inPath {
				v, ok := d.read(p.Path(d.name))
				if !ok {
					return false
				}
				p.SetPath(d.name, v)
				continue
			}
			given := p.Query[d.name]
			if len(given) == 0 || given[len(given)-1] == "" {
				continue
			}
			v, ok := d.read(given[len(given)-1])
			if !ok {
				return false
			}
			if out == nil {
				out = make(url.Values, len(params))
			}
			out[d.name] = []string{v}
		}
		p.Query = out
		return true
	}
}
