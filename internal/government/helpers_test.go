package government

import (
	"context"
	"net/netip"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"openlearn/internal/cache"
	"openlearn/internal/government/catalogue"
	"openlearn/internal/government/replay"
	"openlearn/internal/government/upstream"
	"openlearn/internal/testkit"
)

func TestMain(m *testing.M) { testkit.Main(m) }

// world is a Service whose upstreams are one replay server, in virtual time.
type world struct {
	*Service
	t      *testing.T
	server *replay.Server
	clock  *testkit.Clock
	cache  *cache.Cache
	redis  *redis.Client
	tune   func(*upstream.Config)
}

// loopback is where tests' servers are.
var loopback = netip.MustParsePrefix("127.0.0.0/8")

// quick are bounds for tests: an upstream that hangs costs little time, and breakers close at once.
func quick(c *upstream.Config) {
	c.PerSecond, c.Burst = 100_000, 100_000
	c.Budget, c.Pause, c.Recess = 5*time.Second, time.Millisecond, time.Millisecond
	c.Allowed = []netip.Prefix{loopback}
}

func newWorld(t *testing.T, change ...func(*Options)) *world {
	t.Helper()
	w := &world{t: t, clock: testkit.NewClock(time.Date(2026, 11, 28, 15, 0, 0, 0, time.UTC)), tune: quick}
	w.server = replay.Start()
	t.Cleanup(w.server.Close)
	for _, d := range catalogue.All() {
		w.server.Know(d.ID, d.Names()...)
	}
	w.redis = testkit.Redis(t)
	w.cache = w.newCache()
	w.Service = w.newService(w.cache, change...)
	return w
}

func (w *world) newCache() *cache.Cache {
	w.t.Helper()
	c, err := cache.New(cache.Options{Redis: w.redis, Layers: Layers(), Now: w.clock.Now, MaxTTL: MaxTTL, RedisTimeout: 10 * time.Second, EarlyRefresh: -1})
	if err != nil {
		w.t.Fatal(err)
	}
	w.t.Cleanup(func() {
		if err := c.Close(); err != nil {
			w.t.Error(err)
		}
	})
	if err := c.Start(w.t.Context()); err != nil {
		w.t.Fatal(err)
	}
	return c
}

func (w *world) newService(c *cache.Cache, change ...func(*Options)) *Service {
	w.t.Helper()
	cfg := Config{DatosURL: w.server.URL, CatalogURL: w.server.URL, BanrepURL: w.server.URL, WorldBankURL: w.server.URL}
	if err := cfg.Validate(); err != nil {
		w.t.Fatal(err)
	}
	o := Options{Config: cfg, Cache: c, Now: w.clock.Now, Tune: w.tune}
	for _, f := range change {
		f(&o)
	}
	s, err := NewService(o)
	if err != nil {
		w.t.Fatal(err)
	}
	w.t.Cleanup(func() {
		if err := s.Close(); err != nil {
			w.t.Error(err)
		}
	})
	return s
}

// question is one that the replay server can answer.
func (w *world) question(s *Service, name string) ask {
	w.t.Helper()
	var a ask
	var err error
	switch name {
	case "rows":
		a, err = s.ask("rows", Rows{Dataset: catalogue.MustGet(catalogue.Municipalities), Limit: 10})
	case "trm":
		a, err = s.rates(day("2014-01-02"), day("2014-01-07"))
	case "contract":
		a, err = s.contract("CO1.PCCNTR.5361557")
	case "banrep":
		a, err = s.observationsOf("uvr", false, 0, 0)
	case "worldbank":
		a, _, err = s.indicatorOf("inflation", 2020, 2025)
	case "catalog":
		a = s.search("contratos", 10, 0)
	default:
		w.t.Fatalf("no question %q", name)
	}
	if err != nil {
		w.t.Fatal(err)
	}
	return a
}

var questions = []string{"rows", "trm", "contract", "banrep", "worldbank", "catalog"}

func (w *world) ask(ctx context.Context, name string) (kept, cache.Info, error) {
	return w.answer(ctx, w.question(w.Service, name))
}

func day(s string) time.Time {
	t, err := time.ParseInLocation(time.DateOnly, s, time.FixedZone("", -5*60*60))
	if err != nil {
		panic(err)
	}
	return t
}
