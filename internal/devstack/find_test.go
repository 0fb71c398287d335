package devstack

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// program writes an executable that answers --version.
func program(t *testing.T, path, version string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	// Another process writes it: see helperBinary.
	write := exec.CommandContext(t.Context(), "sh", "-c", `cat > "$1" && chmod 755 "$1"`, "sh", path)
	write.Stdin = strings.NewReader("#!/bin/sh\necho '" + version + "'\n")
	if out, err := write.CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
}

func install(t *testing.T, bin, version string) {
	t.Helper()
	program(t, filepath.Join(bin, "postgres"), version)
	program(t, filepath.Join(bin, "initdb"), version)
}

func TestFindPostgresPrefersPathThenTheNewest(t *testing.T) {
	t.Parallel()
	root := t.TempDir()
	install(t, filepath.Join(root, "lib/9.6/bin"), "postgres (PostgreSQL) 9.6.24")
	install(t, filepath.Join(root, "lib/15/bin"), "postgres (PostgreSQL) 15.18 (Debian 15.18-0+deb12u1)")
	install(t, filepath.Join(root, "lib/17/bin"), "postgres (PostgreSQL) 17.6")
	install(t, filepath.Join(root, "lib/18/bin"), "not a version")
	program(t, filepath.Join(root, "lib/19/bin/postgres"), "postgres (PostgreSQL) 19.1") // a client package: no initdb
	install(t, filepath.Join(root, "path"), "postgres (PostgreSQL) 16beta1")
	if err := os.Mkdir(filepath.Join(root, "links"), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(filepath.Join(root, "lib/15/bin/postgres"), filepath.Join(root, "links/postgres")); err != nil {
		t.Fatal(err)
	}
	globs := []string{filepath.Join(root, "lib/*/bin")}
	for _, c := range []struct{ name, path, major, want string }{
		{"newest", "", "", "lib/17/bin"},
		{"the version the data needs", "", "15", "lib/15/bin"},
		{"path first", filepath.Join(root, "empty") + ":" + filepath.Join(root, "path"), "", "path"},
		{"a link in the path", filepath.Join(root, "links"), "", "lib/15/bin"},
		{"a version that is not there", filepath.Join(root, "path"), "14", ""},
		{"a relative path is not trusted", "path", "", "lib/17/bin"},
	} {
		t.Run(c.name, func(t *testing.T) {
			got, err := machine{path: c.path, postgres: globs}.findPostgres(c.major)
			if c.want == "" {
				if _, ok := errors.AsType[*MissingError](err); !ok {
					t.Fatalf("got %+v, %v; want a MissingError", got, err)
				}
				return
			}
			if err != nil || got.bin != filepath.Join(root, c.want) {
				t.Errorf("got %+v, %v; want %s", got, err, c.want)
			}
		})
	}
}

func TestMissingProgramsAreNamedInOneMessage(t *testing.T) {
	t.Parallel()
	nothing := machine{path: t.TempDir()}
	err := nothing.check()
	if _, ok := errors.AsType[*MissingError](err); !ok {
		t.Fatalf("got %v, want a MissingError", err)
	}
	for _, part := range []string{"postgres, redis-server", "install postgresql", "redis", "docker compose up"} {
		if !strings.Contains(err.Error(), part) {
			t.Errorf("%q lacks %q", err, part)
		}
	}
	redis := t.TempDir()
	program(t, filepath.Join(redis, "redis-server"), "Redis server v=7.0.15")
	half := machine{path: redis}
	if err := half.check(); err == nil || strings.Contains(err.Error(), "redis-server") {
		t.Errorf("with Redis there, the message is %q", err)
	}
}

func FuzzMajorOf(f *testing.F) {
	for _, seed := range []string{"postgres (PostgreSQL) 15.18 (Debian 15.18-0+deb12u1)", "postgres (PostgreSQL) 18beta1", "(PostgreSQL) ", "", "(PostgreSQL) x"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, version string) {
		major := majorOf(version)
		if strings.Trim(major, "0123456789") != "" {
			t.Errorf("majorOf(%q) = %q", version, major)
		}
		if major != "" && !strings.Contains(version, "(PostgreSQL) "+major) {
			t.Errorf("majorOf(%q) = %q is not in it", version, major)
		}
	})
}
