package jsonapi

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

	"openlearn/internal/admin"
	"openlearn/internal/httpapi"
)

// escapedKey is the context key that says that the path's values came percent-encoded.
type escapedKey struct{}

// remember puts the caller into the context of an operation that the guard has let through.
func remember(ctx huma.Context, next func(huma.Context)) {
	c := humaecho.Unwrap(ctx)
	r := c.Request()
	who := admin.Caller{Actor: httpapi.Actor(r), Remote: httpapi.ClientAddress(r), RequestID: c.Response().Header().Get(echo.HeaderXRequestID)}
	named := admin.As(context.WithValue(ctx.Context(), escapedKey{}, r.URL.RawPath != ""), who)
	next(huma.WithContext(ctx, named))
}

// pathText decodes a value of the path, of at most so many characters.
func pathText(ctx context.Context, name, value string, most int) (string, error) {
	if escaped, _ := ctx.Value(escapedKey{}).(bool); escaped {
		v, err := url.PathUnescape(value)
		if err != nil {
			return "", httpapi.Value("text must be percent-encoded UTF-8", value, "path", name)
		}
		value = v
	}
	if strings.ContainsRune(value, 0) || !utf8.ValidString(value) {
		return "", httpapi.Value("text must be valid UTF-8 without NUL characters", strings.ToValidUTF8(value, "\uFFFD"), "path", name)
	}
	if n := utf8.RuneCountInString(value); n > most {
		return "", httpapi.Value(fmt.Sprintf("must have at most %d characters, has %d", most, n), value, "path", name)
	}
	return value, nil
}

// statuses of the kinds other than Invalid and UnknownLayer.
var statuses = map[admin.Kind]int{
	admin.Missing: http.StatusNotFound, admin.Forbidden: http.StatusForbidden, admin.Busy: http.StatusConflict,
	admin.Unavailable: http.StatusServiceUnavailable, admin.TooSlow: http.StatusGatewayTimeout,
}

// answer turns an operation's error into an HTTP error. where is the part of the request that held its fields: body, path or query.
func answer(err error, where string) error {
	var e *admin.Error
	if !errors.As(err, &e) {
		return err
	}
	switch e.Kind {
	case admin.UnknownLayer:
		if where == "path" { // what the path names does not exist
			name, _ := e.Input.(string)
			return httpapi.NotFound(fmt.Sprintf("Unknown cache layer '%s'%s", httpapi.Shorten(name), strings.TrimPrefix(e.Text, "unknown cache layer")))
		}
		return httpapi.Value(e.Text, e.Input, where, e.Field)
	case admin.Invalid:
		loc := []any{where}
		if e.Field != "" {
			loc = append(loc, e.Field)
		}
		return httpapi.Value(e.Text, e.Input, loc...)
	}
	return httpapi.NewError(statuses[e.Kind], e.Text)
}
