package devstack

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"strconv"
	"strings"
	"syscall"
	"time"

	"openlearn/deploy"
)

// RedisOptions says which Redis to start; the zero value is a temporary one on the project's configuration.
type RedisOptions struct {
	// Dir keeps the data between runs; empty means temporary.
	Dir string
	// Conf is the configuration text; empty means deploy/redis.conf.
	Conf string
	// Databases is the number of logical databases; 0 leaves it to Conf.
	Databases int
	// Settings are lines on top of Conf, as in redis.conf: "appendonly no".
	Settings []string
	// Logger logs what is started; nil means silence.
	Logger *slog.Logger
}

// Redis is a private Redis server on loopback. Its methods are for one goroutine at a time.
type Redis struct {
	home   *home
	path   string
	conf   string
	portNo int
	proc   *process
}

// StartRedis starts a private Redis and returns once its data is loaded and it answers.
func StartRedis(ctx context.Context, o RedisOptions) (*Redis, error) {
	began := time.Now()
	path, err := thisMachine().findRedis()
	if err != nil {
		return nil, fmt.Errorf("start a private Redis: %w", err)
	}
	signal := "TERM" // Redis saves first, if its configuration says so
	if o.Dir == "" {
		signal = "KILL"
	}
	h, err := openHome(ctx, o.Dir, "redis", signal, loggerOr(o.Logger))
	if err != nil {
		return nil, fmt.Errorf("start a private Redis: %w", err)
	}
	r := &Redis{home: h, path: path, conf: o.Conf}
	if r.conf == "" {
		r.conf = deploy.RedisConf
	}
	if o.Databases > 0 {
		r.conf += fmt.Sprintf("\ndatabases %d\n", o.Databases)
	}
	r.conf += "\n" + strings.Join(o.Settings, "\n") + "\n"
	if err := r.launch(ctx); err != nil {
		return nil, errors.Join(fmt.Errorf("start a private Redis: %w", err), h.close())
	}
	loggerOr(o.Logger).Info("private Redis is up", slog.String("address", r.Addr()), slog.String("data", h.dir),
		slog.Duration("took", time.Since(began)))
	return r, nil
}

// Addr is host:port.
func (r *Redis) Addr() string { return net.JoinHostPort("127.0.0.1", strconv.Itoa(r.portNo)) }

// Password is what the server asks for.
func (r *Redis) Password() string { return r.home.secret }

// URL is the address of logical database 0, password included.
func (r *Redis) URL() string { return r.URLOf(0) }

// URLOf is the address of a logical database, password included.
func (r *Redis) URLOf(database int) string {
	return fmt.Sprintf("redis://:%s@%s/%d", r.home.secret, r.Addr(), database)
}

// Log is the path of the file that the server's output goes to.
func (r *Redis) Log() string { return logPath(r.home.dir) }

// Stop shuts the server down, saving what its configuration says, and releases its directory. Stopping twice is
// harmless.
func (r *Redis) Stop(ctx context.Context) error {
	signal := syscall.SIGTERM
	if r.home.temporary {
		signal = syscall.SIGKILL
	}
	return errors.Join(r.proc.stop(ctx, signal), r.home.close())
}

// Kill ends the server at once, as a power cut would; Start brings it back with what had reached the disk.
func (r *Redis) Kill() error { return r.proc.kill() }

// Shutdown stops the server as an operator would and keeps its directory, so that Start can follow.
func (r *Redis) Shutdown(ctx context.Context) error { return r.proc.stop(ctx, syscall.SIGTERM) }

// Start starts a killed or shut down server again, on the same port and data.
func (r *Redis) Start(ctx context.Context) error {
	if r.proc.running() {
		return errors.New("start Redis: it is running")
	}
	if err := r.startAt(ctx, r.portNo); err != nil {
		return fmt.Errorf("start Redis again: %w", err)
	}
	return nil
}

// Restart is Shutdown and Start.
func (r *Redis) Restart(ctx context.Context) error {
	if err := r.Shutdown(ctx); err != nil {
		return err
	}
	return r.Start(ctx)
}

// Pause freezes the server: connections stay open and nothing answers. Resume ends it.
func (r *Redis) Pause() error { return r.proc.signalAll(syscall.SIGSTOP) }

// Resume continues a paused server.
func (r *Redis) Resume() error { return r.proc.signalAll(syscall.SIGCONT) }

func (r *Redis) launch(ctx context.Context) error {
	for attempt := range startTries {
		port, err := r.home.port(attempt)
		if err != nil {
			return err
		}
		err = r.startAt(ctx, port)
		if err == nil {
			if err = r.home.rememberPort(port); err != nil {
				return errors.Join(err, r.proc.kill())
			}
			return nil
		}
		if !errors.Is(err, errPortTaken) {
			return err
		}
	}
	return fmt.Errorf("%w, %d times over", errPortTaken, startTries)
}

func (r *Redis) startAt(ctx context.Context, port int) error {
	r.portNo = port
	// The whole configuration is passed on standard input, so that the password is in no process list; address and
	// directory come last and override the file.
	conf := fmt.Sprintf("%s\nbind 127.0.0.1\nport %d\ndir %q\nrequirepass %s\nmasterauth %s\ndaemonize no\nlogfile \"\"\n",
		r.conf, port, r.home.dir, r.home.secret, r.home.secret)
	proc, err := start(launch{
		name: "Redis", path: r.path, args: []string{"-"}, stdin: conf, dir: r.home.dir, id: r.home.id, dog: r.home.dog,
	})
	if err != nil {
		return err
	}
	r.proc = proc
	if err := r.ready(ctx); err != nil {
		return errors.Join(err, proc.kill())
	}
	return nil
}

// ready waits until the server answers PING with PONG: while it loads its data it answers with an error.
func (r *Redis) ready(ctx context.Context) error {
	var last error
	err := poll(ctx, startLimit, func() (bool, error) {
		if !r.proc.running() {
			return false, ended("Redis", r.home.dir)
		}
		last = r.ping(ctx)
		return last == nil, nil
	})
	if err != nil && last != nil {
		return fmt.Errorf("%w: %w", err, last)
	}
	return err
}

func (r *Redis) ping(ctx context.Context) error {
	dialer := net.Dialer{Timeout: 2 * time.Second}
	conn, err := dialer.DialContext(ctx, "tcp4", r.Addr())
	if err != nil {
		return err
	}
	defer conn.Close()
	if err := conn.SetDeadline(time.Now().Add(2 * time.Second)); err != nil {
		return err
	}
	if _, err := fmt.Fprintf(conn, "AUTH %s\r\nPING\r\n", r.home.secret); err != nil {
		return err
	}
	replies := bufio.NewReader(conn)
	for _, want := range []string{"+OK", "+PONG"} {
		got, err := replies.ReadString('\n')
		if err != nil {
			return err
		}
		if got = strings.TrimSpace(got); got != want {
			return fmt.Errorf("redis answered %q, not %q", got, want)
		}
	}
	return nil
}
