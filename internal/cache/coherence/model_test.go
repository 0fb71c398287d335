package coherence

import (
	"fmt"
	"slices"
	"strconv"
	"time"

	"openlearn/internal/cache"
)

// The world that workers read and write: five layers with as many keys each. Entries of the first three come from the source,
// a page is built from one of each, a site from two pages.
const (
	keys   = 24
	items  = 12
	groups = 4

	plain   = "plain"   // nothing in process
	strict  = "strict"  // near, checked
	bounded = "bounded" // near, unchecked for staleness
	page    = "page"
	site    = "site"

	staleness = 100 * time.Millisecond
)

var layerNames = []string{plain, strict, bounded, page, site}

func layers() []cache.Layer {
	near := func(m cache.NearMode) cache.Near { return cache.Near{Mode: m} }
	of := func(name string, ttl, swr, sie time.Duration, n cache.Near) cache.Layer {
		return cache.Layer{
			Name: name, Namespace: "of-" + name, Tier: cache.L1, Description: "Test.", TTL: ttl, StaleWhileRevalidate: swr, StaleIfError: sie,
			NegativeTTL: 400 * time.Millisecond, Near: n, SoftTimeout: 30 * time.Millisecond, HardTimeout: 2 * time.Second,
		}
	}
	return []cache.Layer{
		of(plain, 2*time.Second, time.Second, 2*time.Second, near(cache.NearOff)),
		of(strict, 1500*time.Millisecond, time.Second, 2*time.Second, near(cache.NearStrict)),
		of(bounded, time.Second, 500*time.Millisecond, time.Second, cache.Near{Mode: cache.NearBounded, Staleness: staleness}),
		of(page, 2*time.Second, 500*time.Millisecond, time.Second, near(cache.NearStrict)),
		of(site, 3*time.Second, 0, 0, near(cache.NearOff)),
	}
}

// entry is one of them, by number.
type entry int

const entries = entry(5 * keys)

func (e entry) layer() string { return layerNames[int(e)/keys] }
func (e entry) key() int      { return int(e) % keys }
func (e entry) id() string    { return strconv.Itoa(e.key()) }

func at(layer string, key int) entry {
	return entry(slices.Index(layerNames, layer)*keys + key%keys)
}

// parts are the entries that this one is built from.
func (e entry) parts() []entry {
	switch k := e.key(); e.layer() {
	case page:
		return []entry{at(plain, k), at(strict, k+1), at(bounded, k+2)}
	case site:
		return []entry{at(page, k), at(page, k+7)}
	default:
		return nil
	}
}

// declared is the dependencies that the entry declares to the cache. names also has those that the cache adds by
// itself.
func (e entry) declared() []string {
	k := e.key()
	if parts := e.parts(); parts != nil {
		out := []string{"built:" + strconv.Itoa(k%items)}
		for _, p := range parts {
			out = append(out, names(p)...)
		}
		slices.Sort(out)
		return slices.Compact(out)
	}
	out := []string{"item:" + strconv.Itoa(k%items), "group:" + strconv.Itoa(k%groups)}
	if k%3 == 0 {
		out = append(out, "things") // coarse: no colon
	}
	return out
}

// names is everything an entry depends on.
func names(e entry) []string {
	return append(e.declared(), "layer:"+e.layer(), e.layer()+":"+e.id())
}

const maxNames = 256

// known numbers all dependency names; hangsOn[e] is names(e) as numbers.
var (
	known   = map[string]int{}
	hangsOn [entries][]int
)

func init() {
	for e := range entries {
		for _, n := range names(e) {
			if _, ok := known[n]; !ok {
				known[n] = len(known)
			}
			hangsOn[e] = append(hangsOn[e], known[n])
		}
	}
	if len(known) > maxNames {
		panic(fmt.Sprint(len(known), " dependencies"))
	}
}

func nameOf(number int) string {
	for n, i := range known {
		if i == number {
			return n
		}
	}
	return "?"
}

// value is what is cached: which entry it is for, when its fetch began, and the parts it was built from.
type value struct {
	Entry entry   `json:"e"`
	Stamp int64   `json:"s"`
	Pad   string  `json:"p,omitempty"`
	Parts []value `json:"v,omitempty"`
	// Missing marks a part that the source did not have.
	Missing bool `json:"m,omitempty"`
}
