package app

import (
	"testing"
	"time"

	"openlearn/internal/cache"
)

// TestTheLayersAreTheDocumentedOnes compares the joined table with the specification's: names, namespaces, tiers and
// lifetimes are part of the API.
func TestTheLayersAreTheDocumentedOnes(t *testing.T) {
	t.Parallel()
	type documented struct {
		namespace string
		tier      cache.Tier
		ttl       time.Duration
	}
	want := map[string]documented{
		"article":        {"article", cache.L1, time.Hour},
		"source":         {"source", cache.L1, 2 * time.Hour},
		"analytics":      {"analytics", cache.L1, 30 * time.Minute},
		"metadata":       {"metadata", cache.L1, 30 * time.Minute},
		"content":        {"content", cache.L1, 15 * time.Minute},
		"api_government": {"api:gov", cache.L2, 6 * time.Hour},
		"api_news":       {"api:news", cache.L2, time.Hour},
		"nlp_analysis":   {"nlp", cache.L3, 24 * time.Hour},
		"sentiment":      {"sentiment", cache.L3, 24 * time.Hour},
		"entities":       {"entities", cache.L3, 24 * time.Hour},
		"topics":         {"topics", cache.L3, 24 * time.Hour},
		"session":        {"session", cache.L4, 5 * time.Minute},
		"user_prefs":     {"user", cache.L4, 30 * time.Minute},
		"token":          {"token", cache.L4, 30 * time.Minute},
		"http_response":  {"http_response", cache.L1, time.Hour}, // ours, in addition to the specification's fourteen
	}
	layers, err := layers()
	if err != nil {
		t.Fatal(err)
	}
	if len(layers) != len(want) {
		t.Errorf("%d layers, want %d", len(layers), len(want))
	}
	for _, l := range layers {
		w, ok := want[l.Name]
		switch got := (documented{l.Namespace, l.Tier, l.TTL}); {
		case !ok:
			t.Errorf("layer %s is not documented", l.Name)
		case got != w:
			t.Errorf("layer %s: %+v, want %+v", l.Name, got, w)
		case l.Description == "":
			t.Errorf("layer %s says nothing of itself", l.Name)
		case l.Credential != (l.Tier == cache.L4) || l.Audit != (l.Tier == cache.L1 && l.Name != "http_response"):
			t.Errorf("layer %s: credential %v, audit %v", l.Name, l.Credential, l.Audit)
		}
	}
}
