package devstack

import (
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"sync"
	"syscall"
)

// watchdogScript reads what its owner tells it through a pipe that only the owner holds open: "server PID" when one has
// started, "server" when it is gone, "done" when nothing is left to do. The end of the file means that the owner died,
// by os.Exit, a panic, kill -9 or otherwise, and that the server must be stopped. $1 is the signal that stops the
// server, $2 a directory to remove afterwards or "".
//
// A pipe and not Linux' parent-death signal: that one is tied to the thread that forked (which the Go runtime may end), does
// not exist on macOS, does not continue a server that a fault test has paused, and leaves temporary data behind.
const watchdogScript = `
running() { # a zombie that its new parent has not buried yet does not count
	kill -0 "$1" 2>/dev/null || return 1
	if [ -r "/proc/$1/stat" ] && read -r _ _ state _ <"/proc/$1/stat" && [ "$state" = Z ]; then return 1; fi
}
pid=
while read -r word value; do
	case $word in
	server) pid=$value ;;
	done) exit 0 ;;
	esac
done
if [ -n "$pid" ]; then
	kill -CONT "$pid" 2>/dev/null
	kill "-$1" "$pid" 2>/dev/null
	tries=0
	while running "$pid" && [ "$tries" -lt 100 ]; do sleep 0.1; tries=$((tries + 1)); done
	kill -KILL "$pid" 2>/dev/null
fi
if [ -n "$2" ]; then rm -rf -- "$2"; fi
exit 0
`

// watchdog outlives its owner by just long enough to stop one server.
type watchdog struct {
	cmd *exec.Cmd

	mu   sync.Mutex
	pipe io.WriteCloser // closed by the kernel when the owner dies
}

// watch starts a watchdog. The lock file, if any, is inherited: it stays locked until the watchdog is done too.
func watch(signal, remove string, lock *os.File) (*watchdog, error) {
	cmd := exec.Command("/bin/sh", "-c", watchdogScript, "openlearn-watchdog", signal, remove)
	cmd.Dir = "/"
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	if lock != nil {
		cmd.ExtraFiles = []*os.File{lock}
	}
	pipe, err := cmd.StdinPipe()
	if err != nil {
		return nil, fmt.Errorf("pipe to the watchdog: %w", err)
	}
	if err := cmd.Start(); err != nil {
		return nil, errors.Join(fmt.Errorf("start the watchdog: %w", err), pipe.Close())
	}
	return &watchdog{cmd: cmd, pipe: pipe}, nil
}

// guard makes pid the server to stop when the owner dies; 0 means that there is none now.
func (w *watchdog) guard(pid int) error {
	line := "server\n"
	if pid != 0 {
		line = fmt.Sprintf("server %d\n", pid)
	}
	return w.tell(line)
}

func (w *watchdog) tell(line string) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.pipe == nil {
		return nil
	}
	if _, err := io.WriteString(w.pipe, line); err != nil {
		return fmt.Errorf("speak to the watchdog: %w", err)
	}
	return nil
}

// dismiss ends the watchdog without touching the server: the owner has stopped it. A second call does nothing.
func (w *watchdog) dismiss() error {
	err := w.tell("done\n")
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.pipe == nil {
		return nil
	}
	err = errors.Join(err, w.pipe.Close(), w.cmd.Wait())
	w.pipe = nil
	if err != nil {
		return fmt.Errorf("dismiss the watchdog: %w", err)
	}
	return nil
}
