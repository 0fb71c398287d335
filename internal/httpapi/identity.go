package httpapi

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humaecho"
	"github.com/labstack/echo/v4"
)

// Role says what somebody may do.
type Role string

// The roles of accounts and of machines' keys.
const (
	Learner Role = "learner"
	Analyst Role = "analyst"
	Admin   Role = "admin"
)

// Roles are all roles.
var Roles = []Role{Learner, Analyst, Admin}

// Known reports whether r is a role.
func (r Role) Known() bool { return slices.Contains(Roles, r) }

// Identity is who sends a request: a user, a machine with a key of its own, or, if it is zero, nobody that we know.
type Identity struct {
	// User is the account's number, 0 if it is no user.
	User int64
	// Session is the login that the user's request belongs to.
	Session string
	// Machine is the number of the API key, 0 if it is no machine.
	Machine int64
	// Role is as it is stored now: it is never read from a token.
	Role Role
	// ByCookie: a cookie said so, which browsers send by themselves.
	ByCookie bool
}

// IsKnown reports whether it is anybody.
func (i Identity) IsKnown() bool { return i.User != 0 || i.Machine != 0 }

// IsAdmin reports whether it may use the admin routes.
func (i Identity) IsAdmin() bool { return i.IsKnown() && i.Role == Admin }

// String names it in trails, and is the key of its limits: it has no personal data.
func (i Identity) String() string {
	switch {
	case i.User != 0:
		return fmt.Sprintf("user %d", i.User)
	case i.Machine != 0:
		return fmt.Sprintf("machine key %d", i.Machine)
	}
	return "nobody"
}

// Identifier looks up who a request is from, in what is stored now. It answers with the zero Identity if the request has no
// credentials of its kind, and with ErrUnidentified, or an *Error, if it has some that are not valid.
type Identifier interface {
	Identify(ctx context.Context, r *http.Request) (Identity, error)
}

// ErrUnidentified: the credentials are not valid, or not any more.
var ErrUnidentified = errors.New("could not validate credentials")

// identityTimeout bounds one look-up, which may come before the request has a deadline.
const identityTimeout = 5 * time.Second

// asker finds out who sends one request, when somebody wants to know, and once.
type asker struct {
	r    *http.Request
	by   []Identifier
	once sync.Once
	who  Identity
	err  error

	tried   sync.Once // the request's key, by Guard.Try
	refused *Error
}

func askerOf(ctx context.Context) *asker {
	a, _ := ctx.Value(askerKey{}).(*asker)
	return a
}

type askerKey struct{}

func (a *asker) ask(ctx context.Context) (Identity, error) {
	a.once.Do(func() {
		ctx, cancel := context.WithTimeout(ctx, identityTimeout)
		defer cancel()
		for _, by := range a.by {
			if a.who, a.err = by.Identify(ctx, a.r); a.err != nil || a.who.IsKnown() {
				return
			}
		}
	})
	return a.who, a.err
}

// Identifying lets Who say who a request is from. Requests without credentials are from nobody, and cost nothing.
func Identifying(by ...Identifier) echo.MiddlewareFunc {
	return func(next echo.HandlerFunc) echo.HandlerFunc {
		return func(c echo.Context) error {
			if r := c.Request(); HasCredentials(r) {
				c.SetRequest(r.WithContext(context.WithValue(r.Context(), askerKey{}, &asker{r: r, by: by})))
			}
			return next(c)
		}
	}
}

// Who says who sends the request that ctx belongs to. The look-up happens at the first call; an error says that credentials came
// and were not accepted (ErrUnidentified), or could not be looked up.
func Who(ctx context.Context) (Identity, error) {
	a := askerOf(ctx)
	if a == nil {
		return Identity{}, nil
	}
	return a.ask(ctx)
}

// WhoNow is Who, looked up anew: for answers that go on for longer than a right may.
func WhoNow(ctx context.Context) (Identity, error) {
	a, _ := ctx.Value(askerKey{}).(*asker)
	if a == nil {
		return Identity{}, nil
	}
	again := asker{r: a.r, by: a.by}
	return again.ask(ctx)
}

// Names of what carries credentials, beside Authorization.
const (
	AccessCookie = "access_token"
	KeyHeader    = "X-API-Key"
)

// HasCredentials reports whether a request says who it is from, rightly or not.
func HasCredentials(r *http.Request) bool {
	if len(r.Header["Authorization"]) > 0 || len(r.Header["X-Api-Key"]) > 0 {
		return true
	}
	if len(r.Header["Cookie"]) == 0 {
		return false
	}
	_, err := r.Cookie(AccessCookie)
	return err == nil
}

// Bearer is the token in Authorization, "" if there is none.
func Bearer(r *http.Request) string {
	scheme, token, _ := strings.Cut(r.Header.Get("Authorization"), " ")
	if strings.EqualFold(scheme, "bearer") {
		return strings.TrimSpace(token)
	}
	return ""
}

// LooksLikeJWT reports whether a token has the form of a JSON Web Token, by its dots.
func LooksLikeJWT(token string) bool { return strings.Count(token, ".") == 2 }

// Unauthorized is a 401 that asks for a token.
func Unauthorized(detail string) *Error { return unauthorized(detail) }

// errUnidentified is the original's answer to whoever has no valid token.
func errUnidentified() *Error { return unauthorized("Could not validate credentials") }

// UserOnly marks an operation that needs a user, whom Who then names. Its answers are that user's own: no cache keeps them.
func (a *API) UserOnly(op huma.Operation) huma.Operation {
	op.Security = []map[string][]string{{"userBearer": {}}, {"userCookie": {}}}
	op.Middlewares = append(huma.Middlewares{personal, refuseWith(a.API, a.checkOrigin), refuseWith(a.API, checkUser), refuseBody(a.API)}, op.Middlewares...)
	return op
}

// SameOrigin marks a public operation that sets, uses or ends cookies of users: pages of other sites may not ask for it, and no
// cache keeps its answers.
func (a *API) SameOrigin(op huma.Operation) huma.Operation {
	op.Middlewares = append(huma.Middlewares{personal, refuseWith(a.API, a.checkOrigin)}, op.Middlewares...)
	return op
}

// PersonalCache is the Cache-Control of what belongs to one user.
const PersonalCache = "private, no-store"

func personal(ctx huma.Context, next func(huma.Context)) {
	ctx.SetHeader("Cache-Control", PersonalCache)
	next(huma.WithValue(ctx, requestKey{}, humaecho.Unwrap(ctx).Request()))
}

type requestKey struct{}

// Request is the request that an operation marked UserOnly or SameOrigin answers: it has what no typed input does, such as
// cookies and the client's address.
func Request(ctx context.Context) *http.Request {
	r, _ := ctx.Value(requestKey{}).(*http.Request)
	return r
}

// checkOrigin refuses what pages of other sites ask for. Another port of this host is another origin, too, although to browsers
// it is the same site, whose cookies they send.
func (a *API) checkOrigin(r *http.Request) *Error {
	if a.guard.Hosts.cross.Check(r) != nil {
		return NewError(http.StatusForbidden, "Requests that pages of other sites make are refused")
	}
	return nil
}

func checkUser(r *http.Request) *Error {
	who, err := Who(r.Context())
	switch {
	case err != nil:
		return IdentityError(err)
	case who.User == 0:
		return errUnidentified()
	}
	return nil
}

// Actor names by what right an admin route was let through: the account, the admin key, or, in development, the address.
func Actor(r *http.Request) string {
	switch sender, err := Who(r.Context()); {
	case err == nil && sender.IsKnown():
		return sender.String()
	case r.Header.Get(KeyHeader) != "" || r.Header.Get("Authorization") != "":
		return "admin key"
	}
	return "loopback"
}

// IdentityError answers an error of Who.
func IdentityError(err error) *Error {
	var ours *Error
	switch {
	case errors.As(err, &ours):
		return ours
	case errors.Is(err, ErrUnidentified):
		return errUnidentified()
	}
	status := statusOf(err)
	return &Error{status: status, Detail: detailOf(status), cause: err}
}

// reportHidden puts down for the log why a guard answered 5xx.
func reportHidden(ctx huma.Context, e *Error) {
	if e.status >= http.StatusInternalServerError && e.cause != nil {
		humaecho.Unwrap(ctx).Set(causeKey, e.cause)
	}
}
