package importer

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"sync/atomic"
)

// countingReader counts the bytes of the input as stored, before decompression: progress shows them as a share of the
// file's size. The count is read by other goroutines.
type countingReader struct {
	r io.Reader
	n atomic.Int64
}

func (c *countingReader) Read(p []byte) (int, error) {
	n, err := c.r.Read(p)
	c.n.Add(int64(n))
	return n, err //nolint:wrapcheck // io.Reader's contract requires the bare error
}

// open looks at the first bytes and returns the text: gzip decompressed, byte order mark skipped.
func open(r io.Reader) (*bufio.Reader, error) {
	br := bufio.NewReaderSize(r, 256<<10)
	head, err := br.Peek(2)
	if err != nil && !errors.Is(err, io.EOF) {
		return nil, fmt.Errorf("read the input: %w", err)
	}
	if len(head) == 2 && head[0] == 0x1f && head[1] == 0x8b {
		zr, err := gzip.NewReader(br)
		if err != nil {
			return nil, fmt.Errorf("read the gzip header: %w", err)
		}
		br = bufio.NewReaderSize(zr, 256<<10)
	}
	// A read error here is repeated at the first line and reported there.
	head, _ = br.Peek(3)
	switch {
	case bytes.HasPrefix(head, []byte("\xef\xbb\xbf")):
		if _, err := br.Discard(3); err != nil {
			return nil, fmt.Errorf("skip the byte order mark: %w", err)
		}
	case bytes.HasPrefix(head, []byte("\xff\xfe")), bytes.HasPrefix(head, []byte("\xfe\xff")):
		return nil, ErrUTF16
	}
	return br, nil
}

// line is one raw line. tooLong or truncated lines carry no bytes.
type line struct {
	number int
	bytes  []byte
	reject Reason
}

// lineReader splits the input into lines, never holding more than limit bytes of one.
type lineReader struct {
	r      *bufio.Reader
	limit  int
	number int
}

// next returns the next line that is not blank; its bytes belong to the caller. After the last it returns io.EOF. Any other
// error means that reading failed; an incomplete line is returned with it, marked Truncated.
func (l *lineReader) next() (line, error) {
	for {
		raw, tooLong, err := l.read()
		if err != nil && !errors.Is(err, io.EOF) {
			if len(raw) > 0 || tooLong {
				return line{number: l.number + 1, reject: Truncated}, err
			}
			return line{}, err
		}
		if errors.Is(err, io.EOF) && len(raw) == 0 && !tooLong {
			return line{}, io.EOF
		}
		l.number++
		if tooLong {
			return line{number: l.number, reject: LineTooLong}, nil
		}
		if raw = bytes.TrimSpace(raw); len(raw) > 0 {
			return line{number: l.number, bytes: raw}, nil
		}
	}
}

// read returns one line without its newline, in memory of its own, and the error that ended the input, if any.
func (l *lineReader) read() (raw []byte, tooLong bool, err error) {
	for {
		var part []byte
		part, err = l.r.ReadSlice('\n')
		if !tooLong {
			if raw = append(raw, part...); len(raw) > l.limit+len("\r\n") {
				raw, tooLong = nil, true
			}
		}
		if !errors.Is(err, bufio.ErrBufferFull) {
			break
		}
	}
	raw = bytes.TrimSuffix(bytes.TrimSuffix(raw, []byte{'\n'}), []byte{'\r'})
	if len(raw) > l.limit {
		raw, tooLong = nil, true
	}
	if err != nil {
		err = fmt.Errorf("read line %d: %w", l.number+1, err)
	}
	return raw, tooLong, err
}
