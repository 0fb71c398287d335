package httpapi

import (
	"bytes"
	"fmt"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humaecho"

	"openlearn/internal/cache/httpcache/rules"
	"openlearn/internal/cache/httpcache/service"
)

// Conditions are the preconditions of a request that changes something (RFC 9110 §13), to be embedded in an operation's
// input. They keep two writers from overwriting each other's work unnoticed.
type Conditions struct {
	IfMatch           string `header:"If-Match" doc:"Entity-tags that a GET gave: 412 if the resource has changed since"`
	IfNoneMatch       string `header:"If-None-Match" doc:"Entity-tags that the resource must not have; * if it must not exist"`
	IfUnmodifiedSince string `header:"If-Unmodified-Since" doc:"412 if the resource was modified after this moment"`

	method string
	given  http.Header
}

// Resolve reads all lines of the fields: huma reads only the first.
func (c *Conditions) Resolve(ctx huma.Context) []error {
	r := humaecho.Unwrap(ctx).Request()
	c.method = r.Method
	for _, name := range []string{"If-Match", "If-None-Match", "If-Unmodified-Since"} {
		if lines := r.Header[name]; len(lines) > 0 {
			if c.given == nil {
				c.given = http.Header{}
			}
			c.given[name] = lines
		}
	}
	return nil
}

// Check returns a 412 if the conditions do not hold for the resource: current is what a GET would answer with now, modified is
// when the resource was last modified. Call it where nobody else can change the resource until the write is done.
func (a *API) Check(c *Conditions, current any, modified time.Time) error {
	if c.given == nil {
		return nil
	}
	body, err := a.body(current)
	if err != nil {
		return err
	}
	now := rules.Current{ETags: service.EntityTags(body), Modified: modified.Truncate(time.Second)}
	if rules.Preconditions(c.method, c.given, now, time.Now()) == rules.Proceed {
		return nil
	}
	return preconditionFailed()
}

func preconditionFailed() *Error {
	return NewError(http.StatusPreconditionFailed, "The resource is not as If-Match, If-None-Match or If-Unmodified-Since want it")
}

// ETag is the entity-tag of a GET of the resource without content coding.
func (a *API) ETag(current any) (string, error) {
	body, err := a.body(current)
	if err != nil {
		return "", err
	}
	return service.EntityTags(body)[0], nil
}

// body is the body of a GET.
func (a *API) body(current any) ([]byte, error) {
	var b bytes.Buffer
	if err := a.Marshal(&b, "application/json", current); err != nil {
		return nil, fmt.Errorf("the current representation: %w", err)
	}
	return b.Bytes(), nil
}
