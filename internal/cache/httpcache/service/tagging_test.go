package service_test

import (
	"context"
	"net/http"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/labstack/echo/v4"

	"openlearn/internal/cache/httpcache/rules"
	"openlearn/internal/cache/httpcache/service"
	"openlearn/internal/cache/httpcache/tags"
	"openlearn/internal/testkit"
)

// tagged makes a newsroom whose answers may be held outside for as long as the returned number says.
func tagged(t *testing.T) (*newsroom, *atomic.Int64) {
	t.Helper()
	var hold atomic.Int64
	hold.Store(int64(time.Minute))
	n := newNewsroom(t, testkit.RedisURL(t), newDB(), func(o *service.Options) {
		o.Tags = &service.Tagging{All: "all", Hold: func() time.Duration { return time.Duration(hold.Load()) }, Personal: []string{"ratelimit"}}
		o.Routes[0].Query = []string{"limit", "q"}
		o.Routes[1].Query = []string{}
	})
	return n, &hold
}

// reaches reports whether a purge of the dependency reaches an answer with these fields, in each of their forms.
func reaches(t *testing.T, h http.Header, dep string) bool {
	t.Helper()
	in := func(field, sep string) (found bool) {
		list := strings.Split(h.Get(field), sep)
		for _, tag := range tags.Purge([]string{dep}) {
			for _, have := range list {
				found = found || strings.Trim(have, `" `) == tag
			}
		}
		return found
	}
	got := in("Cache-Tag", ",")
	if in("Surrogate-Key", " ") != got || in("Edge-Cache-Tag", ",") != got || in("Cache-Groups", ",") != got {
		t.Errorf("the fields differ about %s: %v", dep, h)
	}
	return got
}

func TestAnswersNameWhatTheyDependOn(t *testing.T) {
	t.Parallel()
	n, hold := tagged(t)
	for i, x := range []string{rules.Miss, rules.Hit} {
		w := n.get("/api/articles/1")
		h := w.Header()
		if h.Get("X-Cache") != x || !strings.HasPrefix(h.Get("Surrogate-Key"), "all ") {
			t.Fatalf("request %d: %v", i+1, h)
		}
		for dep, want := range map[string]bool{"article:1": true, "article:2": false, "layer:http_response": true, "layer:article": true, "http_response:/api/articles/1": true, "articles": false} {
			if reaches(t, h, dep) != want {
				t.Errorf("request %d: a purge of %s reaches it: %v; %v", i+1, dep, !want, h)
			}
		}
		age, _ := strconv.Atoi(h.Get("Age"))
		if h.Get("CDN-Cache-Control") != "max-age="+strconv.Itoa(60+age) || h.Get("Cache-Control") != "public, no-cache" {
			t.Errorf("request %d: %v", i+1, h)
		}
	}
	w := n.get("/api/articles/1", `If-None-Match: `+n.get("/api/articles/1").Header().Get("ETag"))
	if w.Code != 304 || !reaches(t, w.Header(), "article:1") || w.Header().Get("CDN-Cache-Control") == "" {
		t.Errorf("a 304: %d %v", w.Code, w.Header())
	}
	if w := n.get("/api/articles/77"); w.Code != 404 || !reaches(t, w.Header(), "article:77") || !strings.HasPrefix(w.Header().Get("CDN-Cache-Control"), "max-age=") {
		t.Errorf("a 404 that is remembered: %d %v", w.Code, w.Header())
	}
	hold.Store(int64(20 * time.Hour))
	if got := n.get("/api/articles").Header().Get("CDN-Cache-Control"); len(got) != len("max-age=900") || got > "max-age=900" {
		t.Errorf("%q, longer than it is stored here", got)
	}
	hold.Store(0)
	if h := n.get("/api/articles/1").Header(); h.Get("CDN-Cache-Control") != "" || !reaches(t, h, "article:1") {
		t.Errorf("while nothing may be held: %v", h)
	}
}

// TestOnlyWhatIsSharedAndCurrentIsHeld: personal answers, those from the source, and those of a load that an invalidation has
// overtaken are for nobody to hold.
func TestOnlyWhatIsSharedAndCurrentIsHeld(t *testing.T) {
	t.Parallel()
	n, _ := tagged(t)
	free := func(what string, h http.Header) {
		t.Helper()
		for _, name := range []string{"Cache-Tag", "Edge-Cache-Tag", "Surrogate-Key", "Cache-Groups", "CDN-Cache-Control"} {
			if h.Get(name) != "" {
				t.Errorf("%s: %v", what, h)
			}
		}
	}
	n.get("/api/articles/1")
	free("with a key", n.get("/api/articles/1", "X-API-Key: k").Header())
	free("with Authorization", n.get("/api/articles/1", "Authorization: Bearer x").Header())
	free("with a cookie", n.get("/api/articles/1", "Cookie: access_token=x").Header())
	free("not in the table", n.get("/api/now").Header())
	n.shut.Store(true)
	free("past the cache", n.get("/api/articles/1").Header())
	n.shut.Store(false)

	n.respond(func(c echo.Context) error {
		if err := n.cache.Invalidate(context.Background(), "articles"); err != nil {
			return err
		}
		return c.String(200, "before the change")
	})
	w := n.get("/api/articles")
	if w.Body.String() != "before the change" || w.Header().Get("X-Cache") != rules.Miss {
		t.Fatalf("%q %v", w.Body, w.Header())
	}
	free("overtaken by an invalidation", w.Header())
	n.respond(func(c echo.Context) error {
		c.Response().Header().Set("Set-Cookie", "a=b")
		return c.String(200, "cookie")
	})
	free("that sets a cookie", n.get("/api/articles").Header())
}

// TestWhatConcernsOneClientIsNotHeld: fields that middleware outside of the cache has set.
func TestWhatConcernsOneClientIsNotHeld(t *testing.T) {
	t.Parallel()
	n, hold := tagged(t)
	cookie := false
	n.echo.Pre(func(next echo.HandlerFunc) echo.HandlerFunc {
		return func(c echo.Context) error {
			c.Response().Header().Set("RateLimit", `"a";r=3`)
			if cookie {
				c.Response().Header().Set("Set-Cookie", "a=b")
			}
			return next(c)
		}
	})
	if h := n.get("/api/articles/1").Header(); h.Get("RateLimit") != "" || h.Get("CDN-Cache-Control") == "" {
		t.Errorf("held: %v", h)
	}
	hold.Store(0)
	if h := n.get("/api/articles/1").Header(); h.Get("RateLimit") == "" {
		t.Errorf("not held: %v", h)
	}
	hold.Store(int64(time.Minute))
	cookie = true
	if h := n.get("/api/articles/1").Header(); h.Get("CDN-Cache-Control") != "" || h.Get("RateLimit") == "" {
		t.Errorf("with a cookie: %v", h)
	}
}

func TestNoVarySearch(t *testing.T) {
	t.Parallel()
	n, _ := tagged(t)
	if got := n.get("/api/articles?limit=5").Header().Get("No-Vary-Search"); got != `key-order, params, except=("limit" "q")` {
		t.Error(got)
	}
	if got := n.get("/api/articles/1").Header().Get("No-Vary-Search"); got != "params" {
		t.Error(got)
	}
	plain := newNewsroom(t, testkit.RedisURL(t), newDB())
	if got, known := plain.get("/api/articles").Header()["No-Vary-Search"]; known {
		t.Errorf("%v, of a route whose parameters are not known", got)
	}
}
