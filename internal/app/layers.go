package app

import (
	"time"

	"openlearn/internal/cache"
)

// reservedLayers are documented layers whose domains are not built yet. The administration shows them, and operators may
// already supply values for them.
func reservedLayers() []cache.Layer {
	secret := func(name, namespace string, ttl time.Duration, description string) cache.Layer {
		return cache.Layer{Name: name, Namespace: namespace, Tier: cache.L4, TTL: ttl, Description: description, Credential: true}
	}
	return []cache.Layer{
		secret("session", "session", 5*time.Minute, "Sessions of signed-in users."),
		secret("user_prefs", "user", 30*time.Minute, "Preferences of a user."),
		secret("token", "token", 30*time.Minute, "Verified access tokens, by hash."),
	}
}
