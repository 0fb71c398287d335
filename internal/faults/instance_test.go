package faults

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"os/signal"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"

	"openlearn/internal/app"
)

// instance is one process of the service, with its own connection to each server.
type instance struct {
	name            string
	binary          string
	port            int
	redis, postgres *proxy
	settings        []string // NAME=value, for every start

	cmd    *exec.Cmd
	exited chan struct{}

	mu   sync.Mutex
	said []line
}

// line is one line of the service's log.
type line struct {
	at         time.Time
	level, msg string
}

// roleVariable turns the test binary into the service: if no binary is named, it is the one under test.
const roleVariable = "OPENLEARN_FAULTS_ROLE"

// playService does what main.go does, for the test binary.
func playService() {
	if os.Getenv(roleVariable) == "" {
		return
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, stop)
	err := app.Run(ctx, "faults", os.Args[1:], os.Stdout, os.Stderr)
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "openlearn:", err)
		os.Exit(app.ExitCode(err))
	}
	os.Exit(0)
}

func (in *instance) base() string { return "http://127.0.0.1:" + strconv.Itoa(in.port) }

// limits restrict what the process is given at a start.
type limits struct {
	descriptors int
	settings    []string // NAME=value
}

// start starts the process and waits until it is ready.
func (in *instance) start(ctx context.Context, l limits) error {
	if in.running() {
		return fmt.Errorf("%s runs already", in.name)
	}
	args := []string{in.binary, "serve"}
	if l.descriptors > 0 {
		args = append([]string{"/bin/sh", "-c", "ulimit -n " + strconv.Itoa(l.descriptors) + `; exec "$0" "$@"`}, args...)
	}
	cmd := exec.Command(args[0], args[1:]...)
	cmd.Env = append(append(environment(), in.settings...), l.settings...)
	out, err := cmd.StderrPipe()
	if err != nil {
		return err
	}
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	if err := cmd.Start(); err != nil {
		return fmt.Errorf("start %s: %w", in.name, err)
	}
	in.cmd, in.exited = cmd, make(chan struct{})
	exited := in.exited
	dismiss, err := guard(cmd.Process.Pid)
	if err != nil {
		_ = cmd.Process.Kill()
		dismiss = func() {}
	}
	go func() {
		defer close(exited)
		in.listen(out)
		_ = cmd.Wait() // how it ends is what the row is about
		dismiss()
	}()
	if err != nil {
		return fmt.Errorf("start %s: %w", in.name, err)
	}
	return in.await(ctx, 60*time.Second)
}

// guard starts a shell that kills the process if ours ends first, however that happens: the shell's input then ends.
func guard(pid int) (dismiss func(), err error) {
	dog := exec.Command("/bin/sh", "-c", `read -r word; [ "$word" = done ] || kill -9 "$1"`, "sh", strconv.Itoa(pid))
	dog.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	pipe, err := dog.StdinPipe()
	if err != nil {
		return nil, err
	}
	if err := dog.Start(); err != nil {
		return nil, err
	}
	return func() {
		_, _ = io.WriteString(pipe, "done\n")
		_ = pipe.Close()
		_ = dog.Wait()
	}, nil
}

// environment is the caller's environment without the variables that configure the service.
func environment() []string {
	keep := regexp.MustCompile(`^(PATH|HOME|TMPDIR|LANG|GORACE)=`)
	env := []string{roleVariable + "=serve", "SCRAPER_WORKERS=0", "RATE_LIMIT_ENABLED=false"} // nothing is scraped from outside, and all load comes from one address
	for _, e := range os.Environ() {
		if keep.MatchString(e) {
			env = append(env, e)
		}
	}
	return env
}

// listen reads the log until the process ends.
func (in *instance) listen(out io.Reader) {
	lines := bufio.NewReaderSize(out, 1<<20)
	for {
		raw, err := lines.ReadBytes('\n')
		if raw = bytes.TrimSpace(raw); len(raw) > 0 {
			var l struct{ Level, Msg string }
			if json.Unmarshal(raw, &l) != nil {
				l.Level, l.Msg = "ERROR", string(raw[:min(len(raw), 200)])
				if bytes.Contains(raw, []byte("DATA RACE")) {
					l.Level = raceLevel
				}
			}
			in.mu.Lock()
			in.said = append(in.said, line{time.Now(), l.Level, l.Msg})
			if len(in.said) > 20_000 {
				in.said = in.said[10_000:]
			}
			in.mu.Unlock()
		}
		if err != nil {
			return
		}
	}
}

const raceLevel = "RACE"

// since returns the log lines after a moment.
func (in *instance) since(at time.Time) (out []line) {
	in.mu.Lock()
	defer in.mu.Unlock()
	for _, l := range in.said {
		if l.at.After(at) {
			out = append(out, l)
		}
	}
	return out
}

func (in *instance) running() bool {
	if in.exited == nil {
		return false
	}
	select {
	case <-in.exited:
		return false
	default:
		return true
	}
}

// ready asks the readiness probe on a connection of its own.
func (in *instance) ready(ctx context.Context, limit time.Duration) bool {
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, in.base()+"/health/ready", nil)
	if err != nil {
		return false
	}
	req.Close = true
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		return false
	}
	_ = res.Body.Close()
	return res.StatusCode == http.StatusOK
}

func (in *instance) await(ctx context.Context, limit time.Duration) error {
	for began := time.Now(); !in.ready(ctx, 2*time.Second); {
		if !in.running() {
			return fmt.Errorf("%s ended by itself: %v", in.name, in.last())
		}
		if time.Since(began) > limit {
			return fmt.Errorf("%s was not ready within %v: %v", in.name, limit, in.last())
		}
		if !sleep(ctx, 20*time.Millisecond) {
			return ctx.Err()
		}
	}
	return nil
}

func (in *instance) last() []line {
	in.mu.Lock()
	defer in.mu.Unlock()
	return append([]line(nil), in.said[max(0, len(in.said)-5):]...)
}

// signal sends s, unless the process has ended.
func (in *instance) signal(s syscall.Signal) error {
	if !in.running() {
		return nil
	}
	return in.cmd.Process.Signal(s)
}

// gone waits for the end of the process, and kills it if that takes too long.
func (in *instance) gone(limit time.Duration) error {
	if in.exited == nil {
		return nil
	}
	select {
	case <-in.exited:
		return nil
	case <-time.After(limit):
		_ = in.signal(syscall.SIGCONT)
		_ = in.signal(syscall.SIGKILL)
		<-in.exited
		return fmt.Errorf("%s did not end within %v and was killed", in.name, limit)
	}
}

// again stops the process and starts it with other limits.
func (in *instance) again(ctx context.Context, l limits) error {
	if err := in.signal(syscall.SIGKILL); err != nil {
		return err
	}
	if err := in.gone(10 * time.Second); err != nil {
		return err
	}
	return in.start(ctx, l)
}

// memory is the resident set in bytes, from /proc; 0 where there is none.
func (in *instance) memory() int64 {
	raw, err := os.ReadFile("/proc/" + strconv.Itoa(in.cmd.Process.Pid) + "/statm")
	if err != nil {
		return 0
	}
	fields := strings.Fields(string(raw))
	if len(fields) < 2 {
		return 0
	}
	pages, err := strconv.ParseInt(fields[1], 10, 64)
	if err != nil {
		return 0
	}
	return pages * int64(os.Getpagesize())
}

// through is a server's URL with the proxy's address in place of the server's.
func through(address string, p *proxy) (string, error) {
	u, err := url.Parse(address)
	if err != nil {
		return "", fmt.Errorf("address of a server: %w", err)
	}
	u.Host = p.addr()
	return u.String(), nil
}

func freePort() (int, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return 0, err
	}
	defer l.Close()
	return l.Addr().(*net.TCPAddr).Port, nil
}

// sleep waits, and returns false if ctx ends first.
func sleep(ctx context.Context, d time.Duration) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return true
	case <-ctx.Done():
		return false
	}
}
