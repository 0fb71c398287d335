package cache

import (
	"net/url"
	"strings"
	"testing"
)

func mustID(t *testing.T, k Key) string {
	t.Helper()
	id, err := k.identifier()
	if err != nil {
		t.Fatal(err)
	}
	return id
}

func TestDocumentedKeys(t *testing.T) {
	t.Parallel()
	c := newCache(t, exactly(ownRedis(t), nil))
	p := url.Values{"limit": {"10"}, "offset": {"0"}}
	h := hashParams(p)
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

func TestParamsAreCanonical(t *testing.T) {
	t.Parallel()
	a, _ := url.ParseQuery("a=1&b=2")
	b, _ := url.ParseQuery("b=2&a=1")
	if hashParams(a) != hashParams(b) {
		t.Error("the order of names makes two entries")
	}
	if hashParams(url.Values{"a": nil}) != hashParams(nil) {
		t.Error("a name without values counts")
	}
	different := []url.Values{
		{},
		{"a": {"1"}},
		{"a": {""}},
		{"a": {"1", "2"}},
		{"a": {"2", "1"}},
		{"a": {"12"}},
		{"a1": {"2"}},
		{"a": {"1"}, "b": {"2"}},
		{"a": {"1b2"}},
		{"a": {"1"}, "b": {""}},
		{"ab": {"1", "2"}},
		{"a": {"b"}, "c": {"d"}},
		{"a": {"b", "c", "d"}},
	}
	seen := map[string]url.Values{}
	for _, v := range different {
		h := hashParams(v)
		if other, ok := seen[h]; ok {
			t.Errorf("%v and %v are one entry", v, other)
		}
		seen[h] = v
	}
}

func TestIdentifiersDoNotImitateVariants(t *testing.T) {
	t.Parallel()
	variant := mustID(t, Key{ID: "x", Params: url.Values{"a": {"1"}}})
	if got := mustID(t, Key{ID: variant}); got == variant {
		t.Errorf("ID %q is another key's variant", variant)
	}
	long := strings.Repeat("ñ", 500)
	if id := mustID(t, Key{ID: long}); len(id) > maxIDBytes || id == mustID(t, Key{ID: long + "x"}) {
		t.Errorf("long identifier: %q", id)
	}
}

func TestCoarseDependenciesAreBucketed(t *testing.T) {
	t.Parallel()
	c := newCache(t, exactly(ownRedis(t), nil))
	for dep, want := range map[string]int{"articles": 16, "layer:article": 16, "article:42": 1, "source:El Tiempo": 1} {
		if n := len(c.versionKeys(dep)); n != want {
			t.Errorf("%s has %d version keys, want %d", dep, n, want)
		}
	}
	l, _ := c.layer(Article)
	used := map[string]int{}
	for i := range 2000 {
		tg, err := c.newTarget(l, Key{ID: Hash(string(rune(i)))}, []string{"articles"}, 0)
		if err != nil {
			t.Fatal(err)
		}
		used[tg.vkeys[2]]++
	}
	for _, k := range c.versionKeys("articles") {
		if n := used[k]; n < 60 || n > 200 {
			t.Errorf("bucket %s is read by %d of 2000 entries", k, n)
		}
	}
	if len(used) != 16 {
		t.Errorf("%d buckets", len(used))
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
