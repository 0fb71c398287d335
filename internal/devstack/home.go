package devstack

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// home is a server's directory: locked, owned by the identity the server runs as, guarded by a watchdog.
type home struct {
	dir       string
	temporary bool
	id        identity
	lock      *os.File // nil for a temporary directory, which nobody else knows
	dog       *watchdog
	secret    string
}

// openHome claims a server's directory. signal is what the watchdog sends to a server whose owner died.
func openHome(ctx context.Context, dir, server, signal string, logger *slog.Logger) (_ *home, err error) {
	h := &home{temporary: dir == ""}
	if h.dir, h.id, err = place(dir, server); err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, h.close())
		}
	}()
	remove := h.dir
	if !h.temporary {
		remove = ""
		if h.lock, err = h.id.lock(ctx, filepath.Join(h.dir, "lock"), logger); err != nil {
			return nil, err
		}
	}
	if h.secret, err = h.id.password(h.dir); err != nil {
		return nil, err
	}
	if h.dog, err = watch(signal, remove, h.lock); err != nil {
		return nil, err
	}
	return h, nil
}

// close releases the directory; a temporary one is removed.
func (h *home) close() error {
	var errs []error
	if h.dog != nil {
		errs = append(errs, h.dog.dismiss())
	}
	if h.lock != nil {
		if err := h.lock.Close(); err != nil && !errors.Is(err, os.ErrClosed) {
			errs = append(errs, fmt.Errorf("release the lock: %w", err))
		}
	}
	if h.temporary {
		if err := os.RemoveAll(h.dir); err != nil {
			errs = append(errs, fmt.Errorf("remove temporary data: %w", err))
		}
	}
	return errors.Join(errs...)
}

// lock locks path for this process and the watchdog that inherits it. If another live process holds it, that is an
// error at once; if only the watchdog of a process that died does, it waits until the watchdog has stopped the server.
func (id identity) lock(ctx context.Context, path string, logger *slog.Logger) (*os.File, error) {
	file, err := id.open(path, os.O_CREATE|os.O_RDWR)
	if err != nil {
		return nil, fmt.Errorf("open the lock: %w", err)
	}
	err = poll(ctx, 15*time.Second, func() (bool, error) {
		err := syscall.Flock(int(file.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
		if err == nil {
			return true, nil
		}
		if !errors.Is(err, syscall.EWOULDBLOCK) && !errors.Is(err, syscall.EINTR) {
			return false, err
		}
		if owner := id.lockOwner(path); owner != 0 && alive(owner) {
			return false, fmt.Errorf("in use: OpenLearn is already running from here, as process %d", owner)
		}
		logger.Debug("waiting for an earlier run to end", slog.String("lock", path))
		return false, nil
	})
	if err == nil {
		err = errors.Join(file.Truncate(0), rewrite(file, strconv.Itoa(os.Getpid())+"\n"))
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("lock %s: %w", filepath.Dir(path), err), file.Close())
	}
	return file, nil
}

func rewrite(file *os.File, text string) error {
	_, err := file.WriteAt([]byte(text), 0)
	return err
}

func (id identity) lockOwner(path string) int {
	text, err := id.read(path)
	if err != nil {
		return 0
	}
	return number(strings.TrimSpace(text))
}

func alive(pid int) bool {
	err := syscall.Kill(pid, 0)
	return err == nil || errors.Is(err, syscall.EPERM)
}

// poll calls done every 10 ms until it reports true, fails, or the time is up.
func poll(ctx context.Context, limit time.Duration, done func() (bool, error)) error {
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for {
		if ok, err := done(); ok || err != nil {
			return err
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return fmt.Errorf("gave up waiting: %w", context.Cause(ctx))
		}
	}
}

// port is the port this directory used last, if it is free, else any free one. It may be taken between here and the
// server's start, so starting is tried more than once.
func (h *home) port(attempt int) (int, error) {
	if attempt == 0 {
		if text, err := h.id.read(filepath.Join(h.dir, "port")); err == nil {
			if port := number(strings.TrimSpace(text)); port > 0 && portFree(port) {
				return port, nil
			}
		}
	}
	listener, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		return 0, fmt.Errorf("find a free port: %w", err)
	}
	port := listener.Addr().(*net.TCPAddr).Port
	if err := listener.Close(); err != nil {
		return 0, fmt.Errorf("find a free port: %w", err)
	}
	return port, nil
}

func (h *home) rememberPort(port int) error {
	if err := h.id.write(filepath.Join(h.dir, "port"), strconv.Itoa(port)+"\n"); err != nil {
		return fmt.Errorf("remember the port: %w", err)
	}
	return nil
}

func portFree(port int) bool {
	listener, err := net.Listen("tcp4", net.JoinHostPort("127.0.0.1", strconv.Itoa(port)))
	if err != nil {
		return false
	}
	return closeQuietly(listener)
}

func closeQuietly(c io.Closer) bool { return c.Close() == nil }
