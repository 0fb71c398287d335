package envelope

import (
	"errors"
	"fmt"

	"github.com/klauspost/compress/zstd"
)

// Packer compresses payloads with zstd. It is safe for concurrent use and starts no goroutines.
type Packer struct {
	above, most int
	enc         *zstd.Encoder
	dec         *zstd.Decoder
}

// NewPacker makes a Packer that compresses payloads from above bytes (negative: none) and refuses to unpack more than
// most.
func NewPacker(above, most int) (*Packer, error) {
	enc, err := zstd.NewWriter(nil, zstd.WithEncoderLevel(zstd.SpeedDefault), zstd.WithEncoderConcurrency(2), zstd.WithEncoderCRC(false))
	if err != nil {
		return nil, fmt.Errorf("cache: zstd: %w", err)
	}
	// A payload can never be larger than what may be stored.
	dec, err := zstd.NewReader(nil, zstd.WithDecoderConcurrency(0), zstd.WithDecoderMaxMemory(uint64(max(most, 1<<10))))
	if err != nil {
		return nil, fmt.Errorf("cache: zstd: %w", err)
	}
	return &Packer{above: above, most: most, enc: enc, dec: dec}, nil
}

// Close frees the decoder. Nothing is unpacked afterwards.
func (p *Packer) Close() { p.dec.Close() }

// Pack compresses the payload in place if that is worth it: above the threshold, and at least an eighth smaller. It
// returns the sizes before and after, 0 where nothing was compressed.
func (p *Packer) Pack(e *Envelope) (raw, packed int) {
	if p.above < 0 || len(e.Payload) < p.above || e.Flags&Plain != 0 {
		e.Flags &^= Plain
		return 0, 0
	}
	small := p.enc.EncodeAll(e.Payload, make([]byte, 0, len(e.Payload)/2))
	if len(small) > len(e.Payload)-len(e.Payload)/8 {
		return 0, 0
	}
	raw, packed = len(e.Payload), len(small)
	e.Payload, e.Flags = small, e.Flags|Compressed
	return raw, packed
}

var errUnpack = errors.New("cache: payload does not decompress")

// Unpack returns the payload as it was encoded; it aliases the envelope when nothing was compressed.
func (p *Packer) Unpack(e *Envelope) ([]byte, error) {
	if e.Flags&Compressed == 0 {
		if int(e.Size) != len(e.Payload) {
			return nil, errUnpack
		}
		return e.Payload, nil
	}
	if int64(e.Size) > int64(p.most) {
		return nil, errUnpack
	}
	out, err := p.dec.DecodeAll(e.Payload, make([]byte, 0, e.Size))
	if err != nil {
		return nil, fmt.Errorf("%w: %w", errUnpack, err)
	}
	if len(out) != int(e.Size) {
		return nil, errUnpack
	}
	return out, nil
}
