package app

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"fmt"
	"maps"
	"net/url"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"openlearn/internal/httpapi"
)

// A golden is one exchange with the original application.
type golden struct {
	Request struct {
		Method, Path string
		Headers      map[string]string
		Body         any
	}
	Response struct {
		Status   int
		Headers  [][2]string
		BodyKind string `json:"body_kind"`
		Body     any
	}
}

// deliberate lists where we differ from the original, with the defect (D) or the client's mismatch (M) that is the reason.
// status replaces the golden's; edit changes its body before the usual comparison; nil skips the body.
var deliberate = map[string]struct {
	why    string
	status int
	edit   func(body any) any
}{
	"content_limit0":            {"D33: bad input is 422, not 500", 422, item("greater_than_equal", "limit", "0")},
	"content_limit_neg":         {"D33", 422, item("greater_than_equal", "limit", "-1")},
	"simple_limit_neg":          {"D33", 422, item("greater_than_equal", "limit", "-1")},
	"simple_offset_neg":         {"D33", 422, item("greater_than_equal", "offset", "-1")},
	"simple_offset_huge":        {"D33", 422, item("less_than_equal", "offset", "99999999999999999999")},
	"content_cursor_garbage":    {"D31: a garbage cursor is 422, not page 1", 422, item("value_error", "cursor", "!!!notbase64")},
	"content_cursor_list":       {"D31", 422, item("value_error", "cursor", "WzEsIDJd")},
	"content_cursor_missing_id": {"D31", 422, item("value_error", "cursor", "eyJ2YWx1ZSI6ICIyMDI2LTExLTIwVDAwOjAwOjAwIn0=")},
	"content_cursor_strdate":    {"D31", 422, item("value_error", "cursor", "eyJpZCI6IDEsICJ2YWx1ZSI6ICJoZWxsbyIsICJmaWVsZCI6ICJwdWJsaXNoZWRfZGF0ZSJ9")},
	"content_cursor_nullvalue":  {"D31: a cursor on an undated row goes on", 200, nil},
	"content_p2":                {"D31", 200, nil},
	"content_mindiff_nan":       {"D33: a bound that nothing compares with is bad input", 422, item("finite_number", "min_difficulty", "nan")},

	"sources_category_bogus":        {"D35: an unknown category has no sources", 200, noSources},
	"sources_priority_and_category": {"D35: category counts beside priority", 200, nil},
	"sources_head":                  {"HEAD is answered from GET", 200, nil},
	"sources_post_405":              {"D25: 405, not an endless redirect", 405, detail("Method Not Allowed")},
	"trigger_get_405":               {"never a redirect (D25)", 405, detail("Method Not Allowed")},
	"frontend_sources":              {"M4: the client's path answers", 200, nil},
	"legacy_301_query":              {"D25: no redirect that drops the query", 200, nil},
	"trailing_slash":                {"D25", 200, nil},
	"unknown_v1":                    {"D25: 404", 404, detail("Not Found")},
	"unknown_v1_v1":                 {"D25", 404, detail("Not Found")},
	"legacy_health":                 {"D29: the probes' path answers", 200, nil},
	"legacy_metrics":                {"D29", 200, nil},
	"health_ready":                  {"D28: ready when it is", 200, nil},
	"docs":                          {"D30: pages without an outside host", 200, nil},
	"docs_default":                  {"D30: /docs answers", 200, nil},
	"root":                          {"the page names what exists", 200, nil},
	"analysis_result_1":             {"D27: analyses can be read", 200, nil},
	"analysis_results":              {"D27", 200, nil},
	"analysis_statistics":           {"D27, D40", 200, nil},
	"inm_v1":                        {"D1: a matching If-None-Match is answered with 304", 304, nil},
	"cors_preflight":                {"a preflight has no body: 204", 204, nil},
}

// undatedFirst are listings that began with undated articles in the original. Ours sort these by when they were stored, so
// such a page has other articles: each article of the golden is looked up by its id.
var undatedFirst = []string{"content_p1", "content_default", "content_filters", "content_limit_500", "simple_limit100", "simple_limit_1000", "simple_limit_huge"}

func item(kind, field, input string) func(any) any {
	return func(any) any { return map[string]any{"type": kind, "loc": []any{"query", field}, "input": input} }
}

func detail(text string) func(any) any {
	return func(any) any { return map[string]any{"detail": text} }
}

func noSources(body any) any {
	b := maps.Clone(body.(map[string]any))
	b["sources"], b["total_sources"] = []any{}, 0.0
	return b
}

func TestContract(t *testing.T) {
	t.Parallel()
	a := newTestApp(t)
	loadRows(t, a)
	files, err := filepath.Glob("testdata/contract/golden/*.json")
	if err != nil || len(files) < 60 {
		t.Fatalf("%d goldens, %v", len(files), err)
	}
	seen := map[string]bool{}
	for _, file := range files {
		name := strings.TrimSuffix(filepath.Base(file), ".json")
		seen[name] = true
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			replay(t, a, name, file)
		})
	}
	for name := range deliberate {
		if !seen[name] {
			t.Errorf("deliberate difference %s has no golden", name)
		}
	}
}

func readGolden(t *testing.T, file string) (g golden) {
	t.Helper()
	raw, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(raw, &g); err != nil {
		t.Fatal(err)
	}
	return g
}

func replay(t *testing.T, a *testApp, name, file string) {
	g := readGolden(t, file)
	want, status := g.Response.Body, g.Response.Status
	compare := g.Response.BodyKind == "json"
	if d, ok := deliberate[name]; ok {
		status, compare = d.status, d.edit != nil
		if compare {
			want = d.edit(want)
		}
	}
	headers := []string{}
	for k, v := range g.Request.Headers {
		headers = append(headers, k, v)
	}
	// Once for the miss, once for the hit, and once under the unversioned path: all must be the same.
	for _, path := range []string{g.Request.Path, g.Request.Path, strings.Replace(g.Request.Path, "/api/v1/", "/api/", 1)} {
		got := a.do(g.Request.Method, path, "", headers...)
		if got.StatusCode != status {
			t.Fatalf("%s %s: status %d, want %d\n%.600s", g.Request.Method, path, got.StatusCode, status, got.body)
		}
		for _, h := range g.Response.Headers {
			if (compare || h[0] != "content-type") && slices.Contains(contractHeaders, h[0]) && got.Header.Get(h[0]) != h[1] {
				t.Errorf("%s: %q, want %q", h[0], got.Header.Get(h[0]), h[1])
			}
		}
		if compare {
			body := got.json(t)
			if at, ok := ours[name]; ok {
				delete(body.(map[string]any), strings.TrimPrefix(at, "."))
			}
			if slices.Contains(undatedFirst, name) {
				reorder(t, a, path, want.(map[string]any), body.(map[string]any))
			}
			compareBody(t, want, body)
		}
	}
}

// reorder checks that ours is sorted by the articles' dates, and then replaces its items by those of the golden.
func reorder(t *testing.T, a *testApp, path string, golden, ours map[string]any) {
	t.Helper()
	items, _ := ours["items"].([]any)
	date := func(v any) time.Time {
		var at [2]time.Time
		for i, name := range []string{"published_date", "scraped_at"} {
			s, _ := v.(map[string]any)[name].(string)
			at[i], _ = time.Parse(time.RFC3339Nano, s) // zero if there is none
		}
		if at[0].IsZero() || at[0].After(at[1]) {
			return at[1]
		}
		return at[0]
	}
	if strings.Contains(path, "/content?") && !slices.IsSortedFunc(items, func(x, y any) int { return date(y).Compare(date(x)) }) {
		t.Errorf("%s: not the newest first", path)
	}
	ours["next_cursor"] = golden["next_cursor"] // points to another article
	if _, ok := golden["next_cursor"]; !ok {
		delete(ours, "next_cursor")
	}
	all := everyItem(t, a, path)
	breakTies(golden["items"].([]any))
	for i, want := range golden["items"].([]any) {
		if i < len(items) {
			items[i] = all[want.(map[string]any)["id"].(float64)]
		}
	}
}

// everyItem walks a listing to its end.
func everyItem(t *testing.T, a *testApp, path string) map[float64]any {
	t.Helper()
	u, err := url.Parse(path)
	if err != nil {
		t.Fatal(err)
	}
	all, q := map[float64]any{}, u.Query()
	q.Set("limit", "100")
	for range 100 {
		u.RawQuery = q.Encode()
		page := a.get(u.String()).json(t).(map[string]any)
		for _, it := range page["items"].([]any) {
			all[it.(map[string]any)["id"].(float64)] = it
		}
		if page["has_more"] != true {
			return all
		}
		q.Set("offset", fmt.Sprint(len(all)))
		if next, ok := page["next_cursor"].(string); ok {
			q.Set("cursor", next)
			q.Del("offset")
		}
	}
	t.Fatalf("%s does not end", path)
	return nil
}

// contractHeaders are those that a client can rely on.
var contractHeaders = []string{"content-type", "x-api-version", "x-frame-options", "x-content-type-options", "access-control-allow-origin", "access-control-allow-credentials"}

func compareBody(t *testing.T, want, got any) {
	t.Helper()
	if w, ok := want.(map[string]any); ok && w["type"] != nil && w["loc"] != nil { // one 422 item, wording aside
		items, _ := got.(map[string]any)["detail"].([]any)
		if len(items) != 1 {
			t.Fatalf("want one 422 item, got %v", got)
		}
		have := items[0].(map[string]any)
		for k := range w {
			if !reflect.DeepEqual(w[k], have[k]) {
				t.Errorf("422 item: %s is %v, want %v", k, have[k], w[k])
			}
		}
		return
	}
	if diff := difference("", want, got); diff != "" {
		t.Error(diff)
	}
}

// volatile fields are compared by presence only.
var volatile = []string{"timestamp", "recent_articles_24h", "response_time_ms"}

// ours are the fields that were added to single answers, by their path.
var ours = map[string]string{"status": ".sources"}

// added are the fields that the client reads and the original never sent (M1, M2).
var added = []string{"word_count", "tags", "colombian_entities", "source_url"}

// difference describes the first place where got differs from the golden, "" if there is none.
func difference(at string, want, got any) string {
	switch w := want.(type) {
	case map[string]any:
		g, ok := got.(map[string]any)
		if !ok {
			return fmt.Sprintf("%s: got %T, want an object", at, got)
		}
		for k := range g {
			if _, ok := w[k]; !ok && !(strings.Contains(at, "items") && slices.Contains(added, k)) {
				return fmt.Sprintf("%s.%s: not in the contract", at, k)
			}
		}
		for _, k := range slices.Sorted(maps.Keys(w)) {
			gv, ok := g[k]
			if !ok {
				return fmt.Sprintf("%s.%s: missing", at, k)
			}
			if slices.Contains(volatile, k) {
				continue
			}
			if k == "source_distribution" {
				sortBySource(w[k])
				sortBySource(gv)
			}
			if d := difference(at+"."+k, w[k], gv); d != "" {
				return d
			}
		}
	case []any:
		g, ok := got.([]any)
		if !ok || len(g) != len(w) {
			return fmt.Sprintf("%s: got %T of %d, want a list of %d", at, got, len(g), len(w))
		}
		if at == ".items" {
			// D32: the original left the order of articles with the same time undefined; ours is by id. Which of the
			// articles with the page's last time are on it was undefined too.
			breakTies(w)
			for i := len(w) - 1; i >= 0 && sameMoment(w[i], w[len(w)-1]); i-- {
				if gi, ok := g[i].(map[string]any); ok && !reflect.DeepEqual(gi["id"], w[i].(map[string]any)["id"]) && sameMoment(withZ(w[i]), g[i]) {
					w[i] = g[i]
				}
			}
		}
		for i := range w {
			if d := difference(fmt.Sprintf("%s[%d]", at, i), w[i], g[i]); d != "" {
				return d
			}
		}
	case string:
		g, _ := got.(string)
		if w == g || w+"Z" == g { // times now end in Z: the original dropped zones (M10)
			return ""
		}
		if strings.HasSuffix(at, ".next_cursor") && sameCursor(w, g) {
			return ""
		}
		// RFC 3339 needs no trailing zeros in fractions
		if i := strings.LastIndexByte(w, '.'); i > 0 && strings.TrimRight(w, "0")+"Z" == g {
			return ""
		}
		return fmt.Sprintf("%s: got %q, want %q", at, got, w)
	default:
		if !reflect.DeepEqual(want, got) {
			return fmt.Sprintf("%s: got %v, want %v", at, got, want)
		}
	}
	return ""
}

func sameCursor(a, b string) bool {
	ca, errA := httpapi.ParseCursor(a, "published_date")
	cb, errB := httpapi.ParseCursor(b, "published_date")
	if errA != nil || errB != nil || ca.ID != cb.ID || (ca.Value == nil) != (cb.Value == nil) {
		return false
	}
	ta, errA := ca.Time()
	tb, errB := cb.Time()
	return errA == nil && errB == nil && (ta == nil || ta.Equal(*tb))
}

func sameMoment(a, b any) bool {
	x, okX := a.(map[string]any)
	y, okY := b.(map[string]any)
	return okX && okY && x["published_date"] == y["published_date"]
}

// withZ is a golden's item with its time in our form.
func withZ(v any) any {
	m := maps.Clone(v.(map[string]any))
	if s, ok := m["published_date"].(string); ok {
		m["published_date"] = s + "Z"
	}
	return m
}

// breakTies sorts items with the same published_date by descending id.
func breakTies(items []any) {
	id := func(v any) int { n, _ := v.(map[string]any)["id"].(float64); return int(n) }
	for i := 0; i < len(items); {
		j := i + 1
		for j < len(items) && sameMoment(items[i], items[j]) {
			j++
		}
		slices.SortFunc(items[i:j], func(a, b any) int { return id(b) - id(a) })
		i = j
	}
}

func sortBySource(v any) {
	if list, ok := v.([]any); ok {
		slices.SortFunc(list, func(a, b any) int {
			return strings.Compare(a.(map[string]any)["source"].(string), b.(map[string]any)["source"].(string))
		})
	}
}

// loadRows inserts the rows from which the goldens were made; their times are UTC.
func loadRows(t *testing.T, a *testApp) {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), a.cfg.Database.URL)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close(t.Context())
	for _, table := range []string{"scraped_content", "content_analysis"} {
		zipped, err := os.ReadFile("testdata/contract/rows/" + table + ".csv.gz")
		if err != nil {
			t.Fatal(err)
		}
		r, err := gzip.NewReader(bytes.NewReader(zipped))
		if err != nil {
			t.Fatal(err)
		}
		var csv bytes.Buffer
		if _, err := csv.ReadFrom(r); err != nil {
			t.Fatal(err)
		}
		header, _, _ := strings.Cut(csv.String(), "\n")
		if _, err := conn.Exec(t.Context(), "SET timezone = 'UTC'"); err != nil {
			t.Fatal(err)
		}
		if _, err := conn.PgConn().CopyFrom(t.Context(), &csv, fmt.Sprintf("COPY %s (%s) FROM STDIN (FORMAT csv, HEADER true)", table, strings.TrimSpace(header))); err != nil {
			t.Fatalf("copy %s: %v", table, err)
		}
	}
}
