package government

import (
	"net/url"
	"strconv"
	"time"

	"github.com/shopspring/decimal"

	"openlearn/internal/government/catalogue"
	"openlearn/internal/government/soql"
	"openlearn/internal/government/table"
)

// absurd is from where on the value of a contract is a mistake of whoever typed it: nine such rows hold 94 % of the sum of all.
var absurd = decimal.New(1, 13)

// draft is the state of contracts that bind nobody.
const draft = "Borrador"

// contract asks for one contract.
func (s *Service) contract(id string) (ask, error) {
	a, err := s.ask("secop-contract", Rows{Dataset: catalogue.MustGet(catalogue.Contracts), Filter: Filter{Equal: []string{"id_contrato", id}}, Limit: 1})
	a.missing = "No contract has the id " + short(id)
	return a, err
}

// Groups are what contracts can be summed by, and the columns of that.
var groups = map[string]string{
	"department": "departamento", "municipality": "ciudad", "entity": "nombre_entidad", "type": "tipo_de_contrato", "modality": "modalidad_de_contratacion",
	"status": "estado_contrato", "sector": "sector", "order": "orden", "month": "fecha_de_firma",
}

// summary asks for contracts by groups, those with the greatest sums first; months in their order. Drafts and absurd values are
// left out.
func (s *Service) summary(by string, f Filter, limit int) (ask, error) {
	d := catalogue.MustGet(catalogue.Contracts)
	where, err := f.condition(d)
	if err != nil {
		return ask{}, err
	}
	column, ok := groups[by]
	if !ok {
		return ask{}, invalid("group_by", "no group %q", short(by))
	}
	var (
		name    = soql.MustCol(column)
		value   = soql.MustCol("valor_del_contrato")
		count   = soql.MustCol("contracts")
		total   = soql.MustCol("total")
		average = soql.MustCol("average")
		first   = soql.Plain(name)
		group   = name
		order   = []soql.Order{{Column: total, Descending: true}}
		kind    = table.Text
	)
	if by == "month" {
		group = soql.MustCol("month")
		first, order, kind = soql.Month(name, group), nil, table.Date
	}
	where = soql.And(
		where, soql.Compare(soql.MustCol("estado_contrato"), soql.NotEqual, soql.Text(draft)), soql.Compare(value, soql.Less, soql.Number(absurd)),
		soql.Compare(value, soql.Greater, soql.Number(decimal.Zero)),
	)
	params := f.params()
	params.Set("group_by", by)
	params.Set("limit", strconv.Itoa(limit))
	columns := []table.Column{
		{Name: group.Name(), Kind: kind, Doc: "The group"},
		{Name: "contracts", Kind: table.Number, Doc: "Number of contracts"},
		{Name: "total", Kind: table.Money, Doc: "Sum of their values"},
		{Name: "average", Kind: table.Money, Doc: "Mean of their values"},
	}
	q := soql.Query{
		Select: []soql.Selected{first, soql.Count(count), soql.Sum(value, total), soql.Avg(value, average)},
		Where:  where, Group: []soql.Column{group}, Order: order, Limit: limit,
	}
	return s.query("secop-summary", params, d, q, columns, nil), nil
}

// spending asks for the budget of territorial entities.
func (s *Service) spending(kind, municipality, entity, period, account string, limit, offset int) (ask, error) {
	key := catalogue.Spending
	if kind == "budget" {
		key = catalogue.Budget
	}
	d := catalogue.MustGet(key)
	f := Filter{Entity: entity}
	for column, value := range map[string]string{"periodo": period, "cuenta": account} {
		if value != "" {
			f.Equal = append(f.Equal, column, value)
		}
	}
	where, err := f.condition(d)
	if err != nil {
		return ask{}, err
	}
	if municipality == "" && entity == "" {
		return ask{}, invalid("municipality", "a municipality's code or an entity is needed")
	}
	if municipality != "" { // the last five digits of an entity's code
		where = soql.And(where, soql.EndsWith(soql.MustCol("codigo_entidad"), municipality))
	}
	params := url.Values{
		"kind": {kind}, "municipality": {municipality}, "entity": {entity}, "period": {period}, "account": {account},
		"limit": {strconv.Itoa(limit)}, "offset": {strconv.Itoa(offset)},
	}
	q := soql.Query{Where: where, Order: []soql.Order{{Column: soql.MustCol("periodo"), Descending: true}, {Column: soql.MustCol("cuenta")}}, Limit: limit + 1, Offset: offset}
	for _, c := range d.Columns {
		q.Select = append(q.Select, soql.Plain(soql.MustCol(c.Name)))
	}
	return s.query("budget", params, d, q, d.Columns, nil), nil
}

// observations asks what stations observed: as they are, or for each station and day.
func (s *Service) observations(variable, by string, f Filter, limit, offset int) (ask, *catalogue.Dataset, error) {
	d, ok := catalogue.Get(catalogue.Climate(variable))
	if !ok {
		return ask{}, nil, invalid("variable", "no variable %q", short(variable))
	}
	if by != "day" {
		a, err := s.ask("climate", Rows{Dataset: d, Filter: f, Limit: limit, Offset: offset})
		return a, d, err
	}
	where, err := f.condition(d)
	if err != nil {
		return ask{}, d, err
	}
	at, value := soql.MustCol("fechaobservacion"), soql.MustCol("valorobservado")
	day, station, unit := soql.MustCol("day"), soql.MustCol("nombreestacion"), soql.MustCol("unidadmedida")
	department, municipality := soql.MustCol("departamento"), soql.MustCol("municipio")
	q := soql.Query{
		Select: []soql.Selected{
			soql.Day(at, day), soql.Plain(department), soql.Plain(municipality), soql.Plain(station), soql.Plain(unit),
			soql.Avg(value, soql.MustCol("average")), soql.Min(value, soql.MustCol("least")), soql.Max(value, soql.MustCol("greatest")), soql.Sum(value, soql.MustCol("total")),
			soql.Count(soql.MustCol("observations")),
		},
		Where: where, Group: []soql.Column{day, department, municipality, station, unit}, Order: []soql.Order{{Column: day, Descending: true}}, Limit: limit + 1, Offset: offset,
	}
	columns := []table.Column{
		{Name: "day", Kind: table.Date, Doc: "Day"},
		{Name: "departamento", Kind: table.Text, Doc: "Department"},
		{Name: "municipio", Kind: table.Text, Doc: "Municipality"},
		{Name: "nombreestacion", Kind: table.Text, Doc: "Station"},
		{Name: "unidadmedida", Kind: table.Text, Doc: "Unit"},
		{Name: "average", Kind: table.Number, Doc: "Mean"},
		{Name: "least", Kind: table.Number, Doc: "Least"},
		{Name: "greatest", Kind: table.Number, Doc: "Greatest"},
		{Name: "total", Kind: table.Number, Doc: "Sum: of precipitation, what fell"},
		{Name: "observations", Kind: table.Number, Doc: "Number of observations"},
	}
	params := f.params()
	params.Set("dataset", d.Key)
	params.Set("by", by)
	params.Set("limit", strconv.Itoa(limit))
	params.Set("offset", strconv.Itoa(offset))
	return s.query("climate", params, d, q, columns, nil), d, nil
}

// longAgo is a day before which no dataset has rows.
var longAgo = time.Date(1900, 1, 1, 0, 0, 0, 0, table.Bogota)
