package devstack

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"net"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/jackc/pgx/v5"
)

// PostgresOptions says which PostgreSQL to start; the zero value is a temporary one.
type PostgresOptions struct {
	// Dir keeps the data between runs; empty means temporary.
	Dir string
	// Settings are server settings on top of ours, as in postgresql.conf: {"max_connections": "50"}.
	Settings map[string]string
	// Logger logs what is started; nil means silence.
	Logger *slog.Logger
}

// Postgres is a private PostgreSQL server on loopback, with a superuser and a database both named openlearn.
// Its methods are for one goroutine at a time.
type Postgres struct {
	home     *home
	install  pgInstall
	settings map[string]string
	logger   *slog.Logger
	portNo   int
	proc     *process
}

const (
	databaseName = "openlearn"
	startLimit   = 60 * time.Second // enough to replay the log from a cold disk
	startTries   = 10               // another process may take the port
)

// StartPostgres starts a private PostgreSQL and returns once its database `openlearn` answers.
func StartPostgres(ctx context.Context, o PostgresOptions) (*Postgres, error) {
	began := time.Now()
	logger := loggerOr(o.Logger)
	signal := "INT" // fast shutdown: the data is kept
	if o.Dir == "" {
		signal = "QUIT"
	}
	h, err := openHome(ctx, o.Dir, "postgres", signal, logger)
	if err != nil {
		return nil, fmt.Errorf("start a private PostgreSQL: %w", err)
	}
	p := &Postgres{home: h, settings: o.Settings, logger: logger}
	if err = p.prepare(ctx); err == nil {
		err = p.launch(ctx)
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("start a private PostgreSQL: %w", err), h.close())
	}
	logger.Info("private PostgreSQL is up", slog.String("version", p.install.major), slog.String("address", p.Addr()),
		slog.String("data", h.dir), slog.Duration("took", time.Since(began)))
	return p, nil
}

// Addr is host:port.
func (p *Postgres) Addr() string { return net.JoinHostPort("127.0.0.1", strconv.Itoa(p.portNo)) }

// URL is the address of the database openlearn, password included.
func (p *Postgres) URL() string { return p.URLOf(databaseName) }

// URLOf is the address of a database by name, password included.
func (p *Postgres) URLOf(database string) string {
	u := url.URL{
		Scheme: "postgres", User: url.UserPassword(databaseName, p.home.secret), Host: p.Addr(), Path: "/" + database,
		RawQuery: "sslmode=disable",
	}
	return u.String()
}

// Log is the path of the file that the server's output goes to.
func (p *Postgres) Log() string { return logPath(p.home.dir) }

// Stop shuts the server down and releases its directory. Stopping twice is harmless.
func (p *Postgres) Stop(ctx context.Context) error {
	signal := syscall.SIGINT
	if p.home.temporary {
		signal = syscall.SIGQUIT
	}
	return errors.Join(p.proc.stop(ctx, signal), p.home.close())
}

// Kill ends the server and its workers at once, as a power cut would; Start brings it back.
func (p *Postgres) Kill() error { return p.proc.kill() }

// Shutdown stops the server as an operator would (fast mode) and keeps its directory, so that Start can follow.
func (p *Postgres) Shutdown(ctx context.Context) error { return p.proc.stop(ctx, syscall.SIGINT) }

// Start starts a killed or shut down server again, on the same port and data.
func (p *Postgres) Start(ctx context.Context) error {
	if p.proc.running() {
		return errors.New("start PostgreSQL: it is running")
	}
	began := time.Now()
	for {
		err := p.startAt(ctx, p.portNo)
		if err == nil {
			return nil
		}
		// A worker that was forked while its server was killed releases their shared memory once it notices.
		if !errors.Is(err, errMemoryHeld) || time.Since(began) > memoryWait || !pause(ctx, 100*time.Millisecond) {
			return fmt.Errorf("start PostgreSQL again: %w", err)
		}
	}
}

const memoryWait = 10 * time.Second

// Restart is Shutdown and Start.
func (p *Postgres) Restart(ctx context.Context) error {
	if err := p.Shutdown(ctx); err != nil {
		return err
	}
	return p.Start(ctx)
}

// Pause freezes the server and all its workers: connections stay open and nothing answers. Resume ends it.
func (p *Postgres) Pause() error { return p.proc.signalAll(syscall.SIGSTOP) }

// Resume continues a paused server.
func (p *Postgres) Resume() error { return p.proc.signalAll(syscall.SIGCONT) }

func (p *Postgres) data() string { return filepath.Join(p.home.dir, "data") }

// prepare makes the data directory on the first run, and on later ones picks the binaries that can read it.
func (p *Postgres) prepare(ctx context.Context) error {
	version, err := os.ReadFile(filepath.Join(p.data(), "PG_VERSION"))
	if errors.Is(err, fs.ErrNotExist) {
		return p.initdb(ctx)
	}
	if err != nil {
		return fmt.Errorf("read the data's version: %w", err)
	}
	major := strings.TrimSpace(string(version))
	if p.install, err = thisMachine().findPostgres(major); err != nil {
		return fmt.Errorf("the data in %s was made by PostgreSQL %s: install that version, or remove the directory: %w", p.home.dir, major, err)
	}
	return p.evictOrphan(ctx)
}

// initdb builds the directory beside its final place and renames it, so that an interrupted run leaves nothing half
// made.
func (p *Postgres) initdb(ctx context.Context) error {
	var err error
	if p.install, err = thisMachine().findPostgres(""); err != nil {
		return err
	}
	fresh := p.data() + ".new"
	if err := os.RemoveAll(fresh); err != nil {
		return fmt.Errorf("remove an unfinished data directory: %w", err)
	}
	args := []string{
		"--pgdata=" + fresh, "--username=" + databaseName, "--pwfile=" + filepath.Join(p.home.dir, "password"),
		"--auth=scram-sha-256", "--encoding=UTF8", "--locale=" + localeName, "--no-instructions",
	}
	if p.home.temporary {
		args = append(args, "--no-sync")
	}
	cmd := exec.CommandContext(ctx, filepath.Join(p.install.bin, "initdb"), args...)
	cmd.Dir, cmd.Env, cmd.SysProcAttr = p.home.dir, environment(p.home.dir), p.home.id.attributes()
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) } // initdb and what it started
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("initdb as %s: %w: %s", p.home.id.name, err, strings.TrimSpace(string(out)))
	}
	if err := os.Rename(fresh, p.data()); err != nil {
		return fmt.Errorf("finish the data directory: %w", err)
	}
	return nil
}

// evictOrphan clears away what a run that died with its watchdog left behind: we hold the directory's lock, so a server
// that still runs on it has no owner, and a postmaster.pid without such a server is stale (PostgreSQL itself takes it
// for live if any process of the same user has that number now).
func (p *Postgres) evictOrphan(ctx context.Context) error {
	path := filepath.Join(p.data(), "postmaster.pid")
	raw, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("read postmaster.pid: %w", err)
	}
	line, _, _ := strings.Cut(string(raw), "\n")
	pid := number(strings.TrimSpace(line))
	if pid > 0 && strings.Contains(commandLine(pid), p.data()) {
		p.logger.Warn("stopping a PostgreSQL that an earlier run left", slog.Int("pid", pid))
		if err := syscall.Kill(pid, syscall.SIGINT); err != nil && !errors.Is(err, syscall.ESRCH) {
			return fmt.Errorf("stop the PostgreSQL of an earlier run: %w", err)
		}
		return poll(ctx, 15*time.Second, func() (bool, error) { return !alive(pid), nil })
	}
	if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("remove a stale postmaster.pid: %w", err)
	}
	return nil
}

func (p *Postgres) launch(ctx context.Context) error {
	for attempt := range startTries {
		port, err := p.home.port(attempt)
		if err != nil {
			return err
		}
		err = p.startAt(ctx, port)
		if err == nil {
			if err = p.home.rememberPort(port); err != nil {
				return errors.Join(err, p.proc.kill())
			}
			return nil
		}
		if !errors.Is(err, errPortTaken) {
			return err
		}
	}
	return fmt.Errorf("%w, %d times over", errPortTaken, startTries)
}

func (p *Postgres) startAt(ctx context.Context, port int) error {
	p.portNo = port
	args := []string{"-D", p.data()}
	settings := []string{
		"listen_addresses=127.0.0.1", "port=" + strconv.Itoa(port), "unix_socket_directories=", // a socket's path may be too long
		"max_connections=300", "timezone=UTC", "log_timezone=UTC", "lc_messages=C", "log_min_messages=warning",
		"logging_collector=off", "log_destination=stderr", "cluster_name=openlearn", "jit=off",
	}
	if p.home.temporary {
		// A killed server must still have what it had committed, so synchronous_commit stays on; without fsync it is cheap.
		settings = append(settings, "fsync=off", "full_page_writes=off")
	}
	for name, value := range p.settings {
		settings = append(settings, name+"="+value)
	}
	for _, setting := range settings {
		args = append(args, "-c", setting)
	}
	proc, err := start(launch{
		name: "PostgreSQL", path: filepath.Join(p.install.bin, "postgres"), args: args,
		dir: p.home.dir, id: p.home.id, dog: p.home.dog,
	})
	if err != nil {
		return err
	}
	p.proc = proc
	if err := p.ready(ctx); err != nil {
		return errors.Join(err, proc.kill())
	}
	return nil
}

// ready waits until the server accepts our connection, and makes sure that the database exists.
func (p *Postgres) ready(ctx context.Context) error {
	var last error
	err := poll(ctx, startLimit, func() (bool, error) {
		if !p.proc.running() {
			return false, ended("PostgreSQL", p.home.dir)
		}
		last = p.ensureDatabase(ctx)
		return last == nil, nil
	})
	if err != nil && last != nil {
		return fmt.Errorf("%w: %w", err, last)
	}
	return err
}

func (p *Postgres) ensureDatabase(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	conn, err := pgx.Connect(ctx, p.URLOf("postgres"))
	if err != nil {
		return err
	}
	defer conn.Close(context.WithoutCancel(ctx))
	var there bool
	err = conn.QueryRow(ctx, "SELECT EXISTS (SELECT FROM pg_database WHERE datname = $1)", databaseName).Scan(&there)
	if err != nil || there {
		return err
	}
	_, err = conn.Exec(ctx, "CREATE DATABASE "+databaseName)
	return err
}

// errPortTaken means that someone else took the port first: try another.
var errPortTaken = errors.New("the port was taken")

// errMemoryHeld means that a process of the server that ran before is still there.
var errMemoryHeld = errors.New("a worker of the server before still holds its memory")

// ended explains a server that exited by itself.
func ended(name, dir string) error {
	text := lastLines(dir)
	if strings.Contains(text, "Address already in use") || strings.Contains(text, "in use") && strings.Contains(text, "bind") {
		return fmt.Errorf("%s: %w", name, errPortTaken)
	}
	if strings.Contains(text, "pre-existing shared memory block") {
		return fmt.Errorf("%s: %w; it said:\n%s", name, errMemoryHeld, text)
	}
	return fmt.Errorf("%s ended by itself; it said:\n%s", name, text)
}
