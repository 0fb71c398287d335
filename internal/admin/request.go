package admin

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"unicode/utf8"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humaecho"
	"github.com/labstack/echo/v4"

	"openlearn/internal/cache"
	"openlearn/internal/httpapi"
)

// caller is who sent a request, for the trail.
type caller struct {
	actor, remote, requestID string
	escaped                  bool // path values came percent-encoded
}

type callerKey struct{}

// remember puts the caller into the context of an operation that the guard has let through.
func remember(ctx huma.Context, next func(huma.Context)) {
	c := humaecho.Unwrap(ctx)
	r := c.Request()
	who := caller{actor: "loopback", remote: httpapi.ClientAddress(r), requestID: c.Response().Header().Get(echo.HeaderXRequestID), escaped: r.URL.RawPath != ""}
	if r.Header.Get("X-API-Key") != "" || r.Header.Get("Authorization") != "" {
		who.actor = "admin key"
	}
	next(huma.WithValue(ctx, callerKey{}, who))
}

func callerOf(ctx context.Context) caller {
	c, _ := ctx.Value(callerKey{}).(caller)
	return c
}

// pathText is a value of the path as it was meant, of at most so many characters.
func pathText(ctx context.Context, name, value string, most int) (string, error) {
	if callerOf(ctx).escaped {
		v, err := url.PathUnescape(value)
		if err != nil {
			return "", httpapi.Value("text must be percent-encoded UTF-8", value, "path", name)
		}
		value = v
	}
	if err := checkText(value, "path", name); err != nil {
		return "", err
	}
	if n := utf8.RuneCountInString(value); n > most {
		return "", httpapi.Value(fmt.Sprintf("must have at most %d characters, has %d", most, n), value, "path", name)
	}
	return value, nil
}

// globOf reads an operator's pattern in the cache's terms. Redis's globs have sets of characters, the cache has not: taken as
// what it says, [ab]* would be an invalidation that succeeds and reaches nothing.
func globOf(pattern string) (string, error) {
	var out strings.Builder
	for rest := pattern; rest != ""; {
		switch {
		case rest[0] == '[':
			return "", errors.New("sets of characters are not known here: write \\[ for the character itself")
		case rest == `\`:
			return "", errors.New("ends in a backslash, which takes away the meaning of what follows: write \\\\ for the character itself")
		case rest[0] == '\\' && (rest[1] == '[' || rest[1] == ']'):
			out.WriteByte(rest[1])
			rest = rest[2:]
		case rest[0] == '\\':
			out.WriteString(rest[:2])
			rest = rest[2:]
		default:
			out.WriteByte(rest[0])
			rest = rest[1:]
		}
	}
	return out.String(), nil
}

// checkText refuses what no key and no column could hold.
func checkText(value string, loc ...any) error {
	if strings.ContainsRune(value, 0) || !utf8.ValidString(value) {
		return httpapi.Value("text must be valid UTF-8 without NUL characters", strings.ToValidUTF8(value, "\uFFFD"), loc...)
	}
	return nil
}

// layer finds a layer by name; an unknown one is a 404 where the path names it, else a 422.
func (a *Admin) layer(name string, loc ...any) (cache.Layer, error) {
	var names []string
	for _, l := range a.cache.LayerTable() {
		if l.Name == name {
			return l, nil
		}
		names = append(names, l.Name)
	}
	if loc[0] == "path" {
		return cache.Layer{}, httpapi.NotFound(fmt.Sprintf("Unknown cache layer '%s'; there are %s", httpapi.Shorten(name), strings.Join(names, ", ")))
	}
	return cache.Layer{}, httpapi.Value("unknown cache layer; there are "+strings.Join(names, ", "), name, loc...)
}

// sealed says of layers whose values are nobody's to read or write from outside: what stands for a right, and bodies
// that go to browsers as they are.
func (a *Admin) sealed(l cache.Layer) bool { return l.Credential || l.Name == a.opt.Layers.Responses }

// refused gives the cache's errors their HTTP form. What Redis did not do was not done, and may be tried again.
func (a *Admin) refused(err error, loc ...any) error {
	var given *httpapi.Error
	switch {
	case err == nil || errors.As(err, &given) || errors.Is(err, context.Canceled):
		return err
	case errors.Is(err, cache.ErrInvalidKey):
		return httpapi.Value(plain(err), nil, loc...)
	}
	a.log.Warn("the cache could not do what an operator asked", "error", err)
	if errors.Is(err, cache.ErrBypass) {
		return httpapi.NewError(http.StatusServiceUnavailable, "The cache is out of use: Redis does not answer, or invalidations are pending. Try again.")
	}
	return httpapi.NewError(http.StatusServiceUnavailable, "The cache cannot be reached: nothing is promised. Try again.")
}

// plain is an error of the cache without the package's name.
func plain(err error) string { return strings.ReplaceAll(err.Error(), "cache: ", "") }
