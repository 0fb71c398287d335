// Package pack is the container format of the engine's models: a name and version, then numbers and strings, compressed.
// The same calls give the same bytes.
package pack

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math"

	"github.com/klauspost/compress/zstd"
)

// Writer collects values. The zero value is ready.
type Writer struct{ b []byte }

// Uint adds a number, small ones in one byte.
func (w *Writer) Uint(v uint64) { w.b = binary.AppendUvarint(w.b, v) }

// Int adds a signed number.
func (w *Writer) Int(v int64) { w.b = binary.AppendVarint(w.b, v) }

// Float adds a number with the precision of 32 bits.
func (w *Writer) Float(v float64) {
	w.b = binary.LittleEndian.AppendUint32(w.b, math.Float32bits(float32(v)))
}

// Byte adds a byte.
func (w *Writer) Byte(v byte) { w.b = append(w.b, v) }

// Bytes adds bytes without their length.
func (w *Writer) Bytes(v []byte) { w.b = append(w.b, v...) }

// String adds a string.
func (w *Writer) String(s string) {
	w.Uint(uint64(len(s)))
	w.b = append(w.b, s...)
}

// Strings adds strings in their order.
func (w *Writer) Strings(list []string) {
	w.Uint(uint64(len(list)))
	for _, s := range list {
		w.String(s)
	}
}

// Sorted adds strings; neighbours should have a common prefix.
func (w *Writer) Sorted(list []string) {
	w.Uint(uint64(len(list)))
	last := ""
	for _, s := range list {
		n := 0
		for n < len(s) && n < len(last) && s[n] == last[n] {
			n++
		}
		w.Uint(uint64(n))
		w.String(s[n:])
		last = s
	}
}

// Pack returns everything that was added, compressed, under a name that Open checks.
func (w *Writer) Pack(name string) ([]byte, error) {
	// One goroutine, so that the blocks and thus the bytes depend only on the data.
	enc, err := zstd.NewWriter(nil, zstd.WithEncoderConcurrency(1), zstd.WithEncoderLevel(zstd.SpeedBestCompression), zstd.WithWindowSize(8<<20))
	if err != nil {
		return nil, err
	}
	head := append([]byte(name), 0)
	return enc.EncodeAll(append(head, w.b...), nil), enc.Close()
}

// Reader reads what a Writer wrote. After an error it returns zero values; see Err.
type Reader struct {
	b   []byte
	err error
}

// maxUnpacked bounds what a damaged file can make Open allocate.
const maxUnpacked = 256 << 20

// Open unpacks data that was packed under name.
func Open(data []byte, name string) (*Reader, error) {
	dec, err := zstd.NewReader(nil, zstd.WithDecoderConcurrency(1), zstd.WithDecoderMaxMemory(maxUnpacked))
	if err != nil {
		return nil, err
	}
	defer dec.Close()
	b, err := dec.DecodeAll(data, nil)
	if err != nil {
		return nil, fmt.Errorf("unpack %s: %w", name, err)
	}
	if len(b) <= len(name) || string(b[:len(name)]) != name || b[len(name)] != 0 {
		return nil, fmt.Errorf("this is no %q", name)
	}
	return &Reader{b: b[len(name)+1:]}, nil
}

var errShort = errors.New("the data ends too early")

func (r *Reader) fail() {
	if r.err == nil {
		r.err = errShort
	}
	r.b = nil
}

// Err is the first error.
func (r *Reader) Err() error { return r.err }

// Uint reads a number.
func (r *Reader) Uint() uint64 {
	v, n := binary.Uvarint(r.b)
	if n <= 0 {
		r.fail()
		return 0
	}
	r.b = r.b[n:]
	return v
}

// Int reads a signed number.
func (r *Reader) Int() int64 {
	v, n := binary.Varint(r.b)
	if n <= 0 {
		r.fail()
		return 0
	}
	r.b = r.b[n:]
	return v
}

// Float reads a number.
func (r *Reader) Float() float64 {
	if len(r.b) < 4 {
		r.fail()
		return 0
	}
	v := math.Float32frombits(binary.LittleEndian.Uint32(r.b))
	r.b = r.b[4:]
	return float64(v)
}

// Byte reads a byte.
func (r *Reader) Byte() byte {
	if len(r.b) == 0 {
		r.fail()
		return 0
	}
	v := r.b[0]
	r.b = r.b[1:]
	return v
}

// Bytes reads n bytes.
func (r *Reader) Bytes(n int) []byte {
	if n < 0 || n > len(r.b) {
		r.fail()
		return nil
	}
	v := r.b[:n:n]
	r.b = r.b[n:]
	return v
}

// Count reads the number of items that take at least size bytes each; more than the remaining data can hold is an error.
func (r *Reader) Count(size int) int {
	n := r.Uint()
	if n > uint64(len(r.b)/max(size, 1)) {
		r.fail()
		return 0
	}
	return int(n)
}

// String reads a string.
func (r *Reader) String() string { return string(r.Bytes(r.Count(1))) }

// Strings reads what Strings wrote.
func (r *Reader) Strings() []string {
	list := make([]string, r.Count(1))
	for i := range list {
		list[i] = r.String()
	}
	return list
}

// Sorted reads what Sorted wrote. The strings share their memory.
func (r *Reader) Sorted() []string {
	ends := make([]int, r.Count(2))
	all := make([]byte, 0, 8*len(ends))
	last := 0
	for i := range ends {
		n := r.Uint()
		if n > uint64(len(all)-last) {
			r.fail()
			return nil
		}
		begin := len(all)
		all = append(all, all[last:last+int(n)]...)
		all = append(all, r.Bytes(r.Count(1))...)
		last, ends[i] = begin, len(all)
	}
	text := string(all)
	list := make([]string, len(ends))
	begin := 0
	for i, end := range ends {
		list[i], begin = text[begin:end], end
	}
	return list
}
