package httpapi

import (
	"fmt"
	"net"
	"net/http"
	"net/url"
	"strings"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humaecho"
)

// HostGuard is what every request for an admin route passes before anyone asks for a key. It refuses those that come under a
// name which is not ours (DNS rebinding: a foreign page whose own name has come to mean this machine) and those by which a
// foreign page in an operator's browser would change something (CSRF).
type HostGuard struct {
	hosts map[string]bool
	cross *http.CrossOriginProtection
}

// NewHostGuard admits localhost, to addresses of the loopback, to the address a connection really came to, and to the given
// names. Pages of the given origins (scheme://host[:port]) may change things if they have the key; "*" names none.
func NewHostGuard(hosts, origins []string) (*HostGuard, error) {
	d := localHostGuard()
	for _, h := range hosts {
		d.hosts[hostName(h)] = true
	}
	for _, o := range origins {
		if o == "*" {
			continue
		}
		if err := d.cross.AddTrustedOrigin(o); err != nil {
			return nil, fmt.Errorf("origin %q: %w", o, err)
		}
	}
	return d, nil
}

func localHostGuard() *HostGuard {
	return &HostGuard{hosts: map[string]bool{"localhost": true}, cross: http.NewCrossOriginProtection()}
}

// Check returns nil if r may go on to the guard, else the answer to give: 421 or 403.
func (d *HostGuard) Check(r *http.Request) *Error {
	if !d.knows(r) {
		return NewError(http.StatusMisdirectedRequest, "Administration does not answer under this host name: ADMIN_HOSTS lists those it answers under")
	}
	if err := d.cross.Check(r); err != nil {
		return NewError(http.StatusForbidden, "Administration refuses requests that pages of other sites make")
	}
	return nil
}

func (d *HostGuard) knows(r *http.Request) bool {
	host := hostName(r.Host)
	if d.hosts[host] || isLoopback(host) {
		return true
	}
	local, ok := r.Context().Value(http.LocalAddrContextKey).(*net.TCPAddr)
	ip := net.ParseIP(host)
	return ok && ip != nil && ip.Equal(local.IP)
}

// hostName is a Host header's name alone, in one spelling. Ports do not matter: a rebound name is one on every port.
func hostName(host string) string {
	if h, _, err := net.SplitHostPort(host); err == nil {
		host = h
	}
	return strings.TrimSuffix(strings.ToLower(strings.Trim(host, "[]")), ".")
}

// HostOf is the host name of an absolute URL, "" without one.
func HostOf(address string) string {
	u, err := url.Parse(address)
	if err != nil {
		return ""
	}
	return u.Hostname()
}

// HostGuarded marks a public operation that is part of the administration all the same.
func (a *API) HostGuarded(op huma.Operation) huma.Operation {
	op.Middlewares = append(huma.Middlewares{refuseWith(a.API, a.guard.Hosts.Check)}, op.Middlewares...)
	return op
}

func refuseWith(api huma.API, check func(*http.Request) *Error) func(huma.Context, func(huma.Context)) {
	return func(ctx huma.Context, next func(huma.Context)) {
		e := check(humaecho.Unwrap(ctx).Request())
		if e == nil {
			next(ctx)
			return
		}
		for k, vs := range e.headers {
			for _, v := range vs {
				ctx.SetHeader(k, v)
			}
		}
		write(api, ctx, e)
	}
}
