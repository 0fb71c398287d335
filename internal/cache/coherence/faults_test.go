package coherence

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/redis/go-redis/v9"
	"gorm.io/gorm"

	"openlearn/internal/cache"
	"openlearn/internal/outbox"
	"openlearn/internal/testkit"
)

// The matrix of faults. Two instances read a few articles again and again, each over links of its own to Redis and
// PostgreSQL, while something is broken and articles are changed: through the first instance, through the second, and
// in psql. No read that begins after a change was acknowledged may show what was there before, nor one that begins more
// than a second after a commit in psql.

const (
	faultArticles = 3
	psqlBound     = time.Second
)

// stage is two instances, what lies between them and the servers, and what was read.
type stage struct {
	t         *testing.T
	dsn       string
	redis     *node
	instances [2]*instance
	toRedis   [2]*link
	toPG      [2]*link
	psql      *pgx.Conn

	next   [faultArticles]atomic.Int64 // the last title that was handed out
	floors [faultArticles]atomic.Int64 // no read that begins now may show a lower one

	judged, hits, stale [2]atomic.Int64 // by instance
	wrong               sync.Map        // descriptions of the first few violations
	tallies             map[string]int
}

func newStage(t *testing.T, gated bool) *stage {
	t.Helper()
	s := &stage{t: t, dsn: testkit.Database(t), tallies: map[string]int{}}
	s.redis = startNode(t, "enable-protected-configs yes", "repl-diskless-sync yes")
	u, err := url.Parse(s.dsn)
	if err != nil {
		t.Fatal(err)
	}
	if s.psql, err = pgx.Connect(t.Context(), s.dsn); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.psql.Close(context.Background()) })
	for id := range faultArticles {
		s.exec(`INSERT INTO scraped_content (id, source, source_url, title, content) VALUES ($1::bigint, 'A', 'u' || $1, '0', 'c')`, id)
	}
	for i := range s.instances {
		s.toRedis[i], s.toPG[i] = newLink(t, s.redis.Addr()), newLink(t, u.Host)
		through := *u
		through.Host = s.toPG[i].addr()
		rdb := redis.NewClient(&redis.Options{Addr: s.toRedis[i].addr(), Username: userName, Password: userPassword})
		t.Cleanup(func() { _ = rdb.Close() })
		s.instances[i] = newInstance(t, through.String(), rdb, gated)
		if !gated { // still with a relay, but nobody asks its gate
			s.instances[i].relay.Start(t.Context(), s.instances[i].cache)
		}
	}
	return s
}

func (s *stage) exec(sql string, args ...any) (changed int64) {
	s.t.Helper()
	tag, err := s.psql.Exec(s.t.Context(), sql, args...)
	if err != nil {
		s.t.Fatal(err)
	}
	return tag.RowsAffected()
}

// readOn reads through one instance until ctx ends.
func (s *stage) readOn(ctx context.Context, i int) {
	r := rand.New(rand.NewPCG(rand.Uint64(), rand.Uint64()))
	for ctx.Err() == nil {
		id := r.IntN(faultArticles)
		floor := s.floors[id].Load()
		reading, cancel := context.WithTimeout(ctx, 3*time.Second)
		v, info, err := s.instances[i].titles.GetInfo(reading, int64(id))
		cancel()
		if err == nil {
			s.judge(i, id, v, floor, info)
		}
		pace(r, 4*time.Millisecond)
	}
}

func (s *stage) judge(i, id int, title string, floor int64, info cache.Info) {
	s.judged[i].Add(1)
	if info.Source == cache.FromRedis || info.Source == cache.FromNear {
		s.hits[i].Add(1)
	}
	if n, err := strconv.ParseInt(title, 10, 64); err != nil || n < floor {
		if s.stale[i].Add(1) <= 3 {
			s.wrong.Store(fmt.Sprintf("instance %d showed title %s of article %d from %v, although %d had been acknowledged", i, title, id, info.Source, floor), true)
		}
	}
}

// change writes one article through an instance and returns how that was answered.
func (s *stage) change(i int) (answer string) {
	id := rand.IntN(faultArticles)
	title := s.next[id].Add(1)
	ctx, cancel := context.WithTimeout(s.t.Context(), 20*time.Second)
	defer cancel()
	var changed int64
	pending, err := s.instances[i].relay.Write(ctx, func(tx *gorm.DB) error {
		done := tx.Exec(`UPDATE scraped_content SET title = ? WHERE id = ? AND title::bigint < ?`, strconv.FormatInt(title, 10), id, title)
		changed = done.RowsAffected
		return done.Error
	})
	switch {
	case err == nil && changed == 0:
		return "overtaken" // by a later title, whose writer answers for it
	case errors.Is(err, outbox.ErrUnconfirmed):
		return "unconfirmed"
	case err != nil:
		return "failed"
	}
	raise(&s.floors[id], title)
	if pending {
		return "pending"
	}
	return "applied"
}

// changeBeside writes one article in psql; it must be visible after bound.
func (s *stage) changeBeside(bound time.Duration, all *sync.WaitGroup) {
	s.t.Helper()
	id := rand.IntN(faultArticles)
	title := s.next[id].Add(1)
	if s.exec(`UPDATE scraped_content SET title = $1 WHERE id = $2 AND title::bigint < $3`, strconv.FormatInt(title, 10), id, title) == 0 {
		return
	}
	all.Go(func() {
		time.Sleep(bound)
		raise(&s.floors[id], title)
	})
}

// fault breaks something and returns a function that repairs it.
type fault func(*stage) (mend func())

// refuses is a Redis that answers reads and no writes.
func refuses(set func(*node), mend func(*node)) fault {
	return func(s *stage) func() {
		set(s.redis)
		if err := s.redis.rdb.Set(s.t.Context(), "refused", "?", 0).Err(); err == nil {
			s.t.Error("Redis takes writes: the fault is none")
		}
		return func() { mend(s.redis) }
	}
}

func config(name, broken, whole string) fault {
	return refuses(func(n *node) { n.config(name, broken) }, func(n *node) { n.config(name, whole) })
}

var faults = map[string]fault{
	"nothing": func(*stage) func() { return func() {} },
	"OOM": refuses(func(n *node) {
		n.config("maxmemory-policy", "noeviction")
		n.config("maxmemory", "1")
	}, func(n *node) { n.config("maxmemory", "0") }),
	"NOREPLICAS": config("min-replicas-to-write", "9", "0"),
	"MISCONF":    refuses(misconfigure, func(n *node) { n.config("save", "") }),
	"READONLY": refuses(func(n *node) {
		n.again("demote", func() error { return n.rdb.ReplicaOf(context.Background(), "127.0.0.1", "1").Err() })
	}, func(n *node) {
		n.again("promote", func() error { return n.rdb.ReplicaOf(context.Background(), "no", "one").Err() })
	}),
	"ACL": refuses(func(n *node) { n.acl("-@write") }, func(n *node) { n.acl("+@all") }),
	"one instance cut off from Redis": func(s *stage) func() {
		k := s.toRedis[rand.IntN(2)]
		k.setCut(true)
		return func() { k.setCut(false) }
	},
	"both cut off from Redis": func(s *stage) func() {
		s.toRedis[0].setCut(true)
		s.toRedis[1].setCut(true)
		return func() { s.toRedis[0].setCut(false); s.toRedis[1].setCut(false) }
	},
	"slow Redis": func(s *stage) func() {
		k := s.toRedis[rand.IntN(2)]
		k.delay.Store(int64(500 * time.Millisecond)) // longer than the cache waits
		return func() { k.delay.Store(0) }
	},
	"frozen Redis": func(s *stage) func() {
		s.redis.must("pause", s.redis.Pause())
		return func() { s.redis.must("resume", s.redis.Resume()) }
	},
	"full pool": func(s *stage) func() {
		pool := s.instances[rand.IntN(2)].db.Pool
		held := lend(s.t, pool)
		return func() {
			for _, c := range held {
				c.Release()
			}
		}
	},
	"locked outbox": func(s *stage) func() {
		c, err := pgx.Connect(s.t.Context(), s.dsn)
		if err == nil {
			_, err = c.Exec(s.t.Context(), `BEGIN; LOCK TABLE cache_outbox`)
		}
		if err != nil {
			s.t.Error(err)
		}
		return func() { _ = c.Close(context.Background()) }
	},
	"slow PostgreSQL": func(s *stage) func() {
		k := s.toPG[rand.IntN(2)]
		k.delay.Store(int64(600 * time.Millisecond))
		return func() { k.delay.Store(0) }
	},
}

// misconfigure makes a server that could not save what it holds.
func misconfigure(n *node) {
	const notAFile = "a-directory"
	if err := os.MkdirAll(filepath.Join(filepath.Dir(n.Log()), notAFile), 0o755); err != nil {
		n.t.Fatal(err)
	}
	n.config("dbfilename", notAFile)
	n.config("save", "3600 1")
	n.config("stop-writes-on-bgsave-error", "yes")
	testkit.Eventually(n.t, "saving fails", func() bool {
		n.rdb.BgSave(context.Background())
		return n.rdb.InfoMap(context.Background(), "persistence").Item("Persistence", "rdb_last_bgsave_status") == "err"
	})
}

func (n *node) acl(rule string) {
	n.again("let "+rule, func() error { return n.rdb.Do(context.Background(), "acl", "setuser", userName, rule).Err() })
}

// lend takes all of a pool's connections, and waits for those in use.
func lend(t *testing.T, pool *pgxpool.Pool) (held []*pgxpool.Conn) {
	for range pool.Config().MaxConns {
		c, err := pool.Acquire(t.Context())
		if err != nil {
			t.Error(err)
			continue
		}
		held = append(held, c)
	}
	return held
}

// served waits until both instances serve the articles from the cache.
func (s *stage) served() {
	s.t.Helper()
	for i, one := range s.instances {
		testkit.Eventually(s.t, fmt.Sprintf("instance %d serves entries", i), func() bool {
			for id := range faultArticles {
				_, info, err := one.titles.GetInfo(s.t.Context(), int64(id))
				if err != nil || info.Source != cache.FromRedis && info.Source != cache.FromNear {
					return false
				}
			}
			return true
		})
	}
}

// cycle breaks something while articles are changed, and repairs it.
func (s *stage) cycle(name string, beside time.Duration) {
	s.t.Helper()
	s.served()
	var all sync.WaitGroup
	var mu sync.Mutex
	through := func(i int) {
		all.Go(func() {
			answer := s.change(i)
			mu.Lock()
			defer mu.Unlock()
			s.tallies[fmt.Sprintf("by %d %s", i, answer)]++
		})
	}
	first := rand.IntN(3)
	if name == "locked outbox" { // afterwards nobody could
		s.changeBeside(beside, &all)
	}
	mend := faults[name](s)
	for _, who := range []int{first, (first + 1) % 3, (first + 2) % 3} {
		switch {
		case who < 2:
			through(who)
		case name != "locked outbox":
			s.changeBeside(beside, &all)
		}
		time.Sleep(time.Duration(rand.IntN(300)) * time.Millisecond) // so that a look may come in between, or not
	}
	time.Sleep(time.Duration(1000+rand.IntN(500)) * time.Millisecond) // readers meet pending changes
	mend()
	all.Wait()
}

// play runs cycles under two readers of each instance.
func (s *stage) play(name string, beside time.Duration, over func(cycles int) bool) {
	s.t.Helper()
	ctx, cancel := context.WithCancel(s.t.Context())
	var readers sync.WaitGroup
	for i := range s.instances {
		for range 2 {
			readers.Go(func() { s.readOn(ctx, i) })
		}
	}
	defer readers.Wait()
	defer cancel()
	for n := 0; !over(n); n++ {
		s.cycle(name, beside)
	}
}

func (s *stage) log(name string) {
	s.t.Logf("%s: judged %d and %d (hits %d and %d), stale %d and %d; %v", name, s.judged[0].Load(), s.judged[1].Load(),
		s.hits[0].Load(), s.hits[1].Load(), s.stale[0].Load(), s.stale[1].Load(), s.tallies)
}

// TestNothingAcknowledgedIsServedStale is the matrix: three cycles of each fault, or as long as OPENLEARN_VERIFY says.
func TestNothingAcknowledgedIsServedStale(t *testing.T) {
	t.Parallel()
	for name := range faults {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newStage(t, true)
			began := time.Now()
			long := howLong(t) > time.Minute
			s.play(name, psqlBound, func(n int) bool {
				served := s.hits[0].Load() >= 10 && s.hits[1].Load() >= 10 || n >= 12 // a busy machine takes longer
				return n >= 3 && served && (!long || time.Since(began) > howLong(t))
			})
			s.log(name)
			s.wrong.Range(func(what, _ any) bool { t.Error(what); return true })
			for i := range s.stale {
				if n := s.stale[i].Load(); n > 0 {
					t.Errorf("instance %d: %d stale reads", i, n)
				}
				if s.hits[i].Load() < 10 {
					t.Errorf("instance %d: %d hits prove nothing", i, s.hits[i].Load())
				}
			}
			for _, answer := range []string{"by 0 failed", "by 1 failed", "by 0 unconfirmed", "by 1 unconfirmed"} {
				if slices.Contains([]string{"full pool", "locked outbox", "slow PostgreSQL"}, name) && strings.HasSuffix(answer, "failed") {
					continue // writers that wait are refused: for a connection after a second, for a lock after two
				}
				if s.tallies[answer] > 0 {
					t.Errorf("%d changes %s: PostgreSQL was there all along", s.tallies[answer], answer)
				}
			}
		})
	}
}

// The controls: the same checker where a change is acknowledged as soon as it is committed, and where no gate closes.
func TestTheMatrixFindsViolations(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		gated bool
		bound time.Duration
	}{
		"acknowledged at once": {true, 0},
		"no gate":              {false, psqlBound},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newStage(t, c.gated)
			s.play("OOM", c.bound, func(n int) bool { return n >= 1 && s.stale[0].Load() > 0 && s.stale[1].Load() > 0 || n > 20 })
			s.log(name)
			if s.stale[0].Load() == 0 || s.stale[1].Load() == 0 {
				t.Error("no violation was found on some instance: the checker proves nothing")
			}
		})
	}
}
