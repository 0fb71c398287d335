package httpcache

import (
	"bytes"
	"context"
	"fmt"
	"net/http"
	"strings"

	"github.com/andybalholm/brotli"
	"github.com/klauspost/compress/gzip"
	"github.com/maypok86/otter/v2"
)

// coding is a content coding (RFC 9110 §8.4.1).
type coding uint8

const (
	identity coding = iota
	gzipped
	brotlied
	codings
)

func (c coding) String() string { return [...]string{"identity", "gzip", "br"}[c] }

// negotiate picks the coding a client likes best (RFC 9110 §12.5.3): by weight, then br, gzip, identity. Without the
// field, or with nothing acceptable, it is identity.
func negotiate(lines []string) coding {
	if len(lines) == 0 {
		return identity
	}
	const unset = -1
	q := [codings]int{unset, unset, unset}
	others := unset
	for _, line := range lines {
		for len(line) > 0 {
			var m string
			m, line, _ = strings.Cut(line, ",")
			name, params, _ := strings.Cut(m, ";")
			w := 1000
			if params != "" {
				w = weight(params)
			}
			switch name = trimOWS(name); {
			case strings.EqualFold(name, "gzip"), strings.EqualFold(name, "x-gzip"):
				q[gzipped] = w
			case strings.EqualFold(name, "br"):
				q[brotlied] = w
			case strings.EqualFold(name, "identity"):
				q[identity] = w
			case name == "*":
				others = w
			}
		}
	}
	for _, c := range []coding{gzipped, brotlied} {
		if q[c] == unset {
			q[c] = max(others, 0)
		}
	}
	if q[identity] == unset {
		q[identity] = 1 // acceptable unless excluded, and liked less than what was asked for
		if others == 0 {
			q[identity] = 0
		}
	}
	best := identity
	for _, c := range []coding{gzipped, brotlied} {
		if q[c] > 0 && q[c] >= q[best] {
			best = c
		}
	}
	return best
}

// coder makes coded forms, each once, and keeps them within a bound. Entries are named by what they hold, so a fill that
// brings the same bytes again costs no compression.
type coder struct {
	kept *otter.Cache[coderKey, *coded]
	min  int // bytes below which coding does not pay
}

type coderKey struct {
	hash [16]byte
	c    coding
}

const codedOverhead = 200

func newCoder(maxBytes, minBytes int) (*coder, error) {
	kept, err := otter.New(&otter.Options[coderKey, *coded]{
		MaximumWeight: uint64(maxBytes),
		Weigher:       func(_ coderKey, c *coded) uint32 { return uint32(len(c.body)) + codedOverhead },
		Executor:      func(f func()) { f() }, // no goroutines of its own
	})
	if err != nil {
		return nil, fmt.Errorf("httpcache: coded forms: %w", err)
	}
	return &coder{kept: kept, min: minBytes}, nil
}

// pick is the form of r for a client that accepts these codings. On a hot entry it is a pointer away.
func (cs *coder) pick(r *representation, accept []string) *coded {
	c := negotiate(accept)
	if c != identity && (len(r.body) < cs.min || !compressible(r.header)) {
		c = identity
	}
	if made := r.coded[c].Load(); made != nil {
		return made
	}
	made := cs.make(r, c)
	r.coded[c].Store(made)
	return made
}

func (cs *coder) make(r *representation, c coding) *coded {
	if c == identity {
		return makeCoded(identity, r.body, r.hash)
	}
	made, err := cs.kept.Get(context.Background(), coderKey{r.hash, c}, otter.LoaderFunc[coderKey, *coded](
		func(context.Context, coderKey) (*coded, error) {
			body, err := encode(c, r.body)
			if err != nil {
				return nil, err
			}
			return makeCoded(c, body, bodyHash(body)), nil
		}))
	if err != nil {
		return makeCoded(identity, r.body, r.hash) // compressing into memory does not fail
	}
	return made
}

func encode(c coding, body []byte) ([]byte, error) {
	out := bytes.NewBuffer(make([]byte, 0, len(body)/3))
	var w interface {
		Write([]byte) (int, error)
		Close() error
	}
	if c == brotlied {
		w = brotli.NewWriterLevel(out, 5)
	} else {
		gz, err := gzip.NewWriterLevel(out, 6)
		if err != nil {
			return nil, err
		}
		w = gz
	}
	if _, err := w.Write(body); err != nil {
		return nil, err
	}
	if err := w.Close(); err != nil {
		return nil, err
	}
	return bytes.Clone(out.Bytes()), nil
}

// compressible types are text in some form.
func compressible(h http.Header) bool {
	kind, _, _ := strings.Cut(h.Get("Content-Type"), ";")
	kind = strings.ToLower(trimOWS(kind))
	return strings.HasPrefix(kind, "text/") || strings.HasSuffix(kind, "+json") || strings.HasSuffix(kind, "+xml") ||
		kind == "application/json" || kind == "application/xml" || kind == "application/javascript"
}
