package architecture

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// tables says which package queries a table. No other package does, so that one cached.go says what goes stale with the
// table. Others may read it in a join, if that is declared here with what makes their entries stale.
var tables = map[string]struct {
	owner string
	joins map[string]string // package: what its entries depend on
}{
	"scraped_content":    {"internal/articles", nil},
	"article_revisions":  {"internal/articles", nil},
	"archive_identity":   {"internal/articles", nil},
	"content_analysis":   {"internal/analysis", nil},
	"analysis_pending":   {"internal/analysis", nil},
	"analysis_figures":   {"internal/analysis", nil},
	"analysis_names":     {"internal/analysis", nil},
	"article_names":      {"internal/analysis", nil},
	"vocabulary_words":   {"internal/analysis", nil},
	"api_keys":           {"internal/guard", nil},
	"api_key_uses":       {"internal/guard", nil},
	"console_sessions":   {"internal/guard", nil},
	"users":              {"internal/users", nil},
	"user_sessions":      {"internal/users", nil},
	"refresh_tokens":     {"internal/users", nil},
	"mail_tokens":        {"internal/users", nil},
	"user_devices":       {"internal/users", nil},
	"auth_attempts":      {"internal/users", nil},
	"auth_keys":          {"internal/users", nil},
	"user_preferences":   {"internal/users", nil},
	"user_avatars":       {"internal/users", nil},
	"scrape_entries":     {"internal/scraping", nil},
	"scrape_hosts":       {"internal/scraping", nil},
	"divipola_places":    {"internal/government", nil},
	"exchange_rates":     {"internal/government", nil},
	"cache_audit":        {"internal/admin", nil},
	"cache_access":       {"internal/warming", nil},
	"cache_outbox":       {"internal/outbox", nil},
	"cache_region":       {"internal/outbox", nil},
	"cache_database":     {"internal/outbox", nil},
	"cdn_purges":         {"internal/cdn", nil},
	"scraping_sources":   {"internal/scraping", nil},
	"scraping_leases":    {"internal/scraping", nil},
	"river_job":          {"internal/jobs", nil},
	"river_leader":       {"internal/jobs", nil},
	"river_queue":        {"internal/jobs", nil},
	"river_notification": {"internal/jobs", nil},
	"job_workers":        {"internal/jobs", nil},
}

var created = regexp.MustCompile(`(?i)CREATE\s+(?:UNLOGGED\s+)?TABLE\s+(?:IF\s+NOT\s+EXISTS\s+)?"?(\w+)`)

// TestEveryTableHasOneOwner reads every string of the program outside its tests.
func TestEveryTableHasOneOwner(t *testing.T) {
	t.Parallel()
	root := filepath.Join("..", "..")
	files, err := filepath.Glob(filepath.Join(root, "migrations", "*.sql"))
	if err != nil || len(files) == 0 {
		t.Fatalf("%d migrations, %v", len(files), err)
	}
	for _, file := range files {
		for _, name := range createdBy(t, file) {
			if _, ok := tables[name]; !ok {
				t.Errorf("%s creates %s: say here which package queries it", file, name)
			}
		}
	}
	used := map[string]bool{}
	err = filepath.WalkDir(filepath.Join(root, "internal"), func(file string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || !strings.HasSuffix(file, ".go") || strings.HasSuffix(file, "_test.go") {
			return err
		}
		rel, err := filepath.Rel(root, file)
		if err != nil {
			return err
		}
		pkg := path.Dir(filepath.ToSlash(rel))
		for _, text := range stringsOf(t, file) {
			for _, name := range named(text) {
				used[name+" in "+pkg] = true
				if !mayQuery(pkg, name) {
					t.Errorf("%s names the table %s, which is %s's: ask that package, or declare the join here", file, name, tables[name].owner)
				}
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	for name, table := range tables {
		for pkg := range table.joins {
			if !used[name+" in "+pkg] {
				t.Errorf("%s is declared to join %s and does not: take the declaration out", pkg, name)
			}
		}
	}
	if !used["scraped_content in internal/articles"] {
		t.Error("the owner's own queries are not found: the reading is broken")
	}
}

func createdBy(t *testing.T, file string) (names []string) {
	t.Helper()
	b, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range created.FindAllStringSubmatch(string(b), -1) {
		names = append(names, m[1])
	}
	return names
}

// stringsOf returns the string literals of a file, except import paths and struct tags.
func stringsOf(t *testing.T, file string) (out []string) {
	t.Helper()
	f, err := parser.ParseFile(token.NewFileSet(), file, nil, parser.SkipObjectResolution)
	if err != nil {
		t.Fatal(err)
	}
	ast.Inspect(f, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.ImportSpec:
			return false
		case *ast.BasicLit:
			if text, err := strconv.Unquote(n.Value); err == nil && n.Kind == token.STRING {
				out = append(out, text)
			}
		}
		return true
	})
	return out
}

var word = regexp.MustCompile(`\w+`)

var ofUsers = regexp.MustCompile(`(?i)(?:from|join|into|update|table)\s+"?users\b|^users$`)

// named lists the tables whose names occur in a text as whole words.
func named(text string) (names []string) {
	for _, w := range word.FindAllString(text, -1) {
		if w == "users" && !ofUsers.MatchString(text) {
			continue // a word of prose, too
		}
		if _, ok := tables[w]; ok && !slices.Contains(names, w) {
			names = append(names, w)
		}
	}
	return names
}

func mayQuery(pkg, table string) bool {
	entry := tables[table]
	_, joins := entry.joins[pkg]
	return joins || pkg == entry.owner || strings.HasPrefix(pkg, entry.owner+"/")
}

// TestTheOwnersAreKept makes sure that the test above can fail.
func TestTheOwnersAreKept(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		pkg, text string
		allowed   bool
	}{
		{"internal/articles", "SELECT * FROM scraped_content", true},
		{"internal/articles/importer", "scraped_content", true},
		{"internal/analysis", "JOIN scraped_content c ON c.id = a.content_id", false},
		{"internal/app", "SELECT max(scraped_at) FROM scraped_content", false},
		{"internal/articles", "DELETE FROM content_analysis", false},
		{"internal/app", "scraped_contents", true},
		{"internal/app", "SELECT count(*) FROM users", false},
		{"internal/app", "users see nothing of it", true},
	} {
		allowed := true
		for _, name := range named(c.text) {
			allowed = allowed && mayQuery(c.pkg, name)
		}
		if allowed != c.allowed {
			t.Errorf("%s with %q: allowed %v, want %v", c.pkg, c.text, allowed, c.allowed)
		}
	}
	if got := created.FindAllStringSubmatch("CREATE TABLE a (x int);\ncreate table IF NOT EXISTS b ();", -1); len(got) != 2 {
		t.Errorf("tables found: %v", got)
	}
}
