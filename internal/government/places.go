package government

import (
	"context"
	"net/url"
	"strconv"
	"strings"

	"openlearn/internal/government/catalogue"
	"openlearn/internal/government/table"
	"openlearn/internal/government/upstream"
)

var placeColumns = []table.Column{
	{Name: "code", Kind: table.Text, Doc: "DIVIPOLA code: two digits of a department, five of a municipality"},
	{Name: "name", Kind: table.Text, Doc: "Name"},
	{Name: "department_code", Kind: table.Text, Doc: "Code of the department"},
	{Name: "department", Kind: table.Text, Doc: "Name of the department"},
	{Name: "kind", Kind: table.Text, Doc: "Departamento, Municipio, Isla or Área no municipalizada"},
	{Name: "latitude", Kind: table.Coordinate, Doc: "Latitude"},
	{Name: "longitude", Kind: table.Coordinate, Doc: "Longitude"},
}

// places asks our own table, which is always there: municipalities of a department ("" = all) whose name has a text in it, or
// departments.
func (s *Service) places(departments bool, department, text string, limit, offset int) ask {
	params := url.Values{
		"departments": {strconv.FormatBool(departments)}, "department": {department}, "q": {catalogue.Fold(text)}, "limit": {strconv.Itoa(limit)}, "offset": {strconv.Itoa(offset)},
	}
	return ask{endpoint: "divipola", params: params, deps: []string{placesTable}, fetch: func(ctx context.Context, _ upstream.Validators) (kept, bool, error) {
		all, err := s.o.Store.All(ctx)
		if err != nil {
			return kept{}, false, err
		}
		t, total, want := table.Table{Columns: placeColumns, Rows: [][]*string{}}, 0, catalogue.Fold(text)
		for i := range all {
			p := &all[i]
			if (len(p.Code) == 2) != departments || department != "" && p.Department != department || !strings.Contains(catalogue.Fold(p.Name), want) {
				continue
			}
			if total++; total > offset && len(t.Rows) < limit {
				t.Rows = append(t.Rows, p.row())
			}
		}
		return kept{Table: t, Total: &total}, false, nil
	}}
}

func (p *Place) row() []*string {
	return []*string{&p.Code, &p.Name, &p.Department, &p.Of, &p.Kind, coordinate(p.Latitude), coordinate(p.Longitude)}
}

func coordinate(s *string) *string {
	if s == nil {
		return nil
	}
	n, err := table.Normal(table.Coordinate, *s)
	if err != nil {
		return nil
	}
	return &n
}

// located are places by their codes, through the cache.
func (s *Service) located(ctx context.Context, codes []string) (map[string]Place, error) {
	if len(codes) == 0 {
		return nil, nil
	}
	k, _, err := s.answer(ctx, ask{
		endpoint: "places", params: url.Values{"code": codes}, deps: []string{placesTable},
		fetch: func(ctx context.Context, _ upstream.Validators) (kept, bool, error) {
			found, err := s.o.Store.Places(ctx, codes)
			t := table.Table{Columns: placeColumns, Rows: [][]*string{}}
			for i := range found {
				t.Rows = append(t.Rows, found[i].row())
			}
			return kept{Table: t}, false, err
		},
	})
	if err != nil {
		return nil, err
	}
	out := map[string]Place{}
	for i, row := range k.Table.Rows {
		cell := func(name string) string { return k.Table.Cell(i, name) }
		out[cell("code")] = Place{cell("code"), cell("name"), cell("department_code"), cell("department"), cell("kind"), row[5], row[6]}
	}
	return out, nil
}
