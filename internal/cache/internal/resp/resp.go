// Package resp reads what MGET answers from the bytes of the Redis protocol, without a copy: all values of one answer are
// parts of it.
package resp

import (
	"bytes"
	"errors"
	"fmt"
	"strconv"
	"unsafe"
)

// Error is an error that Redis answered with. go-redis recognises it too (redis.Error).
type Error string

func (e Error) Error() string { return string(e) }

// RedisError marks it as an answer.
func (Error) RedisError() {}

var errReply = errors.New("cache: Redis answered MGET with something that is no list of strings")

// Strings returns the values of an array of bulk strings, "" for those that are missing. They share raw's memory, which
// must not change any more.
func Strings(raw []byte) ([]string, error) {
	line, rest, ok := bytes.Cut(raw, crlf)
	if !ok || len(line) == 0 {
		return nil, errReply
	}
	if line[0] == '-' {
		return nil, Error(line[1:])
	}
	n, err := length(line, '*')
	if err != nil || n < 0 || n > len(rest)/3 { // the shortest value is "_\r\n"
		return nil, errReply
	}
	out := make([]string, n)
	for i := range out {
		if line, rest, ok = bytes.Cut(rest, crlf); !ok || len(line) == 0 {
			return nil, errReply
		}
		if line[0] == '_' && len(line) == 1 {
			continue
		}
		size, err := length(line, '$')
		switch {
		case err == nil && size == -1:
			continue
		case err != nil || size < 0 || size > len(rest)-len(crlf), !bytes.HasPrefix(rest[size:], crlf):
			return nil, errReply
		}
		out[i] = unsafe.String(unsafe.SliceData(rest), size)
		rest = rest[size+len(crlf):]
	}
	if len(rest) != 0 {
		return nil, errReply
	}
	return out, nil
}

var crlf = []byte("\r\n")

// length reads the number after a line's first byte, which must be kind.
func length(line []byte, kind byte) (int, error) {
	if line[0] != kind {
		return 0, fmt.Errorf("%w: %q", errReply, line[0])
	}
	return strconv.Atoi(unsafe.String(unsafe.SliceData(line[1:]), len(line)-1))
}
