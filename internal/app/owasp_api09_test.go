package app

import (
	"net/http"
	"os"
	"slices"
	"strings"
)

// improperInventory: there is one API under two names, each of its routes is documented, and nothing else answers.
func improperInventory(x *target) {
	stranger := x.person("")
	doc := x.get("/openapi.json").json(x.t).(map[string]any)
	page, err := os.ReadFile(apiDoc)
	if err != nil {
		x.t.Fatal(err)
	}
	for _, problem := range undocumented(x.router.Routes(), doc, string(page)) {
		x.t.Error(problem)
	}
	// Versions that are not there, or no longer.
	for _, prefix := range []string{"/api/v0", "/api/v2", "/api/v1.1", "/api/beta", "/api/internal", "/api/test", "/v1", "/v2", "/api/v1/v1", "/api/v1/api", "/internal", "/old"} {
		for _, path := range []string{"/articles", "/users", "/auth/token", "/cache/hot", "/preferences"} {
			x.refused(stranger, "another version", http.MethodGet, prefix+path, "", nil, http.StatusNotFound)
		}
	}
	// The API's two names have the same guards.
	n := 0
	for _, route := range x.routesOf() {
		method, path, _ := strings.Cut(route, " ")
		if !strings.HasPrefix(path, "/api/") || strings.HasPrefix(path, "/api/health") || strings.HasPrefix(path, "/api/government") {
			continue
		}
		body := ""
		if method != http.MethodGet && method != http.MethodDelete {
			body = `{"nothing":"that it takes"}`
		}
		a, b := stranger.do(method, path, body), stranger.do(method, strings.Replace(path, "/api/", "/api/v1/", 1), body)
		if n++; a.StatusCode != b.StatusCode {
			x.t.Errorf("%s: %d, under /api/v1 %d", route, a.StatusCode, b.StatusCode)
		}
	}
	if n < 60 {
		x.t.Errorf("only %d routes", n)
	}
	// What is not for everybody says so in the document.
	open := []string{
		"/api/auth/token", "/api/auth/register", "/api/auth/refresh", "/api/auth/password-reset", "/api/auth/password-update", "/api/auth/verify-email", "/api/auth/verify-email/resend",
		"/api/analysis/analyze", "/api/analysis/batch", "/api/analysis/batch-analyze",
	}
	for path, item := range doc["paths"].(map[string]any) {
		for method, op := range item.(map[string]any) {
			op, ok := op.(map[string]any)
			if !ok || method == "get" || method == "parameters" || slices.Contains(open, path) {
				continue
			}
			if security, _ := op["security"].([]any); len(security) == 0 {
				x.t.Errorf("%s %s changes something and is open to all", method, path)
			}
		}
	}
}
