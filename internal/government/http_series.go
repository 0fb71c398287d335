package government

import (
	"context"
	"net/http"
	"strings"
	"time"

	"openlearn/internal/government/catalogue"
	"openlearn/internal/government/table"
	"openlearn/internal/httpapi"
)

type trmInput struct {
	Date httpapi.Opt[httpapi.Date] `query:"date" doc:"The day (by default today in Bogotá); instead of from and to"`
	From httpapi.Opt[httpapi.Date] `query:"from" doc:"First day"`
	To   httpapi.Opt[httpapi.Date] `query:"to" doc:"Last day (by default today)"`
	Choice
}

func (h *handlers) trm(ctx context.Context, in *trmInput) (*rowsOutput, error) {
	day := func(o httpapi.Opt[httpapi.Date], fallback time.Time) time.Time {
		if !o.Set {
			return fallback
		}
		y, m, d := o.Value.Start().In(table.Bogota).Date()
		return time.Date(y, m, d, 0, 0, 0, 0, table.Bogota)
	}
	today := h.s.today()
	first, last := day(in.Date, today), day(in.Date, today)
	if in.From.Set || in.To.Set {
		if in.Date.Set {
			return nil, refuse(invalid("date", "either date, or from and to"))
		}
		last = day(in.To, today)
		first = day(in.From, last)
	}
	if first.Before(longAgo) {
		return nil, refuse(invalid("from", "there was no such rate before 1991"))
	}
	a, err := h.s.rates(first, last)
	if err != nil {
		return nil, refuse(err)
	}
	out, err := h.respond(ctx, a, catalogue.MustGet(catalogue.Rate).Attribution(), 0, in.csv())
	if err != nil && httpapi.StatusOf(err) == http.StatusServiceUnavailable {
		if stored, failed := h.storedRates(ctx, a, first, last, in.csv()); failed == nil && stored != nil {
			return stored, nil
		}
	}
	return out, err
}

// storedRates answers with the rates that are stored, for when their publisher gives none and none are kept; nil if a day is
// missing.
func (h *handlers) storedRates(ctx context.Context, a ask, first, last time.Time, csv bool) (*rowsOutput, error) {
	if h.s.o.Store == nil {
		return nil, nil
	}
	t, at, err := h.s.o.Store.Rates(ctx, first, last)
	if err != nil {
		return nil, err
	}
	t = expand(t, first, last)
	if len(t.Rows) < int(last.Sub(first)/(24*time.Hour))+1 {
		return nil, nil
	}
	return h.send(a, kept{Table: t}, stale, at, catalogue.MustGet(catalogue.Rate).Attribution(), 0, csv)
}

type departmentsInput struct {
	Q string `query:"q" maxLength:"80" doc:"A text in the name, in any spelling"`
	Choice
}

func (h *handlers) departments(ctx context.Context, in *departmentsInput) (*rowsOutput, error) {
	return h.respond(ctx, h.s.places(true, "", in.Q, MostRows, 0), catalogue.MustGet(catalogue.Municipalities).Attribution(), 0, in.csv())
}

type municipalitiesInput struct {
	Department string `query:"department" maxLength:"80" doc:"Code or name of a department, in any spelling" example:"05"`
	Q          string `query:"q" maxLength:"80" doc:"A text in the name, in any spelling" example:"medellin"`
	Paging
}

func (h *handlers) municipalities(ctx context.Context, in *municipalitiesInput) (*rowsOutput, error) {
	code := ""
	if in.Department != "" {
		d, ok := catalogue.FindDepartment(in.Department)
		if !ok {
			return nil, refuse(invalid("department", "%s is no department of Colombia: expected a code such as 05 or a name", short(in.Department)))
		}
		code = d.Code
	}
	return h.respond(ctx, h.s.places(false, code, in.Q, in.Limit, in.Offset), catalogue.MustGet(catalogue.Municipalities).Attribution(), 0, in.csv())
}

type climateInput struct {
	Variable string `path:"variable" enum:"precipitation,temperature,temperature_max,temperature_min,humidity,wind_speed,wind_direction,pressure,river_level"`
	Chosen
	Bounds
	Station string `query:"station" maxLength:"20" doc:"Code of a station"`
	By      string `query:"by" enum:"observation,day" default:"observation" doc:"day: mean, least, greatest and sum for each station and day"`
	Paging
}

func (h *handlers) climate(ctx context.Context, in *climateInput) (*rowsOutput, error) {
	f := in.filter()
	f.Station = in.Station
	if err := in.apply(&f); err != nil {
		return nil, refuse(err)
	}
	if f.To.IsZero() {
		f.To = h.s.today().AddDate(0, 0, 1)
	}
	if f.From.IsZero() {
		f.From = f.To.AddDate(0, 0, -2)
	}
	a, d, err := h.s.observations(in.Variable, in.By, f, in.Limit, in.Offset)
	if err != nil {
		return nil, refuse(err)
	}
	return h.respond(ctx, a, d.Attribution(), in.Limit, in.csv())
}

type budgetInput struct {
	Kind         string `query:"kind" enum:"spending,budget" default:"spending" doc:"spending: committed, owed and paid; budget: appropriations"`
	Municipality string `query:"municipality" maxLength:"5" pattern:"^([0-9]{5})?$" doc:"DIVIPOLA code of a municipality" example:"05001"`
	Entity       string `query:"entity" maxLength:"200" doc:"Name of an entity, in capitals" example:"MUNICIPIO DE PRUEBA"`
	Period       string `query:"period" maxLength:"8" pattern:"^([0-9]{8})?$" doc:"YYYYMMDD" example:"20251201"`
	Account      string `query:"account" maxLength:"40" pattern:"^[0-9.]*$" doc:"Account" example:"2"`
	Paging
}

func (h *handlers) budget(ctx context.Context, in *budgetInput) (*rowsOutput, error) {
	a, err := h.s.spending(in.Kind, in.Municipality, in.Entity, in.Period, in.Account, in.Limit, in.Offset)
	if err != nil {
		return nil, refuse(err)
	}
	key := catalogue.Spending
	if in.Kind == "budget" {
		key = catalogue.Budget
	}
	return h.respond(ctx, a, catalogue.MustGet(key).Attribution(), in.Limit, in.csv())
}

type banrepInput struct {
	Series  string `path:"series" enum:"trm,uvr,policy_rate,ibr,dtf,reserves,colcap,money"`
	History bool   `query:"history" doc:"The whole history, and not the latest observations"`
	From    int    `query:"from" minimum:"1900" maximum:"2100" doc:"First year"`
	To      int    `query:"to" minimum:"1900" maximum:"2100" doc:"Last year"`
	Choice
}

func (h *handlers) banrep(ctx context.Context, in *banrepInput) (*rowsOutput, error) {
	a, err := h.s.observationsOf(in.Series, in.History, in.From, in.To)
	if err != nil {
		return nil, refuse(err)
	}
	return h.respond(ctx, a, bankAttribution(in.Series), 0, in.csv())
}

type indicatorInput struct {
	Indicator string `path:"indicator" maxLength:"40" doc:"Id of an indicator, or a name of ours: gdp, inflation, population …" example:"inflation"`
	From      int    `query:"from" minimum:"1960" maximum:"2100" default:"1960" doc:"First year"`
	To        int    `query:"to" minimum:"1960" maximum:"2100" doc:"Last year (by default this one)"`
	Choice
}

func (h *handlers) worldbank(ctx context.Context, in *indicatorInput) (*rowsOutput, error) {
	last := in.To
	if last == 0 {
		last = h.s.today().Year()
	}
	a, id, err := h.s.indicatorOf(in.Indicator, in.From, last)
	if err != nil {
		return nil, refuse(err)
	}
	return h.respond(ctx, a, worldBankAttribution(id), 0, in.csv())
}

type searchInput struct {
	Q      string `query:"q" maxLength:"100" doc:"What is searched for" example:"contratos"`
	Limit  int    `query:"limit" default:"20" minimum:"1" maximum:"100"`
	Offset int    `query:"offset" default:"0" minimum:"0" maximum:"9900"`
	Choice
}

func (h *handlers) search(ctx context.Context, in *searchInput) (*rowsOutput, error) {
	by := catalogue.Attribution{
		Publisher: "Ministerio de Tecnologías de la Información y las Comunicaciones", Dataset: "Catálogo de datos abiertos", Source: "https://www.datos.gov.co/",
		Licence: catalogue.BySA, Notes: []string{"Each dataset has a licence of its own."},
	}
	return h.respond(ctx, h.s.search(strings.TrimSpace(in.Q), in.Limit, in.Offset), by, 0, in.csv())
}
