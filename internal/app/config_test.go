package app

import (
	"bytes"
	"strings"
	"testing"
)

func TestWrongValuesStopTheStartByName(t *testing.T) {
	const good = "postgres://u:hunter2secret@localhost:5432/db"
	for _, c := range []struct{ name, value, want string }{
		{"DATABASE_URL", "", "DATABASE_URL: expected postgres://"},
		{"DATABASE_URL", "mysql://hunter2secret@x/y", "DATABASE_URL: expected postgres://"},
		{"DATABASE_URL", "postgres://u:hunter2secret%zz@x/y", "DATABASE_URL: expected"},
		{"MIGRATION_DATABASE_URL", "mysql://hunter2secret@x/y", "MIGRATION_DATABASE_URL: expected postgres://"},
		{"DATABASE_URL_FILE", "/nowhere/at/all", "DATABASE_URL_FILE: expected either this or DATABASE_URL"},
		{"ADMIN_API_KEY_FILE", "/nowhere/at/all", "ADMIN_API_KEY_FILE: expected a file that can be read"},
		{"REDIS_URL", "http://hunter2secret", "REDIS_URL: expected redis://"},
		{"REDIS_PORT", "hunter2secret", "REDIS_PORT: expected a whole number"},
		{"REDIS_PORT", "70000", "REDIS_PORT: expected a port"},
		{"HTTP_ADDR", "8000", "HTTP_ADDR: expected host:port"},
		{"PUBLIC_URL", "example.org", "PUBLIC_URL: expected an absolute address"},
		{"PUBLIC_URL", "http://u:hunter2secret@localhost:8000", "PUBLIC_URL: expected an absolute address without user"},
		{"PUBLIC_URL", "https://hunter2secret@localhost", "PUBLIC_URL: expected an absolute address without user"},
		{"PUBLIC_URL", "https://@localhost", "PUBLIC_URL: expected an absolute address without user"},
		{"PUBLIC_URL", "https://api.example.org/?key=hunter2secret", "PUBLIC_URL: expected an absolute address without user"},
		{"PUBLIC_URL", "https://api.example.org/#hunter2secret", "PUBLIC_URL: expected an absolute address without user"},
		{"PUBLIC_URL", "https://www.example.org/a/../b", "PUBLIC_URL: expected a path, if any, of letters"},
		{"PUBLIC_URL", "https://www.example.org//evil.example", "PUBLIC_URL: expected a path, if any, of letters"},
		{"PUBLIC_URL", "https://:8000", "PUBLIC_URL: expected an absolute address without user"},
		{"ADMIN_API_KEY", "short", "ADMIN_API_KEY: expected at least 16"},
		{"ADMIN_HOSTS", "https://cache.example.org", "ADMIN_HOSTS: expected comma-separated host names"},
		{"ADMIN_HOSTS", "ok.example.org,*.example.org", "ADMIN_HOSTS: expected comma-separated host names"},
		{"ALLOWED_ORIGINS", "https://u:hunter2secret@www.example.org", "ALLOWED_ORIGINS: expected"},
		{"ALLOWED_ORIGINS", "localhost", "ALLOWED_ORIGINS: expected"},
		{"TRUSTED_PROXIES", "10.0.0.0/8,hunter2secret", "TRUSTED_PROXIES: expected"},
		{"LOG_LEVEL", "loud", "LOG_LEVEL: expected"},
		{"SOCKET_TIMEOUT", "5", "SOCKET_TIMEOUT: expected a duration"},
		{"CONNECT_TIMEOUT", "-5s", "CONNECT_TIMEOUT: expected a positive duration"},
		{"WARM_KEYS", "-1", "WARM_KEYS: expected a number of articles"},
		{"WARM_SCHEDULE", "hunter2secret", "WARM_SCHEDULE: expected predicted, popular or off"},
		{"WARM_INTERVAL", "7m", "WARM_INTERVAL: expected a duration from 1s to 6m"},
		{"WARM_RATE", "0", "WARM_RATE: expected articles a second"},
		{"DATABASE_POOL_SIZE", "1", "DATABASE_POOL_SIZE: expected 2 or more"},
	} {
		t.Run(c.name+"="+c.value, func(t *testing.T) {
			t.Setenv("DATABASE_URL", good)
			t.Setenv(c.name, c.value)
			var out, errs bytes.Buffer
			err := Run(t.Context(), "test", []string{"migrate", "status"}, &out, &errs)
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Fatalf("%v, want %q", err, c.want)
			}
			if ExitCode(err) != 2 {
				t.Errorf("exit code %d, want 2", ExitCode(err))
			}
			if strings.Contains(err.Error()+out.String()+errs.String(), "hunter2secret") {
				t.Errorf("a secret is told: %v", err)
			}
		})
	}
}

func TestCommandLine(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		args []string
		code int // 0: no error
		want string
	}{
		{nil, 2, "a command is needed (openlearn help lists them)"},
		{[]string{"help"}, 0, "import FILE…"},
		{[]string{"serve", "-h"}, 0, "DATABASE_URL"},
		{[]string{"help", "seed"}, 0, "-articles"},
		{[]string{"help", "help"}, 0, "import FILE…"},
		{[]string{"help", "-h"}, 0, "import FILE…"},
		{[]string{"version"}, 0, "openlearn test (go1"},
		{[]string{"fly"}, 2, `unknown command "fly"`},
		{[]string{"seed", "--articles", "many"}, 2, "openlearn seed -h"},
		{[]string{"serve", "extra"}, 2, "takes no arguments"},
		{[]string{"migrate"}, 2, "expected up, down or status"},
		{[]string{"scrape"}, 2, "openlearn sources list"},
		{[]string{"scrape", "nowhere"}, 2, `unknown source "nowhere"`},
		{[]string{"import"}, 2, "at least one FILE"},
	} {
		var out, errs bytes.Buffer
		err := Run(t.Context(), "test", c.args, &out, &errs)
		text := out.String() + errs.String()
		code := 0
		if err != nil {
			code = ExitCode(err)
			text += err.Error()
		}
		if code != c.code || !strings.Contains(text, c.want) {
			t.Errorf("openlearn %v: code %d, want %d\n%s\nwant %q", c.args, code, c.code, text, c.want)
		}
	}
}
