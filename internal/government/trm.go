package government

import (
	"net/url"
	"slices"
	"time"

	"openlearn/internal/government/catalogue"
	"openlearn/internal/government/soql"
	"openlearn/internal/government/table"
)

// rateColumns are those of rates by day.
var rateColumns = []table.Column{
	{Name: "date", Kind: table.Date, Doc: "Day"},
	{Name: "value", Kind: table.Money, Doc: "Pesos for a dollar"},
	{Name: "unit", Kind: table.Text, Doc: "COP"},
	{Name: "valid_from", Kind: table.Date, Doc: "First day for which the rate is valid"},
	{Name: "valid_to", Kind: table.Date, Doc: "Last day for which it is"},
}

// mostRateDays is how many days one question about the rate may span.
const mostRateDays = 3660

// rates asks for the rate of each day from first to last, both included.
func (s *Service) rates(first, last time.Time) (ask, error) {
	if last.Before(first) {
		return ask{}, invalid("from", "the first day must not be after the last")
	}
	if last.Sub(first) > mostRateDays*24*time.Hour {
		return ask{}, invalid("from", "a question may span %d days at most", mostRateDays)
	}
	d := catalogue.MustGet(catalogue.Rate)
	from, to := soql.MustCol("vigenciadesde"), soql.MustCol("vigenciahasta")
	q := soql.Query{
		Where: soql.And(soql.Compare(from, soql.LessEqual, soql.Time(last)), soql.Compare(to, soql.GreaterEqual, soql.Time(first))),
		Order: []soql.Order{{Column: from}}, Limit: mostRateDays + 31,
	}
	for _, c := range d.Columns {
		q.Select = append(q.Select, soql.Plain(soql.MustCol(c.Name)))
	}
	params := url.Values{"from": {first.Format(time.DateOnly)}, "to": {last.Format(time.DateOnly)}}
	a := s.query("trm", params, d, q, d.Columns, func(t *table.Table) { *t = expand(*t, first, last) })
	if first.Equal(last) {
		a.missing = "No exchange rate is published for " + first.Format(time.DateOnly)
	}
	return a, nil
}

// expand makes a row for each day of intervals. Of several that hold a day the one that begins last counts.
func expand(t table.Table, first, last time.Time) table.Table {
	days := map[string][]*string{}
	began := map[string]string{}
	for i := range t.Rows {
		from, to, value := t.Cell(i, "vigenciadesde"), t.Cell(i, "vigenciahasta"), t.Cell(i, "valor")
		begin, errBegin := table.ParseTime(from)
		end, errEnd := table.ParseTime(to)
		if errBegin != nil || errEnd != nil || value == "" {
			continue
		}
		begin, end = later(begin, first), earlier(end, last)
		for day := begin; !day.After(end); day = day.AddDate(0, 0, 1) {
			name := day.Format(time.DateOnly)
			if began[name] > from {
				continue
			}
			unit := t.Cell(i, "unidad")
			began[name], days[name] = from, []*string{&name, &value, &unit, &from, &to}
		}
	}
	out := table.Table{Columns: rateColumns, Rows: make([][]*string, 0, len(days))}
	for _, row := range days {
		out.Rows = append(out.Rows, row)
	}
	slices.SortFunc(out.Rows, func(a, b []*string) int {
		if *a[0] < *b[0] {
			return -1
		}
		return 1
	})
	return out
}

func later(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

func earlier(a, b time.Time) time.Time {
	if a.Before(b) {
		return a
	}
	return b
}
