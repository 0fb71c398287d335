package cache

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"net/url"
	"slices"
)

// Key identifies an entry inside its layer. The Redis key is
//
//	{namespace}:{version}:{ID}                    no Params
//	{namespace}:{version}:{ID}:{hash of Params}   both
//	{namespace}:{version}:{hash of Params}        no ID
//
// Two keys are one entry exactly when their IDs are equal and their Params
// have the same names with the same values; the order of names is nothing,
// the order of one name's values is something.
type Key struct {
	ID     string
	Params url.Values
}

const (
	maxIDBytes = 256
	hashHex    = 32 // 128 bits of SHA-256
	// A hash of parameters is longer than Hash, so that an ID which is a Hash
	// (of a token, of a text) is never taken for one.
	paramsHex = 40
)

// Hash returns 128 bits of SHA-256 over its parts, as 32 hex digits. Each
// part is preceded by its length, so no two lists of parts are one string.
func Hash(parts ...string) string {
	h := sha256.New()
	var n [8]byte
	for _, p := range parts {
		binary.BigEndian.PutUint64(n[:], uint64(len(p)))
		h.Write(n[:])
		h.Write([]byte(p))
	}
	return hex.EncodeToString(h.Sum(nil)[:hashHex/2])
}

// hashParams is the canonical hash of parameters that keys end in, 160 bits of
// SHA-256 as 40 hex digits.
func hashParams(v url.Values) string {
	names := make([]string, 0, len(v))
	for name, values := range v {
		if len(values) > 0 {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	h := sha256.New()
	var n [8]byte
	put := func(s string) {
		binary.BigEndian.PutUint64(n[:], uint64(len(s)))
		h.Write(n[:])
		h.Write([]byte(s))
	}
	for _, name := range names {
		put(name)
		binary.BigEndian.PutUint64(n[:], uint64(len(v[name])))
		h.Write(n[:])
		for _, value := range v[name] {
			put(value)
		}
	}
	return hex.EncodeToString(h.Sum(nil)[:paramsHex/2])
}

// identifier is the key's tail: what follows {namespace}:{version}: and what
// names the entry in its implicit dependency {layer}:{identifier}.
func (k Key) identifier() (string, error) {
	hasParams := false
	for _, values := range k.Params {
		if len(values) > 0 {
			hasParams = true
			break
		}
	}
	switch id := shortID(k.ID); {
	case id == "" && !hasParams:
		return "", fmt.Errorf("%w: empty identifier", ErrInvalidKey)
	case id == "":
		return hashParams(k.Params), nil
	case hasParams, looksHashed(id), len(id) == paramsHex && isHex(id):
		// An ID that itself is or ends like a hash of parameters gets the hash
		// of none, or it could be mistaken for another key's.
		return id + ":" + hashParams(k.Params), nil
	default:
		return id, nil
	}
}

// shortID shortens long IDs, and those that look like one shortened, which
// would be taken for it.
func shortID(id string) string {
	if len(id) > maxIDBytes || looksShortened(id) {
		return id[:shortHead] + "~" + Hash(id)
	}
	return id
}

func looksShortened(id string) bool {
	return len(id) == shortHead+1+hashHex && id[shortHead] == '~' && isHex(id[shortHead+1:])
}

const shortHead = 64 // bytes of a shortened name that are left readable

// shorten keeps long names of dependencies out of Redis: a readable start and a
// hash of all. Shortened again, a name stays as it is; that two names may be
// one costs a needless invalidation at most.
func shorten(s string, most int) string {
	if len(s) <= most {
		return s
	}
	return s[:shortHead] + "~" + Hash(s)
}

// looksHashed reports whether an ID ends in what may be a hash of parameters.
func looksHashed(id string) bool {
	n := len(id) - paramsHex - 1
	return n > 0 && id[n] == ':' && isHex(id[n+1:])
}

func isHex(s string) bool {
	for _, c := range []byte(s) {
		if (c < '0' || c > '9') && (c < 'a' || c > 'f') {
			return false
		}
	}
	return true
}
