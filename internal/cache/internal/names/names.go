// Package names makes the names of entries and dependencies: identifiers that no two keys share, hashes, and short
// forms of names that are too long for a key.
package names

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"net/url"
	"slices"
)

const (
	// MaxID is the length in bytes from which an identifier is shortened.
	MaxID   = 256
	hashHex = 32 // 128 bits of SHA-256
	// ParamsHex is the length of a hash of parameters. It is longer than Hash, so that an ID which is a Hash (of a token,
	// of a text) is never taken for one.
	ParamsHex = 40
	shortHead = 64 // bytes of a shortened name that stay readable
)

// Hash returns 128 bits of SHA-256 over its parts, as 32 hex digits. Each part is preceded by its length, so no two lists
// of parts are one string.
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

// HashParams is the canonical hash of parameters: 160 bits of SHA-256 as 40 hex digits. The order of names does not
// count, the order of one name's values does, and a name without values is not a parameter.
func HashParams(v url.Values) string {
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
	return hex.EncodeToString(h.Sum(nil)[:ParamsHex/2])
}

// Identifier is what names an entry inside its layer: the ID, a hash of the parameters, or both with a colon between
// them. Two keys have one identifier exactly when their IDs are equal and their parameters have the same names with the
// same values. ok is false for a key that names nothing.
func Identifier(id string, params url.Values) (identifier string, ok bool) {
	hasParams := false
	for _, values := range params {
		if len(values) > 0 {
			hasParams = true
			break
		}
	}
	switch id = ShortID(id); {
	case id == "" && !hasParams:
		return "", false
	case id == "":
		return HashParams(params), true
	case hasParams, LooksHashed(id), len(id) == ParamsHex && isHex(id):
		// An ID that is itself a hash of parameters, or ends like one, gets the hash of no parameters, or it could be
		// mistaken for another key's.
		return id + ":" + HashParams(params), true
	default:
		return id, true
	}
}

// Stored lists the identifiers under which an operator's text may be stored: the text itself, and what an ID of that
// text becomes. It is empty for an empty text.
func Stored(text string) []string {
	as, ok := Identifier(text, nil)
	switch {
	case !ok:
		return nil
	case as == text || len(text) > MaxID+1+ParamsHex:
		return []string{as}
	}
	return []string{text, as}
}

// ShortID shortens long IDs, and those that look like a shortened one and would be mistaken for it.
func ShortID(id string) string {
	if len(id) > MaxID || LooksShortened(id) {
		return id[:shortHead] + "~" + Hash(id)
	}
	return id
}

// LooksShortened reports whether an ID may be a shortened one.
func LooksShortened(id string) bool {
	return len(id) == shortHead+1+hashHex && id[shortHead] == '~' && isHex(id[shortHead+1:])
}

// Shorten keeps long names of dependencies out of Redis: they become a readable start and a hash of the whole. A name
// that was shortened stays as it is. If two names become one, that costs a needless invalidation at most.
func Shorten(s string, most int) string {
	if len(s) <= most {
		return s
	}
	return s[:shortHead] + "~" + Hash(s)
}

// LooksHashed reports whether an ID ends in what may be a hash of parameters.
func LooksHashed(id string) bool {
	n := len(id) - ParamsHex - 1
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
