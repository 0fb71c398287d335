package faults

import (
	"bytes"
	"context"
	crand "crypto/rand"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"runtime"
	"strconv"
	"sync"
	"sync/atomic"
	"syscall"
	"time"
)

// The standing load, per instance and second. It is meant to notice faults, not to cause them.
const (
	hitRate      = 20
	trackedRate  = 10
	listRate     = 2
	uncachedRate = 4
	writeRate    = 2
	sqlRate      = 2 // of both together
	revokeRate   = 1 // of each way
	mostRunning  = 600
	patience     = 20 * time.Second // more than the service gives any request
	active       = 12               // articles that are written in turn
	mostPasses   = 400              // sessions that end in a row
)

const loadWords = "20 hits, 10 reads of written articles, 2 lists, 4 new searches and 2 PATCHes a second on each of two instances, 2 commits a second with SQL beside them, " +
	"8 reads around each write, and 2 sessions a second that end by logout or with SQL, with 10 uses of their tokens around each end"

// load is the standing load of one row.
type load struct {
	e        *env
	rec      *recorder
	source   string
	articles []*article
	bulky    bool // PATCHes carry a long, incompressible text
	balanced bool // by readiness, as polled now and then
	clients  [2]*http.Client
	sqlDown  atomic.Int64 // commits with SQL that failed

	gone    atomic.Pointer[outage]
	over    *overload // what the overload row measures
	growth  *growth   // what the soak measures
	more    []*surplus
	began   time.Time // of the fault itself, if a row measures something before it
	running chan struct{}
	wg      sync.WaitGroup
	ready   [2]atomic.Bool
	skipped atomic.Int64 // requests that were not made since too many ran

	passes   []*pass
	nextPass int // guarded by mu, as the others below

	mu   sync.Mutex
	next int // next of the articles that have not been used
	use  []*article
}

func (e *env) newLoad(ctx context.Context, r *row) (*load, error) {
	arts, source, err := e.newArticles(ctx, 150)
	if err != nil {
		return nil, err
	}
	passes, err := e.newPasses(ctx, mostPasses)
	if err != nil {
		return nil, err
	}
	l := &load{
		passes: passes,
		e:      e, rec: &recorder{slow: e.timing.slow}, source: source, articles: arts, bulky: r.bulky, balanced: r.balanced, next: active, use: append([]*article(nil), arts[:active]...),
		running: make(chan struct{}, mostRunning),
	}
	l.gone.Store(&outage{})
	for i := range l.clients {
		l.clients[i] = newClient("", !r.fresh)
		l.ready[i].Store(true)
	}
	for i, p := range l.passes[:min(someFirst, len(l.passes))] {
		l.fetch(i%2, p)
	}
	return l, nil
}

// newClient makes a client with its own pool of connections, from its own address if the system allows that.
func newClient(from string, reuse bool) *http.Client {
	dialer := &net.Dialer{Timeout: 5 * time.Second}
	if from != "" && runtime.GOOS == "linux" {
		dialer.LocalAddr = &net.TCPAddr{IP: net.ParseIP(from)}
	}
	return &http.Client{Timeout: patience, Transport: &http.Transport{
		DialContext: dialer.DialContext, DisableKeepAlives: !reuse, MaxIdleConnsPerHost: 64, DisableCompression: true,
	}}
}

// run makes the load until ctx ends, and returns when the last answer has come.
func (l *load) run(ctx context.Context) {
	for i := range l.e.instances {
		l.every(ctx, hitRate, func() { l.get(hit, i, l.hitPath()) })
		l.every(ctx, trackedRate, func() { l.read(i, l.one()) })
		l.every(ctx, listRate, func() { l.list(i) })
		l.every(ctx, uncachedRate, func() { l.get(uncached, i, searchPath()) })
		l.every(ctx, writeRate, func() { l.patch(i, l.one()) })
	}
	l.every(ctx, sqlRate, func() { l.commit(ctx, l.one()) })
	l.every(ctx, revokeRate, func() { l.revoke(ctx, true) })
	l.every(ctx, revokeRate, func() { l.revoke(ctx, false) })
	if l.balanced {
		l.wg.Go(func() { l.poll(ctx) })
	}
	l.wg.Wait()
}

// close ends the row's extra requests, and closes the connections.
func (l *load) close() {
	for _, s := range l.more {
		s.stop()
		s.wait()
	}
	for _, c := range l.clients {
		c.CloseIdleConnections()
	}
}

// every starts do at a rate, without waiting for the last one: clients do not wait for each other.
func (l *load) every(ctx context.Context, rate int, do func()) {
	rate = max(rate/l.e.timing.thinner, 1)
	l.wg.Go(func() {
		if !sleep(ctx, rand.N(time.Second/time.Duration(rate))) {
			return
		}
		tick := time.NewTicker(time.Second / time.Duration(rate))
		defer tick.Stop()
		for {
			select {
			case <-ctx.Done():
				return
			case <-tick.C:
			}
			select {
			case l.running <- struct{}{}:
				l.wg.Go(func() {
					defer func() { <-l.running }()
					do()
				})
			default:
				l.skipped.Add(1)
			}
		}
	})
}

// poll is a balancer's look at readiness.
func (l *load) poll(ctx context.Context) {
	for {
		for i, in := range l.e.instances {
			l.ready[i].Store(in.ready(ctx, time.Second))
		}
		if !sleep(ctx, l.e.timing.poll) {
			return
		}
	}
}

// target is the instance that a request for i goes to.
func (l *load) target(i int) int {
	if l.balanced && !l.ready[i].Load() && l.ready[1-i].Load() {
		return 1 - i
	}
	return i
}

func (l *load) hitPath() string {
	return "/api/articles/" + strconv.FormatInt(l.e.seeds[rand.IntN(len(l.e.seeds))], 10)
}

func (a *article) path() string { return "/api/articles/" + strconv.FormatInt(a.id, 10) }

// searchPath is the path of a search that nobody made before.
func searchPath() string {
	return "/api/articles/search?limit=5&q=gobierno+OR+z" + hex.EncodeToString(randomBytes(6))
}

func randomBytes(n int) []byte {
	b := make([]byte, n)
	_, _ = crand.Read(b) // never fails
	return b
}

// one is an article in use. New ones take the place of those that were retired, as long as there are any.
func (l *load) one() *article {
	l.mu.Lock()
	defer l.mu.Unlock()
	i := rand.IntN(len(l.use))
	if l.use[i].isRetired() && l.next < len(l.articles) {
		l.use[i] = l.articles[l.next]
		l.next++
	}
	return l.use[i]
}

// get makes a request and records it. The body is nil unless the request succeeded.
func (l *load) get(k kind, i int, path string) (s *sample, body []byte) {
	i = l.target(i)
	s = l.rec.begin(k, i)
	req, err := http.NewRequest(http.MethodGet, l.e.instances[i].base()+path, nil)
	if err != nil {
		l.rec.wrong(err.Error())
		return s, nil
	}
	return s, l.do(l.clients[i], s, req)
}

func (l *load) do(client *http.Client, s *sample, req *http.Request) (body []byte) {
	res, err := client.Do(req)
	if err == nil {
		body, err = io.ReadAll(res.Body)
		_ = res.Body.Close()
	}
	if err != nil {
		l.rec.finish(s, 0, failureOf(err), false, "")
		return nil
	}
	l.rec.finish(s, res.StatusCode, "", res.Header.Get("Retry-After") != "", res.Header.Get("X-Cache"))
	if !s.ok() {
		return nil
	}
	return body
}

func failureOf(err error) string {
	var wait net.Error
	switch {
	case errors.Is(err, syscall.ECONNREFUSED):
		return refused
	case errors.As(err, &wait) && wait.Timeout():
		return silent
	}
	return broken
}

type shown struct {
	ID    int64  `json:"id"`
	Title string `json:"title"`
}

// read asks for an article and judges the answer.
func (l *load) read(i int, a *article) {
	o := *l.gone.Load()
	strict, lenient := a.demand(time.Now(), o)
	s, body := l.get(tracked, i, a.path())
	var got shown
	if body == nil {
		return
	}
	if err := json.Unmarshal(body, &got); err != nil || got.ID != a.id {
		l.rec.wrong(fmt.Sprintf("article %d was answered with %.100s", a.id, body))
		return
	}
	l.judge(s, a, got.Title, strict, lenient)
}

// list asks for the newest of the row's newspaper and judges each.
func (l *load) list(i int) {
	now, o := time.Now(), *l.gone.Load()
	type demands struct{ strict, lenient int64 }
	before := make(map[int64]demands, len(l.articles))
	byID := make(map[int64]*article, len(l.articles))
	for _, a := range l.articles {
		strict, lenient := a.demand(now, o)
		before[a.id], byID[a.id] = demands{strict, lenient}, a
	}
	s, body := l.get(tracked, i, "/api/articles?limit=50&source="+"Faults+"+l.source[len("Faults "):])
	if body == nil {
		return
	}
	var got struct{ Items []shown }
	if err := json.Unmarshal(body, &got); err != nil || len(got.Items) != 50 {
		l.rec.wrong(fmt.Sprintf("the list was answered with %.100s", body))
		return
	}
	for _, item := range got.Items {
		if a := byID[item.ID]; a != nil {
			l.judge(s, a, item.Title, before[a.id].strict, before[a.id].lenient)
		}
	}
}

func (l *load) judge(s *sample, a *article, said string, strict, lenient int64) {
	counter, err := counterOf(said)
	if err != nil {
		l.rec.wrong(err.Error())
		return
	}
	if counter < strict {
		l.rec.judged(staleRead{s.begin, a.id, s.instance, counter, strict, s.cached, counter >= lenient})
	}
	a.saw(counter, time.Now())
}

// patch writes through the API, between reads through both instances.
func (l *load) patch(i int, a *article) {
	if !a.writing.TryLock() {
		return
	}
	defer a.writing.Unlock()
	if a.isRetired() {
		return
	}
	l.read(0, a)
	l.read(1, a)
	i = l.target(i)
	a.tried++
	fields := map[string]string{"title": title(a.tried)}
	if l.bulky {
		fields["content"] = hex.EncodeToString(randomBytes(12 << 10))
	}
	body, err := json.Marshal(fields)
	if err != nil {
		l.rec.wrong(err.Error())
		return
	}
	req, err := http.NewRequest(http.MethodPatch, l.e.instances[i].base()+a.path(), bytes.NewReader(body))
	if err != nil {
		l.rec.wrong(err.Error())
		return
	}
	req.Host = "localhost:" + strconv.Itoa(l.e.instances[i].port)
	req.Header.Set("X-API-Key", l.e.key)
	req.Header.Set("Content-Type", "application/json")
	s := l.rec.begin(write, i)
	if l.do(l.clients[i], s, req) == nil {
		a.retire()
		return
	}
	a.acknowledge(a.tried)
	l.look(a, 0, 30*time.Millisecond, 200*time.Millisecond)
}

// commit writes with SQL beside the service.
func (l *load) commit(ctx context.Context, a *article) {
	if !a.writing.TryLock() {
		return
	}
	defer a.writing.Unlock()
	if a.isRetired() {
		return
	}
	l.read(0, a)
	l.read(1, a)
	if l.sql(ctx, a) == nil {
		l.look(a, visible, 100*time.Millisecond, 400*time.Millisecond)
	}
}

// sql is the commit alone; the caller holds a.writing.
func (l *load) sql(ctx context.Context, a *article) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), patience)
	defer cancel()
	a.tried++
	if _, err := l.e.db.Exec(ctx, `UPDATE scraped_content SET title = $1 WHERE id = $2`, title(a.tried), a.id); err != nil {
		l.sqlDown.Add(1)
		a.retire()
		return err
	}
	a.committed(a.tried, time.Now())
	return nil
}

// look reads through both instances after each of the pauses.
func (l *load) look(a *article, pauses ...time.Duration) {
	for _, p := range pauses {
		time.Sleep(p)
		var both sync.WaitGroup
		both.Go(func() { l.read(0, a) })
		both.Go(func() { l.read(1, a) })
		both.Wait()
	}
}

// back ends the outage of PostgreSQL, if it has not ended before.
func (l *load) back() {
	if o := *l.gone.Load(); o.until.IsZero() {
		o.until = time.Now()
		l.gone.Store(&o)
	}
}
