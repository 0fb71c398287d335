package cache

import (
	"context"
	"encoding/binary"
	"sync"
)

// A flight is one fetch that several readers share. Joining one is a read too:
// a reader may join only if its own versions, read after it came, are the
// flight's fill versions. So the versions are part of a flight's name. Plain
// singleflight by key would hand a value fetched before an invalidation to a
// caller that came after it.
type flight struct {
	done chan struct{} // closed when the answer is set
	lead *lock         // taken for it in advance and not used yet; flights.mu guards it

	mu    sync.Mutex
	taken bool // the value itself was handed to a caller
	ans   answer
}

type flights struct {
	mu         sync.Mutex
	byName     map[string]*flight
	refreshing map[string]struct{}
}

func newFlight() *flight { return &flight{done: make(chan struct{})} }

// flightName includes the fingerprint too: under the same key, another Func's
// type is another value.
func flightName(t *target, versions string) string {
	return string(binary.BigEndian.AppendUint64([]byte(t.key+"\x00"+versions), t.fprint))
}

// claim returns the flight of that name, and whether the caller must fly it.
// Whoever flies it gets the lead, if there is one: letting go of it here would
// look to other processes like a fetch that failed.
func (s *flights) claim(name string, lead *lock) (f *flight, mine bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	f, ok := s.byName[name]
	if !ok {
		f = newFlight()
		s.byName[name] = f
	}
	if lead != nil {
		f.lead = lead
	}
	return f, !ok
}

// takeLead returns the flight's lead, once.
func (s *flights) takeLead(f *flight) *lock {
	if f == nil { // a refresh: nobody waits for it
		return nil
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	lead := f.lead
	f.lead = nil
	return lead
}

// claimRefresh reports whether the caller must refresh the entry of that name;
// endRefresh follows.
func (s *flights) claimRefresh(name string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	_, running := s.refreshing[name]
	if !running {
		s.refreshing[name] = struct{}{}
	}
	return !running
}

func (s *flights) endRefresh(name string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.refreshing, name)
}

// land removes a flight from the table and gives everyone the answer. A refresh
// has no flight.
func (c *Cache) land(ctx context.Context, m *missing, ans answer) {
	if m.flight == nil {
		return
	}
	s := &c.flights
	s.mu.Lock()
	delete(s.byName, m.name)
	s.mu.Unlock()
	c.letGo(ctx, s.takeLead(m.flight))
	m.flight.finish(ans)
}

func (f *flight) finish(ans answer) {
	f.ans = ans
	close(f.done)
}

// wait returns the flight's answer. The first to ask gets the value itself,
// the others the bytes: no two callers share memory they might write to.
func (f *flight) wait(ctx context.Context) (answer, error) {
	select {
	case <-f.done:
	case <-ctx.Done():
		return answer{}, ctx.Err()
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	ans := f.ans
	if f.taken && ans.payload != nil {
		ans.value = nil
	}
	f.taken = true
	return ans, ans.err
}
