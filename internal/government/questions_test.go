package government

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"openlearn/internal/government/catalogue"
	"openlearn/internal/government/replay"
	"openlearn/internal/government/table"
)

// contracts are rows with every trap: drafts, absurd values, natural persons.
func contracts() []replay.Row {
	row := func(id, department, state, value, document, supplier, day string) replay.Row {
		return replay.Row{
			"id_contrato": id, "departamento": department, "estado_contrato": state, "valor_del_contrato": value, "documento_proveedor": document,
			"proveedor_adjudicado": supplier, "fecha_de_firma": day + "T00:00:00.000", "nombre_representante_legal": "SECRET PERSON", "nit_entidad": "899999027",
		}
	}
	return []replay.Row{
		row("1", "Antioquia", "En ejecución", "1000000.25", "900123456", "OBRAS SAS", "2026-01-10"),
		row("2", "Antioquia", "Cerrado", "3000000", "52123456", "PERSONA NATURAL", "2026-01-20"),
		row("3", "Antioquia", "Borrador", "9000000", "900123457", "VIAS SAS", "2026-02-01"),
		row("4", "Nariño", "En ejecución", "99999999999999", "800123456-1", "ABSURDO LTDA", "2026-02-02"),
		row("5", "Nariño", "En ejecución", "2000000", "1020304050", "OTRA PERSONA", "2026-02-03"),
		row("6", "Nariño", "En ejecución", "0", "No Definido", "SIN DOCUMENTO", "2026-02-04"),
	}
}

func (w *world) rowsOf(a ask, err error) []string {
	w.t.Helper()
	if err != nil {
		w.t.Fatal(err)
	}
	k, _, err := w.answer(context.Background(), a)
	if err != nil {
		w.t.Fatal(err)
	}
	var out []string
	for _, row := range texts(k) {
		out = append(out, strings.Join(row, "|"))
	}
	return out
}

func TestSummariesLeaveOutWhatIsAbsurd(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.server.Put("jbjy-vk9h", contracts())
	for by, want := range map[string][]string{
		"department": {"Antioquia|2|4000000.25|2000000.125", "Nariño|1|2000000|2000000"},
		"month":      {"2026-01-01|2|4000000.25|2000000.125", "2026-02-01|1|2000000|2000000"},
		"status":     {"Cerrado|1|3000000|3000000", "En ejecución|2|3000000.25|1500000.125"},
	} {
		got := w.rowsOf(w.summary(by, Filter{}, 10))
		if by == "status" {
			slices.Sort(got)
		}
		if !slices.Equal(got, want) {
			t.Errorf("by %s: %q", by, got)
		}
	}
}

func TestNoNaturalPersonIsNamed(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.server.Put("jbjy-vk9h", contracts())
	d := catalogue.MustGet(catalogue.Contracts)
	for _, columns := range [][]string{nil, {"id_contrato", "proveedor_adjudicado"}, {"id_contrato", "documento_proveedor"}} {
		a, err := w.Service.ask("rows", Rows{Dataset: d, Columns: columns, Order: "id_contrato", Limit: 10})
		got := strings.Join(w.rowsOf(a, err), "\n")
		for _, person := range []string{"PERSONA NATURAL", "OTRA PERSONA", "52123456", "1020304050", "SECRET", "SIN DOCUMENTO"} {
			if strings.Contains(got, person) {
				t.Errorf("%v: %s is named in\n%s", columns, person, got)
			}
		}
		if columns == nil && (!strings.Contains(got, "OBRAS SAS") || !strings.Contains(got, "ABSURDO LTDA")) {
			t.Errorf("companies are not named in\n%s", got)
		}
		if len(columns) == 2 && columns[1] == "proveedor_adjudicado" && !strings.HasPrefix(got, "1|OBRAS SAS\n2|null\n") {
			t.Errorf("%s", got)
		}
	}
	for _, r := range w.server.Requests() {
		if q := r.URL.Query().Get("$select"); strings.Contains(q, "representante") || strings.Contains(q, "*") && !strings.Contains(q, "count(*)") {
			t.Errorf("selected: %s", q)
		}
	}
	for _, d := range catalogue.All() {
		for _, c := range d.Columns {
			for _, bad := range []string{"representante", "supervisor", "ordenador", "adjudicador", "banco", "cuenta_banc", "genero", "g_nero", "domicilio"} {
				if strings.Contains(c.Name, bad) {
					t.Errorf("%s has %s", d.Key, c.Name)
				}
			}
		}
	}
}

func TestRatesAreExpandedToDays(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	got := w.rowsOf(w.rates(day("2014-01-01"), day("2014-01-05")))
	want := []string{
		"2014-01-02|1938.89|COP|2014-01-02|2014-01-03",
		"2014-01-03|1936.92|COP|2014-01-03|2014-01-07", // the interval that begins last
		"2014-01-04|1936.92|COP|2014-01-03|2014-01-07",
		"2014-01-05|1936.92|COP|2014-01-03|2014-01-07",
	}
	if !slices.Equal(got, want) {
		t.Errorf("%q", got)
	}
}

func TestPagesDoNotOverlap(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	var rows []replay.Row
	for i := range 25 {
		rows = append(rows, replay.Row{"cod_mpio": fmt.Sprintf("%05d", i), "nom_mpio": "X", "dpto": "Y"})
	}
	w.server.Put("gdxc-w37w", rows)
	seen := map[string]bool{}
	for offset := 0; offset < 30; offset += 10 {
		a, err := w.Service.ask("rows", Rows{Dataset: catalogue.MustGet(catalogue.Municipalities), Columns: []string{"cod_mpio"}, Limit: 10, Offset: offset})
		for i, code := range w.rowsOf(a, err) {
			if i < 10 && seen[code] {
				t.Errorf("%s is in two pages", code)
			}
			if i < 10 {
				seen[code] = true
			}
		}
	}
	if len(seen) != 25 {
		t.Errorf("%d rows of 25", len(seen))
	}
}

// TestEveryDatasetCanBeAsked: the columns, filters and orders of each are such that a query can be written.
func TestEveryDatasetCanBeAsked(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	keys, ids := map[string]bool{}, map[string]bool{}
	for _, d := range catalogue.All() {
		if keys[d.Key] || ids[d.ID] {
			t.Errorf("%s, %s: twice", d.Key, d.ID)
		}
		keys[d.Key], ids[d.ID] = true, true
		f := Filter{From: day("2026-01-01"), To: day("2026-01-20"), Municipality: "Pasto", Entity: "Alcaldía", NIT: "899999027", Station: "1", Department: "nariño", Text: "puente"}
		one := table.Ref("1")
		n, err := table.ParseNumber(*one)
		if err != nil {
			t.Fatal(err)
		}
		f.MinValue, f.MaxValue = &n, &n
		has := d.Filters()
		for name, clear := range map[string]func(){
			"from": func() { f.From, f.To = time.Time{}, time.Time{} }, "municipality": func() { f.Municipality = "" }, "entity": func() { f.Entity = "" },
			"nit": func() { f.NIT = "" }, "station": func() { f.Station = "" }, "department": func() { f.Department = "" }, "q": func() { f.Text = "" },
			"min_value": func() { f.MinValue, f.MaxValue = nil, nil },
		} {
			if !slices.Contains(has, name) {
				clear()
			}
		}
		for _, c := range d.Columns {
			switch c.Kind {
			case table.Text, table.Number, table.Money, table.Date, table.Time, table.Coordinate, table.URL:
			default:
				t.Errorf("%s.%s is of kind %q", d.Key, c.Name, c.Kind)
			}
			if c.Doc == "" {
				t.Errorf("%s.%s is not described", d.Key, c.Name)
			}
		}
		a, err := w.Service.ask("rows", Rows{Dataset: d, Filter: f, Limit: 5})
		w.rowsOf(a, err)
	}
	if len(keys) < 19 {
		t.Errorf("%d datasets", len(keys))
	}
}

func TestDepartmentsInAnySpelling(t *testing.T) {
	t.Parallel()
	for s, code := range map[string]string{
		"05": "05", "ANTIOQUIA": "05", "antioquia ": "05", "Bogota": "11", "Bogotá D.C.": "11", "bogota, d.c.": "11", "Distrito Capital de Bogotá": "11", "valle": "76",
		"Narino": "52", "nariño": "52", "San Andrés y Providencia": "88", "la guajira": "44", "Guajira": "44", "CHOCO": "27",
	} {
		if d, ok := catalogue.FindDepartment(s); !ok || d.Code != code {
			t.Errorf("%q is %+v", s, d)
		}
	}
	for _, s := range []string{"", "5", "00", "Panamá", "antioquia caldas"} {
		if d, ok := catalogue.FindDepartment(s); ok {
			t.Errorf("%q is %s", s, d.Name)
		}
	}
	if len(catalogue.Departments()) != 33 {
		t.Errorf("%d departments", len(catalogue.Departments()))
	}
	if catalogue.Modality("MINIMA cuantia") != "Mínima cuantía" || catalogue.Modality("otra cosa") != "otra cosa" {
		t.Error("modalities")
	}
}

func FuzzWhere(f *testing.F) {
	for _, s := range []string{"departamento=Antioquia; valor_del_contrato>=1000000", "a=b;;", "=", "valor_del_contrato>=1e9", "departamento='; drop", ";;;;", "documento_proveedor=900123456", "fecha_de_firma>=2026-01-01"} {
		f.Add(s)
	}
	d := catalogue.MustGet(catalogue.Contracts)
	f.Fuzz(func(t *testing.T, s string) {
		c, err := parseWhere(d, s)
		if err != nil || c.Empty() {
			return
		}
		text := fmt.Sprint(c)
		if _, err := replay.ParseWhere(strings.Trim(text, "{}"), d.Names()); err != nil {
			t.Errorf("%q is %s: %v", s, text, err)
		}
	})
}
