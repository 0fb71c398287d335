package app

import (
	"compress/gzip"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
)

// hostileService stands where the World Bank should be, and answers each indicator in another wrong way.
type hostileService struct {
	*httptest.Server

	asked atomic.Int64
}

const honest = `[{"page":1,"pages":1,"per_page":500,"total":1},[{"indicator":{"id":"SP.POP.TOTL","value":"Population"},"date":"2020","value":50}]]`

// lies are what it answers, by the last part of the indicator.
func lies(inside string) map[string]http.HandlerFunc {
	text := func(kind, body string) http.HandlerFunc {
		return func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", kind)
			_, _ = io.WriteString(w, body)
		}
	}
	to := func(address string) http.HandlerFunc {
		return func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, address, http.StatusFound) }
	}
	const js = "application/json"
	return map[string]http.HandlerFunc{
		"INSIDE": to(inside), "FILE": to("file:///etc/passwd"), "SELF": to("/v2/country/COL/indicator/SP.SELF"), "META": to("http://169.254.169.254/latest/meta-data/"),
		"PAGE": text("text/html", "<html><script>alert(1)</script></html>"), "EMPTY": text(js, ""), "NULL": text(js, "null"), "NUMBER": text(js, "7"), "HALF": text(js, honest[:60]),
		"DEEP":   text(js, strings.Repeat("[", 100_000)+strings.Repeat("]", 100_000)),
		"TYPES":  text(js, strings.Replace(honest, `"value":50`, `"value":{"a":1}`, 1)),
		"YEAR":   text(js, strings.Replace(honest, `"2020"`, `"2020'; DROP TABLE users;--"`, 1)),
		"NAN":    text(js, strings.Replace(honest, `"value":50`, `"value":"NaN"`, 1)),
		"BINARY": text(js, "\x00\xff\xfe"+honest),
		"LONG":   text(js, `[{"page":1,"pages":1},[{"indicator":{"id":"x","value":"`+strings.Repeat("x", 3<<20)+`"},"date":"2020","value":1}]]`),
		"BOMB": func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", js)
			w.Header().Set("Content-Encoding", "gzip")
			z := gzip.NewWriter(w)
			spaces := strings.Repeat(" ", 1<<20)
			for range 64 {
				if _, err := io.WriteString(z, spaces); err != nil {
					return
				}
			}
			_ = z.Close()
		},
		"ENDLESS": func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Type", js)
			for r.Context().Err() == nil {
				if _, err := io.WriteString(w, strings.Repeat(" ", 64<<10)); err != nil {
					return
				}
			}
		},
		"HEADERS": func(w http.ResponseWriter, _ *http.Request) {
			for i := range 400 {
				w.Header().Set(fmt.Sprintf("X-Pad-%d", i), strings.Repeat("x", 1000))
			}
			_, _ = io.WriteString(w, honest)
		},
		"GONE": func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) },
		"500":  func(w http.ResponseWriter, _ *http.Request) { http.Error(w, "secreto de otro servicio", 500) },
	}
}

func newHostileService(t testing.TB, inside string) *hostileService {
	h, wrong := &hostileService{}, lies(inside)
	h.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h.asked.Add(1)
		if lie := wrong[r.URL.Path[strings.LastIndex(r.URL.Path, ".")+1:]]; lie != nil {
			lie(w, r)
			return
		}
		w.Header().Set("Content-Type", "application/json")
		w.Header().Set("Set-Cookie", "access_token=planted")
		w.Header().Set("Access-Control-Allow-Origin", "*")
		_, _ = io.WriteString(w, strings.Replace(honest, "Population", `<script>alert(1)</script>\u202e`, 1))
	}))
	t.Cleanup(h.Close)
	return h
}

// unsafeConsumption: whatever a foreign service answers, ours answers with data or with its own short error, and lives on.
func unsafeConsumption(x *target) {
	stranger := x.person("")
	for lie := range lies("") {
		r := x.refused(stranger, lie, http.MethodGet, "/api/government/worldbank/SP."+lie, "", nil, http.StatusServiceUnavailable)
		if r.Response == nil {
			continue
		}
		if r.Header.Get("Retry-After") == "" || len(r.body) > 2000 {
			x.t.Errorf("%s: Retry-After %q, %d bytes", lie, r.Header.Get("Retry-After"), len(r.body))
		}
		for _, inner := range []string{"script", "secreto", "127.0.0.1", "DROP", x.shared.bank.URL} {
			if strings.Contains(string(r.body), inner) {
				x.t.Errorf("%s: the answer hands on %q: %.300s", lie, inner, r.body)
			}
		}
	}
	if n := x.shared.canary.asked.Load(); n != 0 {
		x.t.Errorf("a redirect led to an address inside %d times", n)
	}
	// What is well-formed is data, and no more than that: neither a header nor markup.
	r := stranger.do(http.MethodGet, "/api/government/worldbank/SP.POP.TOTL", "")
	if r.StatusCode != http.StatusOK || r.Header.Get("Set-Cookie") != "" || r.Header.Get("Access-Control-Allow-Origin") != "" || !strings.HasPrefix(r.Header.Get("Content-Type"), "application/json") {
		x.t.Errorf("honest data: %d %v %.300s", r.StatusCode, r.Header, r.body)
	}
	if strings.Contains(string(r.body), "<script>") {
		x.t.Errorf("markup of another service: %s", r.body)
	}
	if x.shared.bank.asked.Load() < 20 {
		x.t.Errorf("it was asked %d times only", x.shared.bank.asked.Load())
	}
	for _, path := range []string{"/api/articles", "/health/live", "/api/government/apis"} {
		if r := stranger.do(http.MethodGet, path, ""); r.StatusCode != http.StatusOK {
			x.t.Errorf("%s afterwards: %d", path, r.StatusCode)
		}
	}
}
