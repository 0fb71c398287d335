package httpcache

import (
	"net/http"
	"slices"
	"time"
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
	clocks  clocks
	vary    []string          // the names in its Vary
	chosen  map[string]string // what the request had for them, normalised
	policy  policy            // derived from header
	part    part              // of a 206
	partial bool
}

// Bounds on one URI's document.
const (
	maxVariants = 16
	maxDocument = 5 << 20 // bytes of all bodies: the engine takes 8 MiB, and base64 adds a third
)

func newVariant(status int, h http.Header, body []byte, c clocks, r *http.Request, p policy, targets []string) *variant {
	v := &variant{status: status, header: storedFields(h, &p, c.responded), body: body, clocks: c, policy: p}
	v.derive(targets)
	v.chosen = make(map[string]string, len(v.vary))
	for _, name := range v.vary {
		v.chosen[name] = selecting(r.Header, name)
	}
	return v
}

// derive computes what follows from the fields.
func (v *variant) derive(targets []string) {
	v.policy = policyOf(v.header, targets)
	v.vary, _ = varyNames(v.header)
	v.part, v.partial = part{}, false
	if v.status == http.StatusPartialContent {
		v.part, v.partial = parseContentRange(v.header.Get("Content-Range"))
	}
}

// matches reports whether the variant answers a request with these fields (RFC 9111 §4.1). With languages, a variant that
// differs in Accept-Language alone matches if its Content-Language is what the request likes best.
func (v *variant) matches(h http.Header, languages bool) bool {
	for _, name := range v.vary {
		if v.chosen[name] == selecting(h, name) {
			continue
		}
		if languages && name == "Accept-Language" && prefers(h[name], v.header.Get("Content-Language")) {
			continue
		}
		return false
	}
	return true
}

// pick is the newest matching variant; a whole one before a part.
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
			(old.partial == v.partial || !v.partial || strongETag(old.header) == "" || strongETag(old.header) != strongETag(v.header))
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
func (v *variant) age(now time.Time) time.Duration { return currentAge(v.header, v.clocks, now) }

func (v *variant) life() time.Duration {
	d, _ := lifetime(&v.policy, v.status, v.header, v.clocks.responded)
	return d
}

const documentVersion = 1

func (d *document) encode() []byte {
	e := &encoder{}
	e.uint(documentVersion)
	e.uint(uint64(len(d.variants)))
	for _, v := range d.variants {
		e.uint(uint64(v.status))
		e.int(v.clocks.requested.UnixMicro())
		e.int(v.clocks.responded.UnixMicro())
		e.header(v.header)
		chosen := make(http.Header, len(v.chosen))
		for name, value := range v.chosen {
			chosen[name] = []string{value}
		}
		e.header(chosen)
		e.bytes(v.body)
	}
	return e.b
}

func decodeDocument(b []byte, targets []string) (*document, error) {
	d := &decoder{b: b}
	if d.uint() != documentVersion {
		return nil, errWire
	}
	doc := &document{}
	for range d.count(6) {
		v := &variant{status: int(d.uint())}
		v.clocks.requested, v.clocks.responded = time.UnixMicro(d.int()), time.UnixMicro(d.int())
		v.header = d.header()
		chosen := d.header()
		v.body = d.bytes()
		if d.err != nil {
			return nil, d.err
		}
		v.derive(targets)
		v.chosen = make(map[string]string, len(chosen))
		for _, name := range v.vary {
			value, ok := chosen[name]
			if !ok {
				return nil, errWire
			}
			v.chosen[name] = value[0]
		}
		doc.variants = append(doc.variants, v)
	}
	if d.err != nil || len(d.b) != 0 {
		return nil, errWire
	}
	return doc, nil
}
