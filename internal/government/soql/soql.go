// Package soql writes SoQL, the query language of Socrata (https://dev.socrata.com/docs/queries/). It is the only writer of
// SoQL: columns and values have types, so that nothing of a caller's text can become part of a query's syntax.
package soql

import (
	"errors"
	"fmt"
	"regexp"
	"strings"
	"time"

	"github.com/shopspring/decimal"
)

// Column is the name of a column, as Column checks it. The zero Column names none.
type Column struct{ name string }

// ID is the row's identifier that every dataset has; it makes an order total. It cannot be used with groups.
var ID = Column{":id"}

var columnName = regexp.MustCompile(`^[a-z_][a-z0-9_]{0,99}$`)

// Col is the column of that name. The error says that it cannot be one.
func Col(name string) (Column, error) {
	if !columnName.MatchString(name) {
		return Column{}, fmt.Errorf("soql: %q cannot be the name of a column", name)
	}
	return Column{name}, nil
}

// MustCol is Col for names that are in the program.
func MustCol(name string) Column {
	c, err := Col(name)
	if err != nil {
		panic(err)
	}
	return c
}

// Name is the column's name.
func (c Column) Name() string { return c.name }

// Value is a literal. The zero Value is none.
type Value struct{ literal string }

// Text is a text literal. Single quotes are doubled, which is all that SoQL's lexer knows of escapes between single quotes.
// Control characters, which no stored text has, become spaces.
func Text(s string) Value { return Value{"'" + strings.ReplaceAll(Clean(s), "'", "''") + "'"} }

// Number is a number literal, exact.
func Number(d decimal.Decimal) Value { return Value{d.String()} }

// Time is a literal of a floating timestamp, which has no zone: the wall clock of t as it is.
func Time(t time.Time) Value { return Value{"'" + t.Format("2006-01-02T15:04:05.000") + "'"} }

// Clean replaces what cannot be in a stored text.
func Clean(s string) string {
	return strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f || r == '\u2028' || r == '\u2029' {
			return ' '
		}
		return r
	}, strings.ToValidUTF8(s, "\uFFFD"))
}

// Condition is a boolean expression. The zero Condition is none and holds always.
type Condition struct{ text string }

// Operator compares a column with a value.
type Operator string

// The operators.
const (
	Equal        Operator = "="
	NotEqual     Operator = "!="
	Less         Operator = "<"
	LessEqual    Operator = "<="
	Greater      Operator = ">"
	GreaterEqual Operator = ">="
)

// Compare is "column operator value".
func Compare(c Column, o Operator, v Value) Condition {
	switch o {
	case Equal, NotEqual, Less, LessEqual, Greater, GreaterEqual:
	default:
		panic(fmt.Sprintf("soql: no operator %q", string(o)))
	}
	if c.name == "" || v.literal == "" {
		panic("soql: a comparison needs a column and a value")
	}
	return Condition{c.name + " " + string(o) + " " + v.literal}
}

// In is "column in (values)"; of no values, the condition that never holds.
func In(c Column, vs ...Value) Condition {
	if c.name == "" {
		panic("soql: In needs a column")
	}
	if len(vs) == 0 {
		return Condition{"1 = 0"}
	}
	literals := make([]string, len(vs))
	for i, v := range vs {
		literals[i] = v.literal
	}
	return Condition{c.name + " in (" + strings.Join(literals, ", ") + ")"}
}

// Contains says that a column has a text anywhere in it, whatever the case of its letters. It reads every row that the other
// conditions leave: bound them. The wildcards of LIKE count as spaces.
func Contains(c Column, text string) Condition {
	if c.name == "" {
		panic("soql: Contains needs a column")
	}
	text = strings.NewReplacer("%", " ", "_", " ").Replace(text)
	return Condition{"upper(" + c.name + ") like " + Text("%"+strings.ToUpper(text)+"%").literal}
}

// EndsWith says that a text column ends with a text. It reads rows as Contains does.
func EndsWith(c Column, text string) Condition {
	if c.name == "" {
		panic("soql: EndsWith needs a column")
	}
	return Condition{c.name + " like " + Text("%"+strings.NewReplacer("%", " ", "_", " ").Replace(text)).literal}
}

// StartsWith says that a text column begins with a text.
func StartsWith(c Column, text string) Condition {
	if c.name == "" {
		panic("soql: StartsWith needs a column")
	}
	return Condition{"starts_with(" + c.name + ", " + Text(text).literal + ")"}
}

// Present says that a column is not null.
func Present(c Column) Condition { return Condition{c.name + " is not null"} }

// And holds where all conditions do.
func And(cs ...Condition) Condition { return join(" and ", cs) }

// Or holds where any condition does.
func Or(cs ...Condition) Condition { return join(" or ", cs) }

func join(with string, cs []Condition) Condition {
	var parts []string
	for _, c := range cs {
		if c.text != "" {
			parts = append(parts, c.text)
		}
	}
	if len(parts) == 1 {
		return Condition{parts[0]}
	}
	for i := range parts {
		parts[i] = "(" + parts[i] + ")"
	}
	return Condition{strings.Join(parts, with)}
}

// Empty reports whether the condition is none.
func (c Condition) Empty() bool { return c.text == "" }

// Selected is what a query answers: a column, or an aggregate with a name of its own.
type Selected struct {
	text      string
	aggregate bool
	name      Column
}

// Plain selects a column.
func Plain(c Column) Selected { return Selected{c.name, false, c} }

// Count selects the number of rows.
func Count(as Column) Selected { return Selected{"count(*) as " + as.name, true, as} }

// Sum selects the sum of a column.
func Sum(c, as Column) Selected { return Selected{"sum(" + c.name + ") as " + as.name, true, as} }

// Avg selects the mean of a column.
func Avg(c, as Column) Selected { return Selected{"avg(" + c.name + ") as " + as.name, true, as} }

// Min selects the least of a column.
func Min(c, as Column) Selected { return Selected{"min(" + c.name + ") as " + as.name, true, as} }

// Max selects the greatest of a column.
func Max(c, as Column) Selected { return Selected{"max(" + c.name + ") as " + as.name, true, as} }

// Day selects the day of a timestamp.
func Day(c, as Column) Selected {
	return Selected{"date_trunc_ymd(" + c.name + ") as " + as.name, false, as}
}

// Month selects the month of a timestamp.
func Month(c, as Column) Selected {
	return Selected{"date_trunc_ym(" + c.name + ") as " + as.name, false, as}
}

// Order is one level of an order.
type Order struct {
	Column     Column
	Descending bool
}

// Query is a SoQL query. Its zero value is not usable: Select is needed.
type Query struct {
	Select []Selected
	Where  Condition
	// Group are names of what is selected, or columns.
	Group []Column
	Order []Order
	// Limit is needed: the service's default would cut answers unseen.
	Limit, Offset int
}

// MostRows is the largest Limit.
const MostRows = 50_000

// ErrQuery is wrapped by the error of a query that cannot be written.
var ErrQuery = errors.New("soql: not a query")

// Params are the query's parameters of an address, by name ("$select", …). An order is made total by :id, without which pages
// overlap; aggregates, which have no :id, by their groups.
func (q Query) Params() (map[string]string, error) {
	if len(q.Select) == 0 || q.Limit < 1 || q.Limit > MostRows || q.Offset < 0 {
		return nil, fmt.Errorf("%w: %d columns, limit %d, offset %d", ErrQuery, len(q.Select), q.Limit, q.Offset)
	}
	aggregated := len(q.Group) > 0
	texts := make([]string, len(q.Select))
	for i, s := range q.Select {
		if s.text == "" || s.name.name == "" {
			return nil, fmt.Errorf("%w: nothing selected at %d", ErrQuery, i)
		}
		texts[i], aggregated = s.text, aggregated || s.aggregate
	}
	out := map[string]string{"$select": strings.Join(texts, ", "), "$limit": fmt.Sprint(q.Limit)}
	if q.Where.text != "" {
		out["$where"] = q.Where.text
	}
	var order []string
	for _, o := range q.Order {
		if o.Column.name == "" {
			return nil, fmt.Errorf("%w: an order without a column", ErrQuery)
		}
		direction := " ASC"
		if o.Descending {
			direction = " DESC"
		}
		order = append(order, o.Column.name+direction)
	}
	if aggregated {
		var group []string
		for _, c := range q.Group {
			group = append(group, c.name)
			order = append(order, c.name+" ASC")
		}
		if len(group) > 0 {
			out["$group"] = strings.Join(group, ", ")
		}
	} else {
		order = append(order, ":id ASC")
	}
	if len(order) > 0 {
		out["$order"] = strings.Join(order, ", ")
	}
	if q.Offset > 0 {
		out["$offset"] = fmt.Sprint(q.Offset)
	}
	return out, nil
}
