package discover

import (
	"bytes"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
)

// The bounds of a compressed document: its decompressed size, and how many layers of compression it may have.
const (
	maxInflated = 32 << 20
	maxLayers   = 2
)

var errBomb = errors.New("a compressed document becomes too large")

// Inflate removes gzip compression, judging by the bytes and not by the document's name or label. A truncated document
// yields what could be decompressed.
func Inflate(body []byte) ([]byte, error) {
	for layer := 0; bytes.HasPrefix(body, []byte{0x1f, 0x8b, 8}); layer++ {
		if layer == maxLayers {
			return nil, errBomb
		}
		z, err := gzip.NewReader(bytes.NewReader(body))
		if err != nil {
			return nil, fmt.Errorf("gzip: %w", err)
		}
		out, err := io.ReadAll(io.LimitReader(z, maxInflated+1))
		if err != nil && len(out) == 0 {
			return nil, fmt.Errorf("gzip: %w", err)
		}
		if len(out) > maxInflated {
			return nil, errBomb
		}
		body = out
	}
	return body, nil
}
