package faults

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"
)

// growth is what a long time under the standing load leaves behind.
type growth struct{ at []stock }

// stock is what both instances hold at one moment.
type stock struct {
	when                                                                     string
	goroutines, descriptors, resident, postgres, redisClients, keys, redisMB int64
}

func soakRows() []row {
	return []row{{
		group: "Soak", name: "soak", what: "the standing load, and nothing else", soak: true, short: true,
		inject: func(ctx context.Context, e *env, l *load) (func(context.Context) error, error) {
			l.growth = &growth{}
			if err := l.growth.take(ctx, e, "start"); err != nil {
				return nothing, err
			}
			half, cancel := context.WithCancel(context.Background())
			failed := make(chan error, 1)
			go func() {
				if !sleep(half, e.timing.soak/2) {
					failed <- nil
					return
				}
				failed <- l.growth.take(half, e, "half")
			}()
			return func(ctx context.Context) error {
				cancel()
				return errors.Join(<-failed, l.growth.take(ctx, e, "end"))
			}, nil
		},
		expect: func(o *outcome) []string {
			at := o.load.growth.at
			first, last := at[0], at[len(at)-1]
			o.note("held for %v", o.undone.Sub(o.injected).Round(time.Second))
			wrong := unnoticed(o)
			for _, g := range []struct {
				what        string
				first, last int64
				spare       int64 // the normal difference between any two moments
			}{
				{"goroutines", first.goroutines, last.goroutines, 100},
				{"descriptors", first.descriptors, last.descriptors, 60},
				{"MB resident", first.resident, last.resident, 64},
				{"connections to PostgreSQL", first.postgres, last.postgres, 30},
				{"connections to Redis", first.redisClients, last.redisClients, 40},
			} {
				if g.last > g.first*3/2+g.spare {
					wrong = append(wrong, fmt.Sprintf("%s grew from %d to %d", g.what, g.first, g.last))
				}
			}
			return wrong
		},
	}}
}

func (g *growth) take(ctx context.Context, e *env, when string) error {
	s := stock{when: when}
	for _, in := range e.instances {
		f, err := in.scrape(ctx)
		if err != nil {
			return err
		}
		s.goroutines += int64(f["go_goroutines"])
		s.descriptors += int64(f["process_open_fds"])
		s.resident += int64(f["process_resident_memory_bytes"]) >> 20
	}
	if err := e.db.QueryRow(ctx, `SELECT count(*) FROM pg_stat_activity WHERE datname = 'openlearn' AND application_name <> 'faults'`).Scan(&s.postgres); err != nil {
		return fmt.Errorf("connections to PostgreSQL: %w", err)
	}
	var err error
	if s.keys, err = e.rdb.DBSize(ctx).Result(); err != nil {
		return fmt.Errorf("keys in Redis: %w", err)
	}
	info, err := e.rdb.Info(ctx, "clients", "memory").Result()
	if err != nil {
		return fmt.Errorf("figures of Redis: %w", err)
	}
	for text := range strings.Lines(info) {
		name, value, _ := strings.Cut(strings.TrimSpace(text), ":")
		n, err := strconv.ParseInt(value, 10, 64)
		switch {
		case err != nil:
		case name == "connected_clients":
			s.redisClients = n
		case name == "used_memory":
			s.redisMB = n >> 20
		}
	}
	g.at = append(g.at, s)
	return nil
}
