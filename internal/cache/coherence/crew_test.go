package coherence

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// crew is the worker processes.
type crew struct {
	t     *testing.T
	m     *memory
	order order
	hands []*hand
}

type hand struct {
	cmd    *exec.Cmd
	stdin  io.WriteCloser
	stderr *lockedBuffer
}

type lockedBuffer struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (b *lockedBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.buf.Len() < 64<<10 { // the first lines say the most
		b.buf.Write(p)
	}
	return len(p), nil
}

func (b *lockedBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.String()
}

// newMemory is shared memory in a file of the test's own.
func newMemory(t *testing.T) (*memory, string) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "memory")
	m, unmap, err := mapMemory(path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := unmap(); err != nil {
			t.Error(err)
		}
	})
	return m, path
}

// start hires n workers.
func start(t *testing.T, m *memory, n int, o order) *crew {
	t.Helper()
	c := &crew{t: t, m: m, order: o, hands: make([]*hand, n)}
	for i := range c.hands {
		c.hire(i)
	}
	t.Cleanup(c.dismiss)
	return c
}

func (c *crew) hire(i int) {
	c.t.Helper()
	o := c.order
	o.Number = i
	text, err := json.Marshal(o)
	if err != nil {
		c.t.Fatal(err)
	}
	h := &hand{cmd: exec.Command(os.Args[0]), stderr: &lockedBuffer{}}
	h.cmd.Env = append(os.Environ(), orderVariable+"="+string(text), "GOMAXPROCS=2")
	h.cmd.Stderr = h.stderr
	if h.stdin, err = h.cmd.StdinPipe(); err != nil {
		c.t.Fatal(err)
	}
	if err := h.cmd.Start(); err != nil {
		c.t.Fatal(err)
	}
	c.hands[i] = h
}

func (h *hand) signal(s syscall.Signal) { _ = h.cmd.Process.Signal(s) }

func (c *crew) any() *hand { return c.hands[rand.IntN(len(c.hands))] }

// killLoading kills a worker in the middle of a fetch, while it holds the lock, and hires another.
func (c *crew) killLoading(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, 2*time.Second)
	defer cancel()
	for ctx.Err() == nil {
		i := rand.IntN(len(c.hands))
		if c.m.InLoad[i].Load() == 0 {
			time.Sleep(time.Millisecond)
			continue
		}
		c.kill(i)
		c.hire(i)
		return
	}
}

func (c *crew) kill(i int) {
	h := c.hands[i]
	_ = h.cmd.Process.Kill()
	_ = h.cmd.Wait()
	c.report(i, h)
}

// report passes on what a worker had to say.
func (c *crew) report(i int, h *hand) {
	if text := strings.TrimSpace(h.stderr.String()); text != "" {
		c.t.Errorf("worker %d:\n%s", i, text)
	}
}

// finish lets the workers finish their work and waits for them.
func (c *crew) finish() {
	c.t.Helper()
	c.m.Stop.Store(true)
	for i, h := range c.hands {
		h.signal(syscall.SIGCONT)
		done := make(chan error, 1)
		go func() { done <- h.cmd.Wait() }()
		limit := time.NewTimer(30 * time.Second)
		select {
		case err := <-done:
			if err != nil {
				c.t.Errorf("worker %d: %v", i, err)
			}
		case <-limit.C:
			h.signal(syscall.SIGQUIT)
			<-done
			c.t.Errorf("worker %d did not end", i)
		}
		limit.Stop()
		c.report(i, h)
	}
	c.hands = nil
}

// dismiss ends the workers that are left when a test fails.
func (c *crew) dismiss() {
	for _, h := range c.hands {
		_ = h.cmd.Process.Kill()
		_ = h.cmd.Wait()
	}
}

const snapshotEvery = 5 * time.Millisecond

// keepTime publishes the clock and takes snapshots of the floors until ctx ends.
func (m *memory) keepTime(ctx context.Context) {
	began := time.Now()
	tick := time.NewTicker(snapshotEvery)
	defer tick.Stop()
	for {
		n := m.Ticks.Load() + 1
		s := &m.Before[n%snapshots]
		s.At.Store(0) // being written
		for d := range known {
			s.Floors[known[d]].Store(m.Floors[known[d]].Load())
		}
		now := int64(time.Since(began)) + 1
		s.At.Store(now)
		m.Ticks.Store(n)
		m.Now.Store(now)
		select {
		case <-tick.C:
		case <-ctx.Done():
			return
		}
	}
}
