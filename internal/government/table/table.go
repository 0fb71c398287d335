// Package table is rows of open data in one form, whoever published them: columns with types, values that keep every digit.
package table

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"regexp"
	"strings"
	"time"

	"github.com/shopspring/decimal"
)

// Kind is the type of a column.
type Kind string

// The kinds there are.
const (
	Text       Kind = "text"
	Number     Kind = "number"
	Money      Kind = "money"      // Colombian pesos, exact
	Date       Kind = "date"       // 2026-11-28
	Time       Kind = "timestamp"  // wall clock in Bogotá
	Coordinate Kind = "coordinate" // degrees
	URL        Kind = "url"
)

// Numeric reports whether values of the kind are numbers.
func (k Kind) Numeric() bool { return k == Number || k == Money || k == Coordinate }

// Column is one column.
type Column struct {
	Name string `json:"name"`
	Kind Kind   `json:"type"`
	Doc  string `json:"description"`
}

// Table is rows. Each has a cell for each column; nil is null.
type Table struct {
	Columns []Column    `json:"columns"`
	Rows    [][]*string `json:"rows"`
}

// Bogota is the zone of dates without one: Colombia has had one offset since 1993.
var Bogota = time.FixedZone("America/Bogota", -5*60*60)

// ErrValue is wrapped where a value is not of its column's kind.
var ErrValue = errors.New("table: not a value of the column")

// mostDigits bounds numbers: an exponent of a million would be a million digits.
const mostDigits = 60

var plainNumber = regexp.MustCompile(`^[+-]?[0-9]{1,60}(\.[0-9]{1,60})?([eE][+-]?[0-9]{1,2})?$`)

// ParseNumber reads a number as upstreams write it.
func ParseNumber(s string) (decimal.Decimal, error) {
	s = strings.TrimSpace(s)
	if !plainNumber.MatchString(s) {
		return decimal.Decimal{}, fmt.Errorf("%w: %q is no number", ErrValue, short(s))
	}
	d, err := decimal.NewFromString(s)
	if err != nil || d.Exponent() > mostDigits || d.Exponent() < -2*mostDigits {
		return decimal.Decimal{}, fmt.Errorf("%w: %q is no number", ErrValue, short(s))
	}
	return d, nil
}

// ParseCoordinate reads degrees with a decimal point or comma. Some are written with a thousands comma as well ("-75,581,775"):
// the first comma is the decimal one, since no degree has four digits.
func ParseCoordinate(s string) (decimal.Decimal, error) {
	s = strings.TrimSpace(s)
	if strings.Contains(s, ",") {
		whole, rest, _ := strings.Cut(s, ",")
		s = whole + "." + strings.ReplaceAll(rest, ",", "")
	}
	d, err := ParseNumber(s)
	if err == nil && d.Abs().GreaterThan(decimal.NewFromInt(180)) {
		err = fmt.Errorf("%w: %s degrees", ErrValue, d)
	}
	return d, err
}

var timeLayouts = []string{"2006-01-02T15:04:05.999999999", "2006-01-02T15:04:05", "2006-01-02T15:04", "2006-01-02", "20060102"}

// ParseTime reads a date without a zone, which is the wall clock in Bogotá.
func ParseTime(s string) (time.Time, error) {
	s = strings.TrimSpace(s)
	for _, layout := range timeLayouts {
		if t, err := time.ParseInLocation(layout, s, Bogota); err == nil {
			return t, nil
		}
	}
	if t, err := time.Parse(time.RFC3339Nano, s); err == nil {
		return t.In(Bogota), nil
	}
	return time.Time{}, fmt.Errorf("%w: %q is no date", ErrValue, short(s))
}

// Normal is a value in this package's form: numbers in plain digits, dates as ISO 8601.
func Normal(k Kind, s string) (string, error) {
	switch k {
	case Number, Money:
		d, err := ParseNumber(s)
		return d.String(), err
	case Coordinate:
		d, err := ParseCoordinate(s)
		return d.String(), err
	case Date:
		t, err := ParseTime(s)
		return t.Format(time.DateOnly), err
	case Time:
		t, err := ParseTime(s)
		return t.Format("2006-01-02T15:04:05-07:00"), err
	}
	return strings.ToValidUTF8(strings.TrimSpace(s), "\uFFFD"), nil
}

func short(s string) string {
	if r := []rune(s); len(r) > 40 {
		return string(r[:40]) + "…"
	}
	return s
}

// Rows are items as the API shows them: an object for each row, its members in the order of the columns.
type Rows struct{ *Table }

// MarshalJSON writes numbers as JSON numbers with all their digits.
func (r Rows) MarshalJSON() ([]byte, error) {
	if r.Table == nil {
		return []byte("[]"), nil
	}
	names := make([][]byte, len(r.Columns))
	for i, c := range r.Columns {
		name, err := json.Marshal(c.Name)
		if err != nil {
			return nil, err
		}
		names[i] = name
	}
	b := bytes.NewBufferString("[")
	for i, row := range r.Rows {
		if i > 0 {
			b.WriteByte(',')
		}
		b.WriteByte('{')
		for j, cell := range row {
			if j > 0 {
				b.WriteByte(',')
			}
			b.Write(names[j])
			b.WriteByte(':')
			switch {
			case cell == nil:
				b.WriteString("null")
			case r.Columns[j].Kind.Numeric():
				if _, err := ParseNumber(*cell); err != nil {
					return nil, err
				}
				b.WriteString(*cell)
			default:
				text, err := json.Marshal(*cell)
				if err != nil {
					return nil, err
				}
				b.Write(text)
			}
		}
		b.WriteByte('}')
	}
	b.WriteByte(']')
	return b.Bytes(), nil
}

// Valid reports whether each row has as many cells as there are columns.
func (t *Table) Valid() error {
	for i, row := range t.Rows {
		if len(row) != len(t.Columns) {
			return fmt.Errorf("table: row %d has %d cells of %d", i, len(row), len(t.Columns))
		}
	}
	return nil
}

// Index is the place of a column, -1 if there is none of that name.
func (t *Table) Index(name string) int {
	for i, c := range t.Columns {
		if c.Name == name {
			return i
		}
	}
	return -1
}

// Cell is a value, "" for null.
func (t *Table) Cell(row int, name string) string {
	if i := t.Index(name); i >= 0 && t.Rows[row][i] != nil {
		return *t.Rows[row][i]
	}
	return ""
}

// Ref is a cell.
func Ref(s string) *string { return &s }
