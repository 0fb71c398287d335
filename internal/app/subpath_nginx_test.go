package app

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"

	"openlearn/internal/testkit"
)

var nginxBlocks = regexp.MustCompile("(?s)```nginx\n(.*?)```")

// TestNginxExamples runs the two examples of the operator's manual in a real nginx.
func TestNginxExamples(t *testing.T) {
	t.Parallel()
	program, err := exec.LookPath("nginx")
	if err != nil {
		t.Skip("no nginx: scripts/ensure-installed nginx installs it")
	}
	manual, err := os.ReadFile("../../docs/operations.md")
	if err != nil {
		t.Fatal(err)
	}
	blocks := nginxBlocks.FindAllSubmatch(manual, -1)
	if len(blocks) != 2 {
		t.Fatalf("%d examples", len(blocks))
	}
	shared := regexp.MustCompile(`(?m)^    proxy_(?:set|http|read).*\n`).FindAll(blocks[0][1], -1)
	a, _ := belowPath(t)
	for i, name := range []string{"left", "removed"} {
		example := string(blocks[i][1])
		if i == 1 {
			var lines strings.Builder
			for _, l := range shared {
				lines.Write(l)
			}
			example = strings.Replace(example, "    # and the same lines as above\n", lines.String(), 1)
		}
		t.Run(name, func(t *testing.T) {
			belowNginx(t, a, program, strings.ReplaceAll(example, "http://127.0.0.1:8000", a.base))
		})
	}
}

// startNginx answers on a socket, so that no port is needed.
func startNginx(t *testing.T, program, locations string) (socket string) {
	t.Helper()
	dir, err := os.MkdirTemp("", "ngx") // short: a socket's path has some 100 bytes
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	if err := os.Chmod(dir, 0o755); err != nil { // nginx's workers may run as nobody
		t.Fatal(err)
	}
	socket = filepath.Join(dir, "s")
	conf := fmt.Sprintf(`daemon off; pid %[1]s/pid; error_log stderr warn; worker_processes 1;
events {}
http {
	access_log off;
	client_body_temp_path %[1]s/b; proxy_temp_path %[1]s/p; fastcgi_temp_path %[1]s/f; uwsgi_temp_path %[1]s/u; scgi_temp_path %[1]s/g;
	server { listen unix:%[2]s; absolute_redirect off; %[3]s }
}`, dir, socket, locations)
	if err := os.WriteFile(filepath.Join(dir, "conf"), []byte(conf), 0o644); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(program, "-p", dir, "-c", "conf")
	var said strings.Builder
	cmd.Stdout, cmd.Stderr = &said, &said
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }()
	t.Cleanup(func() {
		_ = cmd.Process.Signal(syscall.SIGTERM) // it may have ended
		<-ended
		if t.Failed() {
			t.Log(said.String())
		}
	})
	testkit.Eventually(t, "nginx answers", func() bool {
		conn, err := (&net.Dialer{}).DialContext(t.Context(), "unix", socket)
		if err == nil {
			_ = conn.Close()
		}
		return err == nil
	})
	return socket
}

func belowNginx(t *testing.T, a *testApp, program, locations string) {
	socket := startNginx(t, program, locations)
	tr := &http.Transport{DisableCompression: true, DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return (&net.Dialer{}).DialContext(ctx, "unix", socket)
	}}
	t.Cleanup(tr.CloseIdleConnections)
	send := func(method, path, body string, cookies ...*http.Cookie) *http.Response {
		t.Helper()
		r, err := http.NewRequestWithContext(t.Context(), method, "http://"+publicHost+path, strings.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("Content-Type", formKind)
		for _, c := range cookies {
			r.AddCookie(c)
		}
		res, err := tr.RoundTrip(r)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = res.Body.Close() })
		return res
	}
	for path, want := range map[string]int{
		"/openlearn/docs": 200, "/openlearn/docs/assets/swagger-ui.css": 200, "/openlearn/api/articles/1": 200, "/openlearn/": 200, "/openlearn": 301, "/openlearn/admin/cache": 303, "/openlearn/health/live": 200,
		"/openlearn/metrics": 404, "/openlearn/metrics/": 404, "/openlearn/%6detrics": 404, "/openlearn//metrics": 404, "/openlearn/openlearn/metrics": 404, "/openlearn/%6fpenlearn/metrics": 404, "/openlearn//openlearn/metrics": 404,
		"/openlearn/x/../metrics": 404, "/openlearn/openlearn/api/articles/1": 404, "/metrics": 404, "/api/articles/1": 404, "/openlearnx/api/articles/1": 404,
	} {
		r := send(http.MethodGet, path, "")
		if r.StatusCode != want {
			t.Errorf("%s: %d, want %d", path, r.StatusCode, want)
		}
		if to := r.Header.Get("Location"); to != "" && !strings.HasPrefix(to, "/openlearn/") {
			t.Errorf("%s leads to %s", path, to)
		}
	}
	feed, err := io.ReadAll(send(http.MethodGet, "/openlearn/api/articles/feed.atom", "").Body)
	if err != nil || !strings.Contains(string(feed), "https://"+publicHost+"/openlearn/api/articles/feed.atom") {
		t.Errorf("%v %s", err, feed)
	}
	login := send(http.MethodPost, "/openlearn/admin/cache/login", "key="+testAdminKey)
	if login.StatusCode != http.StatusSeeOther || login.Header.Get("Location") != "/openlearn/admin/cache" || len(login.Cookies()) != 1 || login.Cookies()[0].Path != "/openlearn/admin" {
		t.Fatalf("%d %v", login.StatusCode, login.Header)
	}
	// nginx passes each event on at once.
	events := bufio.NewScanner(send(http.MethodGet, "/openlearn/admin/cache/events", "", login.Cookies()...).Body)
	events.Buffer(nil, 1<<20)
	for n := 0; n < 2 && events.Scan(); {
		if strings.HasPrefix(events.Text(), "event: figures") {
			n++
		}
	}
	if err := events.Err(); err != nil {
		t.Error(err)
	}
	if x := a.get("/api/articles/1").Header.Get("X-Cache"); x != "HIT" {
		t.Errorf("directly: %s", x)
	}
}
