// Package wire is the form in which responses are stored. JSON would mangle field values that are not UTF-8, and enlarge
// bodies. Numbers are uvarints, texts are their length and their bytes, fields are sorted by name.
package wire

import (
	"encoding/binary"
	"errors"
	"net/http"
	"slices"
)

// Err says that stored bytes are not what an Encoder wrote.
var Err = errors.New("httpcache: stored response does not decode")

// Encoder appends to B.
type Encoder struct{ B []byte }

// Uint appends a number.
func (e *Encoder) Uint(n uint64) { e.B = binary.AppendUvarint(e.B, n) }

// Int appends a number that may be negative.
func (e *Encoder) Int(n int64) { e.B = binary.AppendVarint(e.B, n) }

// Bytes appends a text.
func (e *Encoder) Bytes(s []byte) { e.Uint(uint64(len(s))); e.B = append(e.B, s...) }

func (e *Encoder) text(s string) { e.Uint(uint64(len(s))); e.B = append(e.B, s...) }

// Header appends fields.
func (e *Encoder) Header(h http.Header) {
	names := make([]string, 0, len(h))
	for name, values := range h {
		if len(values) > 0 {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	e.Uint(uint64(len(names)))
	for _, name := range names {
		e.text(name)
		e.Uint(uint64(len(h[name])))
		for _, v := range h[name] {
			e.text(v)
		}
	}
}

// Decoder reads what an Encoder wrote. After the first error everything is zero.
type Decoder struct {
	B   []byte
	Err error
}

// Uint reads a number.
func (d *Decoder) Uint() uint64 {
	n, size := binary.Uvarint(d.B)
	if size <= 0 {
		d.Err, d.B = Err, nil
		return 0
	}
	d.B = d.B[size:]
	return n
}

// Int reads a number that may be negative.
func (d *Decoder) Int() int64 {
	n, size := binary.Varint(d.B)
	if size <= 0 {
		d.Err, d.B = Err, nil
		return 0
	}
	d.B = d.B[size:]
	return n
}

// Bytes aliases the input.
func (d *Decoder) Bytes() []byte {
	n := d.Uint()
	if n > uint64(len(d.B)) {
		d.Err, d.B = Err, nil
		return nil
	}
	out := d.B[:n:n]
	d.B = d.B[n:]
	return out
}

func (d *Decoder) text() string { return string(d.Bytes()) }

// Header reads fields.
func (d *Decoder) Header() http.Header {
	n := d.Count(2)
	h := make(http.Header, n)
	for range n {
		name := d.text()
		values := make([]string, 0, 1)
		for range d.Count(1) {
			values = append(values, d.text())
		}
		if d.Err != nil {
			return nil
		}
		h[name] = values
	}
	return h
}

// Count reads the number of items that take at least size bytes each: no more than the rest of the input can hold.
func (d *Decoder) Count(size int) int {
	n := d.Uint()
	if n > uint64(len(d.B)/size) {
		d.Err, d.B = Err, nil
		return 0
	}
	return int(n)
}
