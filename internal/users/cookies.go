package users

import (
	"fmt"
	"net"
	"net/http"
	"strings"
	"time"
	"unicode/utf8"

	"openlearn/internal/httpapi"
	"openlearn/internal/users/token"
)

const (
	refreshCookie = "refresh_token"
	deviceCookie  = "device_token"
	// deviceLifetime is as long as browsers keep a cookie, and Store.sweep a device.
	deviceLifetime = 365 * 24 * time.Hour
)

// cookies are those of a login or a refresh, as the original names them.
func (h *handlers) cookies(r *http.Request, p Pair) []http.Cookie {
	all := []http.Cookie{
		h.cookie(r, httpapi.AccessCookie, "/", p.Access, token.AccessLifetime),
		h.cookie(r, refreshCookie, h.refreshPath(r), p.Refresh, RefreshLifetime),
	}
	if p.Device != "" {
		all = append(all, h.device(r, p.Device))
	}
	return all
}

func (h *handlers) device(r *http.Request, device string) http.Cookie {
	return h.cookie(r, deviceCookie, "/", device, deviceLifetime)
}

// clear takes the cookies of a session from the browser. The device stays known.
func (h *handlers) clear(r *http.Request) []http.Cookie {
	return []http.Cookie{h.cookie(r, httpapi.AccessCookie, "/", "", 0), h.cookie(r, refreshCookie, h.refreshPath(r), "", 0)}
}

func (h *handlers) cookie(r *http.Request, name, path, value string, lifetime time.Duration) http.Cookie {
	if path == "/" && h.opt.BasePath != "" {
		path = h.opt.BasePath
	}
	c := http.Cookie{Name: name, Value: value, Path: path, HttpOnly: true, SameSite: http.SameSiteStrictMode, Secure: h.secure(r), MaxAge: int(lifetime / time.Second)}
	if value == "" {
		c.MaxAge = -1
	}
	return c
}

// refreshPath is where the browser asks for a refresh: beside the route that it has just called, by the spelling of the path that
// it uses.
func (h *handlers) refreshPath(r *http.Request) string {
	for _, prefix := range []string{"/api/v1/auth/auth/", "/api/v1/auth/", "/api/auth/auth/", "/api/auth/"} {
		if strings.HasPrefix(r.RequestURI, prefix) {
			return h.opt.BasePath + prefix + "refresh"
		}
	}
	return h.opt.BasePath + "/api/v1/auth/refresh"
}

// secure reports whether the cookies of an answer are for TLS only: everywhere but under this machine's own names, which are
// reached without a network.
func (h *handlers) secure(r *http.Request) bool {
	if r.TLS != nil {
		return true
	}
	host := r.Host
	if name, _, err := net.SplitHostPort(host); err == nil {
		host = name
	}
	ip := net.ParseIP(strings.Trim(host, "[]"))
	return !strings.EqualFold(host, "localhost") && (ip == nil || !ip.IsLoopback())
}

// clientOf says from where somebody logs in.
func clientOf(r *http.Request) Client {
	c := Client{Address: rangeOf(r), Shown: httpapi.ClientAddress(r), Agent: r.UserAgent()}
	if cookie, err := r.Cookie(deviceCookie); err == nil && len(cookie.Value) <= 200 {
		c.Device = cookie.Value
	}
	return c
}

// rangeOf is the range of addresses that one client holds: one address, or a whole /64 of IPv6.
func rangeOf(r *http.Request) string {
	if held := httpapi.ClientRange(r); held.IsValid() {
		return held.String()
	}
	return httpapi.ClientAddress(r)
}

// lengths refuses a text with fewer or more characters.
func lengths(s string, least, most int) error {
	switch n := utf8.RuneCountInString(s); {
	case n < least:
		return fmt.Errorf("expected length >= %d", least) // the schema's words, which httpapi gives pydantic's
	case n > most:
		return fmt.Errorf("expected length <= %d", most)
	}
	return nil
}
