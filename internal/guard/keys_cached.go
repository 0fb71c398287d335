package guard

import (
	"context"
	"time"

	"openlearn/internal/cache"
	"openlearn/internal/httpapi"
	"openlearn/internal/outbox"
)

// What goes stale when this changes?
//
//	any API key    api_keys    who the keys are of
//
// All valid keys are one entry: keys are few, and whoever guesses asks neither PostgreSQL nor for an entry of its own. It is
// served neither stale nor without asking Redis, since its layer is of credentials. It holds hashes, numbers and roles.

const (
	keysTable = "api_keys"
	// keysLayer is the layer of what stands for a right. Users' tokens are in it, too.
	keysLayer = "token"
)

// Facts says what a recorded change of this package's tables invalidates.
func Facts() outbox.Rules {
	return outbox.Rules{keysTable: func(outbox.Fact) []string { return []string{keysTable} }}
}

type activeKey struct {
	ID        int64        `json:"id"`
	Role      httpapi.Role `json:"role"`
	ExpiresAt *time.Time   `json:"expires_at,omitempty"`
}

// activeKeys are shared by all who read them, and never modified.
type activeKeys struct {
	ByHash map[string]activeKey `json:"by_hash"`
}

func newActive(c *cache.Cache, s keyStore) *cache.Func[struct{}, activeKeys] {
	return cache.Wrap(c, cache.Spec[struct{}]{
		Layer:  keysLayer,
		Key:    func(struct{}) cache.Key { return cache.Key{ID: "api-keys"} },
		Deps:   func(struct{}) []string { return []string{keysTable} },
		Shared: true,
	}, func(ctx context.Context, _ struct{}) (activeKeys, error) { return s.active(ctx) })
}
