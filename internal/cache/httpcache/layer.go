package httpcache

import (
	"time"

	"openlearn/internal/cache"
)

// ResponseLayer is the layer in which responses are kept.
const ResponseLayer = "http_response"

// Layers are the layers that the engine's table must have for this package.
func Layers() []cache.Layer {
	return []cache.Layer{cache.Graced(cache.Layer{
		Name: ResponseLayer, Namespace: "http_response", Tier: cache.L1, TTL: time.Hour,
		Description: "Whole HTTP responses; each route gives its own lifetime.",
	})}
}
