package netguard

import (
	"net/netip"
	"testing"
)

func TestCheckAddress(t *testing.T) {
	t.Parallel()
	for address, public := range map[string]bool{
		"8.8.8.8": true, "190.85.1.1": true, "2800:3f0:4005:400::200e": true, "2606:4700::1": true,
		"127.0.0.1": false, "10.1.2.3": false, "172.31.0.1": false, "192.168.1.1": false, "169.254.169.254": false, "100.64.0.1": false,
		"0.0.0.0": false, "224.0.0.1": false, "255.255.255.255": false, "198.18.0.1": false, "::1": false, "::": false, "fe80::1": false,
		"fd00::1": false, "::ffff:10.0.0.1": false, "::ffff:8.8.8.8": true, "64:ff9b::a00:1": false, "2002:a00:1::": false, "2001:0:1::": false, "fec0::1": false, "ff02::1": false,
	} {
		err := CheckAddress(netip.MustParseAddr(address), false)
		if (err == nil) != public {
			t.Errorf("%s: %v", address, err)
		}
		loop := CheckAddress(netip.MustParseAddr(address), true)
		if (loop == nil) != netip.MustParseAddr(address).Unmap().IsLoopback() {
			t.Errorf("%s as loopback: %v", address, loop)
		}
	}
}
