package app

import (
	"fmt"
	"net/http"
	"strings"

	"openlearn/internal/httpapi"
)

// brokenFunctionLevelAuthorization: everybody who is no admin asks for everything that is for admins, by each spelling of its path.
func brokenFunctionLevelAuthorization(x *target) {
	stranger, learner, analyst := x.person(""), x.member("ana.api5@example.org"), x.member("leo.api5@example.org")
	x.sql(`UPDATE users SET role = 'analyst' WHERE email_key = 'leo.api5@example.org'`)
	x.settle()
	keyOfLearner, _ := x.newKey(httpapi.Learner)
	keyOfAnalyst, _ := x.newKey(httpapi.Analyst)
	articles, admins := x.number(`SELECT count(*) FROM scraped_content`), x.number(`SELECT count(*) FROM users WHERE role = 'admin'`)
	values := strings.NewReplacer("{id}", fmt.Sprint(x.shared.article), "{article_id}", fmt.Sprint(x.shared.article), "{source_name}", "Semana", "{layer}", "article", "{identifier}", "1", "{name}", "articles")
	n := 0
	for path, item := range x.get("/openapi.json").json(x.t).(map[string]any)["paths"].(map[string]any) {
		for method, op := range item.(map[string]any) {
			op, ok := op.(map[string]any)
			if !ok || !forAdmins(op) {
				continue
			}
			n++
			method, path := strings.ToUpper(method), values.Replace(path)
			if strings.HasSuffix(path, "/keys") {
				path += "?layer=article"
			}
			body := `{}`
			if method == http.MethodGet || method == http.MethodDelete {
				body = ""
			}
			for _, way := range []string{path, strings.Replace(path, "/api/", "/api/v1/", 1)} {
				x.refused(stranger, "a stranger", method, way, body, nil, http.StatusUnauthorized)
				x.refused(stranger, "a stranger who says admin", method, way, body, []string{"X-Role", "admin", "X-User-Role", "admin", "X-Forwarded-User", "admin", "Cookie", "role=admin"}, http.StatusUnauthorized)
				for who, p := range map[string]*person{"a learner": learner, "an analyst": analyst} {
					x.refused(p, who, method, way, body, nil, http.StatusForbidden)
					x.refused(stranger, who+" by token", method, way, body, p.bearer(), http.StatusForbidden)
				}
				for _, key := range []string{keyOfLearner, keyOfAnalyst} {
					x.refused(stranger, "a machine", method, way, body, []string{"X-API-Key", key}, http.StatusForbidden)
				}
			}
			// Neither another spelling of the path nor of the method is a way round: there is no such route, or the same guard.
			plain, query, _ := strings.Cut(path, "?")
			inner := strings.TrimPrefix(plain, "/api")
			for _, way := range []string{"/API" + inner, "/api/" + inner, plain + "/", plain + ";x=1", plain + "%00", plain + ".json", "/api/articles/../" + strings.TrimPrefix(inner, "/"), "/api%2f" + strings.TrimPrefix(inner, "/"), "//api" + inner} {
				x.refused(learner, "another spelling", method, way+"?"+query, body, nil, http.StatusForbidden, http.StatusNotFound, http.StatusMethodNotAllowed, http.StatusBadRequest,
					http.StatusUnprocessableEntity, http.StatusMovedPermanently, http.StatusPermanentRedirect, http.StatusTemporaryRedirect)
			}
			for _, name := range []string{"X-HTTP-Method-Override", "X-HTTP-Method", "X-Method-Override"} {
				x.refused(learner, "another method's name", http.MethodPost, "/api/articles", body, []string{name, http.MethodGet}, http.StatusForbidden)
			}
			x.refused(learner, "a rewritten address", method, path, body, []string{"X-Original-URL", "/api/articles", "X-Rewrite-URL", "/api/articles"}, http.StatusForbidden)
		}
	}
	if n < 20 {
		x.t.Errorf("only %d operations are for admins", n)
	}
	for _, page := range []string{"/admin", "/admin/cache", "/admin/cache/mails", "/admin/cache/events", "/admin/cache/scraping"} {
		r := learner.do(http.MethodGet, page, "")
		if r.StatusCode == http.StatusOK {
			x.t.Errorf("a learner sees %s", page)
		}
	}
	x.refused(learner, "the console", http.MethodPost, "/admin/cache/invalidate", "layer=article", []string{"Content-Type", "application/x-www-form-urlencoded"}, http.StatusUnauthorized, http.StatusForbidden, http.StatusSeeOther)
	if a, b := x.number(`SELECT count(*) FROM scraped_content`), x.number(`SELECT count(*) FROM users WHERE role = 'admin'`); a != articles || b != admins {
		x.t.Errorf("%d articles and %d admins, were %d and %d", a, b, articles, admins)
	}
}
