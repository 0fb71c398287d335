package rules

import (
	"encoding/base64"
	"math"
	"strconv"
	"strings"
)

// sfItem is a bare item of a structured field (RFC 9651): a value that a targeted Cache-Control can have, or "other"
// for types that no directive takes.
type sfItem struct {
	kind sfKind
	num  int64  // integer
	flag bool   // boolean
	text string // string, token
}

type sfKind uint8

const (
	sfOther sfKind = iota // decimal, byte sequence, date, display string, inner list
	sfInteger
	sfBoolean
	sfString
	sfToken
)

// sfMember is one member of a dictionary; parameters are checked and dropped.
type sfMember struct {
	key  string
	item sfItem
}

// parseDictionary parses a structured-field dictionary strictly (RFC 9651 §4.2.2). Any error fails the whole field. A
// repeated key keeps its first place and takes its last value.
func parseDictionary(lines []string) ([]sfMember, bool) {
	p := &sfParser{s: strings.Trim(strings.Join(lines, ","), " ")}
	var out []sfMember
	for p.s != "" {
		key, ok := p.key()
		if !ok {
			return nil, false
		}
		m := sfMember{key: key, item: sfItem{kind: sfBoolean, flag: true}}
		if p.take('=') {
			if m.item, ok = p.itemOrList(); !ok {
				return nil, false
			}
		}
		if !p.params() {
			return nil, false
		}
		out = put(out, m)
		p.ows()
		if p.s == "" {
			break
		}
		if !p.take(',') {
			return nil, false
		}
		p.ows()
		if p.s == "" {
			return nil, false // trailing comma
		}
	}
	return out, true
}

func put(list []sfMember, m sfMember) []sfMember {
	for i := range list {
		if list[i].key == m.key {
			list[i] = m
			return list
		}
	}
	return append(list, m)
}

// sfParser consumes s from the front.
type sfParser struct{ s string }

func (p *sfParser) take(c byte) bool {
	if p.s == "" || p.s[0] != c {
		return false
	}
	p.s = p.s[1:]
	return true
}

func (p *sfParser) ows() { p.s = strings.TrimLeft(p.s, " \t") }

// while takes the longest prefix whose bytes all pass.
func (p *sfParser) while(ok func(byte) bool) string {
	i := 0
	for i < len(p.s) && ok(p.s[i]) {
		i++
	}
	taken := p.s[:i]
	p.s = p.s[i:]
	return taken
}

func isLower(c byte) bool { return c >= 'a' && c <= 'z' }
func isDigit(c byte) bool { return c >= '0' && c <= '9' }
func isAlpha(c byte) bool { return isLower(c | 0x20) }

func (p *sfParser) key() (string, bool) {
	if p.s == "" || !isLower(p.s[0]) && p.s[0] != '*' {
		return "", false
	}
	return p.while(func(c byte) bool {
		return isLower(c) || isDigit(c) || c == '_' || c == '-' || c == '.' || c == '*'
	}), true
}

func (p *sfParser) params() bool {
	for p.take(';') {
		p.s = strings.TrimLeft(p.s, " ")
		if _, ok := p.key(); !ok {
			return false
		}
		if p.take('=') {
			if _, ok := p.item(); !ok {
				return false
			}
		}
	}
	return true
}

func (p *sfParser) itemOrList() (sfItem, bool) {
	if !p.take('(') {
		return p.item()
	}
	for {
		p.s = strings.TrimLeft(p.s, " ")
		if p.take(')') {
			return sfItem{}, true
		}
		if _, ok := p.item(); !ok || !p.params() {
			return sfItem{}, false
		}
		if p.s == "" || p.s[0] != ' ' && p.s[0] != ')' {
			return sfItem{}, false
		}
	}
}

func (p *sfParser) item() (sfItem, bool) {
	if p.s == "" {
		return sfItem{}, false
	}
	switch c := p.s[0]; {
	case c == '-' || isDigit(c):
		return p.number()
	case c == '"':
		return p.str()
	case c == '*' || isAlpha(c):
		return sfItem{kind: sfToken, text: p.while(func(c byte) bool { return isTchar(c) || c == ':' || c == '/' })}, true
	case c == ':':
		return p.bytes()
	case c == '?':
		if len(p.s) < 2 || p.s[1] != '0' && p.s[1] != '1' {
			return sfItem{}, false
		}
		flag := p.s[1] == '1'
		p.s = p.s[2:]
		return sfItem{kind: sfBoolean, flag: flag}, true
	case c == '@':
		p.s = p.s[1:]
		it, ok := p.number()
		return sfItem{}, ok && it.kind == sfInteger
	case c == '%':
		return p.display()
	}
	return sfItem{}, false
}

// number is an integer of up to 15 digits, or a decimal of up to 12 and 3.
func (p *sfParser) number() (sfItem, bool) {
	negative := p.take('-')
	whole := p.while(isDigit)
	if whole == "" || len(whole) > 15 {
		return sfItem{}, false
	}
	if p.take('.') {
		part := p.while(isDigit)
		return sfItem{}, len(whole) <= 12 && len(part) >= 1 && len(part) <= 3
	}
	n, err := strconv.ParseInt(whole, 10, 64)
	if err != nil {
		return sfItem{}, false
	}
	if negative {
		n = -n
	}
	return sfItem{kind: sfInteger, num: n}, true
}

func (p *sfParser) str() (sfItem, bool) {
	var b strings.Builder
	for i := 1; i < len(p.s); i++ {
		switch c := p.s[i]; {
		case c == '\\':
			i++
			if i == len(p.s) || p.s[i] != '"' && p.s[i] != '\\' {
				return sfItem{}, false
			}
			b.WriteByte(p.s[i])
		case c == '"':
			p.s = p.s[i+1:]
			return sfItem{kind: sfString, text: b.String()}, true
		case c < 0x20 || c > 0x7e:
			return sfItem{}, false
		default:
			b.WriteByte(c)
		}
	}
	return sfItem{}, false
}

func (p *sfParser) bytes() (sfItem, bool) {
	body, rest, ok := strings.Cut(p.s[1:], ":")
	if !ok {
		return sfItem{}, false
	}
	if _, err := base64.RawStdEncoding.DecodeString(strings.TrimRight(body, "=")); err != nil {
		return sfItem{}, false
	}
	p.s = rest
	return sfItem{}, true
}

// display is %"…" with percent-encoded UTF-8; checked for its form only.
func (p *sfParser) display() (sfItem, bool) {
	if !strings.HasPrefix(p.s, `%"`) {
		return sfItem{}, false
	}
	for i := 2; i < len(p.s); i++ {
		switch c := p.s[i]; {
		case c == '"':
			p.s = p.s[i+1:]
			return sfItem{}, true
		case c == '%':
			if i+2 >= len(p.s) || !isLowerHex(p.s[i+1]) || !isLowerHex(p.s[i+2]) {
				return sfItem{}, false
			}
			i += 2
		case c < 0x20 || c > 0x7e:
			return sfItem{}, false
		}
	}
	return sfItem{}, false
}

func isLowerHex(c byte) bool { return isDigit(c) || c >= 'a' && c <= 'f' }

// delta is an integer as delta-seconds: negative ones are 0, large ones clamped.
func (it sfItem) delta() int64 { return max(0, min(it.num, math.MaxInt32+1)) }
