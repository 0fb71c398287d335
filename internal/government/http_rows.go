package government

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/shopspring/decimal"

	"openlearn/internal/government/catalogue"
	"openlearn/internal/government/table"
	"openlearn/internal/httpapi"
)

// Register mounts the routes.
func Register(api *httpapi.API, s *Service) {
	h := &handlers{api, s}
	plain := func(path, id, summary string) huma.Operation {
		return huma.Operation{Method: http.MethodGet, Path: "/api/government" + path, OperationID: id, Summary: summary, Tags: []string{"government"}, Errors: []int{http.StatusNotFound}}
	}
	huma.Register(api, plain("/apis", "government-apis", "How the open-data services are doing, as this instance has seen them"), h.apis)
	huma.Register(api, plain("/datasets", "government-datasets", "The datasets of datos.gov.co that may be asked for"), h.datasetList)
	huma.Register(api, plain("/datasets/{key}", "government-dataset", "A dataset: its columns, filters, licence and traps"), h.dataset)
	huma.Register(api, operation(api, "/datasets/{key}/rows", "government-rows", "Rows of a dataset"), h.rows)
	huma.Register(api, operation(api, "/catalog", "government-catalog", "Search what datos.gov.co publishes"), h.search)
	huma.Register(api, operation(api, "/secop/contracts", "secop-contracts", "Contracts of public entities (SECOP II)"), h.contracts)
	huma.Register(api, operation(api, "/secop/contracts/{id}", "secop-contract", "One contract"), h.contract)
	huma.Register(api, operation(api, "/secop/processes", "secop-processes", "Procurement processes (SECOP II)"), h.processes)
	huma.Register(api, operation(api, "/secop/summary", "secop-summary", "Contracts counted and summed by groups; drafts and absurd values are left out"), h.summary)
	huma.Register(api, operation(api, "/trm", "trm", "Pesos for a dollar, day by day"), h.trm)
	huma.Register(api, operation(api, "/divipola/departments", "divipola-departments", "The departments of Colombia"), h.departments)
	huma.Register(api, operation(api, "/divipola/municipalities", "divipola-municipalities", "The municipalities of Colombia"), h.municipalities)
	registerContext(api, h)
	huma.Register(api, operation(api, "/climate/{variable}", "climate", "What weather stations observed"), h.climate)
	huma.Register(api, operation(api, "/budget/execution", "budget-execution", "Budgets of territorial entities and how they are spent"), h.budget)
	huma.Register(api, operation(api, "/banrep/{series}", "banrep", "A series of Banco de la República"), h.banrep)
	huma.Register(api, operation(api, "/worldbank/{indicator}", "worldbank", "An indicator of the World Bank for Colombia"), h.worldbank)
}

// Chosen are the filters that routes share.
type Chosen struct {
	Department   string                    `query:"department" maxLength:"80" doc:"Code or name of a department, in any spelling" example:"05"`
	Municipality string                    `query:"municipality" maxLength:"80" doc:"Name of a municipality" example:"Medellín"`
	From         httpapi.Opt[httpapi.Date] `query:"from" doc:"First day"`
	To           httpapi.Opt[httpapi.Date] `query:"to" doc:"Last day"`
}

func (c *Chosen) filter() Filter {
	f := Filter{Department: c.Department, Municipality: c.Municipality}
	if c.From.Set {
		f.From = c.From.Value.Start()
	}
	if c.To.Set {
		f.To = c.To.Value.End()
	}
	return f
}

// Bounds are those of values. They are texts, so that every digit counts.
type Bounds struct {
	Min string `query:"min_value" maxLength:"40" doc:"Least value" example:"1000000"`
	Max string `query:"max_value" maxLength:"40" doc:"Greatest value"`
}

func (b *Bounds) apply(f *Filter) error {
	for _, v := range []struct {
		name, text string
		to         **decimal.Decimal
	}{{"min_value", b.Min, &f.MinValue}, {"max_value", b.Max, &f.MaxValue}} {
		if v.text == "" {
			continue
		}
		n, err := table.ParseNumber(v.text)
		if err != nil {
			return invalid(v.name, "a number is needed")
		}
		*v.to = &n
	}
	return nil
}

type rowsInput struct {
	Key string `path:"key" maxLength:"60" example:"secop2_contracts"`
	Chosen
	Bounds
	Entity  string `query:"entity" maxLength:"200" doc:"Name of an entity, as the register writes it or in capitals"`
	NIT     string `query:"nit" maxLength:"20" doc:"Tax number of an entity"`
	Station string `query:"station" maxLength:"20" doc:"Code of a weather station"`
	Q       string `query:"q" maxLength:"80" doc:"A text; only within an entity or department and a year"`
	Where   string `query:"where" maxLength:"1000" doc:"Conditions on columns, separated by semicolons" example:"departamento=Antioquia; valor_del_contrato>=1000000"`
	Columns string `query:"columns" maxLength:"2000" doc:"Names of columns, separated by commas"`
	Order   string `query:"order" maxLength:"101" doc:"A column; with a minus before it the greatest first"`
	Paging
}

// known is the dataset of a key, or a 404.
func known(key string) (*catalogue.Dataset, error) {
	d, ok := catalogue.Get(key)
	if !ok {
		return nil, httpapi.NotFound(fmt.Sprintf("No dataset has the key %s: see /api/government/datasets", httpapi.Shorten(key)))
	}
	return d, nil
}

func (h *handlers) rows(ctx context.Context, in *rowsInput) (*rowsOutput, error) {
	d, err := known(in.Key)
	if err != nil {
		return nil, err
	}
	f := in.filter()
	f.Entity, f.NIT, f.Station, f.Text, f.Where = in.Entity, in.NIT, in.Station, in.Q, in.Where
	if err := in.apply(&f); err != nil {
		return nil, refuse(err)
	}
	var columns []string
	for name := range strings.SplitSeq(in.Columns, ",") {
		if name = strings.TrimSpace(name); name != "" {
			columns = append(columns, name)
		}
	}
	return h.respondRows(ctx, "rows", Rows{Dataset: d, Filter: f, Columns: columns, Order: in.Order, Limit: in.Limit, Offset: in.Offset}, in.csv())
}

func (h *handlers) respondRows(ctx context.Context, endpoint string, q Rows, csv bool) (*rowsOutput, error) {
	a, err := h.s.ask(endpoint, q)
	if err != nil {
		return nil, refuse(err)
	}
	return h.respond(ctx, a, q.Dataset.Attribution(), q.Limit, csv)
}

type contractsInput struct {
	Chosen
	Bounds
	Entity   string `query:"entity" maxLength:"200" doc:"Name of the contracting entity, as SECOP writes it or in capitals"`
	NIT      string `query:"nit" maxLength:"20" pattern:"^[0-9]*$" doc:"Tax number of the contracting entity, without the digit of verification" example:"899999027"`
	Status   string `query:"status" maxLength:"60" doc:"State, as SECOP writes it" example:"En ejecución"`
	Type     string `query:"type" maxLength:"60" doc:"Type, as SECOP writes it" example:"Prestación de servicios"`
	Modality string `query:"modality" maxLength:"80" doc:"Modality of procurement, in any spelling" example:"minima cuantia"`
	Q        string `query:"q" maxLength:"80" doc:"A text in the subject; only within an entity or department and a year"`
	Order    string `query:"order" enum:"newest,oldest,greatest,least" default:"newest"`
	Paging
}

// filter is the input as a filter, over columns for the state, the type and the modality.
func (in *contractsInput) filter(status, kind, modality string) (Filter, error) {
	f := in.Chosen.filter()
	f.Entity, f.NIT, f.Text = in.Entity, in.NIT, in.Q
	for _, e := range []struct{ column, value string }{{status, in.Status}, {kind, in.Type}, {modality, catalogue.Modality(in.Modality)}} {
		if e.value != "" {
			f.Equal = append(f.Equal, e.column, e.value)
		}
	}
	return f, in.apply(&f)
}

func (in *contractsInput) order(d *catalogue.Dataset) string {
	switch in.Order {
	case "oldest":
		return d.Roles.Day
	case "greatest":
		return "-" + d.Roles.Value
	case "least":
		return d.Roles.Value
	}
	return "-" + d.Roles.Day
}

func (h *handlers) contracts(ctx context.Context, in *contractsInput) (*rowsOutput, error) {
	return h.procurement(ctx, catalogue.Contracts, in, "estado_contrato", "tipo_de_contrato", "modalidad_de_contratacion")
}

func (h *handlers) processes(ctx context.Context, in *contractsInput) (*rowsOutput, error) {
	return h.procurement(ctx, catalogue.Processes, in, "estado_del_procedimiento", "tipo_de_contrato", "modalidad_de_contratacion")
}

func (h *handlers) procurement(ctx context.Context, key string, in *contractsInput, status, kind, modality string) (*rowsOutput, error) {
	d := catalogue.MustGet(key)
	f, err := in.filter(status, kind, modality)
	if err != nil {
		return nil, refuse(err)
	}
	return h.respondRows(ctx, key, Rows{Dataset: d, Filter: f, Order: in.order(d), Limit: in.Limit, Offset: in.Offset}, in.csv())
}

type contractInput struct {
	ID string `path:"id" maxLength:"60" pattern:"^[A-Za-z0-9._-]+$" doc:"The contract's id in SECOP II (id_contrato)" example:"CO1.PCCNTR.5361557"`
	Choice
}

func (h *handlers) contract(ctx context.Context, in *contractInput) (*rowsOutput, error) {
	a, err := h.s.contract(in.ID)
	if err != nil {
		return nil, refuse(err)
	}
	return h.respond(ctx, a, catalogue.MustGet(catalogue.Contracts).Attribution(), 1, in.csv())
}

type summaryInput struct {
	GroupBy string `query:"group_by" enum:"department,municipality,entity,type,modality,status,sector,order,month" default:"department"`
	Chosen
	Entity string `query:"entity" maxLength:"200"`
	NIT    string `query:"nit" maxLength:"20" pattern:"^[0-9]*$"`
	Limit  int    `query:"limit" default:"50" minimum:"1" maximum:"200"`
	Choice
}

// summaryDays is how far back a summary goes by itself, and mostSummaryDays how much it may span.
const (
	summaryDays     = 365
	mostSummaryDays = 1830
)

func (h *handlers) summary(ctx context.Context, in *summaryInput) (*rowsOutput, error) {
	f := in.filter()
	f.Entity, f.NIT = in.Entity, in.NIT
	if f.To.IsZero() {
		f.To = h.s.today().AddDate(0, 0, 1)
	}
	if f.From.IsZero() {
		f.From = f.To.AddDate(0, 0, -summaryDays)
	}
	if f.To.Sub(f.From) > mostSummaryDays*24*time.Hour {
		return nil, refuse(invalid("from", "a summary may span %d days at most", mostSummaryDays))
	}
	a, err := h.s.summary(in.GroupBy, f, in.Limit)
	if err != nil {
		return nil, refuse(err)
	}
	return h.respond(ctx, a, catalogue.MustGet(catalogue.Contracts).Attribution(), in.Limit, in.csv())
}
