package cache_test

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"time"

	"openlearn/internal/cache"
)

// open makes a cache with two layers on a Redis of its own.
func open() (c *cache.Cache, closeAll func()) {
	client := cache.RedisForExamples()
	c, err := cache.New(cache.Options{
		Redis: client,
		Layers: []cache.Layer{
			{Name: "article", Namespace: "article", TTL: 24 * time.Hour, NegativeTTL: 30 * time.Second},
			{Name: "page", Namespace: "page", TTL: time.Hour},
		},
	})
	if err != nil {
		panic(err)
	}
	return c, func() { _ = errors.Join(c.Close(), client.Close()) }
}

var errNoArticle = fmt.Errorf("article: %w", cache.ErrNotFound)

// A cached function declares its key and what its result depends on.
func ExampleWrap() {
	c, closeAll := open()
	defer closeAll()
	titles := map[int]string{42: "Lluvias"}
	byID := cache.Wrap(c, cache.Spec[int]{
		Layer:    "article",
		Key:      func(id int) cache.Key { return cache.Key{ID: strconv.Itoa(id)} },
		Deps:     func(id int) []string { return []string{"article:" + strconv.Itoa(id)} },
		NotFound: errNoArticle,
	}, func(_ context.Context, id int) (string, error) {
		if title, ok := titles[id]; ok {
			return title, nil
		}
		return "", errNoArticle
	})
	ctx := context.Background()
	for range 2 {
		title, info, err := byID.GetInfo(ctx, 42)
		fmt.Println(title, "from", info.Source, err)
	}
	_, err := byID.Get(ctx, 7)
	fmt.Println(errors.Is(err, errNoArticle))
	// Output:
	// Lluvias from source <nil>
	// Lluvias from near <nil>
	// true
}

// Once Invalidate has returned, no read returns what was fetched before.
func ExampleCache_Invalidate() {
	c, closeAll := open()
	defer closeAll()
	stock := 3
	inStock := cache.Wrap(c, cache.Spec[string]{
		Layer: "page",
		Key:   func(shop string) cache.Key { return cache.Key{ID: shop} },
		Deps:  func(shop string) []string { return []string{"shop:" + shop, "shops"} },
	}, func(context.Context, string) (int, error) { return stock, nil })
	ctx := context.Background()
	before, _ := inStock.Get(ctx, "centro")
	stock = 2 // the write, committed
	if err := c.Invalidate(ctx, "shop:centro"); err != nil {
		fmt.Println("try again:", err)
	}
	after, _ := inStock.Get(ctx, "centro")
	fmt.Println(before, after)
	// Output: 3 2
}

// Several entries are looked up in one round trip, and what is missing is
// loaded in one call.
func ExampleFunc_GetMany() {
	c, closeAll := open()
	defer closeAll()
	load := func(_ context.Context, id int) (string, error) { return "article " + strconv.Itoa(id), nil }
	byID := cache.Wrap(c, cache.Spec[int]{
		Layer: "article",
		Key:   func(id int) cache.Key { return cache.Key{ID: strconv.Itoa(id)} },
	}, load).Batch(func(ctx context.Context, ids []int) ([]cache.Loaded[string], error) {
		fmt.Println("load", ids)
		out := make([]cache.Loaded[string], len(ids))
		for i, id := range ids {
			out[i].Value, out[i].Err = load(ctx, id)
		}
		return out, nil
	})
	ctx := context.Background()
	byID.GetMany(ctx, []int{1, 2})
	for _, r := range byID.GetMany(ctx, []int{1, 2, 3}) {
		fmt.Println(r.Value, r.Err)
	}
	// Output:
	// load [1 2]
	// load [3]
	// article 1 <nil>
	// article 2 <nil>
	// article 3 <nil>
}

// A value that was obtained elsewhere is stored with a ticket, taken before it
// was obtained: if anything it depends on changed since, it is not served.
func ExampleSet() {
	c, closeAll := open()
	defer closeAll()
	ctx := context.Background()
	e := cache.Entry{Layer: "article", Key: cache.Key{ID: "42"}, Deps: []string{"article:42"}}
	ticket, err := c.Ticket(ctx, e)
	if err != nil {
		fmt.Println(err)
	}
	value := "obtained after the ticket"
	if err := cache.Set(ctx, c, e, value, time.Minute, ticket); err != nil {
		fmt.Println(err)
	}
	fmt.Println(cache.Get[string](ctx, c, e))

	ticket, _ = c.Ticket(ctx, e)
	_ = c.Invalidate(ctx, "article:42") // meanwhile
	_ = cache.Set(ctx, c, e, "too late", time.Minute, ticket)
	_, err = cache.Get[string](ctx, c, e)
	fmt.Println(errors.Is(err, cache.ErrMiss))
	// Output:
	// obtained after the ticket <nil>
	// true
}

// GetOrSet is for entries that are not worth a Func.
func ExampleGetOrSet() {
	c, closeAll := open()
	defer closeAll()
	e := cache.Entry{Layer: "page", Key: cache.Key{ID: "greeting"}}
	for range 2 {
		fmt.Println(cache.GetOrSet(context.Background(), c, e, time.Minute, func(context.Context) (string, error) {
			fmt.Println("load")
			return "hola", nil
		}))
	}
	// Output:
	// load
	// hola <nil>
	// hola <nil>
}

// An operator invalidates and learns what that reached.
func ExampleCache_Purge() {
	c, closeAll := open()
	defer closeAll()
	ctx := context.Background()
	for _, id := range []string{"1", "2"} {
		e := cache.Entry{Layer: "article", Key: cache.Key{ID: id}, Deps: []string{"source:El Tiempo"}}
		if _, err := cache.GetOrSet(ctx, c, e, 0, func(context.Context) (string, error) { return "", nil }); err != nil {
			fmt.Println(err)
		}
	}
	would, err := c.Purge(ctx, []string{"source:El Tiempo"}, cache.PurgeOptions{DryRun: true})
	fmt.Println(would.Total(), err)
	did, err := c.Purge(ctx, []string{cache.LayerDep("article")}, cache.PurgeOptions{})
	fmt.Println(did.Layers, did.Complete, err)
	// Output:
	// 2 <nil>
	// map[article:2] true <nil>
}

// Bypass measures what a response costs without the cache.
func ExampleBypass() {
	c, closeAll := open()
	defer closeAll()
	f := cache.Wrap(c, cache.Spec[int]{Layer: "page", Key: func(int) cache.Key { return cache.Key{ID: "front"} }},
		func(context.Context, int) (string, error) { return "page", nil })
	ctx := context.Background()
	_, _ = f.Get(ctx, 0)
	_, info, err := f.GetInfo(cache.Bypass(ctx), 0)
	fmt.Println(info.Source, err)
	// Output: bypass <nil>
}

// An identifier may be a hash of what it stands for, so that no text of any
// length or kind gets into a key.
func ExampleHash() {
	fmt.Println(cache.Key{ID: cache.Hash("es", "Un texto largo…")}.ID)
	fmt.Println(cache.Hash("a", "b") == cache.Hash("ab"))
	// Output:
	// f8290e3984b27f586f59d7387861fbf4
	// false
}
