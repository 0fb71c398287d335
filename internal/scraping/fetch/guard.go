package fetch

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"syscall"
)

// errBlockedAddress is the error of dialling a forbidden address.
var errBlockedAddress = errors.New("address is not a public one")

// notPublic lists the address blocks in which no news site can be (IANA special-purpose registries, RFC 6890 and its
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

// checkAddress allows only public addresses, or only loopback for a source on this machine.
func checkAddress(ip netip.Addr, loopback bool) error {
	ip = ip.Unmap().WithZone("")
	if loopback {
		if ip.IsLoopback() {
			return nil
		}
		return fmt.Errorf("%v: %w", ip, errBlockedAddress)
	}
	for _, p := range notPublic {
		if p.Contains(ip) {
			return fmt.Errorf("%v: %w", ip, errBlockedAddress)
		}
	}
	return nil
}

// guardedDialer checks the address when it is dialled, after name resolution: an earlier check could be evaded by a name
// that resolves differently the second time (DNS rebinding).
func guardedDialer(cfg Config, loopback bool) *net.Dialer {
	return &net.Dialer{
		Timeout: cfg.Timeout,
		ControlContext: func(_ context.Context, _, address string, _ syscall.RawConn) error {
			ap, err := netip.ParseAddrPort(address)
			if err != nil {
				return fmt.Errorf("dial %s: %w", address, errBlockedAddress)
			}
			for _, p := range cfg.Allowed {
				if p.Contains(ap.Addr().Unmap().WithZone("")) {
					return nil
				}
			}
			if !loopback && ap.Port() != 80 && ap.Port() != 443 {
				return fmt.Errorf("port %d: %w", ap.Port(), errBlockedAddress)
			}
			return checkAddress(ap.Addr(), loopback)
		},
	}
}
