package proxy

import (
	"bytes"
	"net/http"
	"strconv"
	"testing"
	"time"

	"openlearn/internal/cache/httpcache/rules"
)

var noon = time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)

func FuzzDocument(f *testing.F) {
	r := &http.Request{Header: http.Header{"A": {"1"}}}
	v := newVariant(200, http.Header{"Vary": {"A"}, "X": {"\xff", ""}}, []byte("body"), rules.Clocks{Requested: noon, Responded: noon}, r, rules.Policy{}, rules.DefaultTargets)
	f.Add((&document{variants: []*variant{v, v}}).encode())
	f.Add([]byte{1, 200, 200, 200, 200, 200, 1})
	f.Fuzz(func(t *testing.T, b []byte) {
		doc, err := decodeDocument(b, rules.DefaultTargets)
		if err != nil {
			return
		}
		once := doc.encode()
		again, err := decodeDocument(once, rules.DefaultTargets)
		if err != nil || !bytes.Equal(again.encode(), once) {
			t.Fatalf("does not come back: %v", err)
		}
	})
}

func TestOneDocumentIsBounded(t *testing.T) {
	t.Parallel()
	d := &document{}
	for i := range 100 {
		d.put(&variant{vary: []string{"A"}, chosen: map[string]string{"A": strconv.Itoa(i)}, body: make([]byte, 1<<20)})
	}
	if n := len(d.variants); n != maxDocument>>20 || d.variants[0].chosen["A"] != "99" {
		t.Errorf("%d variants of 1 MiB, the newest %q", n, d.variants[0].chosen["A"])
	}
	d = &document{}
	for i := range 100 {
		d.put(&variant{vary: []string{"A"}, chosen: map[string]string{"A": strconv.Itoa(i)}})
	}
	if len(d.variants) != maxVariants {
		t.Errorf("%d small variants", len(d.variants))
	}
}
