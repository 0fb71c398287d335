package httpapi

import (
	"slices"
	"strings"
	"time"

	"openlearn/internal/cache/httpcache/service"
)

// Cached makes a line of the table of cached routes: GET path (its template, "/api/articles/{id}"), how long an answer is
// fresh, and what it depends on, as a function of the handler's own input. If deps returns an error, the request is answered
// but not cached.
func Cached[I any](a *API, path string, lifetime time.Duration, deps func(*I) ([]string, error)) service.Route {
	return service.Route{
		Path:     strings.NewReplacer("{", ":", "}", "").Replace(path),
		Lifetime: lifetime,
		Query:    a.queryOf(path),
		Canonical: func(p *service.Params) bool {
			query, values, ok := a.Canonical(path, p.Path, p.Query)
			if !ok {
				return false
			}
			if in, err := Decode[I](func(name string) string { return values[name] }, query); err != nil {
				return false
			} else if _, err := deps(&in); err != nil {
				return false
			}
			p.Query = query
			for name, value := range values {
				p.SetPath(name, value)
			}
			return true
		},
		Deps: func(p service.Params) []string {
			in, err := Decode[I](p.Path, p.Query)
			if err != nil {
				return nil // Canonical has read the same values
			}
			names, _ := deps(&in)
			return names
		},
	}
}

// queryOf names the parameters of the query of GET path: Canonical drops all others.
func (a *API) queryOf(path string) []string {
	item := a.OpenAPI().Paths[path]
	if item == nil || item.Get == nil {
		return nil
	}
	names := []string{}
	for _, p := range item.Get.Parameters {
		if p.In == "query" {
			names = append(names, p.Name)
		}
	}
	slices.Sort(names)
	return names
}
