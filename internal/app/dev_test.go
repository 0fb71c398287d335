package app

import (
	"bytes"
	"context"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/redis/go-redis/v9"

	"openlearn/internal/testkit"
)

// commandVariable makes this test binary run as openlearn, with the variable's value as arguments.
const commandVariable = "OPENLEARN_TEST_COMMAND"

func beOpenLearn() {
	line := os.Getenv(commandVariable)
	if line == "" {
		return
	}
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, os.Interrupt)
	err := Run(ctx, "test", strings.Fields(line), os.Stdout, os.Stderr)
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "openlearn:", err)
		os.Exit(ExitCode(err))
	}
	os.Exit(0)
}

// TestDev is `make run` with another shell beside it: the env file has all addresses, servers that die come back, and
// Ctrl-C ends it cleanly.
func TestDev(t *testing.T) {
	t.Parallel()
	testkit.OwnServers(t)
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	dir, err := os.MkdirTemp("", "openlearn-dev-test-")
	if err == nil {
		err = os.Chmod(dir, 0o755) // PostgreSQL's user must be able to enter it
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := os.RemoveAll(dir); err != nil {
			t.Error(err)
		}
	})
	data := filepath.Join(dir, "dev")
	env := []string{"PATH=" + os.Getenv("PATH"), "HOME=" + dir, "TMPDIR=" + os.TempDir(), "HTTP_ADDR=127.0.0.1:0", commandVariable + "=dev -articles 3 -data " + data}
	var said syncBuffer
	dev := exec.Command(self)
	dev.Env, dev.Dir, dev.Stdout, dev.Stderr = env, dir, &said, &said
	if err := dev.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- dev.Wait() }()
	t.Cleanup(func() {
		_ = dev.Process.Kill() // it has already ended if all went well
	})
	await := func(what string, ok func() bool) {
		t.Helper()
		deadline := time.After(2 * time.Minute)
		for !ok() {
			select {
			case err := <-ended:
				t.Fatalf("dev ended (%v) before %s:\n%s", err, what, said.String())
			case <-deadline:
				t.Fatalf("never happened: %s\n%s", what, said.String())
			case <-time.After(50 * time.Millisecond):
			}
		}
	}
	await("it serves", func() bool { return strings.Contains(said.String(), "OpenLearn is up") })

	addresses := map[string]string{}
	raw, err := os.ReadFile(filepath.Join(data, "env"))
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(raw)) {
		name, value, _ := strings.Cut(strings.TrimPrefix(strings.TrimSpace(line), "export "), "=")
		addresses[name] = strings.Trim(value, "'")
	}
	healthy := func() bool {
		res, err := http.Get("http://" + addresses["HTTP_ADDR"] + "/health/ready")
		if err != nil {
			return false
		}
		defer res.Body.Close()
		var b bytes.Buffer
		_, err = b.ReadFrom(res.Body)
		return err == nil && strings.Contains(b.String(), `"status":"healthy"`)
	}
	await("it is healthy", healthy)
	if _, port, _ := strings.Cut(addresses["HTTP_ADDR"], ":"); addresses["PUBLIC_URL"] != "http://localhost:"+port {
		t.Errorf("HTTP_ADDR is %s and PUBLIC_URL %s", addresses["HTTP_ADDR"], addresses["PUBLIC_URL"])
	}
	shell := exec.Command("/bin/sh", "-c", `. "$1" && `+commandVariable+`=healthcheck exec "$2"`, "sh", filepath.Join(data, "env"), self)
	shell.Env = []string{"PATH=" + os.Getenv("PATH")}
	if out, err := shell.CombinedOutput(); err != nil {
		t.Errorf("another shell does not find the service: %v\n%s", err, out)
	}

	kill := func(pid int) {
		t.Helper()
		if err := syscall.Kill(pid, syscall.SIGKILL); err != nil {
			t.Fatal(err)
		}
	}
	kill(redisPID(t, addresses["REDIS_URL"]))
	await("Redis is back", func() bool {
		return strings.Contains(said.String(), "the private server is up again") && strings.Contains(said.String(), "signal: killed")
	})
	await("it is healthy with the new Redis", healthy)
	kill(postmasterPID(t, addresses["DATABASE_URL"]))
	await("PostgreSQL is back", func() bool { return strings.Count(said.String(), "the private server is up again") == 2 })
	await("it is healthy with the new PostgreSQL", healthy)

	if err := dev.Process.Signal(os.Interrupt); err != nil {
		t.Fatal(err)
	}
	select {
	case err := <-ended:
		if err != nil {
			t.Errorf("Ctrl-C is a bad end: %v\n%s", err, said.String())
		}
	case <-time.After(time.Minute):
		t.Fatalf("Ctrl-C does not end it:\n%s", said.String())
	}
}

func redisPID(t *testing.T, url string) int {
	t.Helper()
	options, err := redis.ParseURL(url)
	if err != nil {
		t.Fatal(err)
	}
	client := redis.NewClient(options)
	defer client.Close()
	info := client.InfoMap(t.Context(), "server")
	pid, err := strconv.Atoi(info.Item("Server", "process_id"))
	if err != nil {
		t.Fatalf("%v (%v)", err, info.Err())
	}
	return pid
}

func postmasterPID(t *testing.T, url string) int {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), url)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close(t.Context())
	var pid int
	if err := conn.QueryRow(t.Context(), "SELECT split_part(pg_read_file('postmaster.pid'), E'\\n', 1)::int").Scan(&pid); err != nil {
		t.Fatal(err)
	}
	return pid
}
