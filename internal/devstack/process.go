package devstack

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
)

// process is one running server child and the goroutine that waits for its end.
type process struct {
	name   string
	child  *os.Process   // its Signal is safe if the pid was reaped and reused
	ended  string        // how, once exited is closed
	exited chan struct{} // closed once the child is reaped and the watchdog knows
}

// launch is what is needed to start a server.
type launch struct {
	name  string
	path  string
	args  []string
	stdin string
	dir   string // working directory, and the home of the log
	id    identity
	dog   *watchdog
}

func start(l launch) (*process, error) {
	log, err := l.id.open(logPath(l.dir), os.O_CREATE|os.O_WRONLY|os.O_TRUNC)
	if err != nil {
		return nil, fmt.Errorf("open the log of %s: %w", l.name, err)
	}
	defer log.Close() // the child has its own descriptor
	cmd := exec.Command(l.path, l.args...)
	cmd.Dir, cmd.Env, cmd.SysProcAttr = l.dir, environment(l.dir), l.id.attributes()
	cmd.Stdout, cmd.Stderr = log, log // a file: no goroutine copies it, and `go test` does not wait for a pipe to close
	if l.stdin != "" {
		cmd.Stdin = strings.NewReader(l.stdin)
	}
	if err := cmd.Start(); err != nil {
		return nil, fmt.Errorf("start %s as %s: %w", l.name, l.id.name, err)
	}
	p := &process{name: l.name, child: cmd.Process, exited: make(chan struct{})}
	guardErr := l.dog.guard(cmd.Process.Pid)
	go p.reap(cmd, l.dog)
	if guardErr != nil {
		return nil, errors.Join(guardErr, p.kill())
	}
	return p, nil
}

// reap waits for the child. For as long as it does, it also keeps the watchdog's pipe from being collected as garbage,
// which would close it.
func (p *process) reap(cmd *exec.Cmd, dog *watchdog) {
	defer close(p.exited)
	// Only the caller knows whether it was meant to end.
	if err := cmd.Wait(); err != nil {
		p.ended = err.Error()
	} else {
		p.ended = "exit status 0"
	}
	_ = dog.guard(0)
}

// ending says how a server that has ended did so: "signal: killed". Its log says why.
func (p *process) ending() string {
	<-p.exited
	return p.ended
}

// signal sends s to the server, or nothing if it has ended.
func (p *process) signal(s syscall.Signal) error {
	if err := p.child.Signal(s); err != nil && !errors.Is(err, os.ErrProcessDone) {
		return fmt.Errorf("send %v to %s: %w", s, p.name, err)
	}
	return nil
}

// signalAll sends s to the server and all processes below it: PostgreSQL's workers are in sessions of their own, where
// a signal to the process group does not reach.
func (p *process) signalAll(s syscall.Signal) error {
	if !p.running() {
		return nil
	}
	below, err := descendants(p.child.Pid)
	errs := []error{err, p.signal(s)}
	for _, pid := range below {
		if err := syscall.Kill(pid, s); err != nil && !errors.Is(err, syscall.ESRCH) {
			errs = append(errs, fmt.Errorf("send %v to %s (process %d): %w", s, p.name, pid, err))
		}
	}
	return errors.Join(errs...)
}

// stop sends s and waits; past ctx's end it kills.
func (p *process) stop(ctx context.Context, s syscall.Signal) error {
	err := errors.Join(p.signalAll(syscall.SIGCONT), p.signal(s))
	select {
	case <-p.exited:
		return err
	case <-ctx.Done():
		return errors.Join(err, fmt.Errorf("%s did not stop in time and was killed: %w", p.name, ctx.Err()), p.kill())
	}
}

// kill ends the server and everything below it, as a power cut would.
func (p *process) kill() error {
	err := p.signalAll(syscall.SIGKILL)
	<-p.exited
	return err
}

func (p *process) running() bool {
	select {
	case <-p.exited:
		return false
	default:
		return true
	}
}

// environment keeps the caller's PG* variables away from the servers, whose settings all come from us.
func environment(home string) []string {
	return []string{"PATH=" + os.Getenv("PATH"), "HOME=" + home, "TZ=UTC", "LC_ALL=" + localeName}
}

// logPath is the file in a server's directory that its output goes to.
func logPath(dir string) string { return filepath.Join(dir, "log") }

// lastLines are the end of a server's log, for an error message.
func lastLines(dir string) string {
	file, err := os.Open(logPath(dir))
	if err != nil {
		return "no log: " + err.Error()
	}
	defer file.Close()
	if info, err := file.Stat(); err == nil && info.Size() > 2000 {
		if _, err := file.Seek(-2000, io.SeekEnd); err != nil {
			return "no log: " + err.Error()
		}
	}
	text, err := io.ReadAll(file)
	if err != nil {
		return "no log: " + err.Error()
	}
	return strings.TrimSpace(string(text))
}
