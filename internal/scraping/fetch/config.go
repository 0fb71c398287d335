package fetch

import (
	"errors"
	"fmt"
	"net/netip"
	"strings"
)

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

// CheckUserAgent refuses characters that a header cannot hold, and those that newspapers' firewalls refuse.
func CheckUserAgent(s string) error {
	for _, r := range s {
		if r < ' ' || r > '~' {
			return errors.New("printable ASCII")
		}
	}
	return nil
}
