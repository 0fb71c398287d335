package app

import (
	"cmp"
	"context"
	"fmt"
	"math/rand/v2"
	"net/url"
	"slices"
	"sort"
	"strings"
	"testing"
	"time"

	"openlearn/internal/postgres"
)

// opKind is what a client does.
type opKind uint8

const (
	readArticle opKind = iota
	readList
	readSearch
	write
	opKinds
)

func (k opKind) String() string {
	return [...]string{"article", "list", "search", "write"}[k]
}

// op is one request of a trace.
type op struct {
	kind   opKind
	path   string
	id     int64  // of articles
	source string // of the list or the article
	keyed  bool   // has credentials: bypasses cached responses, but uses cached values
}

// trace generates requests: 70 % articles, 20 % lists, 10 % searches, each by Zipf's law with exponent 1, and some writes
// among them. The same seed gives the same trace for the same archive.
type trace struct {
	rnd              *rand.Rand
	ids              []int64
	sourceOf         map[int64]string
	lists, searches  []op
	byArticle        zipf
	byList, bySearch zipf
	writes           float64 // share of requests
	articlesOnly     bool
}

// zipf draws ranks 0 … n-1 with probability proportional to 1/(rank+1).
type zipf []float64

func newZipf(n int) zipf {
	z, sum := make(zipf, n), 0.0
	for i := range z {
		sum += 1 / float64(i+1)
		z[i] = sum
	}
	return z
}

func (z zipf) draw(r *rand.Rand) int {
	return min(sort.SearchFloat64s(z, r.Float64()*z[len(z)-1]), len(z)-1)
}

const traceSeed = 20261123

func newTrace(t *testing.T, db *postgres.DB, writes float64) *trace {
	t.Helper()
	tr := &trace{rnd: rand.New(rand.NewPCG(traceSeed, 1)), sourceOf: map[int64]string{}, writes: writes}
	words := map[string]int{}
	rows, err := db.Pool.Query(t.Context(), "SELECT id, source, title FROM scraped_content ORDER BY id")
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	for rows.Next() {
		var id int64
		var source, title string
		if err := rows.Scan(&id, &source, &title); err != nil {
			t.Fatal(err)
		}
		tr.ids = append(tr.ids, id)
		tr.sourceOf[id] = source
		for _, w := range strings.Fields(strings.ToLower(title)) {
			if w = strings.Trim(w, ".,;:¿?¡!«»\""); len(w) > 5 {
				words[w]++
			}
		}
	}
	if err := rows.Err(); err != nil {
		t.Fatal(err)
	}
	// Popularity is independent of age.
	tr.rnd.Shuffle(len(tr.ids), func(i, j int) { tr.ids[i], tr.ids[j] = tr.ids[j], tr.ids[i] })
	sources := map[string]bool{"": true}
	for _, s := range tr.sourceOf {
		sources[s] = true
	}
	for source := range sources {
		for _, order := range []string{"newest", "easiest"} {
			for _, limit := range []string{"10", "20", "50"} {
				q := url.Values{"order": {order}, "limit": {limit}}
				if source != "" {
					q.Set("source", source)
				}
				tr.lists = append(tr.lists, op{kind: readList, path: "/api/articles?" + q.Encode(), source: source})
			}
		}
	}
	for w, n := range words {
		if n > 20 {
			tr.searches = append(tr.searches, op{kind: readSearch, path: "/api/articles/search?q=" + url.QueryEscape(w)})
		}
	}
	for _, list := range [][]op{tr.lists, tr.searches} {
		slices.SortFunc(list, func(a, b op) int { return strings.Compare(a.path, b.path) })
		tr.rnd.Shuffle(len(list), func(i, j int) { list[i], list[j] = list[j], list[i] })
	}
	if len(tr.searches) > 500 {
		tr.searches = tr.searches[:500]
	}
	tr.byArticle, tr.byList, tr.bySearch = newZipf(len(tr.ids)), newZipf(len(tr.lists)), newZipf(len(tr.searches))
	return tr
}

// keyedShare is the share of reads with credentials.
const keyedShare = 0.25

func (tr *trace) next() op {
	var o op
	article := func(kind opKind) op {
		id := tr.ids[tr.byArticle.draw(tr.rnd)]
		return op{kind: kind, path: fmt.Sprintf("/api/articles/%d", id), id: id, source: tr.sourceOf[id]}
	}
	if tr.rnd.Float64() < tr.writes {
		return article(write)
	}
	switch p := tr.rnd.Float64(); {
	case p < 0.7 || tr.articlesOnly:
		o = article(readArticle)
	case p < 0.9:
		o = tr.lists[tr.byList.draw(tr.rnd)]
	default:
		o = tr.searches[tr.bySearch.draw(tr.rnd)]
	}
	o.keyed = tr.rnd.Float64() < keyedShare
	return o
}

// everything reads each page once.
func (tr *trace) everything(send func(op)) {
	for _, id := range tr.ids {
		send(op{kind: readArticle, path: fmt.Sprintf("/api/articles/%d", id), id: id, source: tr.sourceOf[id]})
	}
	for _, o := range slices.Concat(tr.lists, tr.searches) {
		send(o)
	}
}

// event is an operation as it happened.
type event struct {
	op
	start, end time.Duration // since the replay began
	counts     bool
}

// ceiling is the best that any cache could have done with what happened: infinite, never expiring, and invalidated exactly
// when data on which an answer depends were written. A read is a hit if, when it began, there was an answer that had been
// fetched after the last such write was acknowledged. So a fetch that a write overtook is useless here too.
type ceiling struct {
	events []event
	reads  [opKinds][2]int // by kind and whether with credentials
	hits   [opKinds][2]int
}

// settle evaluates the events once all are recorded.
func (c *ceiling) settle() {
	slices.SortFunc(c.events, func(a, b event) int { return cmp.Compare(a.start, b.start) })
	writes := map[string][]time.Duration{} // when they were acknowledged, by what depends on them
	for _, e := range c.events {
		if e.kind == write {
			for _, dep := range []string{"", e.source, e.path} {
				writes[dep] = append(writes[dep], e.end)
			}
		}
	}
	for _, acknowledged := range writes {
		slices.Sort(acknowledged)
	}
	// The last write before a moment that affects an answer.
	changed := func(o op, at time.Duration) time.Duration {
		dep := "" // anything
		switch {
		case o.kind == readArticle:
			dep = o.path
		case o.kind == readList:
			dep = o.source
		}
		i, _ := slices.BinarySearch(writes[dep], at+1)
		if i == 0 {
			return -1
		}
		return writes[dep][i-1]
	}
	fetched := map[string][]event{} // by what was asked for
	fresh := func(what string, e event, since time.Duration) bool {
		return slices.ContainsFunc(fetched[what], func(f event) bool { return f.end <= e.start && f.start >= since })
	}
	keep := func(what string, e event, since time.Duration) {
		fetched[what] = append(slices.DeleteFunc(fetched[what], func(f event) bool { return f.start < since }), e)
	}
	for _, e := range c.events {
		if e.kind == write {
			continue
		}
		since := changed(e.op, e.start)
		value, response := "value "+e.path, "response "+e.path
		asked, who := response, 0
		if e.keyed {
			asked, who = value, 1
		}
		hit := fresh(asked, e, since)
		if !hit {
			keep(asked, e, since)
			if asked == response && !fresh(value, e, since) {
				keep(value, e, since) // a response is made from the value
			}
		}
		if e.counts {
			c.reads[e.kind][who]++
			if hit {
				c.hits[e.kind][who]++
			}
		}
	}
}

// statements is PostgreSQL's own count.
func statements(ctx context.Context, t *testing.T, db *postgres.DB) (n int64) {
	t.Helper()
	// Excluding this query itself, and those of other databases.
	const q = `SELECT coalesce(sum(calls), 0)::bigint FROM pg_stat_statements s JOIN pg_database d ON d.oid = s.dbid
		WHERE d.datname = current_database() AND query NOT LIKE '%pg_stat_statements%'`
	if err := db.Pool.QueryRow(ctx, q).Scan(&n); err != nil {
		t.Fatal(err)
	}
	return n
}
