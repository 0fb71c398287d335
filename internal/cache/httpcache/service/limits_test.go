package service_test

import (
	"context"
	"net/http"
	"strconv"
	"strings"
	"testing"

	"github.com/labstack/echo/v4"

	"openlearn/internal/cache/httpcache"
	"openlearn/internal/cache/httpcache/rules"
	"openlearn/internal/cache/httpcache/service"
	"openlearn/internal/testkit"
)

const placesOfTest = 200

func fewPlaces(o *service.Options) { o.Routes[0].MaxVariants = placesOfTest }

// stored counts the responses that are in the store.
func (n *newsroom) stored(t *testing.T) int {
	t.Helper()
	count := 0
	for cursor := ""; ; {
		page, err := n.cache.Keys(context.Background(), httpcache.ResponseLayer, "", cursor, 1000)
		if err != nil {
			t.Fatal(err)
		}
		count += len(page.IDs)
		if cursor = page.Next; cursor == "" {
			return count
		}
	}
}

// unstored is how many answers of a route were not stored or not kept for this reason.
func (n *newsroom) unstored(t *testing.T, endpoint, reason string) float64 {
	t.Helper()
	families, err := n.reg.Gather()
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range families {
		if f.GetName() != "api_cache_unstored_total" {
			continue
		}
		for _, m := range f.GetMetric() {
			of := map[string]string{}
			for _, l := range m.GetLabel() {
				of[l.GetName()] = l.GetValue()
			}
			if of["endpoint"] == endpoint && of["reason"] == reason {
				return m.GetCounter().GetValue()
			}
		}
	}
	return 0
}

// TestStrangersDoNotFillTheVariants: however many parameters somebody invents, what is asked for twice is kept, what many ask for
// stays, and the store holds no more than the table allows.
func TestStrangersDoNotFillTheVariants(t *testing.T) {
	t.Parallel()
	n := newNewsroom(t, testkit.RedisURL(t), newDB(), fewPlaces)
	for i := range placesOfTest { // otter counts from when half of its places are taken
		n.get("/api/articles?limit=3&q=reader" + strconv.Itoa(i))
	}
	for range 5 {
		n.get("/api/articles?limit=2")
	}
	for i := range placesOfTest + 50 {
		n.get("/api/articles?limit=1&q=nobody" + strconv.Itoa(i))
	}
	n.runs.Store(0)
	n.expect(t, n.get("/api/articles?limit=2"), http.StatusOK, rules.Hit, 0)
	n.expect(t, n.get("/api/articles?limit=7&q=Semana"), http.StatusOK, rules.Miss, 1)
	// And it stays, since it is asked for often enough to stand out: counts in the sketch are estimates, and those of a few keys
	// that were asked for once are too high by one or two.
	for range 5 {
		n.expect(t, n.get("/api/articles?limit=7&q=Semana"), http.StatusOK, rules.Hit, 0)
	}
	for i := range placesOfTest + 50 {
		n.get("/api/articles?limit=1&q=noone" + strconv.Itoa(i))
	}
	n.runs.Store(0)
	n.expect(t, n.get("/api/articles?limit=7&q=Semana"), http.StatusOK, rules.Hit, 0)
	if got := n.stored(t); got > placesOfTest {
		t.Errorf("%d responses are stored, the table allows %d", got, placesOfTest)
	}
	if got := n.unstored(t, "/api/articles", "displaced"); got < placesOfTest {
		t.Errorf("%v were counted as displaced", got)
	}
}

// TestADetourIsOfOneAnswer: an answer that cannot be shared does not keep others of its route from being cached.
func TestADetourIsOfOneAnswer(t *testing.T) {
	t.Parallel()
	for name, refuse := range map[string]func(echo.Context) error{
		"too-large": func(c echo.Context) error {
			return c.String(http.StatusOK, strings.Repeat("a", 5<<20))
		},
		"set-cookie": func(c echo.Context) error {
			c.SetCookie(&http.Cookie{Name: "a", Value: "b"})
			return c.String(http.StatusOK, "a")
		},
		"stream": func(c echo.Context) error {
			c.Response().Flush()
			return c.String(http.StatusOK, "a")
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			n := newNewsroom(t, testkit.RedisURL(t), newDB())
			n.respond(func(c echo.Context) error {
				if c.QueryParam("limit") == "9" {
					return refuse(c)
				}
				return c.String(http.StatusOK, "small")
			})
			n.expect(t, n.get("/api/articles?limit=9"), http.StatusOK, rules.Bypass, 2)
			n.expect(t, n.get("/api/articles?limit=9"), http.StatusOK, rules.Bypass, 1) // known by now
			n.expect(t, n.get("/api/articles?limit=8"), http.StatusOK, rules.Miss, 1)
			n.expect(t, n.get("/api/articles?limit=8"), http.StatusOK, rules.Hit, 0)
			if got := n.unstored(t, "/api/articles", name); got != 1 {
				t.Errorf("%v were counted", got)
			}
		})
	}
}
