package analysis

import (
	"context"
	"log/slog"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"gorm.io/gorm"

	"openlearn/internal/postgres"
	"openlearn/internal/testkit"
)

func TestMain(m *testing.M) { testkit.Main(m) }

// with makes a database whose connections have these settings.
func with(t *testing.T, options string) string {
	t.Helper()
	return testkit.Database(t) + "&options=" + strings.ReplaceAll(url.QueryEscape(options), "+", "%20")
}

// TestQueriesUseTheirIndexes: each can be answered without a sequential scan, which PostgreSQL would prefer for such small
// tables unless it is told not to.
func TestQueriesUseTheirIndexes(t *testing.T) {
	t.Parallel()
	db, err := postgres.Open(t.Context(), postgres.Config{URL: with(t, "-c enable_seqscan=off"), MaxConns: 2, StatementTimeout: 2 * time.Minute}, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := db.Close(); err != nil {
			t.Error(err)
		}
	})
	for _, sql := range []string{
		`INSERT INTO scraped_content (source, source_url, title, content) SELECT 'S', 'https://x.example/' || i, 't', 'c' FROM generate_series(1, 6000) AS i`,
		`INSERT INTO content_analysis (content_id, processed_at) SELECT id, now() - id * interval '1 minute' FROM scraped_content`,
		`INSERT INTO article_names (content_id, type, key, entity, name, mentions, day)
			SELECT i, 'PER', 'persona ' || i % 2000 || ' apellido', 'persona ' || i % 2000 || ' apellido', 'n', 1, date '2026-01-01' + i % 300 FROM generate_series(1, 6000) AS i`,
		`ANALYZE scraped_content, content_analysis, article_names, analysis_names, analysis_pending`,
	} {
		if _, err := db.Pool.Exec(t.Context(), sql); err != nil {
			t.Fatalf("%s: %v", sql, err)
		}
	}
	s := NewStore(db.Gorm)
	ctx := context.Background()
	for name, c := range map[string]struct {
		index string
		query *gorm.DB
	}{
		"trend":               {"article_names_days", s.trendQuery(ctx, trendQuery{Key: "persona 7 apellido", From: "2026-01-01", To: "2026-12-31"})},
		"entities":            {"analysis_names_words", s.namesQuery(ctx, namesQuery{Prefix: "1234", Limit: 20})},
		"results":             {"content_analysis_processed_at", s.pageQuery(ctx, 0, 100, 20)},
		"results, an article": {"content_analysis_content_id", s.pageQuery(ctx, 77, 0, 20)},
		"related":             {"article_names_days", s.relatedQuery(ctx, `[{"type": "PER", "key": "persona 7 apellido"}]`, 7)},
		"waiting":             {"analysis_pending_order", s.waitingQuery(ctx, 100)},
	} {
		var sink []map[string]any
		st := c.query.Session(&gorm.Session{DryRun: true}).Find(&sink).Statement
		rows, err := db.Pool.Query(ctx, "EXPLAIN "+st.SQL.String(), st.Vars...)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		lines, err := pgx.CollectRows(rows, pgx.RowTo[string])
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if plan := strings.Join(lines, "\n"); !strings.Contains(plan, c.index) || strings.Contains(plan, "Seq Scan") {
			t.Errorf("%s does not use %s:\n%s", name, c.index, plan)
		}
	}
}

// TestNoMoreIsTakenThanAskedFor: a hundred at a time, each article once, and none that another worker has taken.
func TestNoMoreIsTakenThanAskedFor(t *testing.T) {
	t.Parallel()
	db, err := postgres.Open(t.Context(), postgres.Config{URL: testkit.Database(t), MaxConns: 2}, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := db.Close(); err != nil {
			t.Error(err)
		}
	})
	if _, err := db.Pool.Exec(t.Context(), "INSERT INTO analysis_pending (content_id) SELECT * FROM generate_series(1, 500)"); err != nil {
		t.Fatal(err)
	}
	s := NewStore(db.Gorm)
	seen := map[int64]bool{}
	for range 5 {
		took, err := s.Take(t.Context(), 100)
		if err != nil || len(took) != 100 {
			t.Fatalf("%d taken, %v", len(took), err)
		}
		for _, p := range took {
			if seen[p.ContentID] {
				t.Errorf("%d is taken twice", p.ContentID)
			}
			seen[p.ContentID] = true
		}
	}
	if took, err := s.Take(t.Context(), 100); err != nil || len(took) != 0 {
		t.Errorf("%d taken of none that is free, %v", len(took), err)
	}
	if n, _, err := s.Backlog(t.Context()); err != nil || n != 500 {
		t.Errorf("%d wait, %v", n, err)
	}
}
