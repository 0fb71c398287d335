package government

import (
	"context"
	"maps"
	"net/url"
	"slices"
	"strconv"

	"openlearn/internal/government/catalogue"
	"openlearn/internal/government/soda"
	"openlearn/internal/government/table"
	"openlearn/internal/government/upstream"
	"openlearn/internal/government/worldbank"
)

// bankSeries are the flows of Banco de la República that may be asked for, by keys of ours.
var bankSeries = map[string]struct{ flow, title string }{
	"trm":         {"DF_TRM_DAILY", "Tasa representativa del mercado"},
	"uvr":         {"DF_UVR_DAILY", "Unidad de valor real"},
	"policy_rate": {"DF_CBR_DAILY", "Tasa de política monetaria"},
	"ibr":         {"DF_IBR_DAILY", "Indicador bancario de referencia"},
	"dtf":         {"DF_DTF_DAILY", "Tasa de captación DTF"},
	"reserves":    {"DF_IR_DAILY", "Reservas internacionales"},
	"colcap":      {"DF_COLCAP_DAILY", "Índice COLCAP"},
	"money":       {"DF_MONAGG_DAILY", "Agregados monetarios"},
}

// Series are the keys of Banco de la República's series.
func Series() []string { return slices.Sorted(maps.Keys(bankSeries)) }

func bankAttribution(key string) catalogue.Attribution {
	series := bankSeries[key]
	return catalogue.Attribution{
		Publisher: "Banco de la República", Dataset: series.title, Source: "https://suameca.banrep.gov.co/estadisticas-economicas/", Licence: catalogue.Terms,
		Notes: []string{"Codes of subjects and units are the bank's own.", "Observations that are not published yet are null."},
	}
}

// observationsOf asks for a series of Banco de la República. all: its whole history, else its latest observations. Years are both
// included; 0 = not bounded.
func (s *Service) observationsOf(key string, all bool, first, last int) (ask, error) {
	series, ok := bankSeries[key]
	if !ok {
		return ask{}, invalid("series", "no series %q", short(key))
	}
	if first > last && last != 0 {
		return ask{}, invalid("from", "the first year must not be after the last")
	}
	flow := series.flow + "_LATEST"
	if all {
		flow = series.flow + "_HIST"
	}
	params := url.Values{"flow": {flow}, "from": {strconv.Itoa(first)}, "to": {strconv.Itoa(last)}}
	return ask{endpoint: "banrep", params: params, up: s.banrepUp, fetch: func(ctx context.Context, known upstream.Validators) (kept, bool, error) {
		r, err := s.banrep.Observations(ctx, flow, first, last, known)
		if err != nil || r.NotModified {
			return kept{}, r.NotModified, err
		}
		return kept{Table: r.Table, Known: r.Validators}, false, nil
	}}, nil
}

// indicators are names of ours for some of the World Bank's.
var indicators = map[string]string{
	"gdp": "NY.GDP.MKTP.CD", "gdp_growth": "NY.GDP.MKTP.KD.ZG", "gdp_per_person": "NY.GDP.PCAP.CD", "inflation": "FP.CPI.TOTL.ZG", "population": "SP.POP.TOTL",
	"unemployment": "SL.UEM.TOTL.ZS", "poverty": "SI.POV.NAHC", "gini": "SI.POV.GINI", "life_expectancy": "SP.DYN.LE00.IN", "literacy": "SE.ADT.LITR.ZS",
	"internet_users": "IT.NET.USER.ZS", "exports": "NE.EXP.GNFS.ZS", "remittances": "BX.TRF.PWKR.DT.GD.ZS", "forest": "AG.LND.FRST.ZS",
}

// Indicators are our names for indicators of the World Bank.
func Indicators() []string { return slices.Sorted(maps.Keys(indicators)) }

// indicator is the World Bank's id that a name of ours, or an id, means.
func indicator(name string) (string, bool) {
	if id, ok := indicators[name]; ok {
		return id, true
	}
	return name, worldbank.ValidID(name)
}

func worldBankAttribution(id string) catalogue.Attribution {
	return catalogue.Attribution{
		Publisher: "World Bank", Dataset: "World Development Indicators: " + id, Source: "https://data.worldbank.org/indicator/" + id + "?locations=CO",
		Licence: catalogue.By, Notes: []string{"The latest years are null until they are published."},
	}
}

// indicatorOf asks for an indicator of the World Bank, years both included.
func (s *Service) indicatorOf(name string, first, last int) (ask, string, error) {
	id, ok := indicator(name)
	if !ok {
		return ask{}, "", invalid("indicator", "no indicator %q: expected an id such as FP.CPI.TOTL.ZG, or a name of ours", short(name))
	}
	if first > last {
		return ask{}, "", invalid("from", "the first year must not be after the last")
	}
	params := url.Values{"indicator": {id}, "from": {strconv.Itoa(first)}, "to": {strconv.Itoa(last)}}
	return ask{endpoint: "worldbank", params: params, up: s.bankUp, fetch: func(ctx context.Context, known upstream.Validators) (kept, bool, error) {
		r, err := s.bank.Indicator(ctx, id, first, last, known)
		if err != nil || r.NotModified {
			return kept{}, r.NotModified, err
		}
		return kept{Table: r.Table, Known: r.Validators}, false, nil
	}}, id, nil
}

// catalogColumns are those of what the publishers' catalogue finds: ours is the key of datasets that may be asked for.
var catalogColumns = append(slices.Clone(soda.CatalogColumns), table.Column{Name: "key", Kind: table.Text, Doc: "Our key, where rows may be asked for here"})

// search asks what datos.gov.co publishes.
func (s *Service) search(text string, limit, offset int) ask {
	params := url.Values{"q": {text}, "limit": {strconv.Itoa(limit)}, "offset": {strconv.Itoa(offset)}}
	return ask{endpoint: "catalog", params: params, up: s.catalogUp, fetch: func(ctx context.Context, known upstream.Validators) (kept, bool, error) {
		r, total, err := s.catalog.Search(ctx, text, limit, offset, known)
		if err != nil || r.NotModified {
			return kept{}, r.NotModified, err
		}
		t := table.Table{Columns: catalogColumns}
		for i, row := range r.Table.Rows {
			var key *string
			if d, ok := catalogue.ByID(r.Table.Cell(i, "id")); ok {
				key = &d.Key
			}
			t.Rows = append(t.Rows, append(slices.Clone(row), key))
		}
		return kept{Table: t, Total: &total, Known: r.Validators}, false, nil
	}}
}
