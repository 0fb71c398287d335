package devstack

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
)

// identity is who the servers run as. PostgreSQL refuses to run as root, so root's servers run as `postgres`, or as
// `nobody` if that user does not exist.
type identity struct {
	name       string
	uid, gid   int
	credential *syscall.Credential // nil: the caller's own
}

func currentIdentity() (identity, error) {
	if uid := os.Geteuid(); uid != 0 {
		return identity{name: "user " + strconv.Itoa(uid), uid: uid, gid: os.Getegid()}, nil
	}
	for _, name := range []string{"postgres", "nobody"} {
		u, err := user.Lookup(name)
		if err != nil {
			continue
		}
		uid, uidErr := strconv.ParseUint(u.Uid, 10, 32)
		gid, gidErr := strconv.ParseUint(u.Gid, 10, 32)
		if err := errors.Join(uidErr, gidErr); err != nil {
			return identity{}, fmt.Errorf("look up user %s: %w", name, err)
		}
		return identity{
			name: "user " + name, uid: int(uid), gid: int(gid),
			credential: &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)},
		}, nil
	}
	return identity{}, errors.New("PostgreSQL does not run as root, and there is no user `postgres` or `nobody` to run it as")
}

// attributes runs a child in a process group of its own, as this identity.
func (id identity) attributes() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Setpgid: true, Credential: id.credential}
}

// own makes dir (mode 0700) and gives it to the identity, then checks that the identity can write there: a directory
// below one it may not enter (a checkout in /root) is of no use to it. A directory that already belongs to someone else
// is not taken.
func (id identity) own(dir string) error {
	if err := os.MkdirAll(filepath.Dir(dir), 0o755); err != nil {
		return fmt.Errorf("make the parent of %s: %w", dir, err)
	}
	if err := os.Mkdir(dir, 0o700); err != nil && !errors.Is(err, fs.ErrExist) {
		return fmt.Errorf("make data directory: %w", err)
	}
	info, err := os.Stat(dir)
	if err != nil {
		return fmt.Errorf("inspect data directory: %w", err)
	}
	if owner := ownerOf(info); owner != id.uid {
		if id.credential == nil || owner != 0 || !empty(dir) {
			return fmt.Errorf("%s belongs to user id %d, not to %s: remove it, or run as before", dir, owner, id.name)
		}
		if err := os.Chown(dir, id.uid, id.gid); err != nil {
			return fmt.Errorf("hand %s to %s: %w", dir, id.name, err)
		}
	}
	probe := exec.Command("/bin/sh", "-c", `cd "$1" && : > .probe && rm .probe`, "sh", dir)
	probe.Dir, probe.SysProcAttr = "/", id.attributes()
	if out, err := probe.CombinedOutput(); err != nil {
		return fmt.Errorf("%s cannot write in %s: %w: %s", id.name, dir, err, strings.TrimSpace(string(out)))
	}
	return nil
}

func empty(dir string) bool {
	entries, err := os.ReadDir(dir)
	return err == nil && len(entries) == 0
}

func ownerOf(info fs.FileInfo) int {
	if stat, ok := info.Sys().(*syscall.Stat_t); ok {
		return int(stat.Uid)
	}
	return -1
}

// place finds where a server's data can live and who it runs as: in dir, or if root's unprivileged user cannot reach
// that, under /var/lib/openlearn, by a name that only this dir has. With dir "" it makes a temporary directory.
func place(dir, server string) (where string, id identity, err error) {
	if id, err = currentIdentity(); err != nil {
		return "", id, err
	}
	if dir == "" {
		where, err = id.temporary(server)
		return where, id, err
	}
	if dir, err = filepath.Abs(dir); err != nil {
		return "", id, fmt.Errorf("data directory %s: %w", dir, err)
	}
	if id.credential == nil {
		return dir, id, id.own(dir)
	}
	sum := sha256.Sum256([]byte(dir))
	fallback := filepath.Join("/var/lib/openlearn", hex.EncodeToString(sum[:8]), filepath.Base(dir))
	for _, candidate := range []string{dir, fallback} {
		// Data of an earlier run, under whichever user, stays that user's: root can run as anyone.
		if info, err := os.Stat(candidate); err == nil && ownerOf(info) > 0 {
			owner := id.as(info)
			return candidate, owner, owner.own(candidate)
		}
	}
	ownErr := id.own(dir)
	if ownErr == nil {
		return dir, id, nil
	}
	// The directory that own just made there is empty: the identity could not enter it.
	if err := os.Remove(dir); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return "", id, errors.Join(ownErr, err)
	}
	if err := id.own(fallback); err != nil {
		return "", id, errors.Join(ownErr, err)
	}
	return fallback, id, nil
}

// as is the owner of an existing data directory.
func (id identity) as(info fs.FileInfo) identity {
	stat, ok := info.Sys().(*syscall.Stat_t)
	if !ok {
		return id
	}
	return identity{
		name: "user " + strconv.Itoa(int(stat.Uid)), uid: int(stat.Uid), gid: int(stat.Gid),
		credential: &syscall.Credential{Uid: stat.Uid, Gid: stat.Gid},
	}
}

// temporary makes a directory below the first of TMPDIR, /tmp and /var/tmp that the identity can reach.
func (id identity) temporary(server string) (string, error) {
	var errs []error
	for _, parent := range []string{os.TempDir(), "/tmp", "/var/tmp"} {
		dir, err := os.MkdirTemp(parent, "openlearn-"+server+"-")
		if err == nil {
			if err = id.own(dir); err == nil {
				return dir, nil
			}
			err = errors.Join(err, os.RemoveAll(dir))
		}
		errs = append(errs, err)
	}
	return "", fmt.Errorf("no usable temporary directory: %w", errors.Join(errs...))
}

// password reads the server's password from dir, or makes one: 128 random bits, readable by the identity alone.
func (id identity) password(dir string) (string, error) {
	path := filepath.Join(dir, "password")
	raw, err := id.read(path)
	if secret := strings.TrimSpace(raw); err == nil && len(secret) >= 16 {
		return secret, nil
	}
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return "", fmt.Errorf("read the server's password: %w", err)
	}
	secret := rand.Text()
	if err := id.write(path, secret+"\n"); err != nil {
		return "", fmt.Errorf("keep the server's password: %w", err)
	}
	return secret, nil
}

// open opens a file that belongs to the identity, mode 0600. Links are not followed: the directory belongs to the
// identity, which must not lead root out of it.
func (id identity) open(path string, flags int) (*os.File, error) {
	file, err := os.OpenFile(path, flags|syscall.O_NOFOLLOW, 0o600)
	if err != nil {
		return nil, err
	}
	if id.credential == nil || flags&os.O_CREATE == 0 {
		return file, nil
	}
	if err := file.Chown(id.uid, id.gid); err != nil {
		return nil, errors.Join(err, file.Close())
	}
	return file, nil
}

func (id identity) read(path string) (string, error) {
	file, err := id.open(path, os.O_RDONLY)
	if err != nil {
		return "", err
	}
	raw, err := io.ReadAll(file)
	return string(raw), errors.Join(err, file.Close())
}

func (id identity) write(path, text string) error {
	file, err := id.open(path, os.O_CREATE|os.O_WRONLY|os.O_TRUNC)
	if err != nil {
		return err
	}
	_, err = file.WriteString(text)
	return errors.Join(err, file.Close())
}
