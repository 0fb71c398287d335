package fetch

import (
	"bytes"
	"compress/gzip"
	"errors"
	"io"
	"strings"
	"testing"
	"testing/iotest"
	"time"
)

func TestReadBody(t *testing.T) {
	t.Parallel()
	zip := func(s string) string {
		var b bytes.Buffer
		z := gzip.NewWriter(&b)
		_, err := io.WriteString(z, s)
		must(t, errors.Join(err, z.Close()))
		return b.String()
	}
	text := strings.Repeat("Una nota del día. ", 300)
	broken := errors.New("connection reset")
	for name, c := range map[string]struct {
		from io.Reader
		want string
		err  error
	}{
		"plain": {strings.NewReader(text), text, nil}, "empty": {strings.NewReader(""), "", nil}, "two bytes": {strings.NewReader("ab"), "ab", nil},
		"compressed":        {strings.NewReader(zip(text)), text, nil},
		"in small pieces":   {iotest.OneByteReader(strings.NewReader(zip(text))), text, nil},
		"too large":         {strings.NewReader(strings.Repeat("x", 10_001)), strings.Repeat("x", 10_000), errTooLarge},
		"just not":          {strings.NewReader(strings.Repeat("x", 10_000)), strings.Repeat("x", 10_000), nil},
		"a bomb":            {strings.NewReader(zip(strings.Repeat("x", 1<<20))), strings.Repeat("x", 10_000), errTooLarge},
		"a broken link":     {io.MultiReader(strings.NewReader("abc"), iotest.ErrReader(broken)), "", broken},
		"broken compressed": {io.MultiReader(strings.NewReader(zip(text)[:20]), iotest.ErrReader(broken)), "", broken},
		"no gzip after all": {strings.NewReader("\x1f\x8b\x08"), "", io.ErrUnexpectedEOF},
	} {
		got, err := readBody(c.from, 10_000)
		if string(got) != c.want || !errors.Is(err, c.err) {
			t.Errorf("%s: %d bytes, %v; want %d, %v", name, len(got), err, len(c.want), c.err)
		}
	}
	if got, err := readBody(strings.NewReader(zip(text)[:len(zip(text))-8]), 10_000); err != nil || string(got) != text { // without its checksum
		t.Errorf("cut: %d bytes, %v", len(got), err)
	}
}

func TestRetryAfter(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	for in, want := range map[string]time.Duration{
		"": 0, "120": 2 * time.Minute, " 5 ": 5 * time.Second, "-5": 0, "1h": 0, "soon": 0,
		"Thu, 01 Jan 2026 00:01:00 GMT": time.Minute, "Wed, 31 Dec 2025 00:00:00 GMT": 0,
	} {
		if got := retryAfter(in, now); got != want {
			t.Errorf("%q: %v, want %v", in, got, want)
		}
	}
}
