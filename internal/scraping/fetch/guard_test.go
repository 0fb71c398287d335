package fetch

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"sync/atomic"
	"testing"

	"openlearn/internal/scraping/source"
)

func TestCheckAddress(t *testing.T) {
	t.Parallel()
	for address, public := range map[string]bool{
		"8.8.8.8": true, "190.85.1.1": true, "2800:3f0:4005:400::200e": true, "2606:4700::1": true,
		"127.0.0.1": false, "10.1.2.3": false, "172.31.0.1": false, "192.168.1.1": false, "169.254.169.254": false, "100.64.0.1": false,
		"0.0.0.0": false, "224.0.0.1": false, "255.255.255.255": false, "198.18.0.1": false, "::1": false, "::": false, "fe80::1": false,
		"fd00::1": false, "::ffff:10.0.0.1": false, "::ffff:8.8.8.8": true, "64:ff9b::a00:1": false, "2002:a00:1::": false, "2001:0:1::": false, "fec0::1": false, "ff02::1": false,
	} {
		err := checkAddress(netip.MustParseAddr(address), false)
		if (err == nil) != public {
			t.Errorf("%s: %v", address, err)
		}
		loop := checkAddress(netip.MustParseAddr(address), true)
		if (loop == nil) != netip.MustParseAddr(address).Unmap().IsLoopback() {
			t.Errorf("%s as loopback: %v", address, loop)
		}
	}
}

func TestPrivateAddressesAreRefusedWhenDialled(t *testing.T) {
	t.Parallel()
	var reached atomic.Bool
	server := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { reached.Store(true) }))
	t.Cleanup(server.Close)
	port := server.URL[strings.LastIndexByte(server.URL, ':'):]
	fetcher := New(Config{Attempts: 1})
	t.Cleanup(fetcher.Close)
	for _, hostname := range []string{"127.0.0.1", "localhost", "[::1]", "[::ffff:127.0.0.1]", "0.0.0.0", "2130706433", "127.1"} {
		base := "http://" + hostname + port
		def := source.Source{ID: "x", Name: "x", BaseURL: base, RequestsPerMinute: 60_000}
		_, err := fetcher.Get(t.Context(), def, base+"/x", AcceptPage, Validators{})
		var fetch *Error
		if !errors.As(err, &fetch) {
			t.Errorf("%s: %v", hostname, err)
		}
		if reached.Load() {
			t.Fatalf("%s was reached", hostname)
		}
	}
	// A source on this machine may reach loopback, and nothing else.
	def := source.Source{ID: "x", Name: "x", BaseURL: "http://10.0.0.1", AllowLoopback: true}
	if _, err := fetcher.Get(t.Context(), def, "http://10.0.0.1/x", AcceptPage, Validators{}); !errors.Is(err, errBlockedAddress) {
		t.Errorf("10.0.0.1 with loopback allowed: %v", err)
	}
}
