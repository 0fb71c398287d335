package fetch

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"

	"openlearn/internal/netguard"
	"openlearn/internal/scraping/source"
)

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
	if _, err := fetcher.Get(t.Context(), def, "http://10.0.0.1/x", AcceptPage, Validators{}); !errors.Is(err, netguard.ErrBlocked) {
		t.Errorf("10.0.0.1 with loopback allowed: %v", err)
	}
}
