package app

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"

	"openlearn/internal/analysis"
	"openlearn/internal/analysis/nlp/readability"
	"openlearn/internal/articles/limits"
	"openlearn/internal/testkit"
)

const newsText = "El presidente Gustavo Petro visitó el municipio de Soacha y anunció una inversión de $2,3 billones en vivienda. " +
	"El DANE informó que la inflación bajó en mayo. Petro dijo que el Gobierno no va a ceder."

// quoted returns s as JSON.
func quoted(t testing.TB, v any) string {
	t.Helper()
	b, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func (a *testApp) analyze(body string, want int) map[string]any {
	a.t.Helper()
	r := a.do(http.MethodPost, "/api/v1/analysis/analysis/analyze", body)
	if r.StatusCode != want {
		a.t.Fatalf("analyze %.200s: %d %.300s", body, r.StatusCode, r.body)
	}
	return r.json(a.t).(map[string]any)
}

// TestAnalyze: the requested parts, and for the others what the contract says.
func TestAnalyze(t *testing.T) {
	t.Parallel()
	a := newTestApp(t)
	a.awaitGate()
	text := quoted(t, newsText)
	all := a.analyze(`{"text": `+text+`, "analysis_types": ["all"]}`, 200)
	for _, part := range []string{"sentiment", "entities", "values", "topics", "difficulty", "summary", "key_phrases", "vocabulary", "language", "model_version", "created_at"} {
		if all[part] == nil {
			t.Errorf("all has no %s", part)
		}
	}
	if all["id"] != nil || all["text_preview"] != newsText[:strings.Index(newsText, "ceder")]+"ceder." {
		t.Errorf("id %v, preview %v", all["id"], all["text_preview"])
	}
	computed := metric(t, a, `nlp_texts_total{for="request"}`)
	if computed == 0 {
		t.Error("the engine is not counted")
	}
	// Asking for parts after all of them costs nothing, on any path and in any spelling.
	for _, part := range []string{"sentiment", "entities", "topics", "difficulty", "summary", "vocabulary"} {
		one := a.analyze(`{"language": "es-CO", "analysis_types": ["`+part+`"], "text": `+text+`}`, 200)
		if quoted(t, one[part]) != quoted(t, all[part]) {
			t.Errorf("%s alone is %v, with all %v", part, one[part], all[part])
		}
		for _, other := range []string{"sentiment", "entities", "topics", "difficulty", "summary", "vocabulary"} {
			if other != part && one[other] != nil {
				t.Errorf("asked for %s, got %s", part, other)
			}
		}
	}
	if n := metric(t, a, `nlp_texts_total{for="request"}`); n != computed {
		t.Errorf("parts of a known text were computed again: %v texts, then %v", computed, n)
	}
	usual := a.analyze(`{"text": `+text+`}`, 200)
	if usual["sentiment"] == nil || usual["difficulty"] == nil || usual["summary"] != nil || usual["vocabulary"] != nil {
		t.Errorf("by default: %v", usual)
	}
	if none := a.analyze(`{"text": `+text+`, "analysis_types": ["bogus"]}`, 200); none["entities"] != nil || none["sentiment"] != nil {
		t.Errorf("an unknown part: %v", none)
	}
	for body, contains := range map[string]string{
		`{"text": "corto"}`: `"string_too_short"`,
		`{"text": "` + strings.Repeat("a", 50_001) + `"}`: `"string_too_long"`,
		`{"text": ` + text + `, "language": "en"}`:        "only Spanish",
		`{"text": "Hola\u0000 mundo entero"}`:             "NUL",
		`{"texto": "x"}`:                                  `"missing"`,
		`{"text": 5}`:                                     `"string_type"`,
	} {
		if got := quoted(t, a.analyze(body, 422)); !strings.Contains(got, contains) {
			t.Errorf("%.80s: %.300s", body, got)
		}
	}
	// No text is refused for its content.
	for _, text := range []string{
		"select * from users; drop table users; --", strings.Repeat("👍🏽", 25_000), strings.Repeat("<p>", 16_000), strings.Repeat("a", 50_000),
		"\u202e\u202d" + newsText + "\u0001\u001b", strings.Repeat("ONU ", 12_500),
	} {
		a.analyze(`{"analysis_types": ["all"], "text": `+quoted(t, text)+`}`, 200)
	}
}

func TestAnalyzeBatch(t *testing.T) {
	t.Parallel()
	a := newTestApp(t)
	a.awaitGate()
	texts := []string{newsText, "Los niños murieron en una terrible masacre en Cali.", newsText}
	r := a.do(http.MethodPost, "/api/analysis/batch", `{"analysis_types": ["sentiment", "entities"], "texts": `+quoted(t, texts)+`}`)
	got := r.json(t).(map[string]any)
	if r.StatusCode != 200 || got["count"] != 3.0 {
		t.Fatalf("%d %.300s", r.StatusCode, r.body)
	}
	results := got["results"].([]any)
	if quoted(t, results[0].(map[string]any)["entities"]) != quoted(t, results[2].(map[string]any)["entities"]) {
		t.Error("one text has two results")
	}
	if s := results[1].(map[string]any)["sentiment"].(map[string]any); s["classification"] != "negative" {
		t.Errorf("sentiment %v", s)
	}
	for body, contains := range map[string]string{
		`{"texts": []}`: `"too_short"`,
		`{"texts": ["` + newsText[:20] + `", "corto"]}`:                                               `"loc":["body","texts",1]`,
		`{"texts": ` + quoted(t, make([]string, 1001)) + `}`:                                          `"too_long"`,
		`{"language": "fr", "texts": ["` + newsText[:20] + `"]}`:                                      "only Spanish",
		`{"texts": ` + quoted(t, slices.Repeat([]string{strings.Repeat("palabra ", 6000)}, 42)) + `}`: "together",
	} {
		if r := a.do(http.MethodPost, "/api/analysis/batch", body); r.StatusCode != 422 || !strings.Contains(string(r.body), contains) {
			t.Errorf("%.80s: %d %.300s", body, r.StatusCode, r.body)
		}
	}
}

// drain analyses the waiting articles, as the jobs do.
func (a *testApp) drain() int {
	a.t.Helper()
	n, err := a.Analysis.Drain(context.Background(), 2, nil)
	if err != nil {
		a.t.Fatal(err)
	}
	return n
}

func (a *testApp) psql(sql string, args ...any) {
	a.t.Helper()
	if _, err := a.db.Pool.Exec(a.t.Context(), sql, args...); err != nil {
		a.t.Fatal(err)
	}
}

func (a *testApp) ask(sql string, args ...any) (v string) {
	a.t.Helper()
	if err := a.db.Pool.QueryRow(a.t.Context(), sql, args...).Scan(&v); err != nil {
		a.t.Fatal(err)
	}
	return v
}

// news stores an article with a text.
func (a *testApp) news(title, text, more string) int64 {
	a.t.Helper()
	r := a.admin(http.MethodPost, "/api/articles", fmt.Sprintf(`{"source": "S", "title": %s, "content": %s%s}`, quoted(a.t, title), quoted(a.t, text), more), http.StatusCreated)
	return int64(r.json(a.t).(map[string]any)["id"].(float64))
}

// TestArticlesAreAnalysed follows an article from its creation through every kind of change.
func TestArticlesAreAnalysed(t *testing.T) {
	t.Parallel()
	a := newTestApp(t)
	b := newTestApp(t, func(c *Config) { c.Database.URL, c.Redis.URL = a.cfg.Database.URL, a.cfg.Redis.URL })
	a.awaitGate()
	b.awaitGate()
	id := a.news("Petro en Soacha", newsText, `, "published_date": "2026-03-04T10:00:00-05:00"`)
	one := fmt.Sprintf("/api/articles/%d", id)
	field := func(path, name string) any { return b.get(path).json(t).(map[string]any)[name] }
	if n := a.drain(); n != 1 {
		t.Fatalf("%d articles analysed", n)
	}
	if n := a.drain(); n != 0 {
		t.Errorf("%d analysed again: an analysis must not make its article wait", n)
	}
	score, ok := field(one, "difficulty_score").(float64)
	if !ok || score < 1 || score > 5 {
		t.Errorf("difficulty %v", field(one, "difficulty_score"))
	}
	if e := quoted(t, field(one, "colombian_entities")); !strings.Contains(e, `"Gustavo Petro"`) || !strings.Contains(e, `"Soacha"`) {
		t.Errorf("entities %s", e)
	}
	for _, path := range []string{
		"/api/articles?entity=Gustavo%20Petro", "/api/articles?entity=Soacha", "/api/articles?min_difficulty=1", "/api/articles?tag=" + field(one, "tags").([]any)[0].(string),
		"/api/articles?level=" + field(one+"/analysis", "difficulty").(map[string]any)["cefr_level"].(string),
	} {
		if got := titles(t, b.get(path)); got != "Petro en Soacha" {
			t.Errorf("%s finds %q", path, got)
		}
	}
	if got := titles(t, b.get("/api/articles?level=C2")); got != "" {
		t.Errorf("level C2 finds %q", got)
	}
	whole := b.get(one + "/analysis").json(t).(map[string]any)
	if whole["content_id"] != float64(id) || len(whole["entities"].([]any)) < 4 || whole["vocabulary"] == nil {
		t.Errorf("analysis %v", whole)
	}

	// The listing finds it by its article, and an analysis from a listing can be read.
	list := b.get(fmt.Sprintf("/api/analysis/results?content_id=%d", id)).json(t).(map[string]any)
	if list["total"] != 1.0 {
		t.Fatalf("results of the article: %v", list)
	}
	item := list["items"].([]any)[0].(map[string]any)
	stored := fmt.Sprintf("/api/analysis/results/%v", item["id"])
	if s := field(stored, "sentiment").(map[string]any); s["subjectivity"] == nil || s["confidence"] == nil || field(stored, "difficulty") == nil || field(stored, "model_version") == "" {
		t.Errorf("%v", b.get(stored).json(t))
	}
	if got := b.get("/api/analysis/results?content_id=999999").json(t).(map[string]any); got["total"] != 0.0 {
		t.Errorf("results of no article: %v", got)
	}

	// A change through the API, and one in psql. The article's analysis follows its text at once, the stored one after the jobs.
	for i, change := range []func(text string){
		func(text string) { a.admin(http.MethodPatch, one, `{"content": `+quoted(t, text)+`}`, 200) },
		func(text string) {
			a.psql("UPDATE scraped_content SET content = $1 WHERE id = $2", text, id)
			a.settle()
		},
	} {
		text := fmt.Sprintf("Juan Fernando Quintero jugó en Medellín el partido número %d de la selección. Quintero marcó dos goles y el equipo ganó.", i)
		change(text)
		if e := quoted(t, field(one+"/analysis", "entities")); strings.Contains(e, "Petro") || !strings.Contains(e, "Quintero") {
			t.Errorf("change %d: the analysis is of another text: %s", i, e)
		}
		if n := a.drain(); n != 1 {
			t.Errorf("change %d: %d analysed", i, n)
		}
		if e := quoted(t, field(one, "colombian_entities")); strings.Contains(e, "Petro") || !strings.Contains(e, "Juan Fernando Quintero") {
			t.Errorf("change %d: the article has %s", i, e)
		}
		if p := field(stored, "text_preview"); p != text {
			t.Errorf("change %d: the stored analysis is of %v", i, p)
		}
	}

	// What a writer supplies stays, and what is removed comes back.
	a.admin(http.MethodPatch, one, `{"difficulty_score": 4.25, "tags": ["mío"], "content": `+quoted(t, newsText)+`}`, 200)
	a.drain()
	if field(one, "difficulty_score") != 4.25 || quoted(t, field(one, "tags")) != `["mío"]` || !strings.Contains(quoted(t, field(one, "colombian_entities")), "Petro") {
		t.Errorf("a writer's own: %v %v", field(one, "difficulty_score"), field(one, "tags"))
	}
	a.admin(http.MethodPatch, one, `{"difficulty_score": null}`, 200)
	if n := a.drain(); n != 1 || field(one, "difficulty_score") != score {
		t.Errorf("taken away: %d analysed, %v, want %v", n, field(one, "difficulty_score"), score)
	}

	a.admin(http.MethodDelete, one, "", http.StatusNoContent)
	for _, path := range []string{stored, one + "/analysis", one + "/related"} {
		if r := b.get(path); r.StatusCode != http.StatusNotFound {
			t.Errorf("%s of a deleted article: %d", path, r.StatusCode)
		}
	}
	if n := a.ask(`SELECT ((SELECT count(*) FROM article_names) + (SELECT count(*) FROM analysis_names) + (SELECT count(*) FROM analysis_pending)
		+ (SELECT count(*) FROM vocabulary_words WHERE articles <> 0 OR example IS NOT NULL) + (SELECT count(*) FROM analysis_figures WHERE count <> 0 OR total <> 0))::text`); n != "0" {
		t.Errorf("%s rows are left of a deleted article", n)
	}
	a.noRefusedFills()
}

// noRefusedFills checks that every value declared what it depends on.
func (a *testApp) noRefusedFills() {
	a.t.Helper()
	for _, layer := range []string{"http_response", "content", "analytics", "article", "nlp_analysis", "sentiment", "entities", "topics"} {
		if n := metric(a.t, a, fmt.Sprintf(`cache_rejected_fills_total{layer=%q,reason="undeclared_dependency"}`, layer)); n > 0 {
			a.t.Errorf("%s: %v fills were refused", layer, n)
		}
	}
}

// TestOneArticleLeavesTheAnalysesOfOthersAlone: a cached analysis is still served after another article has changed.
func TestOneArticleLeavesTheAnalysesOfOthersAlone(t *testing.T) {
	t.Parallel()
	a := newTestApp(t)
	a.awaitGate()
	first := a.news("Uno", newsText, "")
	second := a.news("Dos", "Otra noticia sobre la cosecha de café en Quindío y los precios del grano.", "")
	a.drain()
	a.settle()
	result := "/api/analysis/results/" + a.ask("SELECT id::text FROM content_analysis WHERE content_id = $1", first)
	paths := []string{fmt.Sprintf("/api/articles/%d/analysis", first), result, "/api/analysis/trends?entity=Petro&from=2026-01-01&to=2026-01-31"}
	for _, path := range paths {
		a.served(path)
	}
	a.admin(http.MethodPatch, fmt.Sprintf("/api/articles/%d", second), `{"content": "Cambió la noticia: ahora trata del carnaval de Barranquilla."}`, 200)
	a.drain()
	a.settle()
	for _, path := range paths {
		if r := a.served(path); r.Header.Get("X-Cache") != "HIT" {
			t.Errorf("%s: %s after another article changed", path, r.Header.Get("X-Cache"))
		}
	}
	a.admin(http.MethodPatch, fmt.Sprintf("/api/articles/%d", first), `{"content": "Cambió: ahora trata del carnaval."}`, 200)
	a.drain()
	for _, path := range paths[:2] {
		if r := a.get(path); !strings.Contains(string(r.body), "carnaval") {
			t.Errorf("%s: %.200s", path, r.body)
		}
	}
}

// TestTheStatisticsAreThoseOfAScan compares the figures kept up with every change with those of a full count.
func TestTheStatisticsAreThoseOfAScan(t *testing.T) {
	t.Parallel()
	a := newTestApp(t)
	if _, err := a.seed(t.Context(), 120); err != nil {
		t.Fatal(err)
	}
	if n := a.drain(); n != 120 {
		t.Fatalf("%d analysed", n)
	}
	check := func(when string) {
		t.Helper()
		for what, scan := range map[string][2]string{
			"analyses": {"SELECT count::text FROM analysis_figures WHERE figure = 'analyses'", "SELECT count(*)::text FROM content_analysis"},
			"sentiment": {
				"SELECT round(total / count, 4)::text FROM analysis_figures WHERE figure = 'scored'", "SELECT round(avg(sentiment_score)::numeric, 4)::text FROM content_analysis",
			},
			"entities": {
				"SELECT string_agg(name || count, ' ' ORDER BY name) FROM analysis_figures WHERE figure = 'entity' AND count > 0",
				"SELECT string_agg(type || n, ' ' ORDER BY type) FROM (SELECT e ->> 'type' AS type, count(*) AS n FROM content_analysis, jsonb_array_elements(entities) AS e GROUP BY 1) AS x",
			},
			"names": {
				"SELECT md5(string_agg(type || key || articles || ' ' || mentions, ',' ORDER BY type, key)) FROM analysis_names",
				"SELECT md5(string_agg(type || key || n || ' ' || m, ',' ORDER BY type, key)) FROM (SELECT type, key, count(*) AS n, sum(mentions) AS m FROM article_names GROUP BY 1, 2) AS x",
			},
			"words": {
				"SELECT md5(string_agg(word || articles, ',' ORDER BY word)) FROM vocabulary_words WHERE articles > 0",
				"SELECT md5(string_agg(word || n, ',' ORDER BY word)) FROM (SELECT word, count(*) AS n FROM content_analysis, unnest(words) AS word GROUP BY 1) AS x",
			},
		} {
			if kept, counted := a.ask(scan[0]), a.ask(scan[1]); kept != counted {
				t.Errorf("%s, %s: kept %s, counted %s", when, what, kept, counted)
			}
		}
	}
	check("after analysing")
	a.awaitGate()
	a.settle()
	words := a.get("/api/vocabulary?level=B1").json(t).(map[string]any)
	for _, w := range words["items"].([]any) {
		if w := w.(map[string]any); w["level"] != "B1" || w["example"] == nil || w["articles"].(float64) < 1 {
			t.Errorf("word %v", w)
		}
	}
	if len(words["items"].([]any)) == 0 || words["total"].(float64) < 1 {
		t.Errorf("vocabulary %v", words)
	}
	a.psql("DELETE FROM scraped_content WHERE id % 3 = 0")
	check("after deleting")
	a.psql("UPDATE scraped_content SET content = content || ' Ocurrió en Leticia, Amazonas.' WHERE id % 3 = 1")
	if n := a.drain(); n != 40 {
		t.Errorf("%d analysed after a change in psql", n)
	}
	check("after changing")
	a.awaitGate()
	a.settle()
	stats := a.get("/api/analysis/statistics").json(t).(map[string]any)
	if stats["total_analyses"] != 80.0 || stats["average_sentiment"] == nil || stats["entity_types_count"].(float64) < 3 || len(stats["level_distribution"].(map[string]any)) < 2 || stats["last_analysis"] == nil {
		t.Errorf("statistics %v", stats)
	}
	found := a.get("/api/analysis/entities?q=letic").json(t).(map[string]any)["items"].([]any)
	if len(found) == 0 || found[0].(map[string]any)["name"] != "Leticia" || found[0].(map[string]any)["articles"].(float64) < 20 {
		t.Errorf("entities %v", found)
	}
	a.psql("TRUNCATE scraped_content, content_analysis, article_revisions")
	if n := a.ask("SELECT ((SELECT count(*) FROM article_names) + (SELECT count(*) FROM analysis_names) + (SELECT count(*) FROM analysis_figures))::text"); n != "0" {
		t.Errorf("%s rows after truncating", n)
	}
	a.noRefusedFills()
}

// TestTrendsAndRelatedArticles on a handful of articles whose names are known.
func TestTrendsAndRelatedArticles(t *testing.T) {
	t.Parallel()
	a := newTestApp(t)
	a.awaitGate()
	on := func(day string) string { return `, "published_date": "` + day + `T20:00:00-05:00"` }
	petro := a.news("Uno", newsText, on("2026-03-04"))
	again := a.news("Dos", "Gustavo Petro regresó a Soacha. En el municipio, Petro habló de vivienda con la gente.", on("2026-03-04"))
	a.news("Tres", "Gustavo Petro viajó a Cali y se reunió con empresarios del Valle del Cauca.", on("2026-03-06"))
	a.news("Cuatro", "El tenista Juan Sebastián Cabal ganó el torneo de Montevideo.", on("2026-03-06"))
	a.drain()
	trend := "/api/analysis/trends?from=2026-03-01&to=2026-03-31&entity=" + url.QueryEscape("gustavo PETRO")
	days := func() string {
		var out []string
		for _, d := range a.get(trend).json(t).(map[string]any)["days"].([]any) {
			out = append(out, fmt.Sprint(d.(map[string]any)["day"], " ", d.(map[string]any)["articles"]))
		}
		return strings.Join(out, ", ")
	}
	if got := days(); got != "2026-03-04 2, 2026-03-06 1" {
		t.Errorf("trend %s", got)
	}
	related := func(id int64) string {
		var out []string
		for _, item := range a.get(fmt.Sprintf("/api/articles/%d/related", id)).json(t).(map[string]any)["items"].([]any) {
			out = append(out, item.(map[string]any)["title"].(string))
		}
		return strings.Join(out, ", ")
	}
	if got := related(petro); got != "Dos, Tres" {
		t.Errorf("related to Uno: %s", got)
	}
	// A new article with the same name appears at once, and a deleted one is gone.
	a.news("Cinco", "Gustavo Petro volvió a Soacha con el DANE.", on("2026-03-07"))
	a.drain()
	if got := related(petro); !strings.Contains(got, "Cinco") {
		t.Errorf("related to Uno, after Cinco: %s", got)
	}
	if got := days(); got != "2026-03-04 2, 2026-03-06 1, 2026-03-07 1" {
		t.Errorf("trend after Cinco: %s", got)
	}
	a.admin(http.MethodDelete, fmt.Sprintf("/api/articles/%d", again), "", http.StatusNoContent)
	if got := related(petro); strings.Contains(got, "Dos") {
		t.Errorf("related to Uno, after Dos was deleted: %s", got)
	}
	a.admin(http.MethodPatch, fmt.Sprintf("/api/articles/%d", petro), `{"title": "Uno nuevo"}`, 200)
	if got := related(petro); got == "" {
		t.Error("nothing is related after the title changed")
	}
	topic := a.get("/api/analysis/trends?topic=sports&from=2026-03-01&to=2026-03-31").json(t).(map[string]any)
	if topic["total"] != 1.0 {
		t.Errorf("trend of sports %v", topic)
	}
	for path, contains := range map[string]string{
		"/api/analysis/trends":                                        "either entity or topic",
		"/api/analysis/trends?entity=a&topic=b":                       "either entity or topic",
		"/api/analysis/trends?entity=%20":                             "letter or a digit",
		"/api/analysis/trends?entity=a&from=2026-02-01&to=2026-01-01": "must not be after",
		"/api/analysis/trends?entity=a&type=X":                        `"literal_error"`,
		"/api/analysis/entities?limit=0":                              `"greater_than_equal"`,
		"/api/vocabulary?level=D1":                                    `"literal_error"`,
		"/api/articles?level=b1":                                      `"literal_error"`,
		"/api/articles/x/related":                                     `"int_parsing"`,
	} {
		if r := a.get(path); r.StatusCode != 422 || !strings.Contains(string(r.body), contains) {
			t.Errorf("%s: %d %.300s", path, r.StatusCode, r.body)
		}
	}
	if r := a.get("/api/articles/999999/related"); r.StatusCode != http.StatusNotFound {
		t.Errorf("related to no article: %d", r.StatusCode)
	}
	a.noRefusedFills()
}

// slowArchive reads texts, signals that, and returns them when released.
type slowArchive struct {
	analysedArchive
	reached, goOn chan struct{}
}

func (s slowArchive) Texts(ctx context.Context, ids []int64) ([]analysis.Text, error) {
	out, err := s.analysedArchive.Texts(ctx, ids)
	close(s.reached)
	<-s.goOn
	return out, err
}

// TestAnOlderAnalysisNeverReplacesANewerOne: two workers analyse one article, and it changes while the slower one works.
func TestAnOlderAnalysisNeverReplacesANewerOne(t *testing.T) {
	t.Parallel()
	a := newTestApp(t)
	a.awaitGate()
	id := a.news("Uno", newsText, "")
	slow := make(chan struct{})
	reached := make(chan struct{})
	worker := analysis.NewService(analysis.Options{
		Store: analysis.NewStore(a.db.Gorm), Cache: a.cache, Outbox: a.outbox, Archive: slowArchive{analysedArchive{a.Articles}, reached, slow},
	})
	done := make(chan error, 1)
	go func() {
		_, _, err := worker.Step(context.Background(), 1)
		done <- err
	}()
	<-reached // it has read the old text
	a.admin(http.MethodPatch, fmt.Sprintf("/api/articles/%d", id), `{"content": "El nuevo texto trata del carnaval de Barranquilla."}`, 200)
	if n := a.drain(); n != 1 {
		t.Errorf("%d analysed", n)
	}
	close(slow)
	if err := <-done; err != nil {
		t.Fatal(err)
	}
	if p := a.ask("SELECT preview FROM content_analysis WHERE content_id = $1", id); !strings.Contains(p, "carnaval") {
		t.Errorf("the analysis is of %q", p)
	}
	if n := a.ask("SELECT count(*)::text FROM analysis_pending"); n != "0" {
		t.Errorf("%s still wait", n)
	}
}

// TestJobsAnalyseByThemselves: with workers, stored articles are analysed without a request.
func TestJobsAnalyseByThemselves(t *testing.T) {
	t.Parallel()
	a := newTestApp(t, func(c *Config) { c.Analysis.Workers = 1 })
	a.awaitGate()
	id := a.news("Uno", newsText, "")
	testkit.Eventually(t, "the article has a difficulty", func() bool {
		return a.get(fmt.Sprintf("/api/articles/%d", id)).json(t).(map[string]any)["difficulty_score"] != nil
	})
}

// TestABatchOfArticles: a job analyses articles and reports its progress; requesting it twice gives the same job.
func TestABatchOfArticles(t *testing.T) {
	t.Parallel()
	database, redis := testkit.Database(t), testkit.RedisURL(t)
	on := func(c *Config) { c.Database.URL, c.Redis.URL = database, redis }
	a := newTestApp(t, on) // has no workers
	a.awaitGate()
	one, two := a.news("Uno", newsText, ""), a.news("Dos", "Otra noticia sobre la cosecha de café en Quindío.", "")
	ask := fmt.Sprintf(`{"content_ids": [%d, %d, 999999, %d]}`, two, one, one)
	post := func() map[string]any {
		r := a.do(http.MethodPost, "/api/v1/analysis/analysis/batch-analyze", ask)
		if r.StatusCode != http.StatusOK {
			t.Fatalf("%d %.300s", r.StatusCode, r.body)
		}
		return r.json(t).(map[string]any)
	}
	first, second := post(), post()
	if first["status"] != "processing" || first["duplicate"] != false || second["duplicate"] != true || first["job_id"] != second["job_id"] {
		t.Errorf("%v, then %v", first, second)
	}
	path := fmt.Sprintf("/api/analysis/jobs/%v", first["job_id"])
	if j := a.get(path).json(t).(map[string]any); j["status"] != "queued" || j["total"] != 3.0 || j["done"] != 0.0 {
		t.Errorf("before anybody works: %v", j)
	}
	newTestApp(t, on, func(c *Config) { c.Analysis.Workers = 1 })
	var j map[string]any
	testkit.Eventually(t, "the job is completed", func() bool {
		j = a.get(path).json(t).(map[string]any)
		return j["status"] == "completed"
	})
	if j["done"] != 2.0 || j["progress"] != 1.0 || quoted(t, j["missing"]) != "[999999]" || j["error"] != nil || j["finished_at"] == nil {
		t.Errorf("in the end: %v", j)
	}
	if n := a.ask("SELECT count(*)::text FROM content_analysis WHERE content_id IN ($1, $2)", one, two); n != "2" {
		t.Errorf("%s articles are analysed", n)
	}
	for body, contains := range map[string]string{
		`{"content_ids": []}`: `"too_short"`, `{"content_ids": [0]}`: "positive", `{"content_ids": ["x"]}`: `"int_type"`, `{}`: `"missing"`,
	} {
		if r := a.do(http.MethodPost, "/api/analysis/batch-analyze", body); r.StatusCode != 422 || !strings.Contains(string(r.body), contains) {
			t.Errorf("%s: %d %.300s", body, r.StatusCode, r.body)
		}
	}
	if r := a.get("/api/analysis/jobs/999999"); r.StatusCode != http.StatusNotFound {
		t.Errorf("no such job: %d", r.StatusCode)
	}
}

// TestLevelsAreTheEngines: the archive's bounds of levels are the engine's.
func TestLevelsAreTheEngines(t *testing.T) {
	t.Parallel()
	if len(limits.Levels) != len(readability.Levels) {
		t.Errorf("%d levels, the engine has %d", len(limits.Levels), len(readability.Levels))
	}
	for i, l := range readability.Levels {
		below := 5.001
		if i+1 < len(readability.Levels) {
			below = readability.Levels[i+1].From
		}
		if got := limits.Levels[string(l.Level)]; got.From != l.From || got.Below != below {
			t.Errorf("%s: %v, the engine has %v to %v", l.Level, got, l.From, below)
		}
	}
}
