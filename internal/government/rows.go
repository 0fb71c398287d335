package government

import (
	"context"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"openlearn/internal/government/catalogue"
	"openlearn/internal/government/soql"
	"openlearn/internal/government/table"
	"openlearn/internal/government/upstream"
)

// Rows is a question for rows of a dataset.
type Rows struct {
	Dataset *catalogue.Dataset
	Filter  Filter
	// Columns are those to answer; nil = all.
	Columns []string
	// Order is a column, with a minus before it the greatest first; "" = the dataset's own order.
	Order         string
	Limit, Offset int
}

// MostRows is how many rows one answer may have, MostOffset from where at the latest.
const (
	MostRows   = 1000
	MostOffset = 100_000
)

// ask makes the question. One row more than the limit is read: it says whether there are more.
func (s *Service) ask(endpoint string, q Rows) (ask, error) {
	d := q.Dataset
	columns, err := d.Selected(q.Columns)
	if err != nil {
		return ask{}, &Invalid{"columns", err}
	}
	where, err := q.Filter.condition(d)
	if err != nil {
		return ask{}, err
	}
	query := soql.Query{Where: where, Limit: q.Limit + 1, Offset: q.Offset}
	order := q.Order
	if order == "" && d.Order != "" {
		order = "-" + d.Order
	}
	if order != "" {
		name, descending := strings.CutPrefix(order, "-")
		if _, ok := d.Column(name); !ok || slices.Contains(d.Masked, name) || name == d.Masker {
			return ask{}, invalid("order", "%s cannot be ordered by %q", d.Key, short(name))
		}
		column, err := soql.Col(name)
		if err != nil {
			return ask{}, err
		}
		query.Order = []soql.Order{{Column: column, Descending: descending}}
	}
	// What tells whether a name is a company's is read, too, and left out of the answer.
	read := columns
	if d.Masker != "" && !slices.ContainsFunc(columns, func(c table.Column) bool { return c.Name == d.Masker }) &&
		slices.ContainsFunc(columns, func(c table.Column) bool { return slices.Contains(d.Masked, c.Name) }) {
		by, _ := d.Column(d.Masker)
		read = append(slices.Clone(columns), by)
	}
	for _, c := range read {
		query.Select = append(query.Select, soql.Plain(soql.MustCol(c.Name)))
	}
	params := q.Filter.params()
	params.Set("dataset", d.Key)
	params.Set("order", order)
	params.Set("limit", strconv.Itoa(q.Limit))
	params.Set("offset", strconv.Itoa(q.Offset))
	names := make([]string, len(columns))
	for i, c := range columns {
		names[i] = c.Name
	}
	params.Set("columns", strings.Join(names, ","))
	return s.query(endpoint, params, d, query, read, func(t *table.Table) {
		d.Mask(t)
		*t = narrow(*t, len(columns))
	}), nil
}

// query is a question in SoQL. done works on the rows before they are kept.
func (s *Service) query(endpoint string, params url.Values, d *catalogue.Dataset, q soql.Query, columns []table.Column, done func(*table.Table)) ask {
	return ask{endpoint: endpoint, params: params, up: s.datos, fetch: func(ctx context.Context, known upstream.Validators) (kept, bool, error) {
		r, err := s.datasets.Rows(ctx, d.ID, q, columns, known)
		if err != nil || r.NotModified {
			return kept{}, r.NotModified, err
		}
		if done != nil {
			done(&r.Table)
		}
		return kept{Table: r.Table, Known: r.Validators}, false, nil
	}}
}

// narrow leaves the first n columns.
func narrow(t table.Table, n int) table.Table {
	if len(t.Columns) == n {
		return t
	}
	out := table.Table{Columns: t.Columns[:n], Rows: make([][]*string, len(t.Rows))}
	for i, row := range t.Rows {
		out.Rows[i] = row[:n]
	}
	return out
}

// Read asks for rows past the cache, for commands.
func (s *Service) Read(ctx context.Context, q Rows) (table.Table, error) {
	a, err := s.ask("rows", q)
	if err != nil {
		return table.Table{}, err
	}
	k, _, err := a.fetch(ctx, upstream.Validators{})
	if len(k.Table.Rows) > q.Limit {
		k.Table.Rows = k.Table.Rows[:q.Limit]
	}
	return k.Table, err
}
