package app

import (
	"bufio"
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"openlearn/internal/testkit"
)

// TestCacheProxy runs the command in front of an upstream, on a Redis of its own and on a given one.
func TestCacheProxy(t *testing.T) {
	t.Setenv("REDIS_URL", testkit.RedisURL(t))
	upstream := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Cache-Control", "max-age=60")
		_, _ = io.WriteString(w, "hola")
	}))
	for _, redis := range [][]string{nil, {"--private-redis"}} {
		ctx, stop := context.WithCancel(context.Background())
		out, in := io.Pipe()
		ended := make(chan error, 1)
		go func() {
			err := Run(ctx, "test", append([]string{"cache-proxy", "--upstream", upstream.URL, "--listen", "127.0.0.1:0"}, redis...), in, io.Discard)
			_ = in.CloseWithError(io.EOF)
			ended <- err
		}()
		line, err := bufio.NewReader(out).ReadString('\n')
		if err != nil {
			t.Fatalf("%v: %v", err, <-ended)
		}
		address := strings.TrimSpace(line[strings.LastIndex(line, "http://"):])
		for _, want := range []string{"MISS", "HIT"} {
			res, err := http.Get(address)
			if err != nil {
				t.Fatal(err)
			}
			body, err := io.ReadAll(res.Body)
			_ = res.Body.Close()
			if err != nil || string(body) != "hola" || res.Header.Get("X-Cache") != want {
				t.Errorf("%s, %q, %v, want %s", res.Header.Get("X-Cache"), body, err, want)
			}
		}
		stop()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	}
	upstream.Close()
	http.DefaultClient.CloseIdleConnections()
	for _, args := range [][]string{{"cache-proxy"}, {"cache-proxy", "--upstream", "ftp://x"}} {
		if err := Run(context.Background(), "test", args, io.Discard, io.Discard); ExitCode(err) != 2 {
			t.Errorf("%v: %v", args, err)
		}
	}
}
