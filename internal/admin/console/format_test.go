package console

import (
	"encoding/json"
	"testing"
	"time"
)

func TestFormats(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ got, want string }{
		{count(0), "0"},
		{count(999), "999"},
		{count(1000), "1,000"},
		{count(int64(-1234567)), "-1,234,567"},
		{count(-123), "-123"},
		{count(uint64(1 << 63)), "9,223,372,036,854,775,808"},
		{count((*int)(nil)), none},
		{count(new(int64(12))), "12"},
		{share(new(95.449)), "95.4 %"},
		{share(nil), none},
		{inMS(new(0.1234)), "0.12 ms"},
		{inMS(new(12.6)), "13 ms"},
		{inMS(new(1500.0)), "1.5 s"},
		{megabytes(new(2048.0)), "2,048 MB"},
		{megabytes(new(2.71)), "2.7 MB"},
		{inBytes(1023), "1023 B"},
		{inBytes(uint64(1 << 20)), "1.0 MB"},
		{span(90 * time.Second), "1 min 30 s"},
		{span(25 * time.Hour), "1 d 1 h"},
		{words("hit_ratio"), "Hit ratio"},
		{figure(new(89.3428)), "89.34"},
		{figure(nil), none},
		{bar(new(130.0)), "100.0"},
		{level(new(90.0), 80, 50), "good"},
		{level(new(60.0), 80, 50), "fair"},
		{level(new(10.0), 80, 50), "poor"},
		{level(new(3.0), 5, 50), "good"},
		{level(new(60.0), 5, 50), "poor"},
		{level(nil, 5, 50), "unknown"},
		{target(json.RawMessage(`{"pattern": "a*", "layer": "content"}`)), "layer content, pattern a*"},
		{target(json.RawMessage(`{"article_id": 12345678}`)), "article 12345678"},
		{target(json.RawMessage(`{"b": 1, "a": [2]}`)), "a [2], b 1"},
		{target(json.RawMessage(`{}`)), none},
		{target(nil), none},
	} {
		if c.got != c.want {
			t.Errorf("%q, want %q", c.got, c.want)
		}
	}
}

// TestIndented: characters that JSON escapes for HTML are shown readably, and the meaning stays the same.
func TestIndented(t *testing.T) {
	t.Parallel()
	text, cut := indented(json.RawMessage(`{"a":"\u003cb\u003e \u0026 \\u003c \\\u003c \n"}`))
	if want := "{\n  \"a\": \"<b> & \\\\u003c \\\\< \\n\"\n}"; text != want || cut {
		t.Errorf("%s, want %s", text, want)
	}
	long, err := json.Marshal(string(make([]rune, mostShown)))
	if err != nil {
		t.Fatal(err)
	}
	if text, cut := indented(long); len(text) != mostShown || !cut {
		t.Errorf("%d bytes of a long value, cut: %v", len(text), cut)
	}
}
