package faults

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"syscall"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
)

func postgresRows() []row {
	const group = "PostgreSQL"
	return []row{
		{
			group: group, name: "postgres-kill", what: "kill -9 of all its processes, started again at the end", away: true, short: true,
			inject: func(_ context.Context, e *env, _ *load) (func(context.Context) error, error) {
				return e.postgres.Start, e.postgres.Kill()
			},
		},
		{
			group: group, name: "postgres-restart", what: "restarted (fast shutdown)", away: true,
			inject: func(ctx context.Context, e *env, l *load) (func(context.Context) error, error) {
				err := e.postgres.Restart(ctx)
				l.back() // it was ended already
				return nothing, err
			},
		},
		{
			group: group, name: "postgres-stop", what: "SIGSTOP of all its processes: connections stay open, nothing answers", away: true,
			inject: func(_ context.Context, e *env, _ *load) (func(context.Context) error, error) {
				return func(context.Context) error { return e.postgres.Resume() }, e.postgres.Pause()
			},
		},
		{
			group: group, name: "postgres-read-only", what: "`default_transaction_read_only` (writes fail with 25006)", short: true,
			inject: func(ctx context.Context, e *env, _ *load) (func(context.Context) error, error) {
				back := func(ctx context.Context) error {
					return e.sql(ctx, `ALTER SYSTEM RESET default_transaction_read_only`, `SELECT pg_reload_conf()`)
				}
				return back, e.sql(ctx, `ALTER SYSTEM SET default_transaction_read_only = on`, `SELECT pg_reload_conf()`)
			},
		},
		{
			group: group, name: "postgres-lock-articles", what: "`LOCK TABLE scraped_content` in ACCESS EXCLUSIVE mode",
			inject: func(ctx context.Context, e *env, _ *load) (func(context.Context) error, error) {
				return lock(ctx, e, "scraped_content")
			},
		},
		{
			group: group, name: "postgres-lock-outbox", what: "commits with SQL, and right after them `LOCK TABLE cache_outbox` in ACCESS EXCLUSIVE mode",
			inject: func(ctx context.Context, e *env, l *load) (func(context.Context) error, error) {
				// As late as possible: nobody can have looked at these before the lock is held.
				for range 5 {
					a := l.one()
					a.writing.Lock()
					err := l.sql(ctx, a)
					a.writing.Unlock()
					if err != nil {
						return nothing, err
					}
				}
				return lock(ctx, e, "cache_outbox")
			},
		},
		{
			group: group, name: "postgres-connections", what: "others hold every connection that is left, and the pools lose theirs; 16 clients of new searches on each instance beside the load",
			inject: hog,
		},
		{
			group: group, name: "postgres-disk-full", what: "the disk of the article table is full (53100), PATCHes with 24 kB of text", bulky: true,
			prepare: smallDisk, inject: fillDisk,
		},
		{
			group: group, name: "postgres-cut-one", what: "A is cut off (connections are reset), B is not",
			inject: func(_ context.Context, e *env, _ *load) (func(context.Context) error, error) {
				return each(condition{cut: true}, e.instances[0].postgres), nil
			},
		},
	}
}

// lock holds a table until it is undone.
func lock(ctx context.Context, e *env, table string) (func(context.Context) error, error) {
	conn, err := pgx.Connect(ctx, e.postgres.URL())
	if err != nil {
		return nothing, err
	}
	// Closing the connection ends the transaction and with it the lock.
	undo := func(ctx context.Context) error { return conn.Close(ctx) }
	_, err = conn.Exec(ctx, `BEGIN; LOCK TABLE `+table+` IN ACCESS EXCLUSIVE MODE`)
	return undo, err
}

const tooManyConnections = "53300"

// shrink ends the pools' connections, as their own limits do in time, except those that look at the outbox: losing
// these is another fault.
const shrink = `SELECT pg_terminate_backend(pid) FROM pg_stat_activity
	WHERE application_name = 'openlearn' AND state = 'idle' AND query NOT LIKE '%cache_outbox%'`

// hog takes every connection that the server gives, until it gives no more.
func hog(ctx context.Context, e *env, l *load) (func(context.Context) error, error) {
	var mu sync.Mutex
	var held []*pgx.Conn
	stop := again(2*time.Millisecond, func(ctx context.Context) error {
		for {
			conn, err := pgx.Connect(ctx, e.postgres.URL())
			var said *pgconn.PgError
			if errors.As(err, &said) && said.Code == tooManyConnections {
				return nil
			}
			if err != nil {
				return err
			}
			mu.Lock()
			held = append(held, conn)
			mu.Unlock()
		}
	})
	stopShrinking := again(time.Second, func(ctx context.Context) error { return e.sql(ctx, shrink) })
	stopAsking := ends(l.burst(0, 16, searchPath), l.burst(1, 16, searchPath))
	return func(ctx context.Context) error {
		err := errors.Join(stopShrinking(ctx), stop(ctx), stopAsking(ctx))
		for _, conn := range held {
			err = errors.Join(err, conn.Close(ctx))
		}
		if len(held) == 0 {
			err = errors.Join(err, errors.New("no connection was left to take: the fault was none"))
		}
		return err
	}, nil
}

// diskSize is enough for the articles, but soon full.
const diskSize = "96m"

// smallDisk moves the articles to a file system of their own, in memory. Only root can make one.
func smallDisk(ctx context.Context, e *env) (func(context.Context) error, error) {
	if os.Geteuid() != 0 {
		return nil, skipped("only root can mount a small file system")
	}
	home, err := os.Stat(filepath.Dir(e.postgres.Log()))
	if err != nil {
		return nil, err
	}
	dir := e.disk()
	if err := os.Mkdir(dir, 0o700); err != nil {
		return nil, err
	}
	if out, err := exec.CommandContext(ctx, "mount", "-t", "tmpfs", "-o", "size="+diskSize, "tmpfs", dir).CombinedOutput(); err != nil {
		return nil, errors.Join(skipped(fmt.Sprintf("mount: %s", out)), os.Remove(dir))
	}
	restore := func(ctx context.Context) error {
		return errors.Join(
			e.sql(ctx, `ALTER TABLE scraped_content SET TABLESPACE pg_default`, `DROP TABLESPACE IF EXISTS small`),
			exec.CommandContext(ctx, "umount", dir).Run(), os.Remove(dir))
	}
	owner := home.Sys().(*syscall.Stat_t)
	if err := os.Chown(dir, int(owner.Uid), int(owner.Gid)); err != nil {
		return restore, err
	}
	if err := os.Chmod(dir, 0o700); err != nil {
		return restore, err
	}
	return restore, e.sql(ctx, `CREATE TABLESPACE small LOCATION '`+dir+`'`, `ALTER TABLE scraped_content SET TABLESPACE small`)
}

func (e *env) disk() string { return filepath.Dir(e.postgres.Log()) + "-small" }

// fillDisk writes until there is no room.
func fillDisk(_ context.Context, e *env, _ *load) (func(context.Context) error, error) {
	path := filepath.Join(e.disk(), "filler")
	f, err := os.Create(path)
	if err != nil {
		return nothing, err
	}
	undo := func(context.Context) error { return os.Remove(path) }
	_, err = io.Copy(f, zeroes{})
	if closeErr := f.Close(); !errors.Is(err, syscall.ENOSPC) {
		return undo, errors.Join(fmt.Errorf("the disk took everything: %w", err), closeErr)
	}
	return undo, nil
}

type zeroes struct{}

func (zeroes) Read(b []byte) (int, error) { clear(b); return len(b), nil }

// skipped is why a row cannot run on this machine.
type skipped string

func (s skipped) Error() string { return string(s) }
