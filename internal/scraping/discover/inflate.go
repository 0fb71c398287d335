package discover

import (
	"bytes"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
)

// The bounds of a compressed document: what it may become, and how often it may be compressed over.
const (
	maxInflated = 32 << 20
	maxLayers   = 2
)

var errBomb = errors.New("a compressed document becomes too large")

// Inflate takes gzip away by what the bytes are, whatever the document is called or labelled. One that breaks off yields what
// came before.
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
