package app

import (
	"net/http"
	"net/netip"
	"net/url"
	"strings"

	"openlearn/internal/netguard"
)

// requestForgery: nothing that a client says makes the service ask an address of the client's choice. The canary is a server on
// this machine, which no such attack may reach.
func requestForgery(x *target) {
	inside := x.shared.canary.URL
	host := strings.TrimPrefix(inside, "http://")
	stranger := x.person("")
	member := x.member("ana.api7@example.org")
	key := []string{"X-API-Key", testAdminKey}
	for _, address := range []string{
		inside, inside + "/?x=.co", "http://169.254.169.254/latest/meta-data/", "http://[::1]:80/", "http://2130706433/", "http://0x7f000001/", "http://127.1/", "http://localhost:6379/",
		"file:///etc/passwd", "gopher://" + host + "/_x", "dict://" + host + "/x", "//" + host + "/", "http://www.eltiempo.com@" + host + "/", "http://" + host + "#www.eltiempo.com", "\\\\" + host + "\\x",
	} {
		q, path := url.QueryEscape(address), url.PathEscape(address)
		for _, way := range []string{
			"/api/government/worldbank/" + path, "/api/government/banrep/" + path, "/api/government/climate/" + path, "/api/government/datasets/" + path, "/api/government/datasets/" + path + "/rows",
			"/api/government/secop/contracts/" + path,
		} {
			x.refused(stranger, address, http.MethodGet, way, "", nil, http.StatusNotFound, http.StatusUnprocessableEntity, http.StatusBadRequest, http.StatusServiceUnavailable)
		}
		for _, way := range []string{"/api/articles?source=" + q, "/api/articles?url=" + q, "/api/government/catalog?q=" + q, "/api/government/apis?callback=" + q, "/api/scraping/jobs?source=" + q} {
			if r := stranger.do(http.MethodGet, way, ""); r.StatusCode >= 500 && r.StatusCode != http.StatusServiceUnavailable {
				x.t.Errorf("%s: %d", way, r.StatusCode)
			}
		}
		x.refused(stranger, address, http.MethodPost, "/api/scraping/trigger/"+path, "", key, http.StatusNotFound, http.StatusUnprocessableEntity)
		x.refused(member, address, http.MethodPost, "/api/avatars/upload", `{"url":`+asJSON(address)+`}`, nil, http.StatusUnprocessableEntity, http.StatusBadRequest)
		x.refused(member, address, http.MethodPut, "/api/auth/me", `{"avatar_url":`+asJSON(address)+`}`, nil, http.StatusUnprocessableEntity)
		x.refused(stranger, address, http.MethodPost, "/api/analysis/analyze", `{"url":`+asJSON(address)+`}`, nil, http.StatusUnprocessableEntity)
		// An admin may store any address; it is shown, and not asked.
		r := stranger.do(http.MethodPost, "/api/articles", `{"source":"Semana","title":"Una dirección","content":`+asJSON("Un texto. "+address)+`,"source_url":`+asJSON(address)+`,"image":`+asJSON(address)+`}`, key...)
		if r.StatusCode >= 500 {
			x.t.Errorf("an article at %s: %d %s", address, r.StatusCode, r.body)
		}
	}
	// Where a request says that it came to leads links nowhere else.
	const elsewhere = "links.example"
	for _, name := range []string{"X-Forwarded-Host", "X-Host", "X-Forwarded-Server", "X-Original-Host", "Forwarded"} {
		value := elsewhere
		if name == "Forwarded" {
			value = "host=" + elsewhere
		}
		for _, path := range []string{"/api/articles", "/api/articles/feed.atom", "/openapi.json"} {
			if r := stranger.do(http.MethodGet, path, "", name, value); strings.Contains(shown(r), elsewhere) {
				x.t.Errorf("%s with %s: %s leads links to %s", path, name, value, elsewhere)
			}
		}
	}
	if n := x.shared.canary.asked.Load(); n != 0 {
		x.t.Errorf("the service asked an address inside %d times", n)
	}
	// What is dialled is checked, whatever the name that it was found by.
	for _, ip := range []string{"127.0.0.1", "10.0.0.1", "169.254.169.254", "::1", "::ffff:10.0.0.1", "fd00::1", "64:ff9b::7f00:1", "0.0.0.0", "100.64.0.1"} {
		if err := netguard.CheckAddress(netip.MustParseAddr(ip), false); err == nil {
			x.t.Errorf("%s may be asked", ip)
		}
	}
}
