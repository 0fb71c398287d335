package service

import (
	"crypto/sha256"
	"encoding/base64"
	"net/http"
	"strconv"
	"sync/atomic"

	"openlearn/internal/cache"
	"openlearn/internal/cache/httpcache/internal/wire"
	"openlearn/internal/cache/httpcache/rules"
)

// representation is one stored answer of the service: its allow-listed fields and its bytes, uncoded. It is shared by
// all who read it and never modified, except for the coded forms, which are made once.
type representation struct {
	status int
	header http.Header // canonical names; values are never modified
	body   []byte
	hash   [16]byte // of body

	coded [rules.Codings]atomic.Pointer[coded]
}

// coded is the representation in one content coding, with the field values that go with it.
type coded struct {
	body                   []byte
	etag, length, encoding []string
}

func newRepresentation(status int, h http.Header, body []byte) *representation {
	return &representation{status: status, header: h, body: body, hash: bodyHash(body)}
}

// bodyHash is the 128 bits of SHA-256 that entity-tags are made of.
func bodyHash(b []byte) (out [16]byte) {
	sum := sha256.Sum256(b)
	copy(out[:], sum[:])
	return out
}

// makeCoded is for the bytes as they will be sent.
func makeCoded(c rules.Coding, body []byte, hash [16]byte) *coded {
	out := &coded{
		body:   body,
		etag:   []string{`"` + base64.RawURLEncoding.EncodeToString(hash[:]) + `"`},
		length: []string{strconv.Itoa(len(body))},
	}
	if c != rules.Identity {
		out.encoding = []string{c.String()}
	}
	return out
}

// representationCodec is how representations are stored; the engine compresses them.
// Its name is part of each entry's fingerprint, so that services whose answers differ in something that is in no
// request never read each other's entries.
type representationCodec struct{ scope string }

var _ cache.Codec = representationCodec{}

func (c representationCodec) Name() string {
	if c.scope == "" {
		return "httpcache-representation-1"
	}
	return "httpcache-representation-1 of " + c.scope
}

func (representationCodec) Marshal(v any) ([]byte, error) {
	r, ok := v.(*representation)
	if !ok || r == nil {
		return nil, wire.Err
	}
	e := &wire.Encoder{B: make([]byte, 0, len(r.body)+256)}
	e.Uint(uint64(r.status))
	e.Header(r.header)
	e.Bytes(r.hash[:])
	e.Bytes(r.body)
	return e.B, nil
}

// Unmarshal aliases data, which the engine does not modify.
func (representationCodec) Unmarshal(data []byte, v any) error {
	out, ok := v.(**representation)
	if !ok {
		return wire.Err
	}
	d := &wire.Decoder{B: data}
	r := &representation{status: int(d.Uint()), header: d.Header()}
	hash := d.Bytes()
	r.body = d.Bytes()
	if d.Err != nil || len(d.B) != 0 || copy(r.hash[:], hash) != len(hash) || len(hash) != len(r.hash) || r.status < 200 || r.status > 599 {
		return wire.Err
	}
	*out = r
	return nil
}
