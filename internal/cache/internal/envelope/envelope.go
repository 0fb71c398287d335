// Package envelope is the form in which an entry is stored: its payload with the versions, times and checksum that a read
// needs to judge it.
//
// All integers are big-endian:
//
//	0   magic 0xC5          1  format 3
//	2   flags               3  number of versions n
//	4   CRC-32C of all other bytes
//	8   fingerprint (type, codec, schema, dependency names)
//	16  stored, 24 soft expiry, 32 hard expiry: Unix milliseconds
//	40  cost of the fetch, microseconds
//	44  size of the payload before compression
//	48  length of the dependency names, 16 bits
//	50  n versions of 16 bytes, in the order of the dependencies
//	…   n dependency names, each preceded by its length, 16 bits
//	…   payload
//
// A read knows the names from the fingerprint. They are stored for readers that find an entry without knowing which
// Func declared it.
package envelope

import (
	"encoding/binary"
	"errors"
	"hash/crc32"
	"math"
	"time"
	"unsafe"

	"openlearn/internal/cache/internal/version"
)

const (
	magic  = 0xC5
	format = 3
	header = 50
)

// Flags of an envelope.
const (
	Negative   = 1 << iota // the payload is the text of a "not found"
	Compressed             // the payload is zstd
	Plain                  // in memory only: do not compress

	known = Negative | Compressed
)

// Err is returned for bytes that are not an envelope.
var Err = errors.New("cache: not an envelope")

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

func checksum(b []byte) uint32 {
	return crc32.Update(crc32.Checksum(b[:4], castagnoli), castagnoli, b[8:])
}

// Envelope is the decoded view. Versions and Payload alias the bytes they were decoded from and are never written to.
type Envelope struct {
	Flags       byte
	Fingerprint uint64
	Stored      int64 // Unix milliseconds, like Soft and Hard
	Soft        int64 // when it goes stale
	Hard        int64 // when it becomes useless
	Cost        uint32
	Size        uint32
	Versions    string
	Names       string
	Payload     []byte
}

// IsNegative reports whether it is a remembered "not found".
func (e *Envelope) IsNegative() bool { return e.Flags&Negative != 0 }

// IsCompressed reports whether the payload is compressed.
func (e *Envelope) IsCompressed() bool { return e.Flags&Compressed != 0 }

// Version is the version of dependency i.
func (e *Envelope) Version(i int) string { return e.Versions[i*version.Len : (i+1)*version.Len] }

// Encode returns the envelope's bytes.
func (e *Envelope) Encode() []byte {
	b := make([]byte, header, header+len(e.Versions)+len(e.Names)+len(e.Payload))
	b[0], b[1], b[2], b[3] = magic, format, e.Flags, byte(len(e.Versions)/version.Len)
	binary.BigEndian.PutUint64(b[8:], e.Fingerprint)
	binary.BigEndian.PutUint64(b[16:], uint64(e.Stored))
	binary.BigEndian.PutUint64(b[24:], uint64(e.Soft))
	binary.BigEndian.PutUint64(b[32:], uint64(e.Hard))
	binary.BigEndian.PutUint32(b[40:], e.Cost)
	binary.BigEndian.PutUint32(b[44:], e.Size)
	binary.BigEndian.PutUint16(b[48:], uint16(len(e.Names)))
	b = append(b, e.Versions...)
	b = append(b, e.Names...)
	b = append(b, e.Payload...)
	binary.BigEndian.PutUint32(b[4:], checksum(b))
	return b
}

// Decode reads what Encode wrote; for anything else it returns Err.
func Decode(raw string) (Envelope, error) {
	b := unsafe.Slice(unsafe.StringData(raw), len(raw)) // read-only view
	if len(b) < header || b[0] != magic || b[1] != format || b[2]&^known != 0 {
		return Envelope{}, Err
	}
	vend := header + int(b[3])*version.Len
	end := vend + int(binary.BigEndian.Uint16(b[48:]))
	if len(b) < end || binary.BigEndian.Uint32(b[4:]) != checksum(b) {
		return Envelope{}, Err
	}
	e := Envelope{
		Flags:       b[2],
		Fingerprint: binary.BigEndian.Uint64(b[8:]),
		Stored:      int64(binary.BigEndian.Uint64(b[16:])),
		Soft:        int64(binary.BigEndian.Uint64(b[24:])),
		Hard:        int64(binary.BigEndian.Uint64(b[32:])),
		Cost:        binary.BigEndian.Uint32(b[40:]),
		Size:        binary.BigEndian.Uint32(b[44:]),
		Versions:    raw[header:vend],
		Names:       raw[vend:end],
		Payload:     b[end:],
	}
	if e.Soft > e.Hard || e.Stored > e.Soft {
		return Envelope{}, Err
	}
	return e, nil
}

// HeadLength is how many bytes of an entry come before its payload, 0 if raw is too short to tell.
func HeadLength(raw string) int {
	if len(raw) < header {
		return 0
	}
	return header + int(raw[3])*version.Len + int(raw[48])<<8 + int(raw[49])
}

// DecodeHead reads an entry's hard expiry, versions and names without its payload, and so without its checksum: for
// counting and freeing entries, never for serving them.
func DecodeHead(raw string) (Envelope, bool) {
	n := HeadLength(raw)
	if n == 0 || n > len(raw) || raw[0] != magic || raw[1] != format {
		return Envelope{}, false
	}
	vend := header + int(raw[3])*version.Len
	return Envelope{Hard: int64(binary.BigEndian.Uint64([]byte(raw[32:40]))), Versions: raw[header:vend], Names: raw[vend:n]}, true
}

// EncodeNames encodes the names part of an envelope.
func EncodeNames(deps []string) string {
	size := 0
	for _, d := range deps {
		size += 2 + len(d)
	}
	b := make([]byte, 0, size)
	for _, d := range deps {
		b = append(binary.BigEndian.AppendUint16(b, uint16(len(d))), d...)
	}
	return string(b)
}

// Deps reads the names of the dependencies; it returns Err if there are not as many as versions.
func (e *Envelope) Deps() ([]string, error) {
	var out []string
	for b := e.Names; b != ""; {
		if len(b) < 2 {
			return nil, Err
		}
		n := int(b[0])<<8 | int(b[1])
		if n == 0 || len(b) < 2+n {
			return nil, Err
		}
		out = append(out, b[2:2+n])
		b = b[2+n:]
	}
	if len(out)*version.Len != len(e.Versions) {
		return nil, Err
	}
	return out, nil
}

// Microseconds is a fetch's cost as an envelope stores it: never below 0, and capped at the largest value, a little
// over an hour.
func Microseconds(d time.Duration) uint32 {
	us := d.Microseconds()
	return uint32(min(max(us, 0), math.MaxUint32))
}
