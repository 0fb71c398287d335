package app

import (
	"encoding/csv"
	"net/http"
	"net/netip"
	"strings"
	"testing"
	"time"

	"openlearn/internal/government/catalogue"
	opendata "openlearn/internal/government/replay"
	"openlearn/internal/government/upstream"
)

// newGovernmentApp is a service whose open-data services are a replay server.
func newGovernmentApp(t *testing.T, change ...func(*Config)) (*testApp, *opendata.Server) {
	t.Helper()
	server := opendata.Start()
	t.Cleanup(server.Close)
	for _, d := range catalogue.All() {
		server.Know(d.ID, d.Names()...)
	}
	a := newTestApp(t, append([]func(*Config){func(c *Config) {
		c.OpenData.DatosURL, c.OpenData.CatalogURL, c.OpenData.BanrepURL, c.OpenData.WorldBankURL = server.URL, server.URL, server.URL, server.URL
		c.testing.upstreams = func(u *upstream.Config) {
			u.Allowed = []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}
			u.PerSecond, u.Burst, u.Pause, u.Attempts = 10_000, 10_000, time.Millisecond, 1
		}
	}}, change...)...)
	a.awaitGate()
	return a, server
}

// governmentRoutes are addresses that have rows, and a text that is in them.
var governmentRoutes = map[string]string{
	"/datasets/divipola_municipalities/rows?department=antioquia":                           `"latitud":6.246631`,
	"/datasets/secop_integrated/rows?where=valor_contrato%3E=1000;origen=SECOPII":           `"valor_contrato":125000000`,
	"/datasets/divipola_centres/rows?columns=nombre_centro_poblado,longitud&order=longitud": `"longitud":-75.581775`,
	"/secop/contracts?department=bogota":                                                    `"valor_del_contrato":3080250`,
	"/secop/contracts?nit=900143276&min_value=3080250&max_value=3080250.00":                 `"proveedor_adjudicado":"SOLUCIONES M Y T SAS"`,
	"/secop/contracts/CO1.PCCNTR.5361557":                                                   `"estado_contrato":"Borrador"`,
	"/secop/processes?entity=departamento+administrativo+nacional+de+estadistica+(DANE)":    `"id_del_proceso":"CO1.REQ.2577563"`,
	"/secop/processes?from=2022-01-18&to=2022-01-18&nit=899999027&q=geih":                   `"precio_base":57333333`,
	"/trm?from=2014-01-02&to=2014-01-07":                                                    `{"date":"2014-01-03","value":1936.92,"unit":"COP","valid_from":"2014-01-03","valid_to":"2014-01-07"}`,
	"/trm?date=2014-02-03":                                                                  `"value":1970`,
	"/climate/precipitation?from=2026-04-01&to=2026-04-05":                                  `"fechaobservacion":"2026-04-05T23:59:00-05:00"`,
	"/climate/precipitation?from=2026-04-01&to=2026-04-05&by=day&department=11":             `"day":"2026-04-05"`,
	"/budget/execution?municipality=05001&period=20251201":                                  `"compromisos":9000000000.5`,
	"/banrep/uvr":                       `"value":420.1234`,
	"/worldbank/inflation":              `"value":6.6`,
	"/worldbank/FP.CPI.TOTL.ZG?to=2025": `"year":"2024"`,
	"/catalog?q=contratos":              `"key":"secop2_contracts"`,
	"/secop/summary?from=2022-01-01&to=2022-12-31&group_by=month": `"items":[]`,
}

func TestGovernmentRoutes(t *testing.T) {
	t.Parallel()
	a, _ := newGovernmentApp(t)
	for path, text := range governmentRoutes {
		r := a.get("/api/government" + path)
		if r.StatusCode != http.StatusOK || !strings.Contains(string(r.body), text) || r.Header.Get("X-Cache") != "MISS" {
			t.Errorf("%s: %d, %s, no %s in\n%.600s", path, r.StatusCode, r.Header.Get("X-Cache"), text, r.body)
			continue
		}
		body := r.json(t).(map[string]any)
		by := body["attribution"].(map[string]any)
		if license := by["license"].(map[string]any); by["publisher"] == "" || license["name"] == "" || !strings.HasPrefix(license["url"].(string), "https://") {
			t.Errorf("%s: attributed to %v", path, by)
		}
		for range 2 {
			again := a.get("/api/government" + path)
			if again.Header.Get("X-Cache") != "HIT" {
				t.Errorf("%s, again: %s", path, again.Header.Get("X-Cache"))
			}
		}
		as := a.do(http.MethodGet, "/api/government"+path, "", "Accept", "text/csv")
		lines, err := csv.NewReader(strings.NewReader(string(as.body))).ReadAll()
		if rows := int(body["count"].(float64)); err != nil || len(lines) != rows+1 || !strings.HasPrefix(as.Header.Get("Content-Type"), "text/csv") {
			t.Errorf("%s as CSV: %d lines of %d rows, %s, %v", path, len(lines), rows, as.Header.Get("Content-Type"), err)
		}
		if link := strings.Join(as.Header.Values("Link"), ", "); !strings.Contains(link, `rel="license"`) || as.Header.Get("Vary") == "" {
			t.Errorf("%s as CSV: Link %s, Vary %s", path, link, as.Header.Get("Vary"))
		}
	}
	for _, path := range []string{"/apis", "/datasets", "/datasets/trm"} {
		if r := a.get("/api/government" + path); r.StatusCode != http.StatusOK || !strings.Contains(string(r.body), `datos.gov.co`) {
			t.Errorf("%s: %d, %.300s", path, r.StatusCode, r.body)
		}
	}
}

func TestGovernmentRefusals(t *testing.T) {
	t.Parallel()
	a, server := newGovernmentApp(t)
	for path, want := range map[string]struct {
		status int
		text   string
	}{
		"/datasets/nothing/rows":                                             {404, "No dataset has the key nothing"},
		"/datasets/2jzx-383z/rows":                                           {404, "No dataset"},
		"/datasets/trm/rows?limit=1001":                                      {422, "less than or equal to 1000"},
		"/datasets/trm/rows?limit=0":                                         {422, "greater than or equal to 1"},
		"/datasets/trm/rows?department=05":                                   {422, "no such filter"},
		"/datasets/trm/rows?columns=valor,nombre":                            {422, "no column"},
		"/datasets/trm/rows?order=nombre":                                    {422, "cannot be ordered"},
		"/datasets/trm/rows?where=valor+like+1":                              {422, "expected conditions"},
		"/datasets/trm/rows?where=valor=uno":                                 {422, "no number"},
		"/datasets/trm/rows?min_value=uno":                                   {422, "a number is needed"},
		"/datasets/secop2_contracts/rows?where=proveedor_adjudicado=Ana":     {422, "natural person"},
		"/datasets/secop2_contracts/rows?where=documento_proveedor=52123456": {422, "natural person"},
		"/datasets/secop2_contracts/rows?order=documento_proveedor":          {422, "cannot be ordered"},
		"/datasets/secop2_contracts/rows?columns=nombre_representante_legal": {422, "no column"},
		"/secop/contracts?department=atlantida":                              {422, "no department of Colombia"},
		"/secop/contracts?q=puente":                                          {422, "a search of text needs"},
		"/secop/contracts?order=random":                                      {422, "newest"},
		"/secop/contracts/CO1.NONE":                                          {404, "No contract has the id CO1.NONE"},
		"/secop/summary?group_by=supplier":                                   {422, "department"},
		"/secop/summary?from=2000-01-01":                                     {422, "days at most"},
		"/trm?from=2014-01-07&to=2014-01-02":                                 {422, "must not be after"},
		"/trm?from=2000-01-01&to=2014-01-02":                                 {422, "days at most"},
		"/trm?date=2014-01-02&to=2014-01-02":                                 {422, "either date"},
		"/trm?date=1999-01-01":                                               {404, "No exchange rate is published for 1999-01-01"},
		"/climate/precipitation?from=2025-01-01&to=2026-01-01":               {422, "31 days at most"},
		"/climate/smell":                                                     {422, "precipitation"},
		"/budget/execution":                                                  {422, "municipality"},
		"/budget/execution?municipality=5":                                   {422, "match"},
		"/banrep/gold":                                                       {422, "uvr"},
		"/banrep/uvr?from=2020&to=2019":                                      {422, "must not be after"},
		"/worldbank/nonsense":                                                {422, "no indicator"},
		"/worldbank/inflation?from=1000":                                     {422, "greater than or equal to 1960"},
	} {
		before := len(server.Requests())
		r := a.get("/api/government" + path)
		if r.StatusCode != want.status || !strings.Contains(string(r.body), want.text) {
			t.Errorf("%s: %d, no %q in %.300s", path, r.StatusCode, want.text, r.body)
		}
		if n := len(server.Requests()) - before; want.status == 422 && n != 0 {
			t.Errorf("%s: %d requests", path, n)
		}
	}
	if r := a.get("/api/government/trm?date=2014-01-02&unknown=1"); r.StatusCode != http.StatusOK {
		t.Errorf("an unknown parameter: %d", r.StatusCode)
	}
}

func TestGovernmentIsAway(t *testing.T) {
	t.Parallel()
	a, server := newGovernmentApp(t)
	if r := a.get("/api/government/banrep/uvr"); r.StatusCode != http.StatusOK {
		t.Fatal(r.StatusCode)
	}
	for _, mood := range []opendata.Mood{opendata.Down, opendata.Throttles, opendata.Page, opendata.Error200, opendata.Fails} {
		server.Set(mood)
		r := a.get("/api/government/worldbank/gdp?from=" + map[opendata.Mood]string{opendata.Down: "1961", opendata.Throttles: "1962", opendata.Page: "1963", opendata.Error200: "1964", opendata.Fails: "1965"}[mood])
		if r.StatusCode != http.StatusServiceUnavailable || r.Header.Get("Retry-After") == "" || !strings.Contains(string(r.body), "worldbank gives no data now") || strings.Contains(string(r.body), "127.0.0.1") {
			t.Errorf("%s: %d, Retry-After %q, %.300s", mood, r.StatusCode, r.Header.Get("Retry-After"), r.body)
		}
		if r := a.get("/api/government/banrep/uvr"); r.StatusCode != http.StatusOK || r.Header.Get("X-Cache") != "HIT" {
			t.Errorf("%s: what is kept: %d, %s", mood, r.StatusCode, r.Header.Get("X-Cache"))
		}
	}
	page := a.get("/admin/cache/scraping", "Cookie", a.login())
	if page.StatusCode != http.StatusOK || !strings.Contains(string(page.body), `<tr id="service-banrep"><th scope="row" class="pin">banrep</th><td data-level="good">up</td><td>closed</td>`) ||
		!strings.Contains(string(page.body), `<tr id="service-worldbank"><th scope="row" class="pin">worldbank</th><td data-level="poor">`) && !strings.Contains(string(page.body), `<td data-level="fair">`) {
		t.Errorf("the console shows %d, %s", page.StatusCode, page.body)
	}
	r := a.get("/api/government/apis")
	if !strings.Contains(string(r.body), `"last_error":"`) {
		t.Errorf("%.500s", r.body)
	}
}
