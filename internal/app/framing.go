package app

import (
	"bytes"
	"net"
	"strconv"
)

// mostBlank is two empty lines, in bytes.
const mostBlank = 4

// mostHead bounds what is kept of a header until its end arrives.
const mostHead = 16 << 10

// framing skips empty lines before requests (RFC 9112 §2.2). net/http skips them only after a POST, because clients are known to
// send them there, and answers 400 otherwise.
//
// It follows the requests on a connection, and hands out what arrives together in parts, which end where a header or a body ends.
// So net/http has never read beyond the request it works on. Empty lines are skipped where a body has ended and net/http says so
// too: by the state of the connection, or by reading a single byte while it works on a request. A request that is not understood
// here is refused there, and ends the connection; nothing is skipped any more.
type framing struct {
	place place
	blank int    // how many bytes of empty lines may still come before the request; 0 unless it is about to begin
	head  []byte // of a header that arrives in pieces
	left  int64  // how much of a body or a chunk is not handed out yet
	line  int    // how many bytes of a line of a chunked body have been handed out
	rest  []byte // has arrived, and is not handed out yet
}

// place is where in a request the next byte is.
type place byte

const (
	inHead place = iota
	inBody
	inChunkSize
	inChunk // and the line end behind it
	inTrailer
	afterBody // the next byte begins a request
	unknown
)

// newFraming is that of a new connection.
func newFraming() framing { return framing{blank: mostBlank} }

// begin is called where net/http expects a request.
func (f *framing) begin() {
	if f.place == afterBody { // otherwise it has begun already, or is not understood
		f.place, f.blank = inHead, mostBlank
	}
}

// read reads from c into b, which is not empty.
func (f *framing) read(c net.Conn, b []byte) (int, error) {
	switch {
	case f.place == afterBody && len(b) == 1:
		f.begin()
	case f.place == afterBody: // where net/http sees the end is not where it is seen here
		f.place = unknown
	}
	for {
		arrived, kept, err := 0, len(f.rest) > 0, error(nil)
		if kept {
			arrived = copy(b, f.rest)
		} else if arrived, err = c.Read(b); arrived == 0 {
			return 0, err
		}
		skipped := f.skip(b[:arrived])
		n := f.take(b[skipped:arrived])
		switch {
		case kept:
			f.rest = f.rest[skipped+n:]
		case skipped+n < arrived:
			f.rest = bytes.Clone(b[skipped+n : arrived])
		}
		if n > 0 || err != nil {
			return copy(b, b[skipped:skipped+n]), err
		}
	}
}

// skip is how many bytes at the beginning of p are empty lines before a request.
func (f *framing) skip(p []byte) int {
	n := 0
	for n < min(len(p), f.blank) && (p[n] == '\r' || p[n] == '\n') {
		n++
	}
	if f.blank -= n; n < len(p) {
		f.blank = 0
	}
	return n
}

// take is how many bytes of p are of the header or the body that it begins in.
func (f *framing) take(p []byte) int {
	n := 0
	for n < len(p) && f.place != afterBody {
		switch f.place {
		case inHead:
			return f.takeHead(p)
		case inBody, inChunk:
			part := min(f.left, int64(len(p)-n))
			n += int(part)
			switch f.left -= part; {
			case f.left > 0:
			case f.place == inChunk:
				f.place, f.line = inChunkSize, 0
			default:
				f.place = afterBody
			}
		case inChunkSize, inTrailer:
			f.takeLine(p[n])
			n++
		default:
			return len(p)
		}
	}
	return n
}

// takeLine takes a byte of a chunk's size or of a trailer (RFC 9112 §7.1).
func (f *framing) takeLine(c byte) {
	digit := unhex(c)
	switch {
	case c == '\n' && f.place == inTrailer && f.line == 0:
		f.place = afterBody
	case c == '\n' && f.place == inTrailer:
		f.line = 0
	case f.place == inTrailer:
		if c != '\r' {
			f.line++
		}
	case c == '\n' && f.line == 0:
		f.place = unknown
	case c == '\n' && f.left == 0:
		f.place, f.line = inTrailer, 0
	case c == '\n':
		f.place, f.left = inChunk, f.left+2
	case f.line < 0: // behind the digits
	case digit < 0 && f.line > 0:
		f.line = -1
	case digit < 0 || f.line == 15:
		f.place = unknown
	default:
		f.line++
		f.left = f.left<<4 | digit
	}
}

func unhex(c byte) int64 {
	switch {
	case c >= '0' && c <= '9':
		return int64(c - '0')
	case c|0x20 >= 'a' && c|0x20 <= 'f':
		return int64(c|0x20-'a') + 10
	}
	return -1
}

func (f *framing) takeHead(p []byte) int {
	known, all := len(f.head), p
	if known > 0 {
		f.head = append(f.head, p...)
		all = f.head
	}
	end := endOfHead(all, max(0, known-2))
	switch {
	case end == 0 && len(all) > mostHead:
		f.head, f.place = nil, unknown
	case end == 0 && known == 0:
		f.head = bytes.Clone(p)
	case end > 0:
		f.head, f.line = nil, 0
		f.left, f.place = bodyAfter(all[:end])
		return end - known
	}
	return len(p)
}

// endOfHead is behind the empty line that ends a header, or 0 if there is none after from.
func endOfHead(p []byte, from int) int {
	for i := from; ; {
		at := bytes.IndexByte(p[i:], '\n')
		if at < 0 {
			return 0
		}
		i += at + 1
		switch rest := p[i:]; {
		case len(rest) > 0 && rest[0] == '\n':
			return i + 1
		case len(rest) > 1 && rest[0] == '\r' && rest[1] == '\n':
			return i + 2
		}
	}
}

// bodyAfter is where the byte after a header is, and how long the body is if that is declared. net/http refuses requests with two
// different lengths, and ignores a length beside chunks.
func bodyAfter(head []byte) (length int64, next place) {
	next = afterBody
	chunked := false
	for line := range bytes.Lines(head) {
		if c := line[0] | 0x20; c != 'c' && c != 't' {
			continue
		}
		name, value, _ := bytes.Cut(line, []byte(":"))
		value = bytes.TrimSpace(value)
		switch {
		case bytes.EqualFold(name, []byte("Transfer-Encoding")):
			request, _, _ := bytes.Cut(head, []byte("\n"))
			if chunked || !bytes.EqualFold(value, []byte("chunked")) || !bytes.HasSuffix(bytes.TrimSuffix(request, []byte("\r")), []byte(" HTTP/1.1")) {
				return 0, unknown
			}
			chunked = true
		case bytes.EqualFold(name, []byte("Content-Length")):
			n, err := strconv.ParseUint(string(value), 10, 63)
			if err != nil {
				return 0, unknown
			}
			length = int64(n) //nolint:gosec // 63 bits
		}
	}
	switch {
	case chunked:
		return 0, inChunkSize
	case length > 0:
		next = inBody
	}
	return length, next
}
