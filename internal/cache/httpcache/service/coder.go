package service

import (
	"bytes"
	"context"
	"fmt"
	"net/http"
	"strings"

	"github.com/andybalholm/brotli"
	"github.com/klauspost/compress/gzip"
	"github.com/maypok86/otter/v2"

	"openlearn/internal/cache/httpcache/rules"
)

// coder makes coded forms, each once, and keeps them within a bound. Entries are named by what they hold, so a fill that
// brings the same bytes again costs no compression.
type coder struct {
	kept *otter.Cache[coderKey, *coded]
	min  int // bytes below which coding does not pay
}

type coderKey struct {
	hash [16]byte
	c    rules.Coding
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

// pick is the form of r for a client that accepts these codings. For a hot entry that only follows a pointer.
func (cs *coder) pick(r *representation, accept []string) *coded {
	c := rules.Negotiate(accept)
	if c != rules.Identity && (len(r.body) < cs.min || !compressible(r.header)) {
		c = rules.Identity
	}
	if made := r.coded[c].Load(); made != nil {
		return made
	}
	made := cs.make(r, c)
	r.coded[c].Store(made)
	return made
}

func (cs *coder) make(r *representation, c rules.Coding) *coded {
	if c == rules.Identity {
		return makeCoded(rules.Identity, r.body, r.hash)
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
		return makeCoded(rules.Identity, r.body, r.hash) // compressing into memory does not fail
	}
	return made
}

func encode(c rules.Coding, body []byte) ([]byte, error) {
	out := bytes.NewBuffer(make([]byte, 0, len(body)/3))
	var w interface {
		Write([]byte) (int, error)
		Close() error
	}
	if c == rules.Brotlied {
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

// compressible reports whether the type is text in some form.
func compressible(h http.Header) bool {
	kind, _, _ := strings.Cut(h.Get("Content-Type"), ";")
	kind = strings.ToLower(rules.TrimOWS(kind))
	return strings.HasPrefix(kind, "text/") || strings.HasSuffix(kind, "+json") || strings.HasSuffix(kind, "+xml") ||
		kind == "application/json" || kind == "application/xml" || kind == "application/javascript"
}
