package app

import (
	"net/url"
	"strings"

	"github.com/labstack/echo/v4"

	"openlearn/internal/httpapi"
)

// canonicalPath maps every spelling of a route to the one it is registered under, so that there is one route and one
// cache key: /api/v1/x is /api/x, and the original's doubled prefixes are single.
func canonicalPath(next echo.HandlerFunc) echo.HandlerFunc {
	return func(c echo.Context) error {
		u := c.Request().URL
		u.Path = onePath(u.Path)
		if u.RawPath != "" {
			u.RawPath = onePath(httpapi.PlainPath(u.RawPath))
			if (&url.URL{Path: u.Path}).EscapedPath() == u.RawPath {
				u.RawPath = "" // Path alone has everything now
			}
		}
		u.RawQuery = plainQuery(u.RawQuery)
		return next(c)
	}
}

// plainQuery encodes a query strictly. net/url drops pairs with a semicolon or a stray percent sign, and with them a
// filter; browsers and the original take both literally.
func plainQuery(raw string) string {
	if !strings.ContainsAny(raw, ";%") {
		return raw
	}
	pairs := strings.Split(raw, "&")
	for i, pair := range pairs {
		name, value, found := strings.Cut(pair, "=")
		pairs[i] = plainPart(name)
		if found {
			pairs[i] += "=" + plainPart(value)
		}
	}
	return strings.Join(pairs, "&")
}

func plainPart(s string) string {
	text, err := url.QueryUnescape(s)
	if err != nil {
		text = strings.ReplaceAll(s, "+", " ") // a percent sign that begins no escape is literal
	}
	return url.QueryEscape(text)
}

func onePath(p string) string {
	if rest, ok := strings.CutPrefix(p, "/api/v1"); ok && (rest == "" || rest[0] == '/') {
		p = "/api" + rest
	}
	for _, doubled := range []string{"analysis", "auth"} {
		if rest, ok := strings.CutPrefix(p, "/api/"+doubled+"/"+doubled); ok && (rest == "" || rest[0] == '/') {
			p = "/api/" + doubled + rest
		}
	}
	// The original redirected a trailing slash; it can mean nothing else.
	if len(p) > 1 && strings.HasSuffix(p, "/") {
		p = strings.TrimRight(p, "/")
	}
	if p == "" {
		p = "/"
	}
	return p
}

// rootsOf are the first segments of the routes' paths.
func rootsOf(routes []*echo.Route) map[string]bool {
	roots := map[string]bool{}
	for _, r := range routes {
		first, _, _ := strings.Cut(strings.TrimPrefix(r.Path, "/"), "/")
		roots[first] = true
	}
	delete(roots, "") // the root itself
	return roots
}
