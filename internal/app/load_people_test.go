package app

import (
	"cmp"
	"fmt"
	"io"
	"math"
	"math/rand/v2"
	"net/http"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// The measurements of accounts: only `make bench-people` runs them.

// mannWhitney is the probability that two samples of one distribution differ as much as these do (Mann and Whitney 1947: the
// two-sided normal approximation, corrected for ties and for continuity).
func mannWhitney(a, b []time.Duration) float64 {
	type one struct {
		v     time.Duration
		first bool
	}
	all := make([]one, 0, len(a)+len(b))
	for _, v := range a {
		all = append(all, one{v, true})
	}
	for _, v := range b {
		all = append(all, one{v, false})
	}
	slices.SortFunc(all, func(x, y one) int { return cmp.Compare(x.v, y.v) })
	n1, n2 := float64(len(a)), float64(len(b))
	n := n1 + n2
	ranks, ties := 0.0, 0.0
	for i := 0; i < len(all); {
		j := i
		for j < len(all) && all[j].v == all[i].v {
			j++
		}
		for _, o := range all[i:j] {
			if o.first {
				ranks += float64(i+j+1) / 2
			}
		}
		t := float64(j - i)
		ties += t*t*t - t
		i = j
	}
	u := ranks - n1*(n1+1)/2
	sigma := math.Sqrt(n1 * n2 / 12 * (n + 1 - ties/(n*(n-1))))
	if sigma == 0 {
		return 1
	}
	z := max(0, math.Abs(u-n1*n2/2)-0.5) / sigma
	return math.Erfc(z / math.Sqrt2)
}

func TestMannWhitney(t *testing.T) {
	t.Parallel()
	ms := func(all ...int) (out []time.Duration) {
		for _, n := range all {
			out = append(out, time.Duration(n))
		}
		return out
	}
	for _, c := range []struct {
		a, b []time.Duration
		p    float64
	}{
		{ms(1, 2, 3, 4, 5), ms(1, 2, 3, 4, 5), 1},
		{ms(7, 7, 7), ms(7, 7, 7), 1},
		{ms(1, 2, 3, 4, 5), ms(6, 7, 8, 9, 10), 0.012186}, // U = 0: z = 12 / sqrt(25 * 11 / 12)
		{ms(1, 2, 2, 3), ms(2, 3, 3, 4), 0.172034},        // U = 3: z = 4.5 / sqrt(16 / 12 * (9 - 48/56))
	} {
		if p := mannWhitney(c.a, c.b); math.Abs(p-c.p) > 1e-4 {
			t.Errorf("%v and %v: p = %f, want %f", c.a, c.b, p, c.p)
		}
	}
}

// population makes accounts with the password that tests use, without asking the service.
func (s *stage) population(a *actor, n int) {
	s.t.Helper()
	body := `{"email":"first@example.org","password":` + asJSON(goodPassword) + `,"full_name":"Ana Ruiz"}`
	if status, text, _ := post(s.t, http.DefaultClient, a.base+"/api/auth/register", body); status != http.StatusCreated {
		s.t.Fatalf("register: %d %s", status, text)
	}
	if _, err := s.db.Pool.Exec(s.t.Context(), `INSERT INTO users (email, full_name, password_hash) SELECT format('e%s@example.org', lpad(i::text, 5, '0')), 'Ana Ruiz', u.password_hash
		FROM generate_series(1, $1) AS i, users u WHERE u.email_key = 'first@example.org'`, n); err != nil {
		s.t.Fatal(err)
	}
}

// post sends JSON and measures until the answer's last byte.
func post(t testing.TB, client *http.Client, url, body string) (status int, text string, took time.Duration) {
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, url, strings.NewReader(body))
	if err != nil {
		t.Error(err)
		return 0, "", 0
	}
	req.Header.Set("Content-Type", "application/json")
	start := time.Now()
	res, err := client.Do(req)
	if err != nil {
		t.Error(err)
		return 0, "", 0
	}
	defer res.Body.Close()
	b, err := io.ReadAll(res.Body)
	if err != nil {
		t.Error(err)
	}
	return res.StatusCode, string(b), time.Since(start)
}

// leak is a p below which a route tells whether an account exists. What is printed is to be held against 0.01; a run of four
// routes is below that once in 25 times by chance.
const leak = 0.0001

// TestLoadTimings asks each route that must not tell whether an account exists about those that do and those that do not, in turns
// that are drawn by lot.
func TestLoadTimings(t *testing.T) {
	measuring(t)
	n := fromEnv(t, "OPENLEARN_LOAD_TIMINGS", 500)
	s := newStage(t, 10)
	a := s.start("strict-unguarded", nil)
	s.population(a, n)
	for _, route := range []struct {
		path, body string
		status     int
	}{
		{"/api/auth/password-reset", `{"email":%q}`, http.StatusOK},
		{"/api/auth/verify-email/resend", `{"email":%q}`, http.StatusOK},
		{"/api/auth/token", `{"username":%q,"password":"una clave equivocada"}`, http.StatusUnauthorized},
		{"/api/auth/register", `{"email":%q,"password":"una clave larga y propia","full_name":"Ana Ruiz"}`, http.StatusCreated},
	} {
		var took [2][]time.Duration
		for i := 1; i <= n; i++ {
			turn := rand.IntN(2)
			for k := range 2 {
				who := (turn + k) % 2
				email := fmt.Sprintf("%c%05d@example.org", "en"[who], i)
				status, text, d := post(t, http.DefaultClient, a.base+route.path, fmt.Sprintf(route.body, email))
				if status != route.status {
					t.Fatalf("%s of %s: %d %s", route.path, email, status, text)
				}
				took[who] = append(took[who], d)
			}
		}
		p := mannWhitney(took[0], took[1])
		t.Logf("%-32s %d timings each: with an account %s, without %s, p = %.4f", route.path, n, spread(took[0]), spread(took[1]), p)
		if p < leak {
			t.Errorf("%s tells whether there is an account: p = %g", route.path, p)
		}
	}
}

func spread(all []time.Duration) string {
	return fmt.Sprintf("median %.3f ms, p99 %.3f ms", ms(median(all)), quantile(all, 0.99))
}

// TestLoadLogins: 200 people log in at once, again and again, while others read what is cached. It prints what that costs the
// readers and the memory, beside the same without logins.
func TestLoadLogins(t *testing.T) {
	measuring(t)
	const people, bursts = 200, 8
	s := newStage(t, 100)
	a := s.start("strict-unguarded", nil)
	s.population(a, people)
	hits := &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 16}}
	logins := &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: people}}
	t.Cleanup(hits.CloseIdleConnections)
	t.Cleanup(logins.CloseIdleConnections)
	readUntil := func(done <-chan struct{}) (took []time.Duration) {
		var mu sync.Mutex
		var wg sync.WaitGroup
		tick := time.NewTicker(2 * time.Millisecond) // 500 a second
		defer tick.Stop()
		for {
			select {
			case <-done:
				wg.Wait()
				return took
			case <-tick.C:
			}
			wg.Go(func() {
				start := time.Now()
				res, err := hits.Get(a.base + "/api/articles?limit=20")
				if err != nil {
					t.Error(err)
					return
				}
				_, err = io.Copy(io.Discard, res.Body)
				res.Body.Close()
				d := time.Since(start)
				if err != nil || res.StatusCode != http.StatusOK {
					t.Errorf("%d %v", res.StatusCode, err)
				}
				mu.Lock()
				defer mu.Unlock()
				took = append(took, d)
			})
		}
	}
	var most atomic.Int64
	watch := make(chan struct{})
	var watching sync.WaitGroup
	watching.Go(func() {
		for {
			select {
			case <-watch:
				return
			case <-time.After(10 * time.Millisecond):
				if now := resident(t, a.pid); now > most.Load() {
					most.Store(now)
				}
			}
		}
	})
	login := func(i int) int {
		status, _, _ := post(t, logins, a.base+"/api/auth/token", fmt.Sprintf(`{"username":"e%05d@example.org","password":%s}`, i+1, asJSON(goodPassword)))
		return status
	}
	for range 3 {
		login(0) // what the first hash costs is not what the 200th does
	}
	timed := func(d time.Duration) (done chan struct{}) {
		done = make(chan struct{})
		time.AfterFunc(d, func() { close(done) })
		return done
	}
	readUntil(timed(2 * time.Second))
	before := resident(t, a.pid)
	most.Store(before)
	var quiet, busy []time.Duration
	statuses := map[int]int{}
	for range bursts {
		quiet = append(quiet, readUntil(timed(2*time.Second))...)
		done := make(chan struct{})
		var mu sync.Mutex
		var wg sync.WaitGroup
		for i := range people {
			wg.Go(func() {
				status := login(i)
				mu.Lock()
				defer mu.Unlock()
				statuses[status]++
			})
		}
		go func() { wg.Wait(); close(done) }()
		busy = append(busy, readUntil(done)...)
	}
	close(watch)
	watching.Wait()
	t.Logf("%d bursts of %d logins: answered %v", bursts, people, statuses)
	t.Logf("hits without logins: %d, %s; during logins: %d, %s; p99 × %.2f", len(quiet), spread(quiet), len(busy), spread(busy), quantile(busy, 0.99)/quantile(quiet, 0.99))
	t.Logf("memory: %.0f MB before, %.0f MB at most, %.0f MB more", float64(before)/1e6, float64(most.Load())/1e6, float64(most.Load()-before)/1e6)
}

// resident is the memory of a process in RAM, in bytes.
func resident(t testing.TB, pid int) int64 {
	raw, err := os.ReadFile(fmt.Sprintf("/proc/%d/statm", pid))
	if err != nil {
		t.Error(err)
		return 0
	}
	pages, err := strconv.ParseInt(strings.Fields(string(raw))[1], 10, 64)
	if err != nil {
		t.Error(err)
	}
	return pages * int64(os.Getpagesize())
}
