package app

import (
	"bytes"
	"net/http"
	"os"
	"regexp"
	"strings"
	"testing"
)

// TestAdminCommand goes through an admin's life as an operator does, beside a running service that has everything in its cache.
func TestAdminCommand(t *testing.T) { //nolint:paralleltest // it sets the environment and standard input
	a := newTestApp(t)
	a.awaitGate()
	t.Setenv("DATABASE_URL", a.cfg.Database.URL)
	t.Setenv("REDIS_URL", a.cfg.Redis.URL)
	run := func(args ...string) (out, errs string, err error) {
		var o, e bytes.Buffer
		err = Run(t.Context(), "test", append([]string{"admin"}, args...), &o, &e)
		return o.String(), e.String(), err
	}
	must := func(want string, args ...string) string {
		t.Helper()
		out, errs, err := run(args...)
		if err != nil || !strings.Contains(out, want) {
			t.Fatalf("admin %v: %v\n%s%s", args, err, out, errs)
		}
		return out
	}
	out := must("was created with the role admin", "create", "--name", "Rosa Admin", "--generate", "Rosa@Example.org")
	pw := regexp.MustCompile(`password: (\S+)`).FindStringSubmatch(out)
	if pw == nil || len(pw[1]) < 16 {
		t.Fatalf("no password in %q", out)
	}
	enter := func(email, password string, want int) *person {
		t.Helper()
		p := a.person(email)
		p.want(want, http.MethodPost, "/api/auth/token", `{"username":`+asJSON(email)+`,"password":`+asJSON(password)+`}`)
		return p
	}
	rosa := enter("rosa@example.org", pw[1], http.StatusOK)
	rosa.want(http.StatusOK, http.MethodGet, "/api/users", "")

	ana := a.member("ana@example.org")
	ana.want(http.StatusForbidden, http.MethodGet, "/api/users", "")
	must("ana@example.org: admin, active", "role", "ANA@example.org", "admin")
	ana.want(http.StatusOK, http.MethodGet, "/api/users", "")
	must("ana@example.org: learner, active", "role", "ana@example.org", "learner")
	ana.want(http.StatusForbidden, http.MethodGet, "/api/users", "")
	must("1 sessions of ana@example.org have ended", "logout", "ana@example.org")
	ana.want(http.StatusUnauthorized, http.MethodGet, "/api/auth/me", "")
	ana.login()
	must("learner, locked", "lock", "ana@example.org")
	ana.want(http.StatusUnauthorized, http.MethodGet, "/api/auth/me", "")
	enter("ana@example.org", goodPassword, http.StatusForbidden)
	if list := must("Rosa@example.org", "list"); !regexp.MustCompile(`learner +locked .*ana@example.org`).MatchString(list) || strings.Contains(list, pw[1]) {
		t.Errorf("%s", list)
	}
	must("learner, active", "unlock", "ana@example.org")
	ana.login()

	// A new key signs from now on, and what the old one signed is valid still.
	must("are signed with key", "rotate-keys")
	ana.want(http.StatusOK, http.MethodGet, "/api/auth/me", "")
	if n := a.number(`SELECT count(*) FROM auth_keys`); n != 2 {
		t.Errorf("%d keys", n)
	}

	// The password from a pipe: an account that is there becomes an admin, its sessions end, and its old password does.
	pipe := func(line string) {
		t.Helper()
		r, w, err := os.Pipe()
		if err == nil {
			_, err = w.WriteString(line)
		}
		if err != nil {
			t.Fatal(err)
		}
		w.Close()
		was := os.Stdin
		os.Stdin = r
		t.Cleanup(func() { os.Stdin = was; r.Close() })
	}
	pipe("otra frase larga y propia\r\n")
	must("is an admin now, with this password", "create", "ana@example.org")
	ana.want(http.StatusUnauthorized, http.MethodGet, "/api/auth/me", "")
	enter("ana@example.org", goodPassword, http.StatusUnauthorized)
	enter("ana@example.org", "otra frase larga y propia", http.StatusOK).want(http.StatusOK, http.MethodGet, "/api/users", "")
	pipe("password\n")
	if _, _, err := run("create", "eva@example.org"); err == nil || ExitCode(err) != 2 || a.number(`SELECT count(*) FROM users WHERE email_key = 'eva@example.org'`) != 0 {
		t.Errorf("a common password: %v", err)
	}

	must("learner, active", "role", "ana@example.org", "learner")
	if _, _, err := run("role", "rosa@example.org", "learner"); err == nil || ExitCode(err) != 1 {
		t.Errorf("the last admin leaves: %v", err)
	}
	if _, _, err := run("lock", "rosa@example.org"); err == nil || ExitCode(err) != 1 {
		t.Errorf("the last admin is locked: %v", err)
	}
	rosa.want(http.StatusOK, http.MethodGet, "/api/users", "")
	for _, wrong := range [][]string{{}, {"make"}, {"create"}, {"create", "x"}, {"create", "a@example.org", "b@example.org"}, {"list", "x"}, {"role", "ana@example.org"}, {"role", "ana@example.org", "root"}, {"lock"}, {"lock", "no address"}} {
		if _, _, err := run(wrong...); err == nil || ExitCode(err) != 2 {
			t.Errorf("admin %v: %v", wrong, err)
		}
	}
	if _, _, err := run("lock", "nobody@example.org"); err == nil || ExitCode(err) != 1 {
		t.Errorf("nobody is locked: %v", err)
	}
}
