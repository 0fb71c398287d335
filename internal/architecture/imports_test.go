// Package architecture holds the test of the module's structure: which package may import which.
package architecture

import (
	"go/parser"
	"go/token"
	"io/fs"
	"maps"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

const module = "openlearn/"

// rules are read top to bottom; the first whose importer matches a package decides. A trailing /… matches what is below
// too. Test files follow the same rules, except for testkit, devstack and the sample of articles, and for what they import
// from their own domain.
var rules = []struct {
	importer string
	may      []string
	why      string
}{
	{".", []string{"internal/app"}, "main handles signals and the exit code, nothing else"},
	{"internal/app", []string{"…"}, "the composition root knows everyone"},
	{"internal/cache/httpcache", []string{"internal/cache"}, "it has the layer of responses, and nothing else"},
	{"internal/cache/httpcache/rules", []string{}, "a leaf: what the RFCs say, as pure functions"},
	{"internal/cache/httpcache/tags", []string{"internal/cache/internal/version"}, "a leaf: tags of dependencies, by the names that the engine uses"},
	{"internal/cache/httpcache/cork", []string{}, "a leaf: how bytes leave"},
	{"internal/cache/httpcache/internal/wire", []string{}, "a leaf: how responses are stored"},
	{"internal/cache/httpcache/service", append([]string{"internal/cache/httpcache/cork", "internal/cache/httpcache/tags"}, httpCache...), "the cache of our own routes: a library on the cache engine, without a framework"},
	{"internal/cache/httpcache/proxy", httpCache, "the cache of any upstream: a library on the cache engine"},
	{"internal/cache/httpcache/echocache", []string{"internal/cache/httpcache/service"}, "an adapter of a few lines"},
	{"internal/cache/coherence", []string{"internal/cache", "internal/outbox", "internal/postgres"}, "the proof drives the cache and the outbox together"},
	{"internal/cache/…", []string{"internal/cache/…"}, "the cache is a library: it imports nothing of ours"},
	{"internal/articles/limits", []string{}, "a leaf: numbers"},
	{"internal/articles/importer", []string{"internal/articles/limits", "internal/newsdate"}, "the reader of files does not know the database"},
	{"internal/scraping/source", []string{"internal/newsdate"}, "what is known of the sources: it knows no other room"},
	{"internal/scraping/robots", []string{}, "a leaf: a matcher of rules"},
	{"internal/scraping/fetch", []string{"internal/netguard", "internal/scraping/robots", "internal/scraping/source"}, "fetching knows robots.txt and the source's own addresses, and not what is in a page"},
	{"internal/scraping/discover", []string{"internal/scraping/source", "internal/newsdate"}, "discovery reads bytes: it does no I/O and fetches nothing"},
	{"internal/scraping/extract", []string{"internal/scraping/source", "internal/newsdate"}, "extraction reads bytes: it does no I/O and fetches nothing"},
	{"internal/scraping/extract/evaluation", []string{"internal/scraping/source"}, "it scores any extractor, and is no part of the service"},
	{"internal/scraping/extract/benchpeers", []string{"internal/scraping/extract", "internal/scraping/extract/evaluation"}, "ours beside other libraries, in a module of its own"},
	{"internal/scraping/newsroom/hostile", []string{"internal/scraping/source"}, "newspapers for tests: what they know of us is an address"},
	{"internal/scraping/newsroom", []string{"internal/scraping/source"}, "the demo newspaper only has a definition"},
	{"internal/scraping", append([]string{"internal/scraping/source", "internal/scraping/fetch", "internal/scraping/discover", "internal/scraping/extract"}, domain...), "the service joins the rooms; domains never import each other: declare an interface, and app adapts"},
	{"internal/articles/…", append([]string{"internal/articles/limits"}, domain...), "domains never import each other: declare an interface, and app adapts"},
	{"internal/analysis/nlp/…", []string{"internal/analysis/nlp/…"}, "the NLP engine is a library: it knows nothing of the service, and does no I/O"},
	{"internal/analysis/…", append([]string{"internal/analysis/nlp/…"}, domain...), "the service puts the engine to use; domains never import each other: declare an interface, and app adapts"},
	{"internal/government/soql", []string{}, "a leaf: it writes a query language"},
	{"internal/government/table", []string{}, "a leaf: rows and their values"},
	{"internal/government/catalogue", []string{"internal/government/soql", "internal/government/table"}, "what is known of the datasets: it asks nobody"},
	{"internal/government/upstream", []string{"internal/netguard"}, "it asks foreign services, and does not know for what"},
	{"internal/government/soda", []string{"internal/government/soql", "internal/government/table", "internal/government/upstream"}, "a client: it knows the form of answers, and not who asks"},
	{"internal/government/sdmx", []string{"internal/government/table", "internal/government/upstream"}, "a client: it knows the form of answers, and not who asks"},
	{"internal/government/worldbank", []string{"internal/government/table", "internal/government/upstream"}, "a client: it knows the form of answers, and not who asks"},
	{"internal/government/replay", []string{}, "servers for tests, with a reader of queries of their own: what they know of us is nothing"},
	{"internal/government", append([]string{"internal/government/soql", "internal/government/table", "internal/government/catalogue", "internal/government/upstream", "internal/government/soda", "internal/government/sdmx", "internal/government/worldbank", "internal/netguard"}, domain...), "the service joins the rooms; domains never import each other: declare an interface, and app adapts"},
	{"internal/users/password", []string{}, "a leaf: how passwords are kept"},
	{"internal/users/address", []string{}, "a leaf: what an e-mail address is"},
	{"internal/users/token", []string{}, "a leaf: what stands for a right"},
	{"internal/users/mail", []string{}, "a leaf: how mails leave"},
	{"internal/users", append([]string{"internal/users/password", "internal/users/address", "internal/users/token", "internal/users/mail"}, domain...), "domains never import each other: declare an interface, and app adapts"},
	{"internal/admin/console", []string{"internal/admin", "internal/httpapi"}, "the console shows what the administration says, and asks nobody else"},
	{"internal/admin/jsonapi", []string{"internal/admin", "internal/httpapi"}, "a face of the administration: it reads requests and words answers"},
	{"internal/admin", []string{"internal/cache", "internal/periodic", "internal/postgres"}, "the operations know neither HTTP nor who asks: their faces do"},
	{"internal/guard", []string{"internal/cache", "internal/cache/httpcache/rules", "internal/httpapi", "internal/outbox", "internal/periodic", "internal/postgres"}, "it stands in front of every domain, and knows none"},
	{"internal/httpapi", []string{"internal/admission", "internal/postgres", "internal/cache/httpcache/service", "internal/cache/httpcache/rules"}, "handlers' common ground maps database errors to statuses, and knows no domain"},
	{"internal/postgres", []string{"migrations"}, "the database knows its schema, and nobody who uses it"},
	{"internal/devstack/…", []string{"internal/devstack/…", "deploy"}, "private servers are for anyone"},
	{"internal/testkit", []string{"internal/devstack", "internal/postgres", "migrations", "deploy"}, "tests of every domain use it"},
	{"internal/cdn", []string{"internal/cache/httpcache/tags", "internal/outbox", "internal/periodic"}, "it tells of changes, and knows no cache and no domain"},
	{"internal/outbox", []string{"internal/periodic", "internal/postgres"}, "the relay is told what to invalidate, and whom to ask"},
	{"internal/jobs", []string{"internal/periodic", "internal/postgres"}, "background work for any domain, and the one place that knows River"},
	{"internal/warming", []string{"internal/cache", "internal/cache/forecast", "internal/periodic"}, "it is told what to load, and knows no domain"},
	{"internal/sample/…", []string{"internal/sample/…"}, "a generator of texts, pure"},
	{"internal/netguard", []string{}, "a leaf: which addresses may be dialled"},
	{"internal/newsdate", []string{}, "a leaf"},
	{"internal/periodic", []string{}, "a leaf: it runs whatever it is given"},
	{"internal/admission", []string{}, "a leaf: it bounds anyone's work"},
	{"internal/tracing", []string{}, "spans are made for anyone; app connects them"},
	{"internal/faults", []string{"internal/app"}, "faults are done to the whole service, from outside: its tests only start it"},
	{"internal/architecture", []string{}, "this test"},
	{"migrations", []string{}, "files"},
	{"deploy", []string{}, "files"},
}

// httpCache lists what both HTTP caches are built on.
var httpCache = []string{"internal/cache", "internal/cache/httpcache", "internal/cache/httpcache/rules", "internal/cache/httpcache/internal/wire"}

var domain = []string{"internal/admission", "internal/cache", "internal/cache/httpcache/service", "internal/httpapi", "internal/jobs", "internal/outbox", "internal/postgres", "internal/periodic", "internal/newsdate"}

func TestWhoImportsWhom(t *testing.T) {
	t.Parallel()
	root := filepath.Join("..", "..")
	files := 0
	packages := map[string]bool{}
	err := filepath.WalkDir(root, func(file string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		rel, err := filepath.Rel(root, file)
		if err != nil {
			return err
		}
		if d.IsDir() {
			if name := d.Name(); rel != "." && (strings.HasPrefix(name, ".") || name == "testdata" || name == "tools" || name == "bin") {
				return filepath.SkipDir
			}
			return nil
		}
		if !strings.HasSuffix(file, ".go") {
			return nil
		}
		files++
		pkg := path.Dir(filepath.ToSlash(rel))
		packages[pkg] = true
		checkFile(t, file, pkg)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if files < 50 {
		t.Fatalf("only %d files read: the walk is broken", files)
	}
	for _, absent := range namesNothing(packages) {
		t.Errorf("a rule names %s, which no package matches: add the rule with the package", absent)
	}
}

// namesNothing lists the patterns of rules that match none of the packages, as importers or as permitted imports.
func namesNothing(packages map[string]bool) []string {
	var absent []string
	seen := map[string]bool{}
	for _, r := range rules {
		for _, pattern := range append([]string{r.importer}, r.may...) {
			if seen[pattern] {
				continue
			}
			seen[pattern] = true
			if !slices.ContainsFunc(slices.Collect(maps.Keys(packages)), func(pkg string) bool { return matches(pattern, pkg) }) {
				absent = append(absent, pattern)
			}
		}
	}
	return absent
}

func checkFile(t *testing.T, file, pkg string) {
	t.Helper()
	f, err := parser.ParseFile(token.NewFileSet(), file, nil, parser.ImportsOnly)
	if err != nil {
		t.Errorf("%s: %v", file, err)
		return
	}
	test := strings.HasSuffix(file, "_test.go")
	for _, spec := range f.Imports {
		name, err := strconv.Unquote(spec.Path.Value)
		if err != nil || !strings.HasPrefix(name, module) {
			continue
		}
		imported := strings.TrimPrefix(name, module)
		if why := forbidden(pkg, imported, test); why != "" {
			t.Errorf("%s imports %s: %s", file, imported, why)
		}
	}
}

// forbidden is the reason why importer may not import imported, "" if it may.
func forbidden(importer, imported string, test bool) string {
	if test && slices.Contains([]string{"internal/testkit", "internal/testkit/bounds", "internal/devstack", "internal/sample"}, imported) {
		return ""
	}
	// A package and those below it belong together, except those that have rules of their own.
	if importer != "." && strings.HasPrefix(importer+"/", imported+"/") && !strings.HasPrefix(importer, "internal/cache/httpcache") && !strings.HasPrefix(importer, "internal/scraping/") && !strings.HasPrefix(importer, "internal/government/") {
		return ""
	}
	if test && (importer == imported || strings.HasPrefix(importer, "internal/cache/httpcache/") && strings.HasPrefix(imported, "internal/cache/httpcache")) {
		return "" // an external test, or one of a package together with those around it
	}
	for _, house := range []string{"internal/scraping", "internal/government"} {
		if test && strings.HasPrefix(importer+"/", house+"/") && strings.HasPrefix(imported+"/", house+"/") {
			return "" // a domain is tested together with the rest of the program
		}
	}
	for _, r := range rules {
		if !matches(r.importer, importer) {
			continue
		}
		for _, m := range r.may {
			if matches(m, imported) {
				return ""
			}
		}
		return r.why
	}
	return "no rule names this package: say in internal/architecture where it stands"
}

func matches(pattern, pkg string) bool {
	if pattern == "…" {
		return true
	}
	if base, ok := strings.CutSuffix(pattern, "/…"); ok {
		return pkg == base || strings.HasPrefix(pkg, base+"/")
	}
	return pattern == pkg
}

// pure are packages that turn bytes into values: they may not reach files, networks or databases. TestWhoImportsWhom
// checks which of our packages they import, this checks which of Go's.
var pure = []string{"internal/scraping/extract", "internal/scraping/discover", "internal/scraping/robots"}

func TestPurePackagesDoNoIO(t *testing.T) {
	t.Parallel()
	for _, pkg := range pure {
		files, err := filepath.Glob(filepath.Join("..", "..", pkg, "*.go"))
		if err != nil || len(files) == 0 {
			t.Fatalf("%s: %d files, %v", pkg, len(files), err)
		}
		for _, file := range files {
			if strings.HasSuffix(file, "_test.go") {
				continue
			}
			f, err := parser.ParseFile(token.NewFileSet(), file, nil, parser.ImportsOnly)
			if err != nil {
				t.Fatal(err)
			}
			for _, spec := range f.Imports {
				if doesIO(strings.Trim(spec.Path.Value, `"`)) {
					t.Errorf("%s imports %s: the package does no I/O", file, spec.Path.Value)
				}
			}
		}
	}
	if !doesIO("net/http") || !doesIO("database/sql") || doesIO("net/url") || doesIO("io") {
		t.Error("the test does not know what does I/O")
	}
}

func doesIO(imported string) bool {
	return imported == "os" || imported == "net" || imported == "syscall" || strings.HasPrefix(imported, "os/") || strings.HasPrefix(imported, "net/http") ||
		strings.HasPrefix(imported, "database/") || strings.HasPrefix(imported, "gorm.io/") || strings.HasPrefix(imported, "github.com/redis/")
}

// TestTheHTTPCacheKnowsNoFramework: its packages use net/http only; Echo has an adapter.
func TestTheHTTPCacheKnowsNoFramework(t *testing.T) {
	t.Parallel()
	adapters := 0
	for _, pattern := range []string{"*.go", "*/*.go", "*/*/*.go"} {
		files, err := filepath.Glob(filepath.Join("..", "cache", "httpcache", pattern))
		if err != nil || len(files) == 0 {
			t.Fatalf("%s: %d files, %v", pattern, len(files), err)
		}
		for _, file := range files {
			if strings.HasSuffix(file, "_test.go") {
				continue
			}
			f, err := parser.ParseFile(token.NewFileSet(), file, nil, parser.ImportsOnly)
			if err != nil {
				t.Fatal(err)
			}
			for _, spec := range f.Imports {
				switch {
				case !strings.Contains(spec.Path.Value, "labstack/echo"):
				case strings.Contains(filepath.ToSlash(file), "/echocache/"):
					adapters++
				default:
					t.Errorf("%s imports %s: the core is net/http, and echocache adapts it", file, spec.Path.Value)
				}
			}
		}
	}
	if adapters != 1 {
		t.Errorf("%d files adapt Echo", adapters)
	}
}

// TestTheRulesBite makes sure that the tests above can fail.
func TestTheRulesBite(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		importer, imported string
		test, allowed      bool
	}{
		{"internal/articles", "internal/scraping", false, false},
		{"internal/articles", "internal/cache", false, true},
		{"internal/cache", "internal/httpapi", false, false},
		{".", "internal/articles", false, false},
		{"internal/admin/console", "internal/cache", false, false},
		{"internal/admin/console", "internal/admin", false, true},
		{"internal/admin", "internal/admin/console", false, false},
		{"internal/admin", "internal/httpapi", false, false},
		{"internal/admin/jsonapi", "internal/cache", false, false},
		{"internal/articles", "internal/testkit", false, false},
		{"internal/articles", "internal/testkit", true, true},
		{"internal/unheard", "internal/cache", false, false},
		{"internal/app", "internal/unheard", false, true},
		{"internal/scraping", "internal/scraping/extract", false, true},
		{"internal/scraping/extract", "internal/scraping", false, false},
		{"internal/scraping/extract", "internal/scraping/source", false, true},
		{"internal/scraping/discover", "internal/scraping/fetch", false, false},
		{"internal/scraping/source", "internal/scraping/extract", false, false},
		{"internal/cache/httpcache/rules", "internal/cache", false, false},
		{"internal/cache/httpcache/proxy", "internal/cache/httpcache/service", false, false},
		{"internal/cache/httpcache/service", "internal/cache/httpcache/rules", false, true},
	} {
		if got := forbidden(c.importer, c.imported, c.test) == ""; got != c.allowed {
			t.Errorf("%s importing %s (test: %v): allowed %v, want %v", c.importer, c.imported, c.test, got, c.allowed)
		}
	}
}

func TestARuleForAnAbsentPackageIsFound(t *testing.T) {
	t.Parallel()
	packages := map[string]bool{".": true, "internal/app": true}
	absent := namesNothing(packages)
	if slices.Contains(absent, ".") || slices.Contains(absent, "internal/app") {
		t.Errorf("packages that are there are called absent: %v", absent)
	}
	if !slices.Contains(absent, "internal/outbox") || !slices.Contains(absent, "internal/articles/…") {
		t.Errorf("absent packages are not found: %v", absent)
	}
}
