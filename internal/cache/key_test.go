package cache

import (
	"net/url"
	"testing"

	"openlearn/internal/cache/internal/names"
)

func TestDocumentedKeys(t *testing.T) {
	t.Parallel()
	c := newCache(t, exactly(ownRedis(t), nil))
	p := url.Values{"limit": {"10"}, "offset": {"0"}}
	h := names.HashParams(p)
	for _, tc := range []struct {
		layer string
		key   Key
		want  string
	}{
		{Article, Key{ID: "42"}, "article:v1:42"},
		{Source, Key{ID: "El Tiempo"}, "source:v1:El Tiempo"},
		{Analytics, Key{Params: p}, "analytics:v1:" + h},
		{Metadata, Key{ID: "sources-list", Params: p}, "metadata:v1:sources-list:" + h},
		{APIGovernment, Key{ID: "datasets", Params: p}, "api:gov:v1:datasets:" + h},
		{APINews, Key{ID: "El Espectador", Params: p}, "api:news:v1:El Espectador:" + h},
		{NLPAnalysis, Key{ID: Hash("texto")}, "nlp:v1:" + Hash("texto")},
		{Session, Key{ID: "7"}, "session:v1:7"},
		{UserPrefs, Key{ID: "7"}, "user:v1:7"},
		{Token, Key{ID: Hash("tok")}, "token:v1:" + Hash("tok")},
	} {
		l, err := c.layer(tc.layer)
		if err != nil {
			t.Fatal(err)
		}
		tg, err := c.newTarget(l, tc.key, nil, 0)
		if err != nil || tg.key != tc.want {
			t.Errorf("%s: %q, %v; want %q", tc.layer, tg.key, err, tc.want)
		}
	}
	if len(h) < 32 {
		t.Errorf("hash of %d hex digits is less than 128 bits", len(h))
	}
}

func TestLayerTable(t *testing.T) {
	t.Parallel()
	if err := validateLayers(Layers(), 72*60*60*1e9); err != nil {
		t.Error(err)
	}
	twice := append(Layers(), Layers()[0])
	if validateLayers(twice, 72*60*60*1e9) == nil {
		t.Error("a layer given twice was accepted")
	}
	for _, bad := range []Layer{
		{},
		{Name: "layer", Namespace: "x", TTL: 1e9},
		{Name: "x", Namespace: "x*", TTL: 1e9},
		{Name: "x", Namespace: "x"},
		{Name: "x", Namespace: "x", TTL: -1},
		{Name: "x", Namespace: "x", TTL: 1e18},
		{Name: "x", Namespace: "x", TTL: 1e9, StaleIfError: -1},
		{Name: "x", Namespace: "x", TTL: 1e9, Near: Near{Mode: NearBounded}},
		{Name: "x", Namespace: "x", TTL: 1e9, Near: Near{Mode: 9}},
	} {
		if bad.validate(72*60*60*1e9) == nil {
			t.Errorf("accepted: %+v", bad)
		}
	}
}
