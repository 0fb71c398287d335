package cache

import (
	"strings"
	"testing"
	"time"
)

// The layers that this package's tests use.
const (
	Article       = "article"
	Source        = "source"
	Analytics     = "analytics"
	Metadata      = "metadata"
	Content       = "content"
	APIGovernment = "api_government"
	APINews       = "api_news"
	NLPAnalysis   = "nlp_analysis"
	Session       = "session"
	UserPrefs     = "user_prefs"
	Token         = "token"
	HTTPResponse  = "http_response"
)

// Layers is the table of this package's tests: it covers every policy that a layer can have.
func Layers() []Layer {
	own := func(name string, ttl time.Duration) Layer {
		l := Graced(Layer{Name: name, Namespace: name, Tier: L1, TTL: ttl, Description: "Test."})
		l.Audit = true
		return l
	}
	foreign := func(name, namespace string, ttl time.Duration) Layer {
		return Graced(Layer{Name: name, Namespace: namespace, Tier: L2, TTL: ttl, Description: "Test."})
	}
	secret := func(name, namespace string, ttl time.Duration) Layer {
		return Layer{Name: name, Namespace: namespace, Tier: L4, TTL: ttl, Credential: true, Description: "Test."}
	}
	return []Layer{
		own(Article, time.Hour), own(Source, 2*time.Hour), own(Analytics, 30*time.Minute), own(Metadata, 30*time.Minute), own(Content, 15*time.Minute),
		foreign(APIGovernment, "api:gov", 6*time.Hour), foreign(APINews, "api:news", time.Hour),
		Graced(Layer{Name: NLPAnalysis, Namespace: "nlp", Tier: L3, TTL: 24 * time.Hour, Description: "Test."}),
		secret(Session, "session", 5*time.Minute), secret(UserPrefs, "user", 30*time.Minute), secret(Token, "token", 30*time.Minute),
		Graced(Layer{Name: HTTPResponse, Namespace: "http_response", Tier: L1, TTL: time.Hour, Description: "Test."}),
	}
}

func TestJoinLayers(t *testing.T) {
	t.Parallel()
	a, b := Layer{Name: "a", Namespace: "a", TTL: time.Hour}, Layer{Name: "b", Namespace: "b", TTL: time.Hour}
	joined, err := JoinLayers([]Layer{a}, nil, []Layer{b, a})
	if err != nil || len(joined) != 2 || joined[0] != a || joined[1] != b {
		t.Errorf("joined %+v, %v; want a and b, once each", joined, err)
	}
	other := a
	other.TTL = time.Minute
	if _, err := JoinLayers([]Layer{a}, []Layer{other}); err == nil || !strings.Contains(err.Error(), "layer a") {
		t.Errorf("one layer with two lifetimes: %v, want an error that names it", err)
	}
}
