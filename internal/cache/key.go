package cache

import (
	"fmt"
	"net/url"

	"openlearn/internal/cache/internal/names"
)

// Key identifies an entry inside its layer. The Redis key is
//
//	{namespace}:{version}:{ID}                    no Params
//	{namespace}:{version}:{ID}:{hash of Params}   both
//	{namespace}:{version}:{hash of Params}        no ID
//
// Two keys are one entry exactly when their IDs are equal and their Params
// have the same names with the same values. The order of names does not count,
// the order of one name's values does.
type Key struct {
	ID     string
	Params url.Values
}

// Hash returns 128 bits of SHA-256 over its parts, as 32 hex digits. Each
// part is preceded by its length, so no two lists of parts are one string.
func Hash(parts ...string) string { return names.Hash(parts...) }

// identifier is the key's tail: what follows {namespace}:{version}: and what
// names the entry in its implicit dependency {layer}:{identifier}.
func (k Key) identifier() (string, error) {
	id, ok := names.Identifier(k.ID, k.Params)
	if !ok {
		return "", fmt.Errorf("%w: empty identifier", ErrInvalidKey)
	}
	return id, nil
}
