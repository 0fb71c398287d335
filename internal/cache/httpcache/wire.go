package httpcache

import (
	"encoding/binary"
	"errors"
	"net/http"
	"slices"
)

// Responses are stored in a form of our own: JSON would mangle field values that are not UTF-8 and blow bodies up.
// Numbers are uvarints, texts are their length and their bytes, fields are sorted by name.

var errWire = errors.New("httpcache: stored response does not decode")

type encoder struct{ b []byte }

func (e *encoder) uint(n uint64)  { e.b = binary.AppendUvarint(e.b, n) }
func (e *encoder) int(n int64)    { e.b = binary.AppendVarint(e.b, n) }
func (e *encoder) text(s string)  { e.uint(uint64(len(s))); e.b = append(e.b, s...) }
func (e *encoder) bytes(s []byte) { e.uint(uint64(len(s))); e.b = append(e.b, s...) }
func (e *encoder) header(h http.Header) {
	names := make([]string, 0, len(h))
	for name, values := range h {
		if len(values) > 0 {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	e.uint(uint64(len(names)))
	for _, name := range names {
		e.text(name)
		e.uint(uint64(len(h[name])))
		for _, v := range h[name] {
			e.text(v)
		}
	}
}

// decoder reads what encoder wrote. After the first error everything is zero.
type decoder struct {
	b   []byte
	err error
}

func (d *decoder) uint() uint64 {
	n, size := binary.Uvarint(d.b)
	if size <= 0 {
		d.err, d.b = errWire, nil
		return 0
	}
	d.b = d.b[size:]
	return n
}

func (d *decoder) int() int64 {
	n, size := binary.Varint(d.b)
	if size <= 0 {
		d.err, d.b = errWire, nil
		return 0
	}
	d.b = d.b[size:]
	return n
}

// bytes aliases the input.
func (d *decoder) bytes() []byte {
	n := d.uint()
	if n > uint64(len(d.b)) {
		d.err, d.b = errWire, nil
		return nil
	}
	out := d.b[:n:n]
	d.b = d.b[n:]
	return out
}

func (d *decoder) text() string { return string(d.bytes()) }

func (d *decoder) header() http.Header {
	n := d.count(2)
	h := make(http.Header, n)
	for range n {
		name := d.text()
		values := make([]string, 0, 1)
		for range d.count(1) {
			values = append(values, d.text())
		}
		if d.err != nil {
			return nil
		}
		h[name] = values
	}
	return h
}

// count is a number of things that take at least size bytes each: no more than what is left can hold.
func (d *decoder) count(size int) int {
	n := d.uint()
	if n > uint64(len(d.b)/size) {
		d.err, d.b = errWire, nil
		return 0
	}
	return int(n)
}
