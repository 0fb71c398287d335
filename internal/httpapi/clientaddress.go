package httpapi

import (
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"slices"
	"strings"
	"sync"
)

// ClientAddress is the address of the client that sent r: of its connection, or, if that is a trusted proxy's, the one that
// the proxies report (Proxies has put it into r.RemoteAddr).
func ClientAddress(r *http.Request) string {
	if host, _, err := net.SplitHostPort(r.RemoteAddr); err == nil {
		return host
	}
	return r.RemoteAddr
}

// ClientRange is what one client holds, for whoever counts by clients: its IPv4 address, or its whole /64 of IPv6. It is
// invalid if the address is not one of IP.
func ClientRange(r *http.Request) netip.Prefix {
	ip, err := netip.ParseAddr(ClientAddress(r))
	if err != nil {
		return netip.Prefix{}
	}
	if ip = ip.Unmap().WithZone(""); ip.Is4() {
		return netip.PrefixFrom(ip, 32)
	}
	return netip.PrefixFrom(ip, 64).Masked()
}

// ParseProxies reads prefixes (10.0.0.0/8) and single addresses.
func ParseProxies(list []string) ([]netip.Prefix, error) {
	var out []netip.Prefix
	for _, s := range list {
		p, err := netip.ParsePrefix(s)
		if err != nil {
			ip, e := netip.ParseAddr(s)
			if e != nil || ip.Zone() != "" {
				return nil, fmt.Errorf("%q is neither a prefix nor an address", s)
			}
			p = netip.PrefixFrom(ip, ip.BitLen())
		}
		if ip := p.Addr(); ip.Is4In6() {
			if p.Bits() < 96 {
				return nil, fmt.Errorf("%q holds all of IPv4", s)
			}
			p = netip.PrefixFrom(ip.Unmap(), p.Bits()-96)
		}
		out = append(out, p.Masked())
	}
	return out, nil
}

// Proxies finds out which client a request is from that came through reverse proxies. Clients can write what they like into
// X-Forwarded-For and Forwarded; proxies append the address that they see. So the fields are read from the right, and only as
// far as trusted proxies wrote them.
type Proxies struct {
	trusted []netip.Prefix
	log     *slog.Logger

	unset, unlike sync.Once // warnings
}

// NewProxies trusts the proxies whose addresses are in one of the prefixes.
func NewProxies(trusted []netip.Prefix, log *slog.Logger) *Proxies {
	return &Proxies{trusted: trusted, log: log}
}

// Handler gives next requests whose RemoteAddr is the client's. The port is 0 if a proxy reports the address.
func (p *Proxies) Handler(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if len(r.Header["X-Forwarded-For"]) > 0 || len(r.Header["Forwarded"]) > 0 {
			if client, ok := p.client(r); ok {
				with := *r
				with.RemoteAddr = netip.AddrPortFrom(client, 0).String()
				r = &with
			}
		}
		next.ServeHTTP(w, r)
	})
}

// client is the address that trusted proxies report; ok is false if the connection's own counts.
func (p *Proxies) client(r *http.Request) (_ netip.Addr, ok bool) {
	if len(p.trusted) == 0 {
		p.unset.Do(func() {
			p.log.Warn("requests say that proxies forwarded them, but TRUSTED_PROXIES is not set: everyone behind a proxy counts as one client", "proxy", ClientAddress(r))
		})
		return netip.Addr{}, false
	}
	peer, valid := addressIn(r.RemoteAddr)
	if !valid || !p.trusts(peer) {
		return netip.Addr{}, false
	}
	client, has := peer, false
	for _, list := range [][]netip.Addr{forwardedFor(r.Header["X-Forwarded-For"]), forwarded(r.Header["Forwarded"])} {
		if len(list) == 0 {
			continue
		}
		said := p.walk(peer, list)
		if has && said != client {
			// The proxy writes one of the fields and passes the other on as the client wrote it. Nothing says which.
			p.unlike.Do(func() {
				p.log.Warn("X-Forwarded-For and Forwarded disagree, so neither is believed: let the proxy remove the one that it does not write", "proxy", peer.String())
			})
			return netip.Addr{}, false
		}
		client, has = said, true
	}
	return client, client != peer
}

// walk goes through the addresses from the right until one that is not a trusted proxy's. If one cannot be read (invalid), the
// proxy that reported it is all that is known.
func (p *Proxies) walk(peer netip.Addr, list []netip.Addr) netip.Addr {
	client := peer
	for _, next := range slices.Backward(list) {
		if !next.IsValid() {
			break
		}
		client = next
		if !p.trusts(next) {
			break
		}
	}
	return client
}

func (p *Proxies) trusts(ip netip.Addr) bool {
	return slices.ContainsFunc(p.trusted, func(t netip.Prefix) bool { return t.Contains(ip) })
}

// addressIn reads an address with or without a port.
func addressIn(s string) (netip.Addr, bool) {
	ip, err := netip.ParseAddr(s)
	if err != nil {
		host, _, splitErr := net.SplitHostPort(s)
		if splitErr != nil {
			host = strings.TrimSuffix(strings.TrimPrefix(s, "["), "]")
		}
		if ip, err = netip.ParseAddr(host); err != nil {
			return netip.Addr{}, false
		}
	}
	return ip.Unmap().WithZone(""), true
}

// forwardedFor reads the lines of X-Forwarded-For. What is no address is an invalid one.
func forwardedFor(lines []string) (out []netip.Addr) {
	for _, line := range lines {
		for item := range strings.SplitSeq(line, ",") {
			if item = strings.TrimSpace(item); item != "" {
				ip, _ := addressIn(item)
				out = append(out, ip)
			}
		}
	}
	return out
}

// forwarded reads "for" of each element of the lines of Forwarded (RFC 7239 §4). What is no address (unknown, an obfuscated
// name, no "for") is an invalid one, and so is all of a line whose quotes do not match.
func forwarded(lines []string) (out []netip.Addr) {
	for _, line := range lines {
		elements, ok := splitQuoted(line, ',')
		if !ok {
			out = append(out, netip.Addr{})
			continue
		}
		for _, element := range elements {
			if strings.TrimSpace(element) == "" {
				continue
			}
			out = append(out, forOf(element))
		}
	}
	return out
}

func forOf(element string) netip.Addr {
	pairs, _ := splitQuoted(element, ';')
	for _, pair := range pairs {
		name, value, _ := strings.Cut(pair, "=")
		if strings.EqualFold(strings.TrimSpace(name), "for") {
			value = strings.TrimSpace(value)
			if inner, quoted := strings.CutPrefix(value, `"`); quoted {
				value = strings.TrimSuffix(inner, `"`)
			}
			ip, _ := addressIn(value)
			return ip
		}
	}
	return netip.Addr{}
}

// splitQuoted splits s at sep outside of quoted strings; ok is false if one does not end.
func splitQuoted(s string, sep byte) (parts []string, ok bool) {
	quoted, begin := false, 0
	for i := 0; i < len(s); i++ {
		switch {
		case quoted && s[i] == '\\':
			i++
		case s[i] == '"':
			quoted = !quoted
		case s[i] == sep && !quoted:
			parts = append(parts, s[begin:i])
			begin = i + 1
		}
	}
	return append(parts, s[begin:]), !quoted
}
