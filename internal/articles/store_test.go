package articles

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"math"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"gorm.io/gorm"

	"openlearn/internal/admission"
	"openlearn/internal/postgres"
	"openlearn/internal/testkit"
)

func testStore(t testing.TB) (*Store, *postgres.DB) {
	t.Helper()
	db, err := postgres.Open(t.Context(), postgres.Config{URL: testkit.Database(t), MaxConns: 4, StatementTimeout: 5 * time.Minute}, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := db.Close(); err != nil {
			t.Error(err)
		}
	})
	return NewStore(db.Gorm), db
}

func day(n int) *time.Time {
	return new(time.Date(2026, 1, n, 12, 0, 0, 0, time.UTC))
}

func mustCreate(t *testing.T, s *Store, as ...Article) []int64 {
	t.Helper()
	ids := make([]int64, len(as))
	for i := range as {
		if as[i].Source == "" {
			as[i].Source = "El Tiempo"
		}
		if as[i].Content == "" {
			as[i].Content = fmt.Sprintf("Texto del artículo %s, número %d.", as[i].Title, i)
		}
		if err := s.Create(t.Context(), &as[i]); err != nil {
			t.Fatal(err)
		}
		ids[i] = as[i].ID
	}
	return ids
}

func TestCreateFillsInWhatFollows(t *testing.T) {
	t.Parallel()
	s, _ := testStore(t)
	bogota := time.FixedZone("", -5*3600)
	a := Article{
		Source: " El Tiempo ", Title: "Títu\u0000lo", Content: "Uno dos\x01 tres. Educacio\u0301n.", Author: new("  "),
		PublishedDate: new(time.Date(2026, 3, 1, 10, 0, 0, 123456789, bogota)), Entities: json.RawMessage(`{"institutions":["DANE"],"places":["Cali"]}`),
	}
	if err := s.Create(t.Context(), &a); err != nil {
		t.Fatal(err)
	}
	got, err := s.Get(t.Context(), a.ID)
	if err != nil {
		t.Fatal(err)
	}
	if got.Source != "El Tiempo" || got.Title != "Título" || got.Content != "Uno dos tres. Educación." || got.Author != nil {
		t.Errorf("texts not cleaned: %+v", got)
	}
	if want := time.Date(2026, 3, 1, 15, 0, 0, 123456000, time.UTC); got.PublishedDate == nil || *got.PublishedDate != want {
		t.Errorf("published %v, want %v in UTC", got.PublishedDate, want)
	}
	if *got.WordCount != 4 || !strings.HasPrefix(got.SourceURL, "urn:sha256:") || len(*got.ContentHash) != 64 {
		t.Errorf("word count %d, URL %s, hash %s", *got.WordCount, got.SourceURL, *got.ContentHash)
	}
	if err := s.Create(t.Context(), &Article{Source: "x", Title: "y", Content: "Uno dos tres. Educación."}); !errors.Is(err, ErrDuplicate) {
		t.Errorf("the same text again: %v, want ErrDuplicate", err)
	}
	var invalid *InvalidError
	if err := s.Create(t.Context(), &Article{Source: strings.Repeat("ñ", 101), Title: " ", Content: "x"}); !errors.As(err, &invalid) || len(invalid.Problems) != 2 {
		t.Errorf("invalid article: %v", err)
	}
}

func TestInsertLosesNothingToADuplicate(t *testing.T) {
	t.Parallel()
	s, _ := testStore(t)
	mustCreate(t, s, Article{SourceURL: "https://a.example/1", Title: "uno", Content: "primero"})
	stored, err := s.Insert(t.Context(), []Article{
		{Source: "S", SourceURL: "https://a.example/1", Title: "t", Content: "URL conocida"},
		{Source: "S", SourceURL: "https://a.example/2", Title: "t", Content: "primero"},
		{Source: "S", SourceURL: "https://a.example/3", Title: "nuevo", Content: "tercero"},
		{Source: "S", SourceURL: "https://a.example/3", Title: "otra vez", Content: "cuarto"},
		{Source: "S", SourceURL: "https://a.example/5", Title: "", Content: "sin título"},
		{Source: "S", SourceURL: "https://a.example/6", Title: "seis", Content: "sexto"},
	})
	if err != nil {
		t.Fatal(err)
	}
	var titles []string
	for _, a := range stored {
		got, err := s.Get(t.Context(), a.ID)
		if err != nil || got.Title != a.Title {
			t.Errorf("stored as %d: %+v, %v", a.ID, got, err)
		}
		titles = append(titles, a.Title)
	}
	if fmt.Sprint(titles) != "[t nuevo seis]" {
		t.Errorf("stored %v, want t, nuevo and seis", titles)
	}
}

// TestEveryOrderPagesThroughEverything walks each order with small pages over dated, tied, undated, future and unrated rows.
func TestEveryOrderPagesThroughEverything(t *testing.T) {
	t.Parallel()
	s, _ := testStore(t)
	mustCreate(t, s,
		Article{Title: "a", PublishedDate: day(3), DifficultyScore: new(2.5)}, Article{Title: "b", PublishedDate: day(3), DifficultyScore: new(2.5)},
		Article{Title: "c"}, Article{Title: "d", PublishedDate: day(1), DifficultyScore: new(4.0)}, Article{Title: "e"},
		Article{Title: "f", PublishedDate: day(2)}, Article{Title: "g", PublishedDate: day(3), DifficultyScore: new(1.0)}, Article{Title: "h"},
		Article{Title: "i", PublishedDate: new(time.Date(2099, 1, 1, 0, 0, 0, 0, time.UTC))}, Article{Title: "j"},
	)
	if err := s.db.Exec("UPDATE scraped_content SET published_date = NULL, scraped_at = NULL WHERE title = 'j'").Error; err != nil {
		t.Fatal(err)
	}
	for order, want := range map[Order]string{Newest: "ihecgbafdj", Oldest: "jdfabgcehi", Easiest: "gabdcefhij", Hardest: "dbagjihfec"} {
		for size := 1; size <= 3; size++ {
			got := ""
			var after *Position
			for range 20 {
				rows, err := s.List(t.Context(), Filter{}, order, after, size, 10)
				if err != nil {
					t.Fatal(err)
				}
				if len(rows) == 0 {
					break
				}
				for _, r := range rows {
					got += r.Title
				}
				last := rows[len(rows)-1]
				after = &Position{ID: last.ID, Value: order.value(&last)}
			}
			if got != want {
				t.Errorf("%s in pages of %d: %s, want %s", order, size, got, want)
			}
		}
	}
}

func TestFilters(t *testing.T) {
	t.Parallel()
	s, _ := testStore(t)
	mustCreate(t, s,
		Article{
			Title: "a", Source: "Semana", Category: new("política"), Author: new("Ana"), Tags: []string{"paz", "café"}, IsPaywall: new(true),
			Entities: json.RawMessage(`{"people":["Ana Gómez"],"places":["Cali"]}`), PublishedDate: day(1), DifficultyScore: new(1.0),
		},
		Article{Title: "b", Source: "Semana", Entities: json.RawMessage(`["Cali","DANE"]`), PublishedDate: day(2), DifficultyScore: new(3.0), IsPaywall: new(false)},
		Article{Title: "c", Source: "El Heraldo", Tags: []string{`com"illa`}, PublishedDate: day(3), DifficultyScore: new(5.0)},
		Article{Title: "d"},
	)
	if err := s.db.Exec("UPDATE scraped_content SET updated_at = published_date").Error; err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		f    Filter
		want string
	}{
		{Filter{Sources: []string{"Semana"}}, "ba"},
		{Filter{Category: "política"}, "a"},
		{Filter{Author: "Ana"}, "a"},
		{Filter{Tag: "café"}, "a"},
		{Filter{Tag: `com"illa`}, "c"},
		{Filter{Entity: "Cali"}, "ba"},
		{Filter{Entity: "Ana Gómez"}, "a"},
		{Filter{Entity: "people"}, ""},
		{Filter{From: day(2)}, "dcb"}, // d was stored later
		{Filter{To: day(2)}, "a"},
		{Filter{From: day(1), To: day(3)}, "ba"},
		{Filter{MinDifficulty: new(3.0)}, "cb"},
		{Filter{MaxDifficulty: new(3.0)}, "ba"},
		{Filter{Paywall: new(true)}, "a"},
		{Filter{Paywall: new(false)}, "b"},
		{Filter{UpdatedSince: day(2)}, "dcb"},
		{Filter{Sources: []string{"El Heraldo", "Semana"}}, "cba"},
		{Filter{Sources: []string{"Semana"}, Entity: "DANE"}, "b"},
		{Filter{}, "dcba"},
	} {
		rows, err := s.List(t.Context(), c.f, Newest, nil, 10, 10)
		if err != nil {
			t.Fatal(err)
		}
		got := ""
		for _, r := range rows {
			got += r.Title
		}
		if got != c.want {
			t.Errorf("%+v: %q, want %q", c.f, got, c.want)
		}
	}
}

func TestSearchFindsInflectionsAndUnaccentedSpellings(t *testing.T) {
	t.Parallel()
	s, _ := testStore(t)
	mustCreate(t, s,
		Article{Title: "La educación rural", Content: "Cambia el campo."},
		Article{Title: "Educaciones distintas", Content: "Otras escuelas."},
		Article{Title: "Educacion sin tilde", Content: "Mal escrito."},
		Article{Title: "EDUCACIÓN EN MAYÚSCULAS", Content: "Gritos."},
		Article{Title: "El niño y la piñata", Content: "Fiesta en Montería con ñame: 5 < 6 & no es HTML."},
		Article{Title: "Reforma tributaria", Content: "El Congreso aprobó la reforma tributaria."},
		Article{Title: "Tributaria reforma", Content: "Al revés."},
	)
	for q, want := range map[string]int{
		"educacion": 4, "educación": 4, "EDUCACIONES": 4, "nino": 1, "pinata": 1, "monteria": 1, "name": 1,
		`"reforma tributaria"`: 1, "reforma tributaria": 2, "reforma -congreso": 1, "educacion -tilde": 3, "nino OR congreso": 2, "inexistente": 0,
		"aprobo": 1, "el": 0,
	} {
		hits, total, err := s.Search(t.Context(), mustTsquery(t, q), Filter{}, Relevance, 0, 10)
		if err != nil {
			t.Fatalf("%q: %v", q, err)
		}
		if len(hits) != want || total != int64(want) {
			t.Errorf("%q found %d (total %d), want %d", q, len(hits), total, want)
		}
	}
	hits, _, err := s.Search(t.Context(), mustTsquery(t, "nino html"), Filter{}, Relevance, 0, 10)
	if err != nil || len(hits) != 1 {
		t.Fatalf("%v, %v", hits, err)
	}
	if got := markup(hits[0].TitleMark); got != "El <mark>niño</mark> y la piñata" {
		t.Errorf("title %q", got)
	}
	if got := markup(hits[0].Headline); !strings.Contains(got, "5 &lt; 6 &amp; no es <mark>HTML</mark>") {
		t.Errorf("highlight %q is not escaped", got)
	}
}

// TestWordsWithMarksInside: a mark inside a word excludes nothing, and the usual ways of writing the word in a text are all
// found.
func TestWordsWithMarksInside(t *testing.T) {
	t.Parallel()
	s, _ := testStore(t)
	mustCreate(t, s,
		Article{Title: "Política", Content: "El ex-ministro de centro-izquierda habló con la delegación franco-japonesa."},
		Article{Title: "Otra", Content: "La exministra del centro habló de la izquierda."},
		Article{Title: "Empresas", Content: "En Bogotá D.C. la firma Andina S.A.S. vendió 1.000.000 de unidades en portal.com.co por $4.118,50."},
		Article{Title: "Desmovilizados del M-19", Content: "La covid-19 y el aire (PM2.5) en los EE. UU., según O'Brien y la sentencia C-123/2020."},
		Article{Title: "Sin marcas", Content: "El covid 19 y el M 19 en EE.UU., según la SAS, 1000000 de veces."},
	)
	for q, want := range map[string]int{
		"ex-ministro": 2, "exministra": 1, "ex ministro": 1, "centro-izquierda": 1, "centro izquierda": 2, "franco-japonesa": 1, "ex‑ministro": 2,
		"Bogotá D.C.": 1, "bogota d.c.": 1, "D. C.": 1, "Andina S.A.S.": 1, "sas": 1, "S.A.S.": 2, "1.000.000": 2, "portal.com.co": 1, "4.118,50": 1,
		"M-19": 2, `"M-19"`: 2, `"del M-19"`: 2, "covid-19": 2, "PM2.5": 1, "EE.UU.": 2, "EE. UU.": 2, "o'brien": 1, "O’Brien": 1, "C-123/2020": 1,
		"habló -ex-ministro": 1, "según -covid-19": 1, "según -PM2.5": 1, "covid-20": 0, "centro-derecha": 0,
	} {
		hits, total, err := s.Search(t.Context(), mustTsquery(t, q), Filter{}, Relevance, 0, 10)
		if err != nil || len(hits) != want || total != int64(want) {
			t.Errorf("%q (%s) found %d, %v; want %d", q, mustTsquery(t, q).All, total, err, want)
		}
	}
}

// TestStopWordsExcludeNothing: PostgreSQL drops its stop words, and no other spelling of one is searched for.
func TestStopWordsExcludeNothing(t *testing.T) {
	t.Parallel()
	s, db := testStore(t)
	mustCreate(t, s, Article{Title: "El ministro del Interior", Content: "Habló con los alcaldes por la paz, y más."})
	for _, q := range []string{"ministro del interior", `"ministro del interior"`, "hablo con los alcaldes", "mas alcaldes", "más alcaldes por la paz"} {
		if _, total, err := s.Search(t.Context(), mustTsquery(t, q), Filter{}, Relevance, 0, 10); err != nil || total != 1 {
			t.Errorf("%q found %d, %v", q, total, err)
		}
	}
	var kept []string
	words := slices.Collect(maps.Keys(stopWords))
	err := db.Pool.QueryRow(t.Context(), `SELECT coalesce(array_agg(w), '{}') FROM unnest($1::text[]) AS w WHERE cardinality(ts_lexize('spanish_stem', w)) > 0`, words).Scan(&kept)
	if err != nil || len(kept) > 0 || len(words) < 300 {
		t.Errorf("PostgreSQL keeps %v of %d stop words, %v", kept, len(words), err)
	}
}

// TestWhatWasTypedWithATildeComesFirst: other spellings follow, however frequent they are.
func TestWhatWasTypedWithATildeComesFirst(t *testing.T) {
	t.Parallel()
	s, _ := testStore(t)
	mustCreate(t, s,
		Article{Title: "Canas al aire", Content: "Canas, canas y más canas: la cana es bella."},
		Article{Title: "Precios", Content: "Baja la caña de azúcar."},
	)
	for q, want := range map[string]string{"caña": "Precios", "cañas": "Precios", "canas": "Canas al aire", "Caña OR inexistente": "Precios"} {
		hits, _, err := s.Search(t.Context(), mustTsquery(t, q), Filter{}, Relevance, 0, 10)
		if err != nil || len(hits) != 2 || hits[0].Title != want {
			t.Errorf("%q: %d hits, %v, the first %+v; want %q", q, len(hits), err, hits[0], want)
		}
		if len(hits) == 2 && hits[0].Rank < hits[1].Rank {
			t.Errorf("%q: scores %v and %v", q, hits[0].Rank, hits[1].Rank)
		}
	}
}

// TestSearchByDate lists results by date, with scores and marks.
func TestSearchByDate(t *testing.T) {
	t.Parallel()
	s, _ := testStore(t)
	day := func(d int) *time.Time { v := time.Date(2026, 1, d, 0, 0, 0, 0, time.UTC); return &v }
	mustCreate(t, s,
		Article{Title: "dos café", Content: "café café café", PublishedDate: day(2)},
		Article{Title: "uno", Content: "un café", PublishedDate: day(1)},
		Article{Title: "tres", Content: "otro café", PublishedDate: day(3)},
	)
	for o, want := range map[Order]string{Newest: "tres dos café uno", Oldest: "uno dos café tres", Relevance: "dos café tres uno"} {
		hits, total, err := s.Search(t.Context(), mustTsquery(t, "café"), Filter{}, o, 0, 10)
		if err != nil || total != 3 {
			t.Fatal(total, err)
		}
		var titles []string
		for _, h := range hits {
			titles = append(titles, h.Title)
			if h.Rank <= 0 || !strings.Contains(h.Headline, highlightStart) {
				t.Errorf("%s: %+v", o, h)
			}
		}
		if got := strings.Join(titles, " "); got != want {
			t.Errorf("%s: %s, want %s", o, got, want)
		}
		second, _, err := s.Search(t.Context(), mustTsquery(t, "café"), Filter{}, o, 1, 1)
		if err != nil || len(second) != 1 || second[0].Title != hits[1].Title {
			t.Errorf("%s: the second page is %+v, %v", o, second, err)
		}
	}
}

// TestTheBestAreFoundAmongTheHeaviest compares the pages of searches with those of ranking every match, when most matches
// have a word once, some often, and some in their titles.
func TestTheBestAreFoundAmongTheHeaviest(t *testing.T) {
	t.Parallel()
	s, db := testStore(t)
	ctx := t.Context()
	_, err := db.Pool.Exec(ctx, `
		INSERT INTO scraped_content (source, source_url, title, subtitle, content, published_date)
		SELECT 'Fuente ' || i % 5, 'https://x.example/' || i,
		       'Título ' || i || CASE WHEN i % 40 = 0 THEN ' paz' ELSE '' END || CASE WHEN i % 701 = 0 THEN ' niñez' ELSE '' END, CASE WHEN i % 30 = 0 THEN 'la guerra' END,
		       repeat('paz ', i % 7 / 2) || repeat('guerra ', i * 7 % 23) || 'agua ' || repeat('ninez ', (i % 3 = 0)::int * i % 9) || CASE WHEN i % 2 = 0 THEN 'niñez' ELSE '' END, now()
		FROM generate_series(1, 1500) AS i`)
	if err != nil {
		t.Fatal(err)
	}
	short := map[string]bool{}
	for _, q := range []string{"paz", "guerra", "agua", "niñez", "ninez", "paz OR agua", "paz OR guerra OR agua", "PAZ guerra", "guerra -niñez", `"paz paz"`} {
		for _, f := range []Filter{{}, {Sources: []string{"Fuente 3"}}} {
			for _, page := range []struct{ offset, limit int }{{0, 10}, {40, 10}, {600, 50}} {
				text := mustTsquery(t, q)
				hits, total, err := s.Search(ctx, text, f, Relevance, page.offset, page.limit)
				if err != nil {
					t.Fatal(err)
				}
				var all []Hit
				var foundShort bool
				err = s.stemmed(ctx, text, func(s *Store, stems stemQuery) error {
					if !stems.Together {
						ids, err := s.heaviest(ctx, stems, f, page.offset, page.limit)
						if err != nil {
							return err
						}
						foundShort = ids != nil
					}
					return s.searchQuery(ctx, stems, f, Relevance, total, page.offset, page.limit).Scan(&all).Error
				})
				if err != nil {
					t.Fatal(err)
				}
				if got, want := places(hits), places(all); !slices.Equal(got, want) {
					t.Errorf("%s %+v %+v:\n got %v\nwant %v", q, f, page, got, want)
				}
				if foundShort {
					short[q] = true
				}
			}
		}
	}
	for _, q := range []string{"guerra", "niñez", "paz OR agua", "guerra -niñez"} {
		if !short[q] {
			t.Errorf("no page of %s was found among the articles in which it is heavy", q)
		}
	}
}

// TestStemsAreInTheClassOfTheirWeight: the classes here and those of weighed(search) are the same.
func TestStemsAreInTheClassOfTheirWeight(t *testing.T) {
	t.Parallel()
	s, db := testStore(t)
	const n = 40
	_, err := db.Pool.Exec(t.Context(), `
		INSERT INTO scraped_content (id, source, source_url, title, subtitle, content)
		SELECT i, 'Fuente', 'https://x.example/' || i, CASE WHEN i % 3 = 1 THEN 'paz' ELSE 'otra' END, repeat('paz ', i % 5), repeat('paz ', i / 2) FROM generate_series(1, $1) AS i`, n)
	if err != nil {
		t.Fatal(err)
	}
	for _, class := range classes {
		var want, got []int64
		for i := range int64(n) {
			tenths := (i+1)/2 + 4*((i+1)%5) // the weight in tenths
			if (i+1)%3 == 1 {
				tenths += 10
			}
			if tenths >= int64(math.Round(class.weight*10)) {
				want = append(want, i+1)
			}
		}
		q := stemQuery{Stems: []string{"'paz'"}}
		if err := s.db.Model(&Article{}).Where("weighed(search) @@ ?::tsquery", q.inClasses(class.letters)).Order("id").Pluck("id", &got).Error; err != nil {
			t.Fatal(err)
		}
		if !slices.Equal(got, want) {
			t.Errorf("of weight %v and more: %v, want %v", class.weight, got, want)
		}
	}
}

// TestStemQueries: a stem that several spellings share is looked up once, and only those that are looked for are stems.
func TestStemQueries(t *testing.T) {
	t.Parallel()
	s, _ := testStore(t)
	for q, want := range map[string]stemQuery{
		"agua":                     {All: "'agu'", Stems: []string{"'agu'"}, Any: true},
		"agua OR paz":              {All: "'agu' | 'paz'", Stems: []string{"'agu'", "'paz'"}, Any: true},
		"agua paz":                 {All: "'agu' & 'paz'", Stems: []string{"'agu'", "'paz'"}, Together: true},
		"agua -paz":                {All: "'agu' & !'paz'", Stems: []string{"'agu'"}},
		`"paz agua"`:               {All: "'paz' <-> 'agu'", Stems: []string{"'agu'", "'paz'"}, Together: true},
		"agua paz OR agua -guerra": {All: "'agu' & 'paz' | 'agu' & !'guerr'", Stems: []string{"'agu'", "'paz'"}, Together: true},
		"caña":                     {All: "'cañ' | 'can'", Exact: "'cañ'", Stems: []string{"'can'"}, Any: true},
		"el OR la":                 {},
		"el -paz":                  {All: "!'paz'"},
		"paz OR el -agua":          {All: "'paz' | 'paz' | !'agu'"},
	} {
		var got stemQuery
		if err := s.stemmed(t.Context(), mustTsquery(t, q), func(_ *Store, stems stemQuery) error { got = stems; return nil }); err != nil {
			t.Fatal(err)
		}
		got.All, got.Exact = strings.NewReplacer("( ", "", " )", "").Replace(got.All), strings.NewReplacer("( ", "", " )", "").Replace(got.Exact)
		if len(want.Stems) == 0 {
			want.Any, want.Together, got.Any, got.Together = false, false, false, false
		}
		if !reflect.DeepEqual(got, want) {
			t.Errorf("%s:\n got %+v\nwant %+v", q, got, want)
		}
	}
}

// TestACommonWordIsLookedUp: a word of every article is looked up in the index, although PostgreSQL thinks reading all is cheaper.
func TestACommonWordIsLookedUp(t *testing.T) {
	t.Parallel()
	s, db := testStore(t)
	if _, err := db.Pool.Exec(t.Context(), `INSERT INTO scraped_content (source, source_url, title, content) SELECT 'F', 'https://x.example/' || i, 'paz', 'paz' FROM generate_series(1, 300) AS i`); err != nil {
		t.Fatal(err)
	}
	if _, err := db.Pool.Exec(t.Context(), `ANALYZE scraped_content`); err != nil {
		t.Fatal(err)
	}
	const statement = "EXPLAIN SELECT count(*) FROM scraped_content WHERE search @@ 'paz'::tsquery"
	plan := func(s *Store) (lines []string) {
		t.Helper()
		if err := s.db.Raw(statement).Scan(&lines).Error; err != nil {
			t.Fatal(err)
		}
		return lines
	}
	if before := fmt.Sprint(plan(s)); !strings.Contains(before, "Seq Scan") {
		t.Fatalf("PostgreSQL has changed its mind, and this test shows nothing: %s", before)
	}
	err := s.stemmed(t.Context(), mustTsquery(t, "paz"), func(s *Store, _ stemQuery) error {
		if got := fmt.Sprint(plan(s)); strings.Contains(got, "Seq Scan") || !strings.Contains(got, "scraped_content_search") {
			t.Errorf("within a search: %s", got)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if after := fmt.Sprint(plan(s)); !strings.Contains(after, "Seq Scan") {
		t.Errorf("the setting outlives the search: %s", after)
	}
}

func places(hits []Hit) []string {
	out := make([]string, len(hits))
	for i, h := range hits {
		out[i] = fmt.Sprint(h.ID, " ", h.Rank)
	}
	return out
}

// TestASearchOfStopWordsReadsNoTable: PostgreSQL drops stop words, and the rest of "el -paz" is only an exclusion.
// Answering it would mean reading every article.
func TestASearchOfStopWordsReadsNoTable(t *testing.T) {
	t.Parallel()
	s, db := testStore(t)
	manyArticles(t, db)
	holder, err := db.Pool.Begin(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = holder.Rollback(context.Background()) }()
	if _, err := holder.Exec(t.Context(), "LOCK TABLE scraped_content IN ACCESS EXCLUSIVE MODE"); err != nil {
		t.Fatal(err)
	}
	for _, q := range []string{"el -palabra77", "el OR la", "la -palabra77 OR el -palabra78", "palabra77 OR la -palabra78"} {
		ts := mustTsquery(t, q)
		hits, total, err := s.Search(t.Context(), ts, Filter{}, Relevance, 0, 10)
		if err != nil || len(hits) != 0 || total != 0 {
			t.Errorf("%q: %d of %d, %v; want nothing", q, len(hits), total, err)
		}
	}
}

// TestASearchEndsWithItsTime: a search that times out also ends in PostgreSQL.
func TestASearchEndsWithItsTime(t *testing.T) {
	t.Parallel()
	s, db := testStore(t)
	mustCreate(t, s, Article{Title: "uno"})
	holder, err := db.Pool.Begin(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = holder.Rollback(context.Background()) }()
	if _, err := holder.Exec(t.Context(), "LOCK TABLE scraped_content IN ACCESS EXCLUSIVE MODE"); err != nil {
		t.Fatal(err)
	}
	s.searchTimeout = 50 * time.Millisecond
	if _, _, err := s.Search(t.Context(), searchText{All: "'palabra'"}, Filter{}, Relevance, 0, 10); !errors.Is(err, admission.ErrShed) {
		t.Errorf("a search that waits: %v, want admission.ErrShed", err)
	}
	testkit.Eventually(t, "PostgreSQL has given the search up", func() bool {
		var waiting int
		err := db.Pool.QueryRow(t.Context(), `SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND state = 'active' AND query LIKE '%to_tsquery%' AND pid <> pg_backend_pid()`).Scan(&waiting)
		return err == nil && waiting == 0
	})
}

func TestSearchNeverFails(t *testing.T) {
	t.Parallel()
	s, _ := testStore(t)
	mustCreate(t, s, Article{Title: "uno"})
	for _, q := range searchCorpus {
		if ts, err := tsquery(q); err == nil {
			if _, _, err := s.Search(t.Context(), ts, Filter{}, Relevance, 0, 10); err != nil {
				t.Errorf("%q → %s: %v", q, ts.All, err)
			}
		}
	}
}

// A listing shows the beginning of the current text, and one more character if there is one.
func TestListingsShowTheBeginning(t *testing.T) {
	t.Parallel()
	s, _ := testStore(t)
	ctx := t.Context()
	for _, n := range []int{1, contentCut - 1, contentCut, contentCut + 1, 3 * contentCut} {
		id := mustCreate(t, s, Article{Title: fmt.Sprint("Uno de ", n), SourceURL: fmt.Sprint("https://a.co/", n), Content: strings.Repeat("ñ", n)})[0]
		for _, letter := range []string{"ñ", "😀"} {
			a, err := s.Get(ctx, id)
			if err != nil {
				t.Fatal(err)
			}
			a.Content = strings.Repeat(letter, n)
			if err := s.Update(ctx, &a); err != nil {
				t.Fatal(err)
			}
			for _, cut := range []int{simpleCut, excerptCut, contentCut} {
				listed, err := s.List(ctx, Filter{}, Newest, nil, 1, cut)
				if err != nil || len(listed) != 1 || listed[0].ID != id {
					t.Fatalf("listed %+v, %v", listed, err)
				}
				if want := strings.Repeat(letter, min(n, cut+1)); listed[0].Content != want {
					t.Errorf("%d characters, cut at %d: %d bytes, want %d", n, cut, len(listed[0].Content), len(want))
				}
			}
		}
		if err := s.Delete(ctx, id); err != nil {
			t.Fatal(err)
		}
	}
}

// TestAPageHasABoundInBytes lists and finds articles with everything that a row may hold, including what others wrote with
// SQL.
func TestAPageHasABoundInBytes(t *testing.T) {
	t.Parallel()
	s, db := testStore(t)
	ctx := t.Context()
	const each = 400_000 // both of data that compress and of data that do not
	var noise strings.Builder
	for i := range each / 8 {
		fmt.Fprintf(&noise, "%08x", uint32(i)*2_654_435_761)
	}
	for i, name := range []string{noise.String(), strings.Repeat("a", each)} {
		id := mustCreate(t, s, Article{Title: "Grande", SourceURL: fmt.Sprint("https://a.co/", i), Content: fmt.Sprint("palabra ", i), Entities: json.RawMessage(`["` + name + `"]`)})[0]
		if _, err := db.Pool.Exec(ctx, "UPDATE scraped_content SET subtitle = $2, tags = $3 WHERE id = $1", id, name, `["`+name+`"]`); err != nil {
			t.Fatal(err)
		}
	}
	mustCreate(t, s, Article{Title: "Usual", SourceURL: "https://a.co/2", Content: "palabra usual", Entities: json.RawMessage(`["DANE"]`), Tags: Tags{"censo"}})
	found, total, err := s.Search(ctx, searchText{All: "'palabra'"}, Filter{}, Relevance, 0, 100)
	if err != nil || total != 3 {
		t.Fatal(total, err)
	}
	listed, err := s.List(ctx, Filter{}, Newest, nil, 100, contentCut)
	if err != nil {
		t.Fatal(err)
	}
	pages := map[string][]Article{"list": listed}
	for _, h := range found {
		pages["search"] = append(pages["search"], h.Article)
	}
	for name, page := range pages {
		if len(page) != 3 {
			t.Errorf("%s: %d articles", name, len(page))
		}
		for _, a := range page {
			encoded, err := json.Marshal(a)
			if err != nil {
				t.Fatal(err)
			}
			if a.Title == "Grande" && len(encoded) > 20_000 {
				t.Errorf("%s: %d bytes of one article", name, len(encoded))
			}
			if a.Title == "Usual" && (string(a.Entities) != `["DANE"]` || !slices.Equal(a.Tags, Tags{"censo"})) {
				t.Errorf("%s: %s, %v", name, a.Entities, a.Tags)
			}
		}
	}
}

// manyArticles inserts so many that a sequential scan would cost more than any index.
func manyArticles(t *testing.T, db *postgres.DB) {
	t.Helper()
	ctx := t.Context()
	_, err := db.Pool.Exec(ctx, `
		INSERT INTO scraped_content (source, source_url, category, title, content, author, published_date, scraped_at, content_hash, tags, colombian_entities, difficulty_score)
		SELECT 'Fuente ' || i % 50, 'https://x.example/' || i, 'c' || i % 40, 'Título ' || i, 'palabra' || i % 2000 || ' común', 'Autor ' || i % 300,
		       CASE WHEN i % 100 > 0 THEN timestamptz '2026-01-01' + i * interval '1 minute' END, timestamptz '2026-01-01' + i * interval '2 minutes', md5(i::text),
		       to_jsonb(ARRAY['t' || i % 700]), jsonb_build_object('places', ARRAY['p' || i % 900]), i % 41 / 10.0
		FROM generate_series(1, 20000) AS i`)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := db.Pool.Exec(ctx, "ANALYZE scraped_content"); err != nil {
		t.Fatal(err)
	}
}

// TestUsualListingsArePlannedOnce counts the plans on one connection, and looks at the one for all values.
func TestUsualListingsArePlannedOnce(t *testing.T) {
	t.Parallel()
	s, db := testStore(t)
	manyArticles(t, db)
	ctx := t.Context()
	for _, c := range []struct {
		index  string
		filter Filter
		order  Order
		limit  int
	}{
		{"scraped_content_date", Filter{}, Newest, 21},
		{"scraped_content_date", Filter{}, Newest, 51},
		{"scraped_content_source_date", Filter{Sources: []string{"Fuente 7"}}, Newest, 21},
		{"scraped_content_category_date", Filter{Category: "c7"}, Newest, 51},
		{"scraped_content_author_date", Filter{Author: "Autor 7"}, Newest, 11},
	} {
		for _, after := range []*Position{nil, {Value: new("2026-01-05T00:00:00Z"), ID: 5760}} {
			st := s.listQuery(ctx, c.filter, c.order, after, c.limit).Session(&gorm.Session{DryRun: true}).Find(&[]Article{}).Statement
			text := st.SQL.String()
			var generic, custom int
			err := db.Gorm.WithContext(ctx).Connection(func(tx *gorm.DB) error {
				for range 12 {
					if _, err := s.in(tx).List(ctx, c.filter, c.order, after, c.limit, 300); err != nil {
						return err
					}
				}
				return tx.Raw("SELECT generic_plans, custom_plans FROM pg_prepared_statements WHERE statement = ?", text).Row().Scan(&generic, &custom)
			})
			if err != nil {
				t.Fatalf("%v %+v: %v", c.filter, after, err)
			}
			if generic == 0 || custom > 5 { // PostgreSQL's number of trials
				t.Errorf("%d generic and %d custom plans, want one for all\n%s", generic, custom, text)
			}
			if plan := explainForAll(t, db, st); !strings.Contains(plan, c.index) || strings.Contains(plan, "Sort") {
				t.Errorf("the plan for all does not use %s:\n%s\n%s", c.index, plan, text)
			}
		}
	}
}

// explainForAll is the generic plan, made without parameter values.
func explainForAll(t *testing.T, db *postgres.DB, st *gorm.Statement) string {
	t.Helper()
	var args []string
	for _, v := range st.Vars {
		if at, ok := v.(time.Time); ok {
			v = at.Format(time.RFC3339)
		}
		args = append(args, fmt.Sprintf("'%v'", v))
	}
	var plan []string
	err := db.Gorm.WithContext(t.Context()).Connection(func(tx *gorm.DB) error {
		execute := "EXPLAIN EXECUTE listing"
		if len(args) > 0 {
			execute += "(" + strings.Join(args, ", ") + ")"
		}
		for _, sql := range []string{"PREPARE listing AS " + st.SQL.String(), "SET plan_cache_mode = force_generic_plan"} {
			if _, err := tx.Statement.ConnPool.ExecContext(t.Context(), sql); err != nil {
				return err
			}
		}
		return errors.Join(tx.Raw(execute).Scan(&plan).Error, tx.Exec("DEALLOCATE listing").Error, tx.Exec("RESET plan_cache_mode").Error)
	})
	if err != nil {
		t.Fatal(err)
	}
	return strings.Join(plan, "\n")
}

func TestQueriesUseTheirIndexes(t *testing.T) {
	t.Parallel()
	s, db := testStore(t)
	ctx := t.Context()
	manyArticles(t, db)
	middle := &Position{Value: new("2026-01-05T00:00:00Z"), ID: 5760}
	for _, c := range []struct {
		name, index string
		query       *gorm.DB
	}{
		{"newest", "scraped_content_date", s.listQuery(ctx, Filter{}, Newest, nil, 20)},
		{"newest, deep", "scraped_content_date", s.listQuery(ctx, Filter{}, Newest, middle, 20)},
		{"oldest", "scraped_content_date", s.listQuery(ctx, Filter{}, Oldest, middle, 20)},
		{"easiest", "scraped_content_difficulty", s.listQuery(ctx, Filter{}, Easiest, &Position{Value: new("2.5"), ID: 700}, 20)},
		{"hardest", "scraped_content_hardest", s.listQuery(ctx, Filter{}, Hardest, &Position{Value: new("2.5"), ID: 700}, 20)},
		{"updated since", "scraped_content_changed", s.listQuery(ctx, Filter{UpdatedSince: new(time.Date(2099, 1, 1, 0, 0, 0, 0, time.UTC))}, Newest, nil, 20)},
		{"source", "scraped_content_source_date", s.listQuery(ctx, Filter{Sources: []string{"Fuente 7"}}, Newest, middle, 20)},
		{"days", "scraped_content_date", s.listQuery(ctx, Filter{From: day(5), To: day(6)}, Newest, nil, 20)},
		{"no such days", "scraped_content_date", s.listQuery(ctx, Filter{To: new(time.Date(1999, 1, 1, 0, 0, 0, 0, time.UTC))}, Newest, nil, 20)},
		{"days, oldest first", "scraped_content_date", s.listQuery(ctx, Filter{From: day(5)}, Oldest, nil, 20)},
		{"no such difficulty", "scraped_content_difficulty", s.listQuery(ctx, Filter{MinDifficulty: new(4.9)}, Newest, nil, 20)},
		{"level", "scraped_content_difficulty", s.listQuery(ctx, Filter{Level: "C2"}, Newest, nil, 20)},
		{"level, easiest first", "scraped_content_difficulty", s.listQuery(ctx, Filter{Level: "B1"}, Easiest, nil, 20)},
		{"category", "scraped_content_category_date", s.listQuery(ctx, Filter{Category: "c7"}, Newest, nil, 20)},
		{"author", "scraped_content_author_date", s.listQuery(ctx, Filter{Author: "Autor 7"}, Newest, nil, 20)},
		{"tag", "scraped_content_tags", s.listQuery(ctx, Filter{Tag: "t7"}, Newest, nil, 50)},
		{"entity", "scraped_content_entities", s.listQuery(ctx, Filter{Entity: "p7"}, Newest, nil, 50)},
		{"offset", "scraped_content_date", s.offsetQuery(ctx, Filter{}, 400, 10)},
		{"search", "scraped_content_search", s.searchQuery(ctx, stemQuery{All: "'palabra77'"}, Filter{}, Relevance, 1, 0, 10)},
	} {
		if plan := explain(t, db, c.query); !strings.Contains(plan, c.index) || strings.Contains(plan, "Seq Scan on scraped_content") {
			t.Errorf("%s does not use %s:\n%s", c.name, c.index, plan)
		}
	}
}

func explain(t *testing.T, db *postgres.DB, q *gorm.DB) string {
	t.Helper()
	var sink []map[string]any
	st := q.Session(&gorm.Session{DryRun: true}).Find(&sink).Statement
	rows, err := db.Pool.Query(context.Background(), "EXPLAIN "+st.SQL.String(), st.Vars...)
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	var plan strings.Builder
	for rows.Next() {
		var line string
		if err := rows.Scan(&line); err != nil {
			t.Fatal(err)
		}
		plan.WriteString(line + "\n")
	}
	if err := rows.Err(); err != nil {
		t.Fatal(err)
	}
	return plan.String()
}

// TestFacets counts filter values among all articles, among those that a filter selects and among those that a search
// finds.
func TestFacets(t *testing.T) {
	t.Parallel()
	s, _ := testStore(t)
	mustCreate(t, s,
		Article{Title: "Paz en Cali", Source: "Semana", Category: new("política"), Author: new("Ana"), Tags: []string{"paz", "café", "paz"}, DifficultyScore: new(1.0)},
		Article{Title: "Paz en Neiva", Source: "Semana", Tags: []string{"paz"}, DifficultyScore: new(3.0)},
		Article{Title: "Café", Source: "El Heraldo", Category: new("economía"), DifficultyScore: new(3.1)},
	)
	show := func(f Facets) string {
		return fmt.Sprintf("%d %v %v %v %v %v", f.Total, f.Sources, f.Categories, f.Authors, f.Tags, f.Levels)
	}
	for _, c := range []struct {
		query string
		f     Filter
		limit int
		want  string
	}{
		{"", Filter{}, 10, "3 [{Semana 2} {El Heraldo 1}] [{economía 1} {política 1}] [{Ana 1}] [{paz 2} {café 1}] [{A1 1} {B1 2}]"},
		{"", Filter{}, 1, "3 [{Semana 2}] [{economía 1}] [{Ana 1}] [{paz 2}] [{A1 1}]"},
		{"", Filter{Sources: []string{"El Heraldo"}}, 10, "1 [{El Heraldo 1}] [{economía 1}] [] [] [{B1 1}]"},
		{"paz -cali", Filter{}, 10, "1 [{Semana 1}] [] [] [{paz 1}] [{B1 1}]"},
		{"la", Filter{}, 10, "0 [] [] [] [] []"},
	} {
		var query searchText
		if c.query != "" {
			query = mustTsquery(t, c.query)
		}
		got, err := s.Facets(t.Context(), query, c.f, c.limit)
		if err != nil {
			t.Fatal(err)
		}
		if show(got) != c.want {
			t.Errorf("%q %+v: %s, want %s", c.query, c.f, show(got), c.want)
		}
	}
}

// TestTheArchiveKeepsItsIdentifier: it is made once, and read where nothing can be written.
func TestTheArchiveKeepsItsIdentifier(t *testing.T) {
	t.Parallel()
	s, _ := testStore(t)
	first, err := s.ArchiveID(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	err = s.db.Transaction(func(tx *gorm.DB) error {
		if err := tx.Exec("SET TRANSACTION READ ONLY").Error; err != nil {
			return err
		}
		again, err := s.in(tx).ArchiveID(t.Context())
		if again != first {
			t.Errorf("%v, then %v", first, again)
		}
		return err
	})
	if err != nil {
		t.Error(err)
	}
}
