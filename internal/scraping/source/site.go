package source

import (
	"net/url"
	"strings"
)

// Site is the set of a source's own hosts: its base host, the same host with or without www, and its extra hosts, each with
// its given port (none means the scheme's default).
type Site struct {
	base    *url.URL
	hosts   map[string]bool // bare host name, or host:port where the port is not the scheme's default
	aliases map[string]string
}

// Site is the set of hosts that are the source's own.
func (d Source) Site() Site {
	base, err := url.Parse(d.BaseURL)
	if err != nil {
		base = &url.URL{}
	}
	s := Site{base: base, hosts: map[string]bool{BareAuthority(base): true}, aliases: map[string]string{}}
	for _, h := range d.ExtraHosts {
		s.hosts[BareAuthority(&url.URL{Scheme: "https", Host: h})] = true
	}
	for from, to := range d.HostAliases {
		s.aliases[strings.ToLower(from)] = to
	}
	return s
}

// Base is the front page.
func (s Site) Base() *url.URL {
	u := *s.base
	return &u
}

// Accepts says whether an absolute http(s) address lies on the site.
func (s Site) Accepts(u *url.URL) bool {
	if u == nil || (u.Scheme != "http" && u.Scheme != "https") || u.Hostname() == "" || u.User != nil {
		return false
	}
	return s.hosts[BareAuthority(u)]
}

// BareAuthority is the host in lower case without "www.", a trailing dot or a default port.
func BareAuthority(u *url.URL) string {
	host := strings.TrimSuffix(strings.ToLower(u.Hostname()), ".")
	host = strings.TrimPrefix(host, "www.")
	switch port := u.Port(); {
	case port == "", u.Scheme == "http" && port == "80", u.Scheme == "https" && port == "443":
		return host
	default:
		return host + ":" + port
	}
}
