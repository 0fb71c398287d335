package app

import (
	"compress/gzip"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/prometheus/client_golang/prometheus"

	"openlearn/internal/admin/console"
)

// What /metrics may be: of a service that has just begun, and after anything that clients can think of.
const (
	freshBytes = 100_000
	mostBytes  = 600_000
	mostSeries = 5_500
)

// seriesOf are the lines with a sample.
func seriesOf(page string) (n int) {
	for line := range strings.Lines(page) {
		if !strings.HasPrefix(line, "#") {
			n++
		}
	}
	return n
}

// TestMetricsStayBounded: hundreds of requests with something invented of each kind (2,000 in make verify), and every method for every route in ten wrong ways,
// make no more series than a stated number, and nothing that was invented is in one.
func TestMetricsStayBounded(t *testing.T) {
	t.Parallel()
	a, _ := withArticle(t, "uno", "S", func(c *Config) { c.Limits.Enabled = false })
	fresh := string(newTestApp(t).get("/metrics").body)
	if len(fresh) > freshBytes || seriesOf(fresh) < 500 {
		t.Errorf("a fresh service has %d series in %d bytes, want at most %d bytes", seriesOf(fresh), len(fresh), freshBytes)
	}
	send := func(method, target, body string, header ...string) {
		t.Helper()
		r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, "http://localhost/", strings.NewReader(body))
		r.Method, r.RequestURI = method, target
		u, err := r.URL.Parse(target)
		if err != nil {
			t.Fatal(err)
		}
		r.URL = u
		if body != "" {
			r.Header.Set("Content-Type", "application/json")
		}
		for i := 0; i < len(header); i += 2 {
			if header[i] == "Host" {
				r.Host = header[i+1]
			}
			r.Header.Set(header[i], header[i+1])
		}
		a.Handler().ServeHTTP(httptest.NewRecorder(), r)
	}
	measure := func() (string, int) {
		page := string(a.get("/metrics").body)
		return page, seriesOf(page)
	}
	after := map[string]int{}
	inventions := 300 // of each kind: what is invented may not be a label, however often it comes
	if os.Getenv("OPENLEARN_VERIFY") != "" {
		inventions = 2000
	}
	for kind, one := range map[string]func(x string){
		"route":     func(x string) { send("GET", "/api/"+x+"/"+x, "") },
		"method":    func(x string) { send(strings.ToUpper(x), "/api/articles", "") },
		"source":    func(x string) { send("GET", "/api/articles/facets?source="+x+"&tag="+x, "") },
		"parameter": func(x string) { send("GET", "/api/articles?"+x+"="+x, "") },
		"name":      func(x string) { send("POST", "/api/scraping/trigger/"+x, "", "X-API-Key", testAdminKey) },
		"layer":     func(x string) { send("GET", "/api/cache/key?layer="+x+"&id="+x, "", "X-API-Key", testAdminKey) },
		"dependency": func(x string) {
			send("POST", "/api/cache/invalidate/dependency", `{"dependency": "source:`+x+`"}`, "X-API-Key", testAdminKey)
		},
		"series": func(x string) { send("GET", "/api/government/banrep/"+x, "") },
		"key":    func(x string) { send("GET", "/api/cache/audit", "", "X-API-Key", x+x) },
		"token":  func(x string) { send("GET", "/api/auth/me", "", "Authorization", "Bearer "+x+"."+x+"."+x) },
		"user agent": func(x string) {
			send("GET", "/api/articles/1", "", "User-Agent", x, "Referer", "https://"+x+".example/", "X-Request-ID", x, "Traceparent", x)
		},
		"host": func(x string) {
			send("GET", "/api/articles/1", "", "Host", x+".example", "X-Forwarded-For", x, "X-Forwarded-Host", x, "Origin", "https://"+x+".example")
		},
		"coding": func(x string) {
			send("GET", "/api/articles/1", "", "Accept-Encoding", x, "Accept", x+"/"+x, "Accept-Language", x, "Content-Type", x+"/"+x)
		},
		"tag of ours": func(x string) {
			send("GET", "/api/articles/1", "", "If-None-Match", `"`+x+`"`, "If-Match", `"`+x+`"`, "Cache-Control", x, "Range", x)
		},
	} {
		for i := range inventions {
			one(fmt.Sprintf("invented%dx", i))
		}
		_, after[kind] = measure()
	}
	for _, r := range a.router.Routes() {
		if r.Path == console.EventsPath || strings.Contains(r.Path, "*") {
			continue
		}
		path := strings.NewReplacer(":", "invented").Replace(r.Path)
		for _, method := range []string{"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "INVENTED"} {
			if r.Method != method && r.Method != "GET" {
				continue // each route once with every method
			}
			send(method, path, "")
			if r.Method != method {
				continue // the router has refused it
			}
			send(method, path, "", "X-API-Key", "invented-key-invented")
			if strings.HasPrefix(r.Path, "/api/cache/performance") || method == "GET" && strings.HasPrefix(r.Path, "/api/government") {
				continue // slow, and no new kind
			}
			send(method, path+"?invented=1&limit=-1", "", "Accept", "invented/x", "If-None-Match", "*")
			send(method, path, `{"invented": `, "X-API-Key", testAdminKey)
			send(method, path, `{"invented": 1}`, "Content-Type", "invented/x")
			send(method, path, `{"invented": 1}`, "If-Match", `"invented"`, "X-API-Key", testAdminKey)
			send(method, path, "", "If-Unmodified-Since", "Thu, 01 Jan 1970 00:00:01 GMT", "Expect", "invented")
		}
	}
	page, n := measure()
	t.Logf("fresh: %d series, %d bytes; after: %d series, %d bytes; by kind, in turn: %v", seriesOf(fresh), len(fresh), n, len(page), after)
	if n > mostSeries || len(page) > mostBytes {
		t.Errorf("%d series in %d bytes, want at most %d in %d", n, len(page), mostSeries, mostBytes)
	}
	if i := strings.Index(strings.ToLower(page), "invented"); i >= 0 {
		t.Errorf("what a client invented is a label: %s", page[max(0, i-200):i+100])
	}
	if !strings.Contains(page, `endpoint="unmatched",method="other",status="405"`) {
		t.Error("methods that do not exist are not counted")
	}
}

// TestRefusalsShareSeries: of refused requests only the first hundred kinds have series of their own, and the others are counted.
func TestRefusalsShareSeries(t *testing.T) {
	t.Parallel()
	reg := prometheus.NewRegistry()
	times := newRequestTimes(reg)
	for i := range 300 {
		for range 2 {
			times.observe(requestKind{"GET", fmt.Sprint("/r", i), "NONE", 422}, 1)
			times.observe(requestKind{"GET", fmt.Sprint("/r", i), "HIT", 200}, 1)
		}
	}
	found, err := reg.Gather()
	if err != nil {
		t.Fatal(err)
	}
	var refused, answered, others uint64
	kinds := 0
	for _, m := range found[0].GetMetric() {
		var status, endpoint string
		for _, l := range m.GetLabel() {
			switch l.GetName() {
			case "status":
				status = l.GetValue()
			case "endpoint":
				endpoint = l.GetValue()
			}
		}
		n := m.GetHistogram().GetSampleCount()
		switch {
		case status == "200":
			answered += n
		case endpoint == "other":
			others += n
		default:
			refused += n
			kinds++
		}
	}
	if kinds != mostRefusals || refused != 2*mostRefusals || others != 2*(300-mostRefusals) || answered != 600 {
		t.Errorf("%d kinds of refusals with %d, %d others, %d answered", kinds, refused, others, answered)
	}
}

// TestScrapesAreCompressedOnRequest: and only then.
func TestScrapesAreCompressedOnRequest(t *testing.T) {
	t.Parallel()
	a := newTestApp(t)
	for accepted, zipped := range map[string]bool{
		"gzip": true, "gzip, deflate, br": true, "br, GZIP;q=0.5": true, "*": true, "zstd,gzip": true,
		"": false, "br": false, "gzip;q=0": false, "identity": false, "identity, gzip;q=0.1": false, "xgzip": false, "*;q=0": false,
	} {
		var header []string
		if accepted != "" {
			header = []string{"Accept-Encoding", accepted}
		}
		r := a.get("/metrics", header...)
		body := r.body
		if got := r.Header.Get("Content-Encoding"); (got == "gzip") != zipped || got != "" && got != "gzip" || !slices.Contains(r.Header["Vary"], "Accept-Encoding") {
			t.Errorf("%q: Content-Encoding %q, Vary %q", accepted, got, r.Header["Vary"])
		}
		if r.Header.Get("Content-Encoding") == "gzip" {
			z, err := gzip.NewReader(strings.NewReader(string(body)))
			if err != nil {
				t.Fatal(err)
			}
			plain, err := io.ReadAll(z)
			if err != nil || len(plain) < 5*len(body) {
				t.Errorf("%q: %d bytes of %d (%v)", accepted, len(body), len(plain), err)
			}
			body = plain
		}
		if !strings.Contains(string(body), "\ngo_goroutines ") {
			t.Errorf("%q: %.100s", accepted, body)
		}
	}
}
