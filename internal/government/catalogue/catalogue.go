// Package catalogue is the datasets that may be asked for, by keys of ours: a caller never names a publisher's id. Of each only
// the columns listed here are ever selected: none that names a natural person (Ley 1581 de 2012).
package catalogue

import (
	"fmt"
	"regexp"
	"slices"
	"strings"

	"openlearn/internal/government/soql"
	"openlearn/internal/government/table"
)

// Licence is under what data may be used.
type Licence struct {
	Name string `json:"name"`
	URL  string `json:"url"`
}

// The licences there are.
var (
	BySA  = Licence{"Creative Commons Attribution-ShareAlike 4.0 International (CC BY-SA 4.0)", "https://creativecommons.org/licenses/by-sa/4.0/"}
	By    = Licence{"Creative Commons Attribution 4.0 International (CC BY 4.0)", "https://creativecommons.org/licenses/by/4.0/"}
	Terms = Licence{"Terms of use of Banco de la República: free use with attribution", "https://www.banrep.gov.co/es/terminos-condiciones-uso"}
)

// Attribution belongs in every answer.
type Attribution struct {
	Publisher string   `json:"publisher"`
	Dataset   string   `json:"dataset"`
	Source    string   `json:"source" doc:"Where the publisher has it"`
	Licence   Licence  `json:"license"`
	Notes     []string `json:"notes" nullable:"false" doc:"Traps of the data"`
}

// Spelling is how a dataset writes the names of departments.
type Spelling uint8

// The spellings there are.
const (
	NoDepartment Spelling = iota
	Secop                 // Antioquia, Distrito Capital de Bogotá
	Capitals              // ANTIOQUIA, BOGOTÁ
)

// Roles name the columns that the common filters mean; "" = the dataset has no such filter.
type Roles struct {
	Department, Municipality, Entity, NIT, Day, Value, Station string
	Text                                                       string // what a bounded search of text looks in
}

// Dataset is one dataset of datos.gov.co.
type Dataset struct {
	Key, ID, Title, Publisher, Description string
	Notes                                  []string
	Columns                                []table.Column
	Roles                                  Roles
	Spelling                               Spelling
	// Order is the column by which rows are ordered, the newest or greatest first; "" = only :id.
	Order string
	// MostDays bounds the days of one question, which must then name its first; 0 = they need not be bounded.
	MostDays int
	// Masked are columns that may name a natural person: they are shown only where Masker says that they name a company.
	Masked []string
	Masker string
}

// Licence of all that datos.gov.co publishes.
func (d *Dataset) Licence() Licence { return BySA }

// Source is the dataset's page.
func (d *Dataset) Source() string { return "https://www.datos.gov.co/d/" + d.ID }

// Attribution is what every answer says.
func (d *Dataset) Attribution() Attribution {
	return Attribution{d.Publisher, d.Title, d.Source(), BySA, append([]string{}, d.Notes...)}
}

// Column is the column of that name.
func (d *Dataset) Column(name string) (table.Column, bool) {
	for _, c := range d.Columns {
		if c.Name == name {
			return c, true
		}
	}
	return table.Column{}, false
}

// Selected are the columns of these names, in the dataset's order; of no names, all.
func (d *Dataset) Selected(names []string) ([]table.Column, error) {
	for _, name := range names {
		if _, ok := d.Column(name); !ok {
			return nil, fmt.Errorf("%s has no column %q; it has %s", d.Key, short(name), strings.Join(d.Names(), ", "))
		}
	}
	var out []table.Column
	for _, c := range d.Columns {
		if len(names) == 0 || slices.Contains(names, c.Name) {
			out = append(out, c)
		}
	}
	return out, nil
}

// Names are those of the columns.
func (d *Dataset) Names() []string {
	out := make([]string, len(d.Columns))
	for i, c := range d.Columns {
		out[i] = c.Name
	}
	return out
}

// Filters are the common filters that the dataset has.
func (d *Dataset) Filters() (out []string) {
	r := d.Roles
	for _, f := range []struct{ name, column string }{
		{"department", r.Department},
		{"municipality", r.Municipality},
		{"entity", r.Entity},
		{"nit", r.NIT},
		{"from", r.Day},
		{"to", r.Day},
		{"min_value", r.Value},
		{"max_value", r.Value},
		{"station", r.Station},
		{"q", r.Text},
	} {
		if f.column != "" {
			out = append(out, f.name)
		}
	}
	return out
}

// company is the tax number of a legal person: nine digits from 800,000,000, with or without the digit of verification. Natural
// persons have their identity card's number.
var company = regexp.MustCompile(`^[89][0-9]{8}(-?[0-9])?$`)

// Company reports whether a document is a legal person's.
func Company(document string) bool { return company.MatchString(document) }

// Mask makes null what may name a natural person. Where the document is not among the columns there is nothing to judge by.
func (d *Dataset) Mask(t *table.Table) {
	if d.Masker == "" {
		return
	}
	by := t.Index(d.Masker)
	for _, name := range d.Masked {
		i := t.Index(name)
		if i < 0 {
			continue
		}
		for _, row := range t.Rows {
			if by < 0 || row[by] == nil || !Company(*row[by]) {
				row[i] = nil
			}
		}
	}
	if by >= 0 {
		for _, row := range t.Rows {
			if row[by] != nil && !Company(*row[by]) {
				row[by] = nil
			}
		}
	}
}

// Literal is a value as the dataset's column holds it. masked columns are compared with companies' documents only.
func (d *Dataset) Literal(c table.Column, value string) (soql.Value, error) {
	if slices.Contains(d.Masked, c.Name) || c.Name == d.Masker && !Company(value) {
		return soql.Value{}, fmt.Errorf("%s may name a natural person, so that nothing is searched by it", c.Name)
	}
	switch c.Kind {
	case table.Number, table.Money, table.Coordinate:
		n, err := table.ParseNumber(value)
		return soql.Number(n), err
	case table.Date, table.Time:
		t, err := table.ParseTime(value)
		return soql.Time(t), err
	case table.URL:
		return soql.Value{}, fmt.Errorf("%s is an address, by which nothing is searched", c.Name)
	}
	if len(value) > 200 {
		return soql.Value{}, fmt.Errorf("%s: a value of at most 200 bytes is needed", c.Name)
	}
	return soql.Text(value), nil
}

func short(s string) string {
	if r := []rune(s); len(r) > 40 {
		return string(r[:40]) + "…"
	}
	return s
}

// Get is the dataset of that key.
func Get(key string) (*Dataset, bool) {
	for i := range datasets {
		if datasets[i].Key == key {
			return &datasets[i], true
		}
	}
	return nil, false
}

// MustGet is Get for keys that are in the program.
func MustGet(key string) *Dataset {
	d, ok := Get(key)
	if !ok {
		panic("catalogue: no dataset " + key)
	}
	return d
}

// All are the datasets, by key.
func All() []*Dataset {
	out := make([]*Dataset, len(datasets))
	for i := range datasets {
		out[i] = &datasets[i]
	}
	slices.SortFunc(out, func(a, b *Dataset) int { return strings.Compare(a.Key, b.Key) })
	return out
}

// ByID is the dataset with a publisher's id.
func ByID(id string) (*Dataset, bool) {
	for i := range datasets {
		if datasets[i].ID == id {
			return &datasets[i], true
		}
	}
	return nil, false
}
