package cache

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"sync"

	"github.com/redis/go-redis/v9"

	"openlearn/internal/cache/internal/pattern"
)

// KeyPage is some of a layer's identifiers.
type KeyPage struct {
	IDs []string
	// Next is where the walk goes on, "" at its end.
	Next string
}

const (
	pageScans  = 40   // at most, for one page: a sparse layer's page may be short, even empty
	mostOnPage = 1000 // the least a caller may ask for is 1
)

// Keys walks a layer's identifiers that begin with prefix (taken literally),
// a page of about limit at a time; what was invalidated but not yet freed is
// among them. As with SCAN, what is stored throughout the walk is listed at
// least once. On Cluster, one primary after the other.
func (c *Cache) Keys(ctx context.Context, layer, prefix, cursor string, limit int) (KeyPage, error) {
	l, err := c.layer(layer)
	if err != nil {
		return KeyPage{}, err
	}
	limit = min(max(limit, 1), mostOnPage)
	node, at, err := parseCursor(cursor)
	if err != nil {
		return KeyPage{}, err
	}
	nodes, err := c.primaries(ctx)
	if err != nil {
		return KeyPage{}, fmt.Errorf("cache: keys of layer %s: %w", layer, err)
	}
	var page KeyPage
	match := pattern.EscapeGlob(l.keyPrefix+prefix) + "*"
	for count, n := int64(limit), 0; n < pageScans; n++ {
		if node >= len(nodes) {
			return page, nil
		}
		keys, next, err := nodes[node].Scan(ctx, at, match, count).Result()
		if err != nil {
			return page, fmt.Errorf("cache: keys of layer %s: %w", layer, err)
		}
		if len(keys) == 0 {
			count = min(2*count, mostOnPage) // sparse: take longer strides
		}
		for _, k := range keys {
			page.IDs = append(page.IDs, k[len(l.keyPrefix):])
		}
		if at = next; at == 0 {
			node++
		}
		if len(page.IDs) >= limit {
			break
		}
	}
	if node < len(nodes) {
		page.Next = strconv.Itoa(node) + "-" + strconv.FormatUint(at, 10)
	}
	return page, nil
}

// KeyPrefix is what a layer's keys begin with, "" for an unknown layer.
func (c *Cache) KeyPrefix(layer string) string {
	if l, err := c.layer(layer); err == nil {
		return l.keyPrefix
	}
	return ""
}

func parseCursor(s string) (node int, at uint64, err error) {
	if s == "" {
		return 0, 0, nil
	}
	n, c, ok := strings.Cut(s, "-")
	node, errN := strconv.Atoi(n)
	at, errC := strconv.ParseUint(c, 10, 64)
	if !ok || errN != nil || errC != nil || node < 0 {
		return 0, 0, fmt.Errorf("%w: cursor %q", ErrInvalidKey, s)
	}
	return node, at, nil
}

// primaries lists the servers that hold keys, in a stable order.
func (c *Cache) primaries(ctx context.Context) ([]redis.Cmdable, error) {
	r, ok := c.rdb.(*redis.ClusterClient)
	if !ok {
		return []redis.Cmdable{c.rdb}, nil
	}
	var mu sync.Mutex
	var all []*redis.Client
	err := r.ForEachMaster(ctx, func(_ context.Context, n *redis.Client) error {
		mu.Lock()
		defer mu.Unlock()
		all = append(all, n)
		return nil
	})
	slices.SortFunc(all, func(a, b *redis.Client) int { return cmp.Compare(a.Options().Addr, b.Options().Addr) })
	out := make([]redis.Cmdable, len(all))
	for i, n := range all {
		out[i] = n
	}
	return out, err
}
