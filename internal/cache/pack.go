package cache

import (
	"errors"
	"fmt"

	"github.com/klauspost/compress/zstd"
)

// packer compresses payloads with zstd. Its methods are safe for concurrent
// use and start no goroutines.
type packer struct {
	above int
	enc   *zstd.Encoder
	dec   *zstd.Decoder
}

func newPacker(above, maxBytes int) (packer, error) {
	enc, err := zstd.NewWriter(nil, zstd.WithEncoderLevel(zstd.SpeedDefault), zstd.WithEncoderConcurrency(2), zstd.WithEncoderCRC(false))
	if err != nil {
		return packer{}, fmt.Errorf("cache: zstd: %w", err)
	}
	// A payload can never be larger than what may be stored.
	dec, err := zstd.NewReader(nil, zstd.WithDecoderConcurrency(0), zstd.WithDecoderMaxMemory(uint64(max(maxBytes, 1<<10))))
	if err != nil {
		return packer{}, fmt.Errorf("cache: zstd: %w", err)
	}
	return packer{above: above, enc: enc, dec: dec}, nil
}

// pack compresses the payload in place if that is worth it: above the
// threshold, and at least an eighth smaller.
func (c *Cache) pack(e *envelope) {
	if c.packer.above < 0 || len(e.payload) < c.packer.above || e.flags&flagPlain != 0 {
		e.flags &^= flagPlain
		return
	}
	small := c.packer.enc.EncodeAll(e.payload, make([]byte, 0, len(e.payload)/2))
	if len(small) > len(e.payload)-len(e.payload)/8 {
		return
	}
	c.met.raw.add(len(e.payload))
	c.met.packed.add(len(small))
	e.payload, e.flags = small, e.flags|flagCompressed
}

var errUnpack = errors.New("cache: payload does not decompress")

// unpack returns the payload as it was encoded; it aliases the envelope when
// nothing was compressed.
func (c *Cache) unpack(e *envelope) ([]byte, error) {
	if e.flags&flagCompressed == 0 {
		if int(e.size) != len(e.payload) {
			return nil, errUnpack
		}
		return e.payload, nil
	}
	if int64(e.size) > int64(c.opt.MaxValueBytes) {
		return nil, errUnpack
	}
	out, err := c.packer.dec.DecodeAll(e.payload, make([]byte, 0, e.size))
	if err != nil {
		return nil, fmt.Errorf("%w: %w", errUnpack, err)
	}
	if len(out) != int(e.size) {
		return nil, errUnpack
	}
	return out, nil
}
