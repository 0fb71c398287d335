package devstack_test

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"go.uber.org/goleak"

	"openlearn/internal/devstack"
)

// helperVariable turns this test binary into another program: one that starts a stack in the directory the variable
// names ("temporary": a temporary one), says where it is, and does nothing until it is told to, or is killed.
const helperVariable = "DEVSTACK_TEST_HELPER"

func TestMain(m *testing.M) {
	if dir := os.Getenv(helperVariable); dir != "" {
		if err := help(dir); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		return
	}
	goleak.VerifyTestMain(m)
}

// hello is what the helper says once its stack is up.
type hello struct {
	DatabaseURL, RedisURL, RedisAddr string
	PostgresHome, RedisHome          string
	PostgresOwner, RedisOwner        int // user ids of the processes' data
}

func help(dir string) error {
	if dir == "temporary" {
		dir = ""
	}
	interrupts := make(chan os.Signal, 1)
	signal.Notify(interrupts, os.Interrupt)
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Minute)
	defer cancel()
	stack, err := devstack.Start(ctx, devstack.Options{Dir: dir})
	if err != nil {
		return err
	}
	h := hello{
		DatabaseURL: stack.DatabaseURL(), RedisURL: stack.RedisURL(), RedisAddr: stack.Redis.Addr(),
		PostgresHome: filepath.Dir(stack.Postgres.Log()), RedisHome: filepath.Dir(stack.Redis.Log()),
	}
	if h.PostgresOwner, err = owner(h.PostgresHome); err != nil {
		return err
	}
	if h.RedisOwner, err = owner(h.RedisHome); err != nil {
		return err
	}
	if err := json.NewEncoder(os.Stdout).Encode(h); err != nil {
		return err
	}
	commands := bufio.NewScanner(os.Stdin)
	for commands.Scan() {
		switch commands.Text() {
		case "interrupted?": // answers once Ctrl-C has arrived
			<-interrupts
			fmt.Println("yes")
		case "stop":
			return stack.Stop(ctx)
		}
	}
	return nil // without Stop: dying like this is what some tests want
}

func owner(path string) (int, error) {
	info, err := os.Stat(path)
	if err != nil {
		return 0, err
	}
	return int(info.Sys().(*syscall.Stat_t).Uid), nil
}

// helper is the running helper program.
type helper struct {
	hello
	cmd   *exec.Cmd
	say   io.Writer
	lines *bufio.Reader
}

// startHelper runs the helper in a process group of its own, as a terminal does, as the given user (0: the caller's).
func startHelper(t *testing.T, dir string, uid uint32) *helper {
	t.Helper()
	cmd := exec.Command(helperBinary(t))
	cmd.Dir = "/"
	cmd.Env = append(os.Environ(), helperVariable+"="+dir, "TMPDIR=/tmp", "HOME=/")
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	if uid != 0 {
		cmd.SysProcAttr.Credential = &syscall.Credential{Uid: uid, Gid: uid}
	}
	cmd.Stderr = t.Output()
	stdin, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	h := &helper{cmd: cmd, say: stdin, lines: bufio.NewReader(stdout)}
	t.Cleanup(func() { h.kill(t) })
	line, err := h.lines.ReadBytes('\n')
	if err != nil {
		t.Fatalf("the helper did not start its stack: %v", err)
	}
	if err := json.Unmarshal(line, &h.hello); err != nil {
		t.Fatal(err)
	}
	return h
}

// helperBinary copies this test binary to a place where every user can run it: go test's own directory is private.
func helperBinary(t *testing.T) string {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	if os.Geteuid() != 0 {
		return self
	}
	dir, err := os.MkdirTemp("/tmp", "devstack-helper-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := os.RemoveAll(dir); err != nil {
			t.Error(err)
		}
	})
	if err := os.Chmod(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(dir, "devstack.test")
	// Not by this process: a child that another test forks meanwhile would inherit the open file, and a file that anybody
	// may write to cannot be run ("text file busy", go.dev/issue/22315).
	if out, err := exec.CommandContext(t.Context(), "cp", self, path).CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	if err := os.Chmod(path, 0o755); err != nil {
		t.Fatal(err)
	}
	return path
}

func (h *helper) tell(t *testing.T, command string) {
	t.Helper()
	if _, err := io.WriteString(h.say, command+"\n"); err != nil {
		t.Fatal(err)
	}
}

// kill ends the helper as kill -9 does, if it still runs.
func (h *helper) kill(t *testing.T) {
	t.Helper()
	if h.cmd.ProcessState != nil {
		return
	}
	if err := h.cmd.Process.Kill(); err != nil {
		t.Error(err)
	}
	_ = h.cmd.Wait() // its error is "signal: killed"
}

// wait expects the helper to end successfully by itself.
func (h *helper) wait(t *testing.T) {
	t.Helper()
	if err := h.cmd.Wait(); err != nil {
		t.Error(err)
	}
}
