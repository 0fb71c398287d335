package faults

import (
	"context"
	"fmt"
	"net"
	"runtime"
	"sync"
	"sync/atomic"
	"syscall"
	"time"
)

func processRows() []row {
	const group = "The service"
	return []row{
		{
			group: group, name: "service-sigterm", what: "SIGTERM to A, started again at the end; no keep-alive, a balancer looks at readiness", short: true, balanced: true, fresh: true,
			inject: func(ctx context.Context, e *env, _ *load) (func(context.Context) error, error) {
				a := e.instances[0]
				return func(ctx context.Context) error {
					if err := a.gone(30 * time.Second); err != nil {
						return err
					}
					return a.start(ctx, limits{})
				}, a.signal(syscall.SIGTERM)
			},
			expect: unnoticed,
		},
		{
			group: group, name: "service-kill", what: "kill -9 of A, started again at the end; no keep-alive, a balancer looks at readiness", balanced: true, fresh: true, dead: true,
			inject: func(_ context.Context, e *env, _ *load) (func(context.Context) error, error) {
				a := e.instances[0]
				err := a.signal(syscall.SIGKILL)
				return func(ctx context.Context) error { return a.start(ctx, limits{}) }, err
			},
		},
		{
			group: group, name: "service-stop", what: "SIGSTOP of A: it hangs; no keep-alive, a balancer looks at readiness", balanced: true, fresh: true, dead: true,
			inject: func(_ context.Context, e *env, _ *load) (func(context.Context) error, error) {
				a := e.instances[0]
				return func(context.Context) error { return a.signal(syscall.SIGCONT) }, a.signal(syscall.SIGSTOP)
			},
		},
		{
			group: group, name: "service-descriptors", what: "A with 64 file descriptors; 100 connections of one address that send nothing, renewed every 8 s; the load without keep-alive", fresh: true,
			prepare: restartA(limits{descriptors: 64}),
			inject: func(_ context.Context, e *env, _ *load) (func(context.Context) error, error) {
				return idlers(e.instances[0].port, 100, 8*time.Second), nil
			},
			expect: unnoticed,
		},
		{
			group: group, name: "service-one-core", what: "A with `GOMAXPROCS=1`; 16 clients of new searches beside the load",
			prepare: restartA(limits{settings: []string{"GOMAXPROCS=1"}}),
			inject: func(_ context.Context, _ *env, l *load) (func(context.Context) error, error) {
				return ends(l.burst(0, 16, searchPath)), nil
			},
		},
		{
			group: group, name: "service-memory", what: "A with `GOMEMLIMIT=48MiB`; 8 clients of new pages of 100 articles beside the load",
			prepare: restartA(limits{settings: []string{"GOMEMLIMIT=48MiB"}}),
			inject: func(_ context.Context, _ *env, l *load) (func(context.Context) error, error) {
				return ends(l.burst(0, 8, pagePath())), nil
			},
		},
	}
}

// restartA restarts instance A with limits, for one row.
func restartA(l limits) func(context.Context, *env) (func(context.Context) error, error) {
	return func(ctx context.Context, e *env) (func(context.Context) error, error) {
		a := e.instances[0]
		return func(ctx context.Context) error { return a.again(ctx, limits{}) }, a.again(ctx, l)
	}
}

// pagePath makes paths of large pages that nobody asked for before.
func pagePath() func() string {
	var n atomic.Int64
	began := time.Date(2000, 1, 1, 0, 0, 0, 0, time.UTC)
	return func() string {
		from := began.Add(time.Duration(n.Add(1)) * time.Second)
		return fmt.Sprintf("/api/articles?limit=100&from=%s", from.Format("2006-01-02T15:04:05Z"))
	}
}

// idlers hold connections that send nothing, and open new ones now and then.
func idlers(port, n int, renewed time.Duration) (stop func(context.Context) error) {
	ctx, cancel := context.WithCancel(context.Background())
	dialer := net.Dialer{Timeout: time.Second}
	if runtime.GOOS == "linux" {
		dialer.LocalAddr = &net.TCPAddr{IP: net.IPv4(127, 0, 0, 66)}
	}
	var wg sync.WaitGroup
	for range n {
		wg.Go(func() {
			for ctx.Err() == nil {
				conn, err := dialer.DialContext(ctx, "tcp", fmt.Sprintf("127.0.0.1:%d", port))
				if err != nil {
					sleep(ctx, 200*time.Millisecond)
					continue
				}
				sleep(ctx, renewed)
				_ = conn.Close()
			}
		})
	}
	return func(context.Context) error { cancel(); wg.Wait(); return nil }
}
