package cache

import (
	"context"
	"errors"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
)

// mgets counts MGETs, and lets a test do something before each is sent.
type mgets struct {
	n      atomic.Int64
	before func(n int64)
}

func (*mgets) DialHook(next redis.DialHook) redis.DialHook { return next }

// A read that does not know its primary asks in a pipeline.
func (m *mgets) ProcessPipelineHook(next redis.ProcessPipelineHook) redis.ProcessPipelineHook {
	return func(ctx context.Context, cmds []redis.Cmder) error {
		for _, cmd := range cmds {
			if cmd.Name() == "mget" {
				if n := m.n.Add(1); m.before != nil {
					m.before(n)
				}
			}
		}
		return next(ctx, cmds)
	}
}

func (m *mgets) ProcessHook(next redis.ProcessHook) redis.ProcessHook {
	return func(ctx context.Context, cmd redis.Cmder) error {
		if cmd.Name() == "mget" {
			if n := m.n.Add(1); m.before != nil {
				m.before(n)
			}
		}
		return next(ctx, cmd)
	}
}

// waiting waits until the next check has been asked for so many keys of a kind.
func (s *versionBatcher) waiting(t *testing.T, n int, kind string) {
	t.Helper()
	eventually(t, "readers wait for the next check", func() bool {
		s.mu.Lock()
		defer s.mu.Unlock()
		have := 0
		for key := range s.at {
			if strings.Contains(key, kind) {
				have++
			}
		}
		return have >= n
	})
}

// Readers of different entries who come while the lanes are taken share one
// exchange, that began after they came: it tells each of them the truth.
func TestReadersOfManyEntriesShareACheck(t *testing.T) {
	t.Parallel()
	const readers = 50
	c := instances(t, 1, exactly(ownRedis(t), nil))[0] // its link is up: coming up later, it would empty the memory
	f := count(c, Article)
	for id := range readers {
		mustGet(t, f, id, 0)
	}
	s := c.near.checks
	s.mu.Lock()
	s.lanes, s.began = 1, c.mono()+int64(time.Hour) // somebody's exchange is under way
	s.mu.Unlock()
	seen := &mgets{}
	c.rdb.AddHook(seen)

	var wg sync.WaitGroup
	var hits, loads atomic.Int64
	f.value.Store(1)
	for id := range readers {
		wg.Go(func() {
			v, info, err := f.GetInfo(context.Background(), id)
			switch {
			case err != nil:
				t.Error(err)
			case id%2 == 0 && (v != 1 || info.Source != FromSource):
				t.Errorf("%d: %d from %v after its invalidation", id, v, info.Source)
			case id%2 == 1 && (v != 0 || info.Source != FromNear):
				t.Errorf("%d: %d from %v, nothing had changed", id, v, info.Source)
			}
			if id%2 == 1 {
				hits.Add(1)
			} else {
				loads.Add(1)
			}
		})
	}
	s.waiting(t, readers, "thing:")
	for id := 0; id < readers; id += 2 {
		if err := c.Invalidate(context.Background(), "thing:"+strconv.Itoa(id)); err != nil {
			t.Fatal(err)
		}
	}
	before := seen.n.Load()
	s.pass(c)
	wg.Wait()
	// One look at all versions; whoever is to fetch anew reads its own entry once more.
	if n := seen.n.Load() - before; n > 1+loads.Load() {
		t.Errorf("%d exchanges for %d readers, of whom %d fetched", n, readers, loads.Load())
	}
	if hits.Load() != readers/2 {
		t.Errorf("%d hits, want %d", hits.Load(), readers/2)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.next != nil || s.lanes > 0 || len(s.at) > 0 {
		t.Errorf("afterwards %d lanes and %d keys wait", s.lanes, len(s.at))
	}
}

// Whoever comes while an exchange is under way is not told what that one saw.
func TestACheckUnderWayIsNotJoined(t *testing.T) {
	t.Parallel()
	c := instances(t, 1, exactly(ownRedis(t), nil))[0] // its link is up: coming up later, it would empty the memory
	f := count(c, Article)
	mustGet(t, f, 1, 0)
	mustGet(t, f, 1, 0)
	s := c.near.checks
	ctx := context.Background()
	got := make(chan int, 1)
	seen := &mgets{before: func(n int64) {
		if n != 1 {
			return
		}
		f.value.Store(1)
		if err := c.Invalidate(ctx, "thing:1"); err != nil {
			t.Error(err)
		}
		s.mu.Lock()
		s.began += int64(time.Hour) // it has only just begun, however long this takes
		s.mu.Unlock()
		go func() {
			v, err := f.Get(ctx, 1)
			if err != nil {
				t.Error(err)
			}
			got <- v
		}()
		s.waiting(t, 1, "thing:1")
	}}
	c.rdb.AddHook(seen)
	if _, err := f.Get(ctx, 1); err != nil {
		t.Fatal(err)
	}
	if v := <-got; v != 1 {
		t.Errorf("a reader who came after the invalidation got %d", v)
	}
}

func TestAReaderWhoWaitsForACheckMayLeave(t *testing.T) {
	t.Parallel()
	c := newCache(t, exactly(ownRedis(t), nil))
	s := new(versionBatcher)
	s.lanes, s.began = 1, int64(time.Hour)
	ctx, cancel := context.WithCancel(context.Background())
	left := make(chan error, 1)
	go func() {
		_, err := s.of(ctx, c, []string{"dep:v1:a"})
		left <- err
	}()
	s.waiting(t, 1, "dep:")
	cancel()
	if err := <-left; !errors.Is(err, context.Canceled) {
		t.Fatalf("left with %v", err)
	}
	s.pass(c)
	if out, err := s.of(context.Background(), c, []string{"dep:v1:a"}); err != nil || out.err != nil || len(out.versions) != 1 {
		t.Fatalf("afterwards %+v, %v", out, err)
	}
}

// Where an exchange takes long, another begins beside it, with all who wait.
func TestASlowCheckIsNotWaitedFor(t *testing.T) {
	t.Parallel()
	c := newCache(t, exactly(ownRedis(t), nil))
	s := new(versionBatcher)
	s.lanes, s.began = 1, int64(time.Hour)
	waiter := make(chan outcome, 1)
	go func() {
		out, err := s.of(context.Background(), c, []string{"dep:v1:a", "dep:v1:b"})
		if err != nil {
			t.Error(err)
		}
		waiter <- out
	}()
	s.waiting(t, 2, "dep:")
	s.mu.Lock()
	s.began = -int64(time.Hour)
	s.mu.Unlock()
	seen := &mgets{}
	c.rdb.AddHook(seen)
	out, err := s.of(context.Background(), c, []string{"dep:v1:b"})
	if err != nil || out.err != nil || len(out.versions) != 1 {
		t.Fatalf("%+v, %v", out, err)
	}
	if out := <-waiter; out.err != nil || len(out.versions) != 2 {
		t.Fatalf("who had waited got %+v", out)
	}
	if n := seen.n.Load(); n != 1 {
		t.Errorf("%d exchanges, want one for both", n)
	}
	eventually(t, "its lane is free", func() bool { s.mu.Lock(); defer s.mu.Unlock(); return s.lanes == 1 })
}

// An exchange that is full is not made larger.
func TestAFullCheckIsNotJoined(t *testing.T) {
	t.Parallel()
	c := newCache(t, exactly(ownRedis(t), nil))
	s := new(versionBatcher)
	s.lanes, s.began = 1, int64(time.Hour)
	var keys []string
	for i := range maxBatchKeys {
		keys = append(keys, "dep:v1:"+strconv.Itoa(i))
	}
	done := make(chan outcome, 1)
	go func() {
		out, err := s.of(context.Background(), c, keys)
		if err != nil {
			t.Error(err)
		}
		done <- out
	}()
	s.waiting(t, maxBatchKeys, "dep:")
	if out, err := s.of(context.Background(), c, keys[:3]); err != nil || len(out.versions) != 3 {
		t.Fatalf("beside a full one: %+v, %v", out, err)
	}
	s.pass(c)
	if out := <-done; out.err != nil || len(out.versions) != maxBatchKeys {
		t.Fatalf("the full one: %d versions, %v", len(out.versions), out.err)
	}
}
