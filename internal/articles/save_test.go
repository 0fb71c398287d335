package articles

import (
	"context"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"gorm.io/gorm"
)

// saved stores a batch in a transaction of its own, as the service does.
func saved(t *testing.T, s *Store, batch ...Article) []Saved {
	t.Helper()
	var out []Saved
	err := s.db.Transaction(func(tx *gorm.DB) (err error) {
		out, err = s.in(tx).Save(t.Context(), batch)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func outcomes(list []Saved) (out []Outcome) {
	for _, v := range list {
		out = append(out, v.Outcome)
	}
	return out
}

func TestSaveSaysWhatBecameOfEach(t *testing.T) {
	t.Parallel()
	s, _ := testStore(t)
	one := Article{Source: "S", SourceURL: "https://a.example/1", Title: "uno", Content: "Primero.", Author: new("Ana"), Image: new("https://a.example/1.jpg"), Language: new("es-CO"), ModifiedDate: day(3)}
	first := saved(t, s, one,
		Article{Source: "S", SourceURL: "https://a.example/" + strings.Repeat("x", 500), Title: "largo", Content: "Texto."},
		Article{Source: "S", SourceURL: "https://a.example/1", Title: "uno", Content: "Primero."},
		Article{Source: "S", SourceURL: "https://a.example/2", Title: "dos", Content: "Segundo."})
	if got := outcomes(first); !slices.Equal(got, []Outcome{Stored, Refused, Duplicate, Stored}) {
		t.Fatalf("%v", got)
	}
	if !strings.HasPrefix(first[1].Reason, "source_url: must have at most 500 characters") {
		t.Errorf("refused because %q", first[1].Reason)
	}
	got, err := s.Get(t.Context(), first[0].ID)
	if err != nil || deref(got.Image) != "https://a.example/1.jpg" || deref(got.Language) != "es-CO" || got.ModifiedDate == nil || got.Revision != 1 {
		t.Errorf("%+v, %v", got, err)
	}
	if again := saved(t, s, one); again[0].Outcome != Duplicate || again[0].ID != first[0].ID {
		t.Errorf("%+v", again)
	}
	one.Content, one.Author = "Primero, corregido.", nil
	if revised := saved(t, s, one); revised[0].Outcome != Revised || revised[0].ID != first[0].ID {
		t.Errorf("%+v", revised)
	}
	now, err := s.Get(t.Context(), first[0].ID)
	if err != nil || now.Content != "Primero, corregido." || now.Revision != 2 || deref(now.Author) != "Ana" || !now.UpdatedAt.After(*got.UpdatedAt) || !now.ScrapedAt.Equal(*got.ScrapedAt) {
		t.Errorf("%+v, %v", now, err)
	}
}

func TestRevisionsKeepWhatAnArticleSaid(t *testing.T) {
	t.Parallel()
	s, _ := testStore(t)
	id := mustCreate(t, s, Article{SourceURL: "https://a.example/1", Title: "uno", Content: "Primero."})[0]
	edit := func(change func(*Article)) {
		t.Helper()
		a, err := s.Get(t.Context(), id)
		if err != nil {
			t.Fatal(err)
		}
		change(&a)
		if err := s.Update(t.Context(), &a); err != nil {
			t.Fatal(err)
		}
	}
	edit(func(a *Article) { a.Content = "Segundo." })
	edit(func(a *Article) { a.DifficultyScore = new(3.0) }) // does not change what it says
	edit(func(a *Article) { a.Title = "dos" })
	list, err := s.Revisions(t.Context(), id)
	if err != nil || len(list) != 3 {
		t.Fatalf("%+v, %v", list, err)
	}
	for i, want := range []Revision{{Revision: 3, Title: "dos", Content: "Segundo."}, {Revision: 2, Title: "uno", Content: "Segundo."}, {Revision: 1, Title: "uno", Content: "Primero."}} {
		if got := list[i]; got.Revision != want.Revision || got.Title != want.Title || got.Content != want.Content || got.UpdatedAt == nil {
			t.Errorf("revision %d: %+v", want.Revision, got)
		}
	}
	if _, err := s.Revisions(t.Context(), id+1); !errors.Is(err, ErrNotFound) {
		t.Errorf("no article: %v", err)
	}
	if err := s.Delete(t.Context(), id); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Revisions(t.Context(), id); !errors.Is(err, ErrNotFound) {
		t.Errorf("a deleted article: %v", err)
	}
}

// paragraphs of one story, one sentence each.
var paragraphs = []string{
	"La gobernadora inauguró ayer el puente sobre el río Manso, que une las veredas de Piedra Alta y Los Naranjos después de nueve años de obras.",
	"El puente mide doscientos metros, costó treinta mil millones de pesos y soporta camiones de hasta cuarenta toneladas, según la interventoría.",
	"Los campesinos de la zona celebraron con música y comida, porque el viaje al mercado les tomaba antes cuatro horas por una trocha destapada.",
	"Doña Elvira Sandoval, que vende queso desde hace treinta años, contó que perdía la mitad de su producto cada invierno cuando crecía el río.",
	"La contraloría, sin embargo, recordó que el contrato tuvo cinco adiciones y anunció que revisará los pagos hechos al primer constructor.",
	"El alcalde pidió que ahora se pavimenten los once kilómetros que faltan hasta la cabecera, y prometió presentar el proyecto antes de diciembre.",
}

func TestTellingsOfOneStoryAreKeptAndLinked(t *testing.T) {
	t.Parallel()
	s, _ := testStore(t)
	story := strings.Join(paragraphs, "\n\n")
	article := func(source, url, text string) Article {
		return Article{Source: source, SourceURL: url, Title: "Puente", Content: text}
	}
	other := strings.Join([]string{
		"El equipo de patinaje de la ciudad viajó el domingo a la capital con veintidós deportistas y tres entrenadores para disputar la final.",
		"La liga departamental pagó los pasajes, pero los uniformes salieron de una rifa que organizaron las familias durante todo el mes pasado.",
		"La favorita es Camila Rentería, de dieciséis años, que ganó dos medallas en el torneo de octubre y entrena desde las cuatro de la mañana.",
	}, "\n\n")
	first := saved(t, s, article("A", "https://a.example/puente", story))[0]
	if first.DuplicateGroup != nil {
		t.Errorf("a story that nobody else tells is in group %d", *first.DuplicateGroup)
	}
	rest := saved(t, s,
		article("B", "https://b.example/puente", story),
		article("C", "https://c.example/puente", "PIEDRA ALTA (Agencia Brújula). "+strings.Join(paragraphs[:5], "\n\n")),
		article("D", "https://d.example/patinaje", other))
	for i, want := range []bool{true, true, false} {
		if got := rest[i]; got.Outcome != Stored || (got.DuplicateGroup != nil && *got.DuplicateGroup == first.ID) != want {
			t.Errorf("%d: %+v, want in the first's group: %v", i, got, want)
		}
	}
	shown := func(f Filter) (sources []string) {
		t.Helper()
		list, err := s.List(t.Context(), f, Newest, nil, 10, 10)
		if err != nil {
			t.Fatal(err)
		}
		for _, a := range list {
			sources = append(sources, a.Source)
		}
		slices.Sort(sources)
		return sources
	}
	for _, c := range []struct {
		filter Filter
		want   string
	}{{Filter{}, "A B C D"}, {Filter{Collapse: true}, "A D"}, {Filter{Collapse: true, Sources: []string{"B"}}, "B"}} {
		if got := strings.Join(shown(c.filter), " "); got != c.want {
			t.Errorf("%+v shows %s, want %s", c.filter, got, c.want)
		}
	}
	if _, total, err := s.Offset(t.Context(), Filter{Collapse: true}, 0, 10, 10); err != nil || total != 2 {
		t.Errorf("%d articles collapsed, %v", total, err)
	}
	// Only the agency's telling has its name, so it is the first of those that match.
	for query, want := range map[string]int64{"'rio'": 1, "'brujula'": 1, "'puente'": 2} {
		if hits, total, err := s.Search(t.Context(), mustTsquery(t, query), Filter{Collapse: true}, Relevance, 0, 10); err != nil || total != want || len(hits) != int(want) {
			t.Errorf("%s finds %d, %v, want %d", query, total, err, want)
		}
	}
	// The first of a story may be deleted: the next is shown.
	if err := s.Delete(t.Context(), first.ID); err != nil {
		t.Fatal(err)
	}
	if got := strings.Join(shown(Filter{Collapse: true}), " "); got != "B D" {
		t.Errorf("without A: %s", got)
	}
	// A text that becomes another leaves its group.
	b, err := s.Get(t.Context(), rest[0].ID)
	if err != nil {
		t.Fatal(err)
	}
	b.Content = other
	if err := s.Update(t.Context(), &b); err != nil || b.DuplicateGroup == nil || *b.DuplicateGroup == first.ID {
		t.Errorf("%+v, %v", b.DuplicateGroup, err)
	}
}

func TestImportsLinkEqualTexts(t *testing.T) {
	t.Parallel()
	s, _ := testStore(t)
	stored, err := s.Insert(t.Context(), []Article{
		{Source: "A", SourceURL: "https://a.example/1", Title: "t", Content: "Igual."},
		{Source: "B", SourceURL: "https://b.example/1", Title: "t", Content: "Igual."},
		{Source: "A", SourceURL: "https://a.example/2", Title: "t", Content: "Otro."},
	})
	if err != nil || len(stored) != 3 {
		t.Fatalf("%d, %v", len(stored), err)
	}
	for i, want := range []*int64{&stored[0].ID, &stored[0].ID, nil} {
		got, err := s.Get(t.Context(), stored[i].ID)
		if err != nil || deref(got.DuplicateGroup) != deref(want) {
			t.Errorf("%d is in group %v, %v", i, deref(got.DuplicateGroup), err)
		}
	}
}

// TestTwoTellingsAtOnceSeeEachOther: two instances store the same story at the same moment.
func TestTwoTellingsAtOnceSeeEachOther(t *testing.T) {
	t.Parallel()
	s, _ := testStore(t)
	text := strings.Join(paragraphs, "\n\n")
	done := make(chan error, 2)
	for _, source := range []string{"A", "B"} {
		go func() {
			done <- s.db.Transaction(func(tx *gorm.DB) error {
				_, err := s.in(tx).Save(context.WithoutCancel(t.Context()), []Article{{Source: source, SourceURL: "https://" + source + ".example/1", Title: "t", Content: text}})
				return err
			})
		}()
	}
	for range 2 {
		if err := <-done; err != nil {
			t.Fatal(err)
		}
	}
	list, err := s.List(t.Context(), Filter{Collapse: true}, Newest, nil, 10, 10)
	if err != nil || len(list) != 1 {
		t.Errorf("%d shown, %v", len(list), err)
	}
}

// TestRecordedPairs judges the pairs of texts in the reference cases.
func TestRecordedPairs(t *testing.T) {
	t.Parallel()
	root := os.Getenv("OPENLEARN_DATA")
	if root == "" {
		t.Skip("OPENLEARN_DATA is not set: the recorded cases are not here")
	}
	raw, err := os.ReadFile(filepath.Join(root, "data", "extraction", "cases", "wire-story-twice.json"))
	if err != nil {
		t.Fatal(err)
	}
	var pair map[string]struct{ Body []string }
	if err := json.Unmarshal(raw, &pair); err != nil {
		t.Fatal(err)
	}
	a, _ := minhash(strings.Join(pair["first"].Body, "\n"))
	b, _ := minhash(strings.Join(pair["second"].Body, "\n"))
	if got := similarity(a, b); got < nearDuplicate {
		t.Errorf("a wire story and its telling are %.2f alike", got)
	}
}
