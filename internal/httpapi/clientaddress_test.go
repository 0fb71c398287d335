package httpapi

import (
	"bytes"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"testing"
)

// seenThrough is what ClientAddress says of a request with these header fields, behind the given proxies.
func seenThrough(t *testing.T, p *Proxies, remote string, fields ...string) string {
	t.Helper()
	r := httptest.NewRequest(http.MethodGet, "/", nil)
	r.RemoteAddr = remote
	for i := 0; i < len(fields); i += 2 {
		r.Header.Add(fields[i], fields[i+1])
	}
	got := ""
	p.Handler(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { got = ClientAddress(r) })).ServeHTTP(httptest.NewRecorder(), r)
	return got
}

func proxies(t *testing.T, list ...string) (*Proxies, *bytes.Buffer) {
	t.Helper()
	trusted, err := ParseProxies(list)
	if err != nil {
		t.Fatal(err)
	}
	log := &bytes.Buffer{}
	return NewProxies(trusted, slog.New(slog.NewTextHandler(log, nil))), log
}

func TestClientAddressBehindProxies(t *testing.T) {
	t.Parallel()
	const near, xff, fwd = "10.0.0.1:1234", "X-Forwarded-For", "Forwarded"
	for _, c := range []struct {
		name   string
		remote string
		fields []string
		want   string
	}{
		{"no field", near, nil, "10.0.0.1"},
		{"one proxy", near, []string{xff, "192.0.2.7"}, "192.0.2.7"},
		{"forged on the left", near, []string{xff, "1.1.1.1, 192.0.2.7"}, "192.0.2.7"},
		{"two proxies", near, []string{xff, "1.1.1.1, 192.0.2.7, 10.9.9.9"}, "192.0.2.7"},
		{"two lines", near, []string{xff, "1.1.1.1, 192.0.2.7", xff, "10.9.9.9"}, "192.0.2.7"},
		{"only proxies", near, []string{xff, "10.1.1.1,10.2.2.2"}, "10.1.1.1"},
		{"from elsewhere", "203.0.113.9:1", []string{xff, "192.0.2.7"}, "203.0.113.9"},
		{"with a port", near, []string{xff, "192.0.2.7:4711"}, "192.0.2.7"},
		{"IPv6", near, []string{xff, "2001:db8::7"}, "2001:db8::7"},
		{"IPv6 with a port", near, []string{xff, "[2001:db8::7]:99"}, "2001:db8::7"},
		{"IPv6 in brackets", near, []string{xff, "[2001:db8::7]"}, "2001:db8::7"},
		{"mapped", "[::ffff:10.0.0.1]:9", []string{xff, "::ffff:192.0.2.7"}, "192.0.2.7"},
		{"no address", near, []string{xff, "192.0.2.7, unknown"}, "10.0.0.1"},
		{"no address behind a second proxy", near, []string{xff, "192.0.2.7, evil, 10.9.9.9"}, "10.9.9.9"},
		{"empty items", near, []string{xff, " , 192.0.2.7, ,"}, "192.0.2.7"},
		{"empty", near, []string{xff, ""}, "10.0.0.1"},
		{"an IPv6 proxy", "[fd00::1]:1", []string{xff, "192.0.2.7"}, "192.0.2.7"},
		{"Forwarded", near, []string{fwd, "for=192.0.2.7;proto=https;by=10.0.0.1"}, "192.0.2.7"},
		{"Forwarded, quoted", near, []string{fwd, `proto=http;For="[2001:db8::7]:4711"`}, "2001:db8::7"},
		{"Forwarded, forged on the left", near, []string{fwd, `for=1.1.1.1, for=192.0.2.7, for=10.3.3.3`}, "192.0.2.7"},
		{"Forwarded, obfuscated", near, []string{fwd, `for=1.1.1.1, for=_hidden`}, "10.0.0.1"},
		{"Forwarded without for", near, []string{fwd, `for=1.1.1.1, proto=https`}, "10.0.0.1"},
		{"Forwarded, a comma in quotes", near, []string{fwd, `for=1.1.1.1;host="a,for=2.2.2.2", for=192.0.2.7`}, "192.0.2.7"},
		{"Forwarded, a quote left open", near, []string{fwd, `for="1.1.1.1, for=192.0.2.7`}, "10.0.0.1"},
		{"Forwarded, an escaped quote", near, []string{fwd, `host="a\",for=2.2.2.2";for=1.1.1.1, for=192.0.2.7`}, "192.0.2.7"},
		{"both agree", near, []string{fwd, "for=192.0.2.7", xff, "192.0.2.7"}, "192.0.2.7"},
		{"both disagree", near, []string{fwd, "for=1.1.1.1", xff, "192.0.2.7"}, "10.0.0.1"},
	} {
		p, _ := proxies(t, "10.0.0.0/8", "fd00::1")
		if got := seenThrough(t, p, c.remote, c.fields...); got != c.want {
			t.Errorf("%s: %s, want %s", c.name, got, c.want)
		}
	}
}

// TestForgedHeadersAreOneClient, whichever of the fields the proxy writes; without trusted proxies, there is one warning.
func TestForgedHeadersAreOneClient(t *testing.T) {
	t.Parallel()
	for name, send := range map[string]func(i int) []string{
		"the proxy appends to X-Forwarded-For": func(i int) []string {
			return []string{"X-Forwarded-For", fmt.Sprintf("198.51.100.%d, 192.0.2.7", i)}
		},
		"it does, and the client forges the other": func(i int) []string {
			return []string{"X-Forwarded-For", "192.0.2.7", "Forwarded", fmt.Sprintf("for=198.51.100.%d", i)}
		},
		"the proxy appends to Forwarded, and the client forges the other": func(i int) []string {
			return []string{"X-Forwarded-For", fmt.Sprintf("198.51.100.%d", i), "Forwarded", "for=192.0.2.7"}
		},
	} {
		p, log := proxies(t, "127.0.0.1")
		seen := map[string]bool{}
		for i := range 200 {
			seen[seenThrough(t, p, "127.0.0.1:5", send(i)...)] = true
		}
		if len(seen) != 1 {
			t.Errorf("%s: %d clients", name, len(seen))
		}
		if strings.Count(log.String(), "\n") > 1 {
			t.Errorf("%s: %s", name, log)
		}
	}
	p, log := proxies(t)
	for i := range 200 {
		if got := seenThrough(t, p, "127.0.0.1:5", "X-Forwarded-For", fmt.Sprintf("198.51.100.%d", i)); got != "127.0.0.1" {
			t.Fatalf("%s is believed", got)
		}
	}
	if strings.Count(log.String(), "TRUSTED_PROXIES is not set") != 1 {
		t.Errorf("the log says %q", log)
	}
}

func TestParseProxies(t *testing.T) {
	t.Parallel()
	got, err := ParseProxies([]string{"10.1.2.3/8", "::1", "::ffff:192.0.2.0/120", "2001:db8::/32"})
	if err != nil || fmt.Sprint(got) != "[10.0.0.0/8 ::1/128 192.0.2.0/24 2001:db8::/32]" {
		t.Errorf("%v, %v", got, err)
	}
	for _, bad := range []string{"localhost", "10.0.0.0/33", "fe80::1%eth0", "", "::ffff:0.0.0.0/90"} {
		if _, err := ParseProxies([]string{bad}); err == nil {
			t.Errorf("%q is taken", bad)
		}
	}
}

func TestClientRange(t *testing.T) {
	t.Parallel()
	for remote, want := range map[string]string{
		"192.0.2.7:1": "192.0.2.7/32", "[::ffff:192.0.2.7]:1": "192.0.2.7/32", "[2001:db8:1:2:3::4]:1": "2001:db8:1:2::/64", "[fe80::1%eth0]:1": "fe80::/64", "@": "invalid Prefix",
	} {
		if got := ClientRange(&http.Request{RemoteAddr: remote}).String(); got != want {
			t.Errorf("%s: %s, want %s", remote, got, want)
		}
	}
}

// FuzzForwarded: nothing that a client writes is believed instead of what the trusted proxy appends.
func FuzzForwarded(f *testing.F) {
	for _, s := range []string{"", "for=1.1.1.1", `for="`, `a="\"`, ",;=", "1.2.3.4, [::", `for="[::1]:x"`} {
		f.Add(s)
	}
	trusted, err := ParseProxies([]string{"10.0.0.0/8"})
	if err != nil {
		f.Fatal(err)
	}
	p := NewProxies(trusted, slog.New(slog.DiscardHandler))
	f.Fuzz(func(t *testing.T, given string) {
		peer, real := netip.MustParseAddr("10.0.0.1"), netip.MustParseAddr("192.0.2.7")
		if got := p.walk(peer, forwardedFor([]string{given + ", 192.0.2.7"})); got != real {
			t.Errorf("X-Forwarded-For %q: %v", given, got)
		}
		if got := p.walk(peer, forwarded([]string{given, "for=192.0.2.7"})); got != real {
			t.Errorf("Forwarded %q and a line: %v", given, got)
		}
		if got := p.walk(peer, forwarded([]string{given + ", for=192.0.2.7"})); got != real && got != peer {
			t.Errorf("Forwarded %q: %v", given, got)
		}
	})
}
