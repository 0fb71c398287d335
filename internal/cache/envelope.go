package cache

import (
	"encoding/binary"
	"errors"
	"hash/crc32"
	"math"
	"time"
	"unsafe"
)

// An envelope is what Redis holds for an entry. All integers big-endian:
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
// A read needs only the fingerprint to know the names; they are there for who
// finds an entry without knowing what declared it.
const (
	envMagic  = 0xC5
	envFormat = 3
	envHeader = 50
	nonceLen  = 16
)

const (
	flagNegative   = 1 << iota // the payload is the text of a "not found"
	flagCompressed             // the payload is zstd
	flagPlain                  // in memory only: do not compress
	flagKnown      = flagNegative | flagCompressed
)

var errEnvelope = errors.New("cache: not an envelope")

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

func checksum(b []byte) uint32 {
	return crc32.Update(crc32.Checksum(b[:4], castagnoli), castagnoli, b[8:])
}

// envelope is the decoded view; versions and payload alias the bytes it was
// decoded from and are never written to.
type envelope struct {
	flags    byte
	fprint   uint64
	stored   int64
	soft     int64
	hard     int64
	cost     uint32
	size     uint32
	versions string
	names    string
	payload  []byte
}

func (e *envelope) negative() bool { return e.flags&flagNegative != 0 }

// encode returns the envelope's bytes.
func (e *envelope) encode() []byte {
	b := make([]byte, envHeader, envHeader+len(e.versions)+len(e.names)+len(e.payload))
	b[0], b[1], b[2], b[3] = envMagic, envFormat, e.flags, byte(len(e.versions)/nonceLen)
	binary.BigEndian.PutUint64(b[8:], e.fprint)
	binary.BigEndian.PutUint64(b[16:], uint64(e.stored))
	binary.BigEndian.PutUint64(b[24:], uint64(e.soft))
	binary.BigEndian.PutUint64(b[32:], uint64(e.hard))
	binary.BigEndian.PutUint32(b[40:], e.cost)
	binary.BigEndian.PutUint32(b[44:], e.size)
	binary.BigEndian.PutUint16(b[48:], uint16(len(e.names)))
	b = append(b, e.versions...)
	b = append(b, e.names...)
	b = append(b, e.payload...)
	binary.BigEndian.PutUint32(b[4:], checksum(b))
	return b
}

// decodeEnvelope reads what encode wrote; anything else is errEnvelope.
func decodeEnvelope(raw string) (envelope, error) {
	b := unsafe.Slice(unsafe.StringData(raw), len(raw)) // read-only view
	if len(b) < envHeader || b[0] != envMagic || b[1] != envFormat || b[2]&^flagKnown != 0 {
		return envelope{}, errEnvelope
	}
	vend := envHeader + int(b[3])*nonceLen
	end := vend + int(binary.BigEndian.Uint16(b[48:]))
	if len(b) < end || binary.BigEndian.Uint32(b[4:]) != checksum(b) {
		return envelope{}, errEnvelope
	}
	e := envelope{
		flags:    b[2],
		fprint:   binary.BigEndian.Uint64(b[8:]),
		stored:   int64(binary.BigEndian.Uint64(b[16:])),
		soft:     int64(binary.BigEndian.Uint64(b[24:])),
		hard:     int64(binary.BigEndian.Uint64(b[32:])),
		cost:     binary.BigEndian.Uint32(b[40:]),
		size:     binary.BigEndian.Uint32(b[44:]),
		versions: raw[envHeader:vend],
		names:    raw[vend:end],
		payload:  b[end:],
	}
	if e.soft > e.hard || e.stored > e.soft {
		return envelope{}, errEnvelope
	}
	return e, nil
}

// encodeNames is the names part of an envelope.
func encodeNames(deps []string) string {
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

// deps reads the names back; errEnvelope if they are not as many as versions.
func (e *envelope) deps() ([]string, error) {
	var out []string
	for b := e.names; b != ""; {
		if len(b) < 2 {
			return nil, errEnvelope
		}
		n := int(b[0])<<8 | int(b[1])
		if n == 0 || len(b) < 2+n {
			return nil, errEnvelope
		}
		out = append(out, b[2:2+n])
		b = b[2+n:]
	}
	if len(out)*nonceLen != len(e.versions) {
		return nil, errEnvelope
	}
	return out, nil
}

func saturate(d time.Duration) uint32 {
	us := d.Microseconds()
	return uint32(min(max(us, 0), math.MaxUint32))
}
