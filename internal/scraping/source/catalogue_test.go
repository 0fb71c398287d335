package source

import (
	"encoding/json"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"
)

func mustCatalogue(t testing.TB) *Catalogue {
	t.Helper()
	c, err := Load("")
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
	if got := len(c.Listed()); float64(got) != full["total_sources"] {
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
	for _, list := range [][]Listed{c.Listed(), c.ByPriority("high"), c.Grouped()[0].Sources} {
		for i := range list {
			list[i].Name, list[i].Category = "x", "y"
			for j := range list[i].Content {
				list[i].Content[j] = "z"
			}
		}
	}
	c.Categories()[0], c.Implemented()[0] = "x", "x"
	for _, src := range c.All() {
		for i := range src.Entries {
			src.Entries[i].URL = "x"
		}
		if src.Listed != nil {
			src.Listed.Category = "x"
		}
	}
	if s, ok := c.Find("dane estadisticas"); !ok || s.Listed.Category != "government" {
		t.Fatalf("Find = %+v, %v", s, ok)
	}
	if !reflect.DeepEqual(asJSON(t, c.Grouped()), before) || c.Implemented()[0] != "El Tiempo" {
		t.Error("the catalogue changed through a returned value")
	}
}

func TestSourcesResolveByAnyName(t *testing.T) {
	t.Parallel()
	c, err := Load("", Source{ID: "demo", Name: "Noticiero Demo", BaseURL: "http://127.0.0.1:8000/demo", AllowLoopback: true, Entries: []Entry{{URL: "http://127.0.0.1:8000/demo/feed.xml", Kind: Feed}}})
	if err != nil {
		t.Fatal(err)
	}
	for name, id := range map[string]string{
		"El Tiempo": "el_tiempo", "EL TIEMPO": "el_tiempo", "el_tiempo": "el_tiempo", "la republica": "la_republica",
		"La Silla Vacía": "la_silla_vacia", "el país - cali": "el_pais", "El País (Cali)": "el_pais", "El Pais": "el_pais", "El Colombiano": "el_colombiano",
		"noticiero demo": "demo", "DANE": "dane",
	} {
		if s, ok := c.Find(name); !ok || s.ID != id {
			t.Errorf("Find(%q) = %q, %v, want %q", name, s.ID, ok, id)
		}
	}
	for _, name := range []string{"", "nada", "tiempo"} {
		if s, ok := c.Find(name); ok {
			t.Errorf("Find(%q) = %q, want nothing", name, s.ID)
		}
	}
	for name, id := range map[string]string{"el tiempoo": "el_tiempo", "espectador": "el_espectador", "la replubica": "la_republica", "caracol": "caracol_radio"} {
		if near := c.Nearest(name, 3); len(near) != 3 || !slices.Contains(near, id) {
			t.Errorf("nearest to %q: %v, want %s among them", name, near, id)
		}
	}
}

// TestTheCatalogueIsWhole checks that the catalogue is complete: each source with its entries.
func TestTheCatalogueIsWhole(t *testing.T) {
	t.Parallel()
	c := mustCatalogue(t)
	if n := len(c.All()); n != 86 {
		t.Errorf("%d sources, want 86", n)
	}
	with := 0
	for _, s := range c.All() {
		if s.Scrapable() {
			with++
		}
		if s.AllowLoopback {
			t.Errorf("%s may reach loopback", s.ID)
		}
		if s.Interval() < MinInterval || s.Interval() > 4*time.Hour {
			t.Errorf("%s: every %v", s.ID, s.Interval())
		}
		if host := BareAuthority(s.Site().Base()); strings.HasSuffix(host, ".gov.co") && (s.RequestsPerMinute == 0 || s.RequestsPerMinute > 3) {
			t.Errorf("%s: %v requests a minute to a government's host", s.ID, s.RequestsPerMinute)
		}
	}
	if with != 47 || len(c.Scrapable()) != 47 {
		t.Errorf("%d sources have an entry that is read, %d of them unattended, want 47", with, len(c.Scrapable()))
	}
	for _, name := range c.Implemented() {
		if s, ok := c.Find(name); !ok || !s.Scrapable() {
			t.Errorf("%s is announced and cannot be read", name)
		}
	}
}

func TestEntriesNameTheMonth(t *testing.T) {
	t.Parallel()
	newYear := time.Date(2026, 1, 1, 3, 0, 0, 0, time.UTC) // still 2025 in Bogotá
	for template, want := range map[string]string{
		"https://a.example/s-{yyyy}{mm}.xml": "https://a.example/s-202512.xml", "https://a.example/{Month}_{yyyy}.xml.gz": "https://a.example/December_2025.xml.gz",
		"https://a.example/l?page={n}&from={offset}": "https://a.example/l?page=0&from=0",
	} {
		if got := (Entry{URL: template}).At(newYear); got != want {
			t.Errorf("%s: %s, want %s", template, got, want)
		}
	}
}

func TestAFileAddsAndOverrides(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "sources.yaml")
	write := func(text string) {
		t.Helper()
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write("version: 1\nsources:\n  - {id: el_tiempo, name: El Tiempo, base_url: 'https://mirror.example', entries: [{url: 'https://mirror.example/rss', kind: feed}]}\n" +
		"  - {id: nuevo, name: Nuevo, base_url: 'https://nuevo.example'}\n")
	c, err := Load(file)
	if err != nil {
		t.Fatal(err)
	}
	s, ok := c.Find("El Tiempo")
	if !ok || s.BaseURL != "https://mirror.example" || len(s.Usable()) != 1 {
		t.Errorf("%+v", s)
	}
	if _, ok := c.Find("nuevo"); !ok || len(c.All()) != 87 {
		t.Errorf("%d sources", len(c.All()))
	}
	for name, text := range map[string]string{
		"empty": "", "not YAML": "a: [", "another version": "version: 2\nsources: [{id: a, name: A, base_url: 'https://a.example'}]", "no sources": "version: 1\n",
		"an unknown field": "version: 1\nsources: [{id: a, name: A, base_url: 'https://a.example', feed: x}]", "loopback": "version: 1\nsources: [{id: a, name: A, base_url: 'https://a.example', allow_loopback: true}]",
		"a bad id": "version: 1\nsources: [{id: El A, name: A, base_url: 'https://a.example'}]", "no name": "version: 1\nsources: [{id: a, base_url: 'https://a.example'}]",
		"a bad base": "version: 1\nsources: [{id: a, name: A, base_url: 'ftp://a.example'}]", "a bad pace": "version: 1\nsources: [{id: a, name: A, base_url: 'https://a.example', requests_per_minute: -1}]",
		"NaN": "version: 1\nsources: [{id: a, name: A, base_url: 'https://a.example', requests_per_minute: .nan}]", "a bad pattern": "version: 1\nsources: [{id: a, name: A, base_url: 'https://a.example', article: {path: '('}}]",
		"off host":       "version: 1\nsources: [{id: a, name: A, base_url: 'https://a.example', entries: [{url: 'https://evil-a.example/rss', kind: feed}]}]",
		"a bad kind":     "version: 1\nsources: [{id: a, name: A, base_url: 'https://a.example', entries: [{url: 'https://a.example/rss', kind: rss}]}]",
		"twice":          "version: 1\nsources: [{id: a, name: A, base_url: 'https://a.example'}, {id: a, name: B, base_url: 'https://b.example'}]",
		"another's name": "version: 1\nsources: [{id: a, name: Semana, base_url: 'https://a.example'}]",
	} {
		write(text)
		if _, err := Load(file); err == nil {
			t.Errorf("%s: accepted", name)
		}
	}
	if _, err := Load(file + "x"); err == nil {
		t.Error("a file that is not there was accepted")
	}
}

func FuzzParse(f *testing.F) {
	f.Add([]byte("version: 1\nsources: [{id: a, name: A, base_url: 'https://a.example', entries: [{url: x}]}]"))
	f.Add([]byte("a: &a [*a, *a]"))
	f.Fuzz(func(t *testing.T, raw []byte) {
		list, err := Parse(raw)
		if err != nil {
			return
		}
		if _, err := New(list...); err == nil && len(list) == 0 {
			t.Fatal("no sources are a catalogue")
		}
	})
}

// TestAFileChangesItsOwnCatalogueOnly: the bundled one is parsed once for all that are loaded.
func TestAFileChangesItsOwnCatalogueOnly(t *testing.T) {
	t.Parallel()
	before, err := Load("")
	if err != nil {
		t.Fatal(err)
	}
	own, _ := before.Find("el_tiempo")
	own.Name = "El Tiempo, otro"
	if _, err := Load("", own); err != nil {
		t.Fatal(err)
	}
	after, err := Load("")
	if err != nil {
		t.Fatal(err)
	}
	if got, _ := after.Find("el_tiempo"); got.Name != "El Tiempo" {
		t.Errorf("the bundled source is now %q", got.Name)
	}
}
