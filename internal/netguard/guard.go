// Package netguard keeps this service from being talked into reaching addresses that are nobody's business (SSRF): it
// checks each address as it is dialled.
package netguard

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"strings"
	"syscall"
	"time"
)

// ErrBlocked is the error of dialling a forbidden address.
var ErrBlocked = errors.New("address is not a public one")

// notPublic lists the address blocks in which no public site can be (IANA special-purpose registries, RFC 6890 and its
// successors). Prefixes that embed an IPv4 address (6to4, Teredo, NAT64) are blocked entirely: they could lead into a
// private network.
var notPublic = []netip.Prefix{
	netip.MustParsePrefix("0.0.0.0/8"), netip.MustParsePrefix("10.0.0.0/8"), netip.MustParsePrefix("100.64.0.0/10"),
	netip.MustParsePrefix("127.0.0.0/8"), netip.MustParsePrefix("169.254.0.0/16"), netip.MustParsePrefix("172.16.0.0/12"),
	netip.MustParsePrefix("192.0.0.0/24"), netip.MustParsePrefix("192.0.2.0/24"), netip.MustParsePrefix("192.88.99.0/24"),
	netip.MustParsePrefix("192.168.0.0/16"), netip.MustParsePrefix("198.18.0.0/15"), netip.MustParsePrefix("198.51.100.0/24"),
	netip.MustParsePrefix("203.0.113.0/24"), netip.MustParsePrefix("224.0.0.0/4"), netip.MustParsePrefix("240.0.0.0/4"),
	netip.MustParsePrefix("::/96"), netip.MustParsePrefix("64:ff9b::/96"), netip.MustParsePrefix("64:ff9b:1::/48"),
	netip.MustParsePrefix("100::/64"), netip.MustParsePrefix("2001::/23"), netip.MustParsePrefix("2001:db8::/32"),
	netip.MustParsePrefix("2002::/16"), netip.MustParsePrefix("3fff::/20"), netip.MustParsePrefix("5f00::/16"),
	netip.MustParsePrefix("fc00::/7"), netip.MustParsePrefix("fe80::/10"), netip.MustParsePrefix("fec0::/10"),
	netip.MustParsePrefix("ff00::/8"),
	netip.MustParsePrefix("168.63.129.16/32"), // the host of virtual machines in one cloud: not public, although it looks so
}

// CheckAddress allows only public addresses, or only loopback for a server on this machine.
func CheckAddress(ip netip.Addr, loopback bool) error {
	ip = ip.Unmap().WithZone("")
	if loopback {
		if ip.IsLoopback() {
			return nil
		}
		return fmt.Errorf("%v: %w", ip, ErrBlocked)
	}
	for _, p := range notPublic {
		if p.Contains(ip) {
			return fmt.Errorf("%v: %w", ip, ErrBlocked)
		}
	}
	return nil
}

// Options of a dialer.
type Options struct {
	// Timeout bounds one dial.
	Timeout time.Duration
	// Allowed are networks that may be reached although they are not public, on any port.
	Allowed []netip.Prefix
	// Loopback allows this machine, on any port, and nothing else.
	Loopback bool
}

// Dialer checks the address when it is dialled, after name resolution: an earlier check could be evaded by a name that
// resolves differently the second time (DNS rebinding). Outside the allowed networks only ports 80 and 443 are reached.
func Dialer(o Options) *net.Dialer {
	return &net.Dialer{
		Timeout: o.Timeout,
		ControlContext: func(_ context.Context, _, address string, _ syscall.RawConn) error {
			ap, err := netip.ParseAddrPort(address)
			if err != nil {
				return fmt.Errorf("dial %s: %w", address, ErrBlocked)
			}
			for _, p := range o.Allowed {
				if p.Contains(ap.Addr().Unmap().WithZone("")) {
					return nil
				}
			}
			if !o.Loopback && ap.Port() != 80 && ap.Port() != 443 {
				return fmt.Errorf("port %d: %w", ap.Port(), ErrBlocked)
			}
			return CheckAddress(ap.Addr(), o.Loopback)
		},
	}
}

// ParseNets reads a comma-separated list of networks or addresses. The error names the expected form.
func ParseNets(list string) ([]netip.Prefix, error) {
	var out []netip.Prefix
	for net := range strings.FieldsFuncSeq(list, func(r rune) bool { return r == ',' || r == ' ' }) {
		p, err := netip.ParsePrefix(net)
		if err != nil {
			addr, bad := netip.ParseAddr(net)
			if bad != nil || addr.Zone() != "" {
				return nil, fmt.Errorf("networks such as 10.1.0.0/16, separated by commas, and not %q", net)
			}
			p = netip.PrefixFrom(addr, addr.BitLen())
		}
		out = append(out, p.Masked())
	}
	return out, nil
}

// CheckUserAgent refuses characters that a header cannot hold, and those that firewalls refuse.
func CheckUserAgent(s string) error {
	for _, r := range s {
		if r < ' ' || r > '~' {
			return errors.New("printable ASCII")
		}
	}
	return nil
}
