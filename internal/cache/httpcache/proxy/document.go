package proxy

import (
	"net/http"
	"slices"
	"time"

	"openlearn/internal/cache/httpcache/internal/wire"
	"openlearn/internal/cache/httpcache/rules"
)

// document is what is stored for one URI: its variants (RFC 9111 §4.1), the newest first.
type document struct {
	variants []*variant
}

// variant is one stored response.
type variant struct {
	status  int
	header  http.Header
	body    []byte
	clocks  rules.Clocks
	vary    []string          // the names in its Vary
	chosen  map[string]string // what the request had for them, normalised
	policy  rules.Policy      // derived from header
	part    rules.Part        // of a 206
	partial bool
}

// Bounds on one URI's document.
const (
	maxVariants = 16
	maxDocument = 5 << 20 // bytes of all bodies: the engine takes 8 MiB, and base64 adds a third
)

func newVariant(status int, h http.Header, body []byte, c rules.Clocks, r *http.Request, p rules.Policy, targets []string) *variant {
	v := &variant{status: status, header: rules.StoredFields(h, &p, c.Responded), body: body, clocks: c, policy: p}
	v.derive(targets)
	v.chosen = make(map[string]string, len(v.vary))
	for _, name := range v.vary {
		v.chosen[name] = rules.Selecting(r.Header, name)
	}
	return v
}

// derive computes what follows from the fields.
func (v *variant) derive(targets []string) {
	v.policy = rules.PolicyOf(v.header, targets)
	v.vary, _ = rules.VaryNames(v.header)
	v.part, v.partial = rules.Part{}, false
	if v.status == http.StatusPartialContent {
		v.part, v.partial = rules.ParseContentRange(v.header.Get("Content-Range"))
	}
}

// matches reports whether the variant answers a request with these fields (RFC 9111 §4.1). With languages, a variant that
// differs in Accept-Language alone matches if its Content-Language is what the request prefers.
func (v *variant) matches(h http.Header, languages bool) bool {
	for _, name := range v.vary {
		if v.chosen[name] == rules.Selecting(h, name) {
			continue
		}
		if languages && name == "Accept-Language" && rules.Prefers(h[name], v.header.Get("Content-Language")) {
			continue
		}
		return false
	}
	return true
}

// pick returns the newest matching variant; a whole one comes before a part.
func (d *document) pick(h http.Header, languages bool) *variant {
	if d == nil {
		return nil
	}
	var found *variant
	for _, v := range d.variants {
		if v.matches(h, languages) && (found == nil || found.partial && !v.partial) {
			found = v
		}
	}
	return found
}

// put adds a variant in place of those that answer the same requests. A part does not push out a whole response that is
// still the same representation.
func (d *document) put(v *variant) {
	d.variants = slices.DeleteFunc(d.variants, func(old *variant) bool {
		return slices.Equal(old.vary, v.vary) && equalMaps(old.chosen, v.chosen) &&
			(old.partial == v.partial || !v.partial || rules.StrongETag(old.header) == "" || rules.StrongETag(old.header) != rules.StrongETag(v.header))
	})
	d.variants = slices.Insert(d.variants, 0, v)
	size := 0
	for i, v := range d.variants {
		if size += len(v.body); i == maxVariants || i > 0 && size > maxDocument {
			d.variants = d.variants[:i]
			break
		}
	}
}

func equalMaps(a, b map[string]string) bool {
	if len(a) != len(b) {
		return false
	}
	for k, v := range a {
		if w, ok := b[k]; !ok || v != w {
			return false
		}
	}
	return true
}

// age and life are the variant's age now and its freshness lifetime.
func (v *variant) age(now time.Time) time.Duration { return rules.CurrentAge(v.header, v.clocks, now) }

func (v *variant) life() time.Duration {
	d, _ := rules.Lifetime(&v.policy, v.status, v.header, v.clocks.Responded)
	return d
}

const documentVersion = 1

func (d *document) encode() []byte {
	e := &wire.Encoder{}
	e.Uint(documentVersion)
	e.Uint(uint64(len(d.variants)))
	for _, v := range d.variants {
		e.Uint(uint64(v.status))
		e.Int(v.clocks.Requested.UnixMicro())
		e.Int(v.clocks.Responded.UnixMicro())
		e.Header(v.header)
		chosen := make(http.Header, len(v.chosen))
		for name, value := range v.chosen {
			chosen[name] = []string{value}
		}
		e.Header(chosen)
		e.Bytes(v.body)
	}
	return e.B
}

func decodeDocument(b []byte, targets []string) (*document, error) {
	d := &wire.Decoder{B: b}
	if d.Uint() != documentVersion {
		return nil, wire.Err
	}
	doc := &document{}
	for range d.Count(6) {
		v := &variant{status: int(d.Uint())}
		v.clocks.Requested, v.clocks.Responded = time.UnixMicro(d.Int()), time.UnixMicro(d.Int())
		v.header = d.Header()
		chosen := d.Header()
		v.body = d.Bytes()
		if d.Err != nil {
			return nil, d.Err
		}
		v.derive(targets)
		v.chosen = make(map[string]string, len(chosen))
		for _, name := range v.vary {
			value, ok := chosen[name]
			if !ok {
				return nil, wire.Err
			}
			v.chosen[name] = value[0]
		}
		doc.variants = append(doc.variants, v)
	}
	if d.Err != nil || len(d.B) != 0 {
		return nil, wire.Err
	}
	return doc, nil
}
