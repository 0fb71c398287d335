package envelope

import (
	"slices"
	"strings"
	"testing"

	"openlearn/internal/cache/internal/version"
)

func FuzzDecode(f *testing.F) {
	e := Envelope{Flags: Negative, Fingerprint: 7, Stored: 1, Soft: 2, Hard: 3, Cost: 4, Size: 3, Versions: version.New() + version.New(), Names: EncodeNames([]string{"a:1", "b"}), Payload: []byte("abc")}
	f.Add(string(e.Encode()))
	f.Add("")
	f.Add(strings.Repeat("\xc5\x03", 60))
	f.Fuzz(func(t *testing.T, raw string) {
		got, err := Decode(raw)
		if err != nil {
			return
		}
		if again := string(got.Encode()); again != raw {
			t.Fatalf("decoded bytes encode differently:\n%x\n%x", raw, again)
		}
		if deps, err := got.Deps(); err == nil && EncodeNames(deps) != got.Names {
			t.Fatalf("names %q encode differently", deps)
		}
	})
}

func FuzzRoundTrip(f *testing.F) {
	f.Add([]byte("abc"), "x:1", uint8(2), int64(5))
	f.Fuzz(func(t *testing.T, payload []byte, dep string, n uint8, at int64) {
		n %= 64
		var deps []string
		versions := ""
		for range n {
			deps = append(deps, version.Short("d:"+dep))
			versions += version.New()
		}
		at &= 1<<62 - 1
		e := Envelope{Fingerprint: 9, Stored: at, Soft: at + 1, Hard: at + 2, Versions: versions, Names: EncodeNames(deps), Size: uint32(len(payload)), Payload: payload}
		raw := e.Encode()
		got, err := Decode(string(raw))
		if err != nil || string(got.Payload) != string(payload) || got.Versions != versions || got.Soft != at+1 {
			t.Fatalf("%+v, %v", got, err)
		}
		if back, err := got.Deps(); err != nil || !slices.Equal(back, deps) {
			t.Fatalf("%q, %v", back, err)
		}
		if len(raw) > 0 { // any flipped bit is seen
			raw[int(at%int64(len(raw)))] ^= 1 << (n % 8)
			if got, err := Decode(string(raw)); err == nil {
				t.Fatalf("a flipped bit went unseen: %+v", got)
			}
		}
	})
}
