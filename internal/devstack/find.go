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

// Error is a message that a person can act on.
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

// machine says where to look for programs.
type machine struct {
	path     string   // as in $PATH
	postgres []string // globs of directories that hold postgres and initdb
	redis    []string // files
}

// thisMachine knows where the packages of Debian, RHEL, Alpine, Homebrew (all its prefixes), MacPorts and Postgres.app
// put the servers; most of them keep PostgreSQL's out of PATH.
func thisMachine() machine {
	return machine{
		path: os.Getenv("PATH"),
		postgres: []string{
			"/usr/lib/postgresql/*/bin", "/usr/pgsql-*/bin", "/usr/libexec/postgresql*",
			"/opt/homebrew/opt/postgresql*/bin", "/usr/local/opt/postgresql*/bin",
			"/home/linuxbrew/.linuxbrew/opt/postgresql@*/bin", "/opt/local/lib/postgresql*/bin",
			"/Applications/Postgres.app/Contents/Versions/*/bin",
		},
		redis: []string{
			"/usr/bin/redis-server", "/usr/local/bin/redis-server", "/opt/homebrew/bin/redis-server",
			"/home/linuxbrew/.linuxbrew/bin/redis-server", "/opt/local/bin/redis-server",
		},
	}
}

// check reports everything that is missing at once.
func (m machine) check() error {
	var missing []string
	if _, err := m.findPostgres(""); err != nil {
		missing = append(missing, "postgres")
	}
	if _, err := m.findRedis(); err != nil {
		missing = append(missing, "redis-server")
	}
	if missing != nil {
		return &MissingError{Programs: missing}
	}
	return nil
}

// inPath finds a program in PATH and follows links.
func (m machine) inPath(name string) (string, bool) {
	for _, dir := range filepath.SplitList(m.path) {
		if path := filepath.Join(dir, name); filepath.IsAbs(path) && executable(path) {
			resolved, err := filepath.EvalSymlinks(path)
			return resolved, err == nil
		}
	}
	return "", false
}

// pgInstall is one installed PostgreSQL server.
type pgInstall struct {
	bin   string // directory of postgres and initdb
	major string // "17"
}

// findPostgres finds the server of the given major version, or with "" the one in PATH, else the newest.
func (m machine) findPostgres(major string) (pgInstall, error) {
	var found []pgInstall
	if path, ok := m.inPath("postgres"); ok {
		found = installsIn([]string{filepath.Dir(path)})
	}
	var dirs []string
	for _, glob := range m.postgres {
		matches, err := filepath.Glob(glob)
		if err != nil {
			return pgInstall{}, fmt.Errorf("find postgres by %s: %w", glob, err)
		}
		dirs = append(dirs, matches...)
	}
	rest := installsIn(dirs)
	slices.SortStableFunc(rest, func(a, b pgInstall) int { return number(b.major) - number(a.major) })
	for _, install := range append(found, rest...) {
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

func (m machine) findRedis() (string, error) {
	// The link itself: Debian's redis-server is redis-check-rdb under another name, and behaves according to the name.
	for _, dir := range filepath.SplitList(m.path) {
		if path := filepath.Join(dir, "redis-server"); filepath.IsAbs(path) && executable(path) {
			return path, nil
		}
	}
	for _, path := range m.redis {
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
