package government

import (
	"errors"
	"fmt"
	"net/url"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/shopspring/decimal"

	"openlearn/internal/government/catalogue"
	"openlearn/internal/government/soql"
	"openlearn/internal/government/table"
)

// Filter chooses rows of a dataset. Its zero value chooses all.
type Filter struct {
	Department, Municipality, Entity, NIT, Station, Text string
	From, To                                             time.Time // To is the first moment after
	MinValue, MaxValue                                   *decimal.Decimal
	Where                                                string   // conditions, see parseWhere
	Equal                                                []string // pairs of column and value
}

// Invalid is what is wrong with a parameter.
type Invalid struct {
	Parameter string
	Err       error
}

func (e *Invalid) Error() string { return e.Parameter + ": " + e.Err.Error() }

// Unwrap is what is wrong.
func (e *Invalid) Unwrap() error { return e.Err }

func invalid(parameter, format string, args ...any) error {
	return &Invalid{parameter, fmt.Errorf(format, args...)}
}

// textDays is how many days a search of text may span.
const textDays = 366

// condition is the filter in SoQL, over a dataset.
func (f *Filter) condition(d *catalogue.Dataset) (soql.Condition, error) {
	var all []soql.Condition
	var errs []error
	eq := func(parameter, column, value string, variants ...string) {
		switch {
		case value == "":
		case column == "":
			errs = append(errs, invalid(parameter, "%s has no such filter; it has %s", d.Key, strings.Join(d.Filters(), ", ")))
		default:
			c, err := equal(d, column, append([]string{value}, variants...))
			if err != nil {
				errs = append(errs, &Invalid{parameter, err})
			}
			all = append(all, c)
		}
	}
	r := d.Roles
	if f.Department != "" {
		department, ok := catalogue.FindDepartment(f.Department)
		if !ok {
			errs = append(errs, invalid("department", "%s is no department of Colombia: expected a code such as 05 or a name", short(f.Department)))
		} else if names := department.Spelled(d.Spelling); r.Department != "" {
			eq("department", r.Department, names[0], names[1:]...)
		} else {
			eq("department", "", f.Department)
		}
	}
	eq("municipality", r.Municipality, f.Municipality, spellings(f.Municipality)...)
	eq("entity", r.Entity, f.Entity, spellings(f.Entity)...)
	eq("nit", r.NIT, f.NIT)
	eq("station", r.Station, f.Station)
	for i := 0; i+1 < len(f.Equal); i += 2 {
		eq(f.Equal[i], f.Equal[i], f.Equal[i+1])
	}
	days, err := f.days(d)
	errs = append(errs, err)
	values, err := f.values(d)
	errs = append(errs, err)
	where, err := parseWhere(d, f.Where)
	errs = append(errs, err)
	text, err := f.text(d)
	errs = append(errs, err)
	return soql.And(append(all, days, values, where, text)...), errors.Join(errs...)
}

// spellings are other ways in which registers write a name.
func spellings(name string) []string {
	if name == "" {
		return nil
	}
	return catalogue.Variants(strings.ToUpper(name), name)
}

func equal(d *catalogue.Dataset, column string, values []string) (soql.Condition, error) {
	c, ok := d.Column(column)
	if !ok {
		return soql.Condition{}, fmt.Errorf("%s has no column %q", d.Key, short(column))
	}
	name, err := soql.Col(column)
	if err != nil {
		return soql.Condition{}, err
	}
	var literals []soql.Value
	seen := map[string]bool{}
	for _, v := range values {
		if seen[v] {
			continue
		}
		seen[v] = true
		l, err := d.Literal(c, v)
		if err != nil {
			return soql.Condition{}, err
		}
		literals = append(literals, l)
	}
	if len(literals) == 1 {
		return soql.Compare(name, soql.Equal, literals[0]), nil
	}
	return soql.In(name, literals...), nil
}

// days bounds the rows by their day.
func (f *Filter) days(d *catalogue.Dataset) (soql.Condition, error) {
	if f.From.IsZero() && f.To.IsZero() {
		if d.MostDays > 0 {
			return soql.Condition{}, invalid("from", "%s is too large to be read without a first day", d.Key)
		}
		return soql.Condition{}, nil
	}
	if d.Roles.Day == "" {
		return soql.Condition{}, invalid("from", "%s has no days; its filters are %s", d.Key, strings.Join(d.Filters(), ", "))
	}
	if !f.From.IsZero() && !f.To.IsZero() && !f.From.Before(f.To) {
		return soql.Condition{}, invalid("from", "the first day must not be after the last")
	}
	if d.MostDays > 0 && (f.From.IsZero() || f.To.IsZero() || f.To.Sub(f.From) > time.Duration(d.MostDays)*24*time.Hour) {
		return soql.Condition{}, invalid("from", "a question about %s may span %d days at most", d.Key, d.MostDays)
	}
	day, err := soql.Col(d.Roles.Day)
	if err != nil {
		return soql.Condition{}, err
	}
	var all []soql.Condition
	if !f.From.IsZero() {
		all = append(all, soql.Compare(day, soql.GreaterEqual, soql.Time(f.From.In(table.Bogota))))
	}
	if !f.To.IsZero() {
		all = append(all, soql.Compare(day, soql.Less, soql.Time(f.To.In(table.Bogota))))
	}
	return soql.And(all...), nil
}

// values bounds the rows by their value.
func (f *Filter) values(d *catalogue.Dataset) (soql.Condition, error) {
	if f.MinValue == nil && f.MaxValue == nil {
		return soql.Condition{}, nil
	}
	if d.Roles.Value == "" {
		return soql.Condition{}, invalid("min_value", "%s has no values; its filters are %s", d.Key, strings.Join(d.Filters(), ", "))
	}
	value, err := soql.Col(d.Roles.Value)
	if err != nil {
		return soql.Condition{}, err
	}
	var all []soql.Condition
	if f.MinValue != nil {
		all = append(all, soql.Compare(value, soql.GreaterEqual, soql.Number(*f.MinValue)))
	}
	if f.MaxValue != nil {
		all = append(all, soql.Compare(value, soql.LessEqual, soql.Number(*f.MaxValue)))
	}
	return soql.And(all...), nil
}

// text searches in a column, which reads every row that the other filters leave: they must leave few.
func (f *Filter) text(d *catalogue.Dataset) (soql.Condition, error) {
	if f.Text == "" {
		return soql.Condition{}, nil
	}
	if d.Roles.Text == "" {
		return soql.Condition{}, invalid("q", "%s cannot be searched for a text; its filters are %s", d.Key, strings.Join(d.Filters(), ", "))
	}
	if n := len([]rune(strings.TrimSpace(f.Text))); n < 3 || n > 80 {
		return soql.Condition{}, invalid("q", "a text of 3 to 80 characters is needed")
	}
	bounded := f.NIT != "" || f.Department != "" || f.Entity != ""
	if !bounded || f.From.IsZero() || f.To.IsZero() || f.To.Sub(f.From) > textDays*24*time.Hour {
		return soql.Condition{}, invalid("q", "a search of text needs a department, an entity or a nit, and from and to at most %d days apart: it takes minutes otherwise", textDays)
	}
	column, err := soql.Col(d.Roles.Text)
	if err != nil {
		return soql.Condition{}, err
	}
	return soql.Contains(column, strings.TrimSpace(f.Text)), nil
}

var comparison = regexp.MustCompile(`^\s*([a-z_][a-z0-9_]*)\s*(!=|<=|>=|=|<|>)\s*(.*?)\s*$`)

const (
	mostConditions = 10
	mostWhere      = 1000 // bytes
)

// parseWhere reads conditions such as "departamento=Antioquia; valor_del_contrato>=1000000": a column, one of = != < <= > >=, and
// a value up to the next semicolon. All must hold.
func parseWhere(d *catalogue.Dataset, where string) (soql.Condition, error) {
	if strings.TrimSpace(where) == "" {
		return soql.Condition{}, nil
	}
	if len(where) > mostWhere {
		return soql.Condition{}, invalid("where", "at most %d bytes", mostWhere)
	}
	var all []soql.Condition
	for part := range strings.SplitSeq(where, ";") {
		if strings.TrimSpace(part) == "" {
			continue
		}
		m := comparison.FindStringSubmatch(part)
		if m == nil || m[3] == "" {
			return soql.Condition{}, invalid("where", "expected conditions such as departamento=Antioquia; valor>=1000, and not %q", short(part))
		}
		c, ok := d.Column(m[1])
		if !ok {
			return soql.Condition{}, invalid("where", "%s has no column %q; it has %s", d.Key, short(m[1]), strings.Join(d.Names(), ", "))
		}
		value, err := d.Literal(c, m[3])
		if err != nil {
			return soql.Condition{}, &Invalid{"where", err}
		}
		name, err := soql.Col(c.Name)
		if err != nil {
			return soql.Condition{}, err
		}
		if all = append(all, soql.Compare(name, soql.Operator(m[2]), value)); len(all) > mostConditions {
			return soql.Condition{}, invalid("where", "at most %d conditions", mostConditions)
		}
	}
	return soql.And(all...), nil
}

// params are the filter in the key of an answer: what is equal is one key.
func (f *Filter) params() url.Values {
	v := url.Values{}
	set := func(name, value string) {
		if value != "" {
			v.Set(name, value)
		}
	}
	set("department", f.Department)
	if d, ok := catalogue.FindDepartment(f.Department); ok {
		set("department", d.Code)
	}
	set("municipality", f.Municipality)
	set("entity", f.Entity)
	set("nit", f.NIT)
	set("station", f.Station)
	set("q", f.Text)
	set("where", f.Where)
	for name, t := range map[string]time.Time{"from": f.From, "to": f.To} {
		if !t.IsZero() {
			set(name, t.UTC().Format(time.RFC3339Nano))
		}
	}
	for name, n := range map[string]*decimal.Decimal{"min_value": f.MinValue, "max_value": f.MaxValue} {
		if n != nil {
			set(name, n.String())
		}
	}
	for i := 0; i+1 < len(f.Equal); i += 2 {
		v.Add("equal", strconv.Quote(f.Equal[i])+strconv.Quote(f.Equal[i+1]))
	}
	return v
}

func short(s string) string {
	if r := []rune(s); len(r) > 40 {
		return string(r[:40]) + "…"
	}
	return s
}
