package replay

import (
	"cmp"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/shopspring/decimal"
)

// The SoQL of this server is read by a parser of its own, which shares nothing with the writer of package soql: what the writer
// gets wrong is an error here.

// Row is a row by the names of its columns.
type Row map[string]any

type tokenKind uint8

const (
	end tokenKind = iota
	word
	text
	number
	mark
)

type token struct {
	kind tokenKind
	text string
}

func (t token) is(kind tokenKind, s string) bool {
	return t.kind == kind && strings.EqualFold(t.text, s)
}

var (
	wordAt   = regexp.MustCompile(`^:?[a-zA-Z_][a-zA-Z0-9_]*`)
	numberAt = regexp.MustCompile(`^-?[0-9]+(\.[0-9]+)?`)
)

// scan cuts a query into tokens.
func scan(s string) ([]token, error) {
	var out []token
	for {
		s = strings.TrimLeft(s, " ")
		if s == "" {
			return append(out, token{}), nil
		}
		if s[0] == '\'' {
			var b strings.Builder
			i := 1
			for ; ; i++ {
				if i >= len(s) {
					return nil, errors.New("a text without an end")
				}
				if s[i] == '\'' {
					if i+1 >= len(s) || s[i+1] != '\'' {
						break
					}
					i++
				}
				b.WriteByte(s[i])
			}
			out, s = append(out, token{text, b.String()}), s[i+1:]
			continue
		}
		if m := wordAt.FindString(s); m != "" {
			out, s = append(out, token{word, m}), s[len(m):]
			continue
		}
		if m := numberAt.FindString(s); m != "" {
			out, s = append(out, token{number, m}), s[len(m):]
			continue
		}
		for _, m := range []string{"!=", "<=", ">=", "=", "<", ">", "(", ")", ",", "*"} {
			if strings.HasPrefix(s, m) {
				out, s = append(out, token{mark, m}), s[len(m):]
				goto next
			}
		}
		return nil, fmt.Errorf("nothing begins with %.10q", s)
	next:
	}
}

// Condition is a parsed condition.
type Condition struct {
	// Op is and, or, =, !=, <, <=, >, >=, in, like, is not null or starts_with.
	Op     string
	Parts  []Condition // of and, or
	Column string
	Upper  bool    // the column is compared in capitals
	Values []Value // one, but for in
}

// Value is a parsed literal.
type Value struct {
	Number bool
	Text   string
}

type parser struct {
	tokens  []token
	columns map[string]bool
}

func (p *parser) peek() token { return p.tokens[0] }

func (p *parser) next() token {
	t := p.tokens[0]
	if t.kind != end {
		p.tokens = p.tokens[1:]
	}
	return t
}

func (p *parser) want(kind tokenKind, s string) error {
	if t := p.next(); !t.is(kind, s) {
		return fmt.Errorf("%q where %q should be", t.text, s)
	}
	return nil
}

// errNoColumn names a column that the dataset does not have.
type errNoColumn string

func (e errNoColumn) Error() string { return "No such column: " + string(e) }

// ParseWhere reads a condition over these columns.
func ParseWhere(s string, columns []string) (Condition, error) {
	tokens, err := scan(s)
	if err != nil {
		return Condition{}, err
	}
	p := &parser{tokens, map[string]bool{":id": true}}
	for _, c := range columns {
		p.columns[c] = true
	}
	c, err := p.or(0)
	if err == nil && p.peek().kind != end {
		err = fmt.Errorf("%q follows the condition", p.peek().text)
	}
	return c, err
}

func (p *parser) or(depth int) (Condition, error) {
	return p.joined("or", depth, func() (Condition, error) {
		return p.joined("and", depth, func() (Condition, error) { return p.simple(depth) })
	})
}

func (p *parser) joined(with string, depth int, part func() (Condition, error)) (Condition, error) {
	first, err := part()
	if err != nil || !p.peek().is(word, with) {
		return first, err
	}
	all := Condition{Op: with, Parts: []Condition{first}}
	for p.peek().is(word, with) {
		p.next()
		c, err := part()
		if err != nil {
			return c, err
		}
		all.Parts = append(all.Parts, c)
	}
	return all, nil
}

func (p *parser) simple(depth int) (Condition, error) {
	if depth > 50 {
		return Condition{}, errors.New("nested too deep")
	}
	if p.peek().is(mark, "(") {
		p.next()
		c, err := p.or(depth + 1)
		if err != nil {
			return c, err
		}
		return c, p.want(mark, ")")
	}
	if p.peek().is(word, "starts_with") {
		p.next()
		c := Condition{Op: "starts_with"}
		err := errors.Join(p.want(mark, "("), p.column(&c), p.want(mark, ","), p.literal(&c), p.want(mark, ")"))
		return c, err
	}
	var c Condition
	if p.peek().is(word, "upper") {
		p.next()
		c.Upper = true
		if err := errors.Join(p.want(mark, "("), p.column(&c), p.want(mark, ")")); err != nil {
			return c, err
		}
	} else if err := p.column(&c); err != nil {
		return c, err
	}
	op := p.next()
	switch {
	case op.kind == mark && slices.Contains([]string{"=", "!=", "<", "<=", ">", ">="}, op.text):
		c.Op = op.text
		return c, p.literal(&c)
	case op.is(word, "like"):
		c.Op = "like"
		return c, p.literal(&c)
	case op.is(word, "is"):
		c.Op = "is not null"
		return c, errors.Join(p.want(word, "not"), p.want(word, "null"))
	case op.is(word, "in"):
		c.Op = "in"
		if err := p.want(mark, "("); err != nil {
			return c, err
		}
		for {
			if err := p.literal(&c); err != nil {
				return c, err
			}
			if t := p.next(); t.is(mark, ")") {
				return c, nil
			} else if !t.is(mark, ",") {
				return c, fmt.Errorf("%q in a list", t.text)
			}
		}
	}
	return c, fmt.Errorf("no operator %q", op.text)
}

func (p *parser) column(c *Condition) error {
	t := p.next()
	if t.kind != word {
		return fmt.Errorf("%q where a column should be", t.text)
	}
	if !p.columns[t.text] {
		return errNoColumn(t.text)
	}
	c.Column = t.text
	return nil
}

func (p *parser) literal(c *Condition) error {
	t := p.next()
	if t.kind != text && t.kind != number {
		return fmt.Errorf("%q where a value should be", t.text)
	}
	c.Values = append(c.Values, Value{t.kind == number, t.text})
	return nil
}

// Holds evaluates a condition for a row.
func (c Condition) Holds(r Row) bool {
	switch c.Op {
	case "and":
		return !slices.ContainsFunc(c.Parts, func(p Condition) bool { return !p.Holds(r) })
	case "or":
		return slices.ContainsFunc(c.Parts, func(p Condition) bool { return p.Holds(r) })
	}
	stored, ok := r[c.Column].(string)
	if !ok {
		return false
	}
	if c.Upper {
		stored = strings.ToUpper(stored)
	}
	switch c.Op {
	case "is not null":
		return true
	case "starts_with":
		return strings.HasPrefix(stored, c.Values[0].Text)
	case "like":
		return like(stored, c.Values[0].Text)
	case "in":
		return slices.ContainsFunc(c.Values, func(v Value) bool { return compare(stored, v) == 0 })
	}
	order := compare(stored, c.Values[0])
	switch c.Op {
	case "=":
		return order == 0
	case "!=":
		return order != 0
	case "<":
		return order < 0
	case "<=":
		return order <= 0
	case ">":
		return order > 0
	}
	return order >= 0
}

func compare(stored string, v Value) int {
	if v.Number {
		a, errA := decimal.NewFromString(stored)
		b, errB := decimal.NewFromString(v.Text)
		if errA == nil && errB == nil {
			return a.Cmp(b)
		}
	}
	return cmp.Compare(stored, v.Text)
}

func like(s, pattern string) bool {
	var b strings.Builder
	b.WriteString("(?s)^")
	for _, r := range pattern {
		switch r {
		case '%':
			b.WriteString(".*")
		case '_':
			b.WriteString(".")
		default:
			b.WriteString(regexp.QuoteMeta(string(r)))
		}
	}
	return regexp.MustCompile(b.String() + "$").MatchString(s)
}
