package devstack

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
)

// MissingError says which servers are not installed and what to do about it.
type MissingError struct {
	// Programs are the names that were looked for and not found: "postgres", "redis-server".
	Programs []string
}

// Error is one message that a person can act on.
func (e *MissingError) Error() string {
	var packages []string
	for _, program := range e.Programs {
		switch {
		case runtime.GOOS == "darwin" && program == "postgres":
			packages = append(packages, "postgresql@17")
		case runtime.GOOS == "darwin":
			packages = append(packages, "redis")
		case program == "postgres":
			packages = append(packages, "postgresql")
		default:
			packages = append(packages, "redis-server")
		}
	}
	install := "apt-get install " + strings.Join(packages, " ") + " (Debian, Ubuntu), or your system's packages of PostgreSQL and Redis"
	if runtime.GOOS == "darwin" {
		install = "brew install " + strings.Join(packages, " ")
	}
	return fmt.Sprintf("not installed: %s. Install with: %s. With Docker instead: docker compose up",
		strings.Join(e.Programs, ", "), install)
}

func checkInstalled() error {
	var missing []string
	if _, err := findPostgres(""); err != nil {
		missing = append(missing, "postgres")
	}
	if _, err := findRedis(); err != nil {
		missing = append(missing, "redis-server")
	}
	if missing != nil {
		return &MissingError{Programs: missing}
	}
	return nil
}

// postgresGlobs are where the packagers of Debian, RHEL, Alpine, Homebrew (both prefixes), MacPorts and Postgres.app put
// the server, which most of them keep out of PATH.
var postgresGlobs = []string{
	"/usr/lib/postgresql/*/bin", "/usr/pgsql-*/bin", "/usr/libexec/postgresql*",
	"/opt/homebrew/opt/postgresql@*/bin", "/usr/local/opt/postgresql@*/bin",
	"/opt/homebrew/opt/postgresql/bin", "/usr/local/opt/postgresql/bin", "/home/linuxbrew/.linuxbrew/opt/postgresql@*/bin",
	"/opt/local/lib/postgresql*/bin", "/Applications/Postgres.app/Contents/Versions/*/bin",
}

// pgInstall is one installed PostgreSQL server.
type pgInstall struct {
	bin   string // directory of postgres and initdb
	major string // "17"
}

// findPostgres finds the server of the given major version, or with "" the one in PATH, else the newest.
func findPostgres(major string) (pgInstall, error) {
	var found []pgInstall
	if path, err := exec.LookPath("postgres"); err == nil {
		if path, err = filepath.EvalSymlinks(path); err == nil {
			found = append(found, installsIn([]string{filepath.Dir(path)})...)
		}
	}
	var dirs []string
	for _, glob := range postgresGlobs {
		matches, err := filepath.Glob(glob)
		if err != nil {
			return pgInstall{}, fmt.Errorf("find postgres by %s: %w", glob, err)
		}
		dirs = append(dirs, matches...)
	}
	rest := installsIn(dirs)
	slices.SortStableFunc(rest, func(a, b pgInstall) int { return number(b.major) - number(a.major) })
	found = append(found, rest...)
	for _, install := range found {
		if major == "" || install.major == major {
			return install, nil
		}
	}
	return pgInstall{}, &MissingError{Programs: []string{"postgres"}}
}

func installsIn(dirs []string) []pgInstall {
	var found []pgInstall
	for _, dir := range dirs {
		if !executable(filepath.Join(dir, "postgres")) || !executable(filepath.Join(dir, "initdb")) {
			continue
		}
		out, err := exec.Command(filepath.Join(dir, "postgres"), "--version").Output()
		if err != nil {
			continue
		}
		if major := majorOf(string(out)); major != "" {
			found = append(found, pgInstall{bin: dir, major: major})
		}
	}
	return found
}

// majorOf reads "15" from "postgres (PostgreSQL) 15.18 (Debian 15.18-0+deb12u1)" and "18" from "… 18beta1".
func majorOf(version string) string {
	_, rest, ok := strings.Cut(version, "(PostgreSQL) ")
	if !ok {
		return ""
	}
	end := strings.IndexFunc(rest, func(r rune) bool { return r < '0' || r > '9' })
	if end <= 0 {
		return ""
	}
	return rest[:end]
}

func number(s string) int {
	n, err := strconv.Atoi(s)
	if err != nil {
		return 0
	}
	return n
}

func findRedis() (string, error) {
	if path, err := exec.LookPath("redis-server"); err == nil {
		return path, nil
	}
	for _, path := range []string{
		"/usr/bin/redis-server", "/usr/local/bin/redis-server", "/opt/homebrew/bin/redis-server",
		"/home/linuxbrew/.linuxbrew/bin/redis-server", "/opt/local/bin/redis-server",
	} {
		if executable(path) {
			return path, nil
		}
	}
	return "", &MissingError{Programs: []string{"redis-server"}}
}

func executable(path string) bool {
	info, err := os.Stat(path)
	return err == nil && info.Mode().IsRegular() && info.Mode()&0o111 != 0
}
