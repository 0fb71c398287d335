package coherence

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"math/rand/v2"
	"net"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"
	"golang.org/x/sync/singleflight"
)

// The controls do what nearly everybody does. The checker must find their violations.

// aside is plain cache-aside: look, else fetch and store; a change deletes the entries that it concerns.
type aside struct {
	w   *worker
	rdb redis.UniversalClient
}

func (a *aside) key(e entry) string { return "aside:" + e.layer() + ":" + e.id() }

func (a *aside) read(ctx context.Context, _ *rand.Rand, es []entry) []result {
	out := make([]result, len(es))
	for i, e := range es {
		raw, err := a.rdb.Get(ctx, a.key(e)).Bytes()
		if err == nil && json.Unmarshal(raw, &out[i].value) == nil {
			continue
		}
		out[i].value, out[i].err = whole(ctx, a.w, e)
		if raw, err := json.Marshal(out[i].value); err == nil && out[i].err == nil {
			a.rdb.Set(ctx, a.key(e), raw, 2*time.Second)
		}
	}
	return out
}

func (a *aside) invalidate(ctx context.Context, changed []string) error {
	return a.rdb.Del(ctx, concerned(changed, a.key)...).Err()
}

func (a *aside) close() error { return nil }

// shared is plain singleflight by key, and no cache at all.
type shared struct {
	w     *worker
	group singleflight.Group
}

func (s *shared) read(ctx context.Context, _ *rand.Rand, es []entry) []result {
	out := make([]result, len(es))
	for i, e := range es {
		v, err, _ := s.group.Do(e.layer()+e.id(), func() (any, error) { return whole(ctx, s.w, e) })
		out[i].value, out[i].err = v.(value), err
	}
	return out
}

func (s *shared) invalidate(context.Context, []string) error { return nil }
func (s *shared) close() error                               { return nil }

// whole fetches an entry with its parts.
func whole(ctx context.Context, w *worker, e entry) (value, error) {
	v, err := w.fetch(ctx, e)
	if v.Missing {
		return v, err
	}
	for _, p := range e.parts() {
		part, partErr := whole(ctx, w, p)
		v.Parts = append(v.Parts, part)
		err = errors.Join(err, partErr)
	}
	return v, err
}

// concerned lists the keys of all entries that depend on these names.
func concerned(changed []string, key func(entry) string) []string {
	set := map[int]bool{}
	for _, name := range changed {
		if layer, ok := strings.CutPrefix(name, deletePattern); ok {
			name = "layer:" + layer
		}
		set[known[name]] = true
	}
	var out []string
	for e := range entries {
		for _, d := range hangsOn[e] {
			if set[d] {
				out = append(out, key(e))
				break
			}
		}
	}
	return out
}

// hidesHistory makes all histories of Redis look the same: the cache then behaves as it would without its check.
type hidesHistory struct{ net.Conn }

func (c *hidesHistory) Read(b []byte) (int, error) {
	n, err := c.Conn.Read(b)
	const mark = "master_replid:"
	if i := bytes.Index(b[:n], []byte(mark)); i >= 0 && i+len(mark)+40 <= n {
		copy(b[i+len(mark):], strings.Repeat("0", 40))
	}
	return n, err
}
