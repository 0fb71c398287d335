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

// HostGuard checks every request for an admin route before its key is checked. It refuses requests under a host name that is
// not ours (DNS rebinding: a foreign page whose name now resolves to this machine) and requests by which a foreign page in an
// operator's browser would change something (CSRF).
type HostGuard struct {
	hosts map[string]bool
	cross *http.CrossOriginProtection
}

// NewHostGuard admits requests to localhost, to loopback addresses, to the address that the connection really came to, and to
// the given names. Pages of the given origins (scheme://host[:port]) may change things if they have the key; "*" names none.
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

// Check returns nil if r may go on to the guard, else the error to answer: 421 or 403.
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

// hostName is the name in a Host header, in canonical spelling. Ports do not matter: a rebound name is rebound on every port.
func hostName(host string) string {
	if h, _, err := net.SplitHostPort(host); err == nil {
		host = h
	}
	return strings.TrimSuffix(strings.ToLower(strings.Trim(host, "[]")), ".")
}

// HostOf is the host name of an absolute URL, "" if it has none.
func HostOf(address string) string {
	u, err := url.Parse(address)
	if err != nil {
		return ""
	}
	return u.Hostname()
}

// HostGuarded marks a public operation that is still part of the administration.
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
		reportHidden(ctx, e)
		for k, vs := range e.headers {
			for _, v := range vs {
				ctx.SetHeader(k, v)
			}
		}
		write(api, ctx, e)
	}
}
