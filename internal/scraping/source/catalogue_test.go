package source

import (
	"encoding/json"
	"os"
	"path/filepath"
	"reflect"
	"testing"
)

func mustCatalogue(t testing.TB) *Catalogue {
	t.Helper()
	c, err := NewCatalogue()
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// golden reads the recorded answer of the original service.
func golden(t *testing.T, name string) map[string]any {
	t.Helper()
	raw, err := os.ReadFile(filepath.Join("testdata", "golden", name+".json"))
	if err != nil {
		t.Fatal(err)
	}
	var v map[string]any
	if err := json.Unmarshal(raw, &v); err != nil {
		t.Fatal(err)
	}
	return v
}

func asJSON(t *testing.T, v any) any {
	t.Helper()
	raw, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	var out any
	if err := json.Unmarshal(raw, &out); err != nil {
		t.Fatal(err)
	}
	return out
}

func TestCatalogueEqualsTheOriginals(t *testing.T) {
	t.Parallel()
	c := mustCatalogue(t)
	full := golden(t, "sources")
	if got := asJSON(t, c.Categories()); !reflect.DeepEqual(got, full["categories"]) {
		t.Errorf("categories = %v, want %v", got, full["categories"])
	}
	if got := asJSON(t, c.Implemented()); !reflect.DeepEqual(got, full["scrapers_implemented"]) {
		t.Errorf("implemented = %v, want %v", got, full["scrapers_implemented"])
	}
	if got := len(c.All()); float64(got) != full["total_sources"] {
		t.Errorf("%d sources, want %v", got, full["total_sources"])
	}
	grouped := map[string]any{}
	for _, g := range c.Grouped() {
		grouped[g.Category] = asJSON(t, g.Sources)
	}
	if !reflect.DeepEqual(any(grouped), full["sources"]) {
		t.Error("grouped sources differ from the golden")
	}
	media, ok := c.ByCategory("media")
	if !ok || !reflect.DeepEqual(asJSON(t, media), golden(t, "sources_category_media")["sources"]) {
		t.Error("media sources differ from the golden")
	}
	if _, ok := c.ByCategory("nacional"); ok {
		t.Error("an unknown category was found")
	}
	if !reflect.DeepEqual(asJSON(t, c.ByPriority("high")), golden(t, "sources_priority_high")["sources"]) {
		t.Error("high priority sources differ from the golden")
	}
	if got := c.ByPriority("urgent"); got == nil || len(got) != 0 {
		t.Errorf("unknown priority = %#v, want an empty list", got)
	}
	for _, item := range golden(t, "sources_ui")["sources"].([]any) {
		m := item.(map[string]any)
		if got := c.Available(m["name"].(string)); got != m["scraper_available"] {
			t.Errorf("Available(%q) = %v, want %v", m["name"], got, m["scraper_available"])
		}
	}
}

func TestCatalogueCannotBeMutatedThroughItsAnswers(t *testing.T) {
	t.Parallel()
	c := mustCatalogue(t)
	before := asJSON(t, c.Grouped())
	for _, list := range [][]Source{c.All(), c.ByPriority("high"), c.Grouped()[0].Sources} {
		for i := range list {
			list[i].Name, list[i].Category = "x", "y"
			for j := range list[i].Content {
				list[i].Content[j] = "z"
			}
		}
	}
	c.Categories()[0], c.Implemented()[0] = "x", "x"
	if s, ok := c.Find("dane estadisticas"); !ok || s.Category != "government" {
		t.Fatalf("Find = %+v, %v", s, ok)
	}
	if !reflect.DeepEqual(asJSON(t, c.Grouped()), before) || c.Implemented()[0] != "El Tiempo" {
		t.Error("the catalogue changed through a returned value")
	}
}

func TestDefinitionsResolveByAnyName(t *testing.T) {
	t.Parallel()
	demo := Definition{
		ID: "demo", Name: "Noticiero Demo", BaseURL: "http://127.0.0.1:8000/demo", AllowLoopback: true,
		Feeds: []Feed{{URL: "http://127.0.0.1:8000/demo/feed.xml"}},
	}
	defs, err := NewDefinitions(demo)
	if err != nil {
		t.Fatal(err)
	}
	for name, id := range map[string]string{
		"El Tiempo": "el_tiempo", "EL TIEMPO": "el_tiempo", "el_tiempo": "el_tiempo", "la republica": "la_republica",
		"La Silla Vacía": "la_silla_vacia", "el país - cali": "el_pais", "El Pais": "el_pais", "noticiero demo": "demo",
	} {
		if d, ok := defs.Find(name); !ok || d.ID != id {
			t.Errorf("Find(%q) = %q, %v, want %q", name, d.ID, ok, id)
		}
	}
	for _, name := range []string{"", "nada", "tiempo", "DANE"} {
		if d, ok := defs.Find(name); ok {
			t.Errorf("Find(%q) = %q, want nothing", name, d.ID)
		}
	}
	// Every announced scraper has a definition, every definition's name is the catalogue's.
	c := mustCatalogue(t)
	for _, name := range c.Implemented() {
		if d, ok := defs.Find(name); !ok || d.Name != name {
			t.Errorf("%s is announced and has no definition of that name", name)
		}
	}
	for _, d := range defs.All() {
		if _, ok := c.Find(d.Name); !ok && d.ID != "demo" {
			t.Errorf("definition %s: %q is not in the catalogue", d.ID, d.Name)
		}
		if d.AllowLoopback && d.ID != "demo" {
			t.Errorf("definition %s may reach loopback", d.ID)
		}
	}
}

func TestDefinitionsRefuseWhatCannotWork(t *testing.T) {
	t.Parallel()
	ok := Definition{ID: "a", Name: "A", BaseURL: "https://a.example", Feeds: []Feed{{URL: "https://www.a.example/rss"}}}
	if _, err := DefinitionsOf(ok); err != nil {
		t.Fatal(err)
	}
	broken := map[string]func(d *Definition){
		"id":       func(d *Definition) { d.ID = "El A" },
		"name":     func(d *Definition) { d.Name = " " },
		"base":     func(d *Definition) { d.BaseURL = "ftp://a.example" },
		"pace":     func(d *Definition) { d.RequestsPerMinute = -1 },
		"no feed":  func(d *Definition) { d.Feeds = nil },
		"off host": func(d *Definition) { d.Feeds = []Feed{{URL: "https://evil-a.example/rss"}} },
	}
	for name, breakIt := range broken {
		d := ok.clone()
		breakIt(&d)
		if _, err := DefinitionsOf(d); err == nil {
			t.Errorf("%s: accepted", name)
		}
	}
	twin := ok.clone()
	twin.ID = "b"
	if _, err := DefinitionsOf(ok, twin); err == nil {
		t.Error("two definitions of one name accepted")
	}
}
