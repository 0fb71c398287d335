package app

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"openlearn/internal/government"
	opendata "openlearn/internal/government/replay"
	"openlearn/internal/jobs"
	"openlearn/internal/testkit"
)

// allMunicipalities are as many rows as DANE has, of which one is new and one has moved.
func allMunicipalities() []opendata.Row {
	var rows []opendata.Row
	for _, p := range government.Shipped() {
		if len(p.Code) == 2 {
			continue
		}
		latitude := *p.Latitude
		if p.Code == "05002" {
			latitude = "5.123456"
		}
		rows = append(rows, opendata.Row{
			"cod_mpio": p.Code, "nom_mpio": strings.ToUpper(p.Name), "cod_dpto": p.Department, "dpto": "X", "tipo_municipio": p.Kind,
			"latitud": strings.ReplaceAll(latitude, ".", ","), "longitud": strings.ReplaceAll(*p.Longitude, ".", ","),
		})
	}
	return append(rows,
		opendata.Row{"cod_mpio": "05999", "nom_mpio": "SAN PEDRO DE LOS NUEVOS", "cod_dpto": "05", "dpto": "ANTIOQUIA", "tipo_municipio": "Municipio", "latitud": "6,1", "longitud": "-75,1"},
		opendata.Row{"cod_mpio": "99", "nom_mpio": "NO CODE", "cod_dpto": "99"})
}

func untold(government.SyncReport) {}

// write stores an article with this text.
func (a *testApp) write(title, text string) int64 {
	a.t.Helper()
	body, err := json.Marshal(map[string]string{"title": title, "content": text, "source": "El Tiempo"})
	if err != nil {
		a.t.Fatal(err)
	}
	r := a.do(http.MethodPost, "/api/articles", string(body), "X-API-Key", testAdminKey, "Content-Type", "application/json")
	if r.StatusCode != http.StatusCreated {
		a.t.Fatalf("%d %s", r.StatusCode, r.body)
	}
	a.settle()
	return int64(r.json(a.t).(map[string]any)["id"].(float64))
}

func TestPlacesShip(t *testing.T) {
	t.Parallel()
	a, server := newGovernmentApp(t)
	for path, want := range map[string]string{
		"/divipola/departments":                                 `"count":33`,
		"/divipola/departments?q=bogota":                        `"code":"11"`,
		"/divipola/municipalities?limit=1000":                   `"total":1122`,
		"/divipola/municipalities?department=antioquia&limit=1": `"total":125`,
		"/divipola/municipalities?q=medellin":                   `{"code":"05001","name":"Medellín","department_code":"05","department":"Antioquia","kind":"Municipio","latitude":6.246631,"longitude":-75.581775}`,
		"/divipola/municipalities?department=11":                `"code":"11001"`,
	} {
		if r := a.get("/api/government" + path); r.StatusCode != http.StatusOK || !strings.Contains(string(r.body), want) {
			t.Errorf("%s: %d, no %s in %.400s", path, r.StatusCode, want, r.body)
		}
	}
	if r := a.get("/api/government/divipola/municipalities?department=nowhere"); r.StatusCode != http.StatusUnprocessableEntity {
		t.Errorf("an invented department: %d", r.StatusCode)
	}
	if n := len(server.Requests()); n != 0 {
		t.Errorf("%d requests for what ships", n)
	}
}

func TestPlacesAreBroughtUpToDate(t *testing.T) {
	t.Parallel()
	a, server := newGovernmentApp(t)
	const before, after = "/api/government/divipola/municipalities?q=abejorral", "/api/government/divipola/municipalities?q=nuevos"
	if r := a.get(before); !strings.Contains(string(r.body), `"latitude":5.789315`) {
		t.Fatalf("%s", r.body)
	}
	if r := a.get(after); !strings.Contains(string(r.body), `"count":0`) {
		t.Fatalf("%s", r.body)
	}
	// A table that lost most of its rows is not believed.
	if _, err := a.OpenData.Sync(t.Context(), "divipola", untold); err == nil || !strings.Contains(err.Error(), "cannot be all") {
		t.Errorf("two municipalities: %v", err)
	}
	server.Put("gdxc-w37w", allMunicipalities())
	told := 0
	r, err := a.OpenData.Sync(t.Context(), "divipola", func(government.SyncReport) { told++ })
	if err != nil || r.Read != 1124 || r.Changed != 2 || r.Skipped != 1 || told != 2 {
		t.Errorf("%+v, told %d times, %v", r, told, err)
	}
	if r := a.get(before); !strings.Contains(string(r.body), `"name":"Abejorral","department_code":"05","department":"Antioquia","kind":"Municipio","latitude":5.123456`) {
		t.Errorf("what has changed is shown as %.300s", r.body)
	}
	if r := a.get(after); !strings.Contains(string(r.body), `"name":"San Pedro de los Nuevos"`) {
		t.Errorf("what is new is shown as %.300s", r.body)
	}
	if r, err := a.OpenData.Sync(t.Context(), "divipola", untold); err != nil || r.Changed != 0 {
		t.Errorf("again: %+v, %v", r, err)
	}
}

func TestRatesAreBroughtUpToDateByAJob(t *testing.T) {
	t.Parallel()
	a, server := newGovernmentApp(t, withWorkers(0), func(c *Config) { c.OpenData.Workers = 1 })
	job, err := a.OpenData.Enqueue(t.Context(), a.jobs, "trm")
	if err != nil {
		t.Fatal(err)
	}
	stored := func() (n int) {
		if err := a.db.Pool.QueryRow(t.Context(), "SELECT count(*) FROM exchange_rates").Scan(&n); err != nil {
			t.Fatal(err)
		}
		return n
	}
	testkit.Eventually(t, "the job ends", func() bool {
		i, err := a.jobs.Get(t.Context(), job.ID, "government_sync")
		var told government.SyncReport
		return err == nil && i.State == jobs.Completed && json.Unmarshal(i.Progress, &told) == nil && told.Read > 0 // one that was due may have read the rest
	})
	if stored() != 4 {
		t.Errorf("%d rates", stored())
	}
	server.Set(opendata.Down)
	// What was never asked for is read of the table when the service is away.
	r := a.get("/api/government/trm?from=2014-01-02&to=2014-01-04")
	if r.StatusCode != http.StatusOK || !strings.Contains(string(r.body), `{"date":"2014-01-04","value":1936.92,`) || r.Header.Get("X-Cache") != "STALE" {
		t.Errorf("%d, %s, %.300s", r.StatusCode, r.Header.Get("X-Cache"), r.body)
	}
	if r := a.get("/api/government/trm?date=2000-01-01"); r.StatusCode != http.StatusServiceUnavailable {
		t.Errorf("what neither has: %d", r.StatusCode)
	}
}

func TestArticleContext(t *testing.T) {
	t.Parallel()
	a, server := newGovernmentApp(t)
	server.Put("jbjy-vk9h", []opendata.Row{
		{"nombre_entidad": "MINISTERIO DE EDUCACION NACIONAL", "nit_entidad": "899999001", "departamento": "Distrito Capital de Bogotá"},
		{"nombre_entidad": "MINISTERIO DE EDUCACION NACIONAL", "nit_entidad": "899999001", "departamento": "Distrito Capital de Bogotá"},
		{"nombre_entidad": "OTRA ENTIDAD", "nit_entidad": "1", "departamento": "Antioquia"},
	})
	id := a.write("La Ministra viajó a Medellín", "El Ministerio de Educación Nacional anunció este lunes en Medellín, la capital de Antioquia, nuevas becas para estudiantes de Quibdó. "+
		"El Ministerio de Educación Nacional dijo que Medellín recibirá recursos.")
	path := fmt.Sprintf("/api/articles/%d/context", id)
	r := a.get(path)
	for _, want := range []string{
		`{"divipola":"05001","name":"Medellín","text":"Medellín","kind":"Municipio","department":"Antioquia","latitude":6.246631,"longitude":-75.581775,"mentions":`,
		`"divipola":"27001"`, `"divipola":"05"`, `/api/government/budget/execution?municipality=05001`, `"secop":"ok"`,
		`"secop_entities":[{"name":"MINISTERIO DE EDUCACION NACIONAL","nit":"899999001","contracts":2,"links":{"contracts":"/api/government/secop/contracts?nit=899999001"}}]`, `CC BY-SA 4.0`,
	} {
		if r.StatusCode != http.StatusOK || !strings.Contains(string(r.body), want) {
			t.Errorf("%d, no %s in\n%s", r.StatusCode, want, r.body)
		}
	}
	if r := a.get("/api/articles/999999/context"); r.StatusCode != http.StatusNotFound {
		t.Errorf("no article: %d", r.StatusCode)
	}
	server.Set(opendata.Fails)
	other := a.write("Anuncio en Cali", "La Defensoría del Pueblo pidió este martes en Cali que se protejan los derechos de los niños.")
	if r := a.get(fmt.Sprintf("/api/articles/%d/context", other)); r.StatusCode != http.StatusOK || !strings.Contains(string(r.body), `"divipola":"76001"`) || !strings.Contains(string(r.body), `"secop":"unavailable"`) {
		t.Errorf("while SECOP is away: %d, %s", r.StatusCode, r.body)
	}
}

func TestGovernmentCommand(t *testing.T) {
	server := opendata.Start()
	t.Cleanup(server.Close)
	for name, value := range map[string]string{"DATOS_GOV_URL": server.URL, "GOVERNMENT_ALLOWED_NETS": "127.0.0.0/8"} {
		t.Setenv(name, value)
	}
	run := func(args ...string) (string, string, error) {
		var out, errs strings.Builder
		err := Run(t.Context(), "test", append([]string{"government"}, args...), &out, &errs)
		return out.String(), errs.String(), err
	}
	out, errs, err := run("get", "trm", "--where", "valor>=1937", "--columns", "valor,vigenciadesde", "--order", "vigenciadesde")
	if err != nil || out != "{\"vigenciadesde\":\"2014-01-02\",\"valor\":1938.89}\n{\"vigenciadesde\":\"2014-02-03\",\"valor\":1970}\n{\"vigenciadesde\":\"2026-10-09\",\"valor\":3218.75}\n" || !strings.Contains(errs, "CC BY-SA 4.0") {
		t.Errorf("%s%s%v", out, errs, err)
	}
	if out, _, err = run("get", "trm", "--csv", "--limit", "1", "--columns", "valor"); err != nil || out != "valor\r\n3218.75\r\n" {
		t.Errorf("%q, %v", out, err)
	}
	for _, args := range [][]string{{}, {"get"}, {"get", "nothing"}, {"get", "trm", "--limit", "0"}, {"get", "trm", "--where", "x=1"}, {"get", "trm", "--where", "valor"}, {"sync", "nothing"}} {
		if out, _, err := run(args...); ExitCode(err) != 2 || err == nil {
			t.Errorf("%v: %q, %v", args, out, err)
		}
	}
	if out, _, err = run("list"); err != nil || !strings.Contains(out, "secop2_contracts") {
		t.Errorf("%s%v", out, err)
	}
}
