// Package password hashes passwords with Argon2id (RFC 9106), says which ones are too weak to be taken, and bounds how many are
// hashed at a time.
package password

import (
	"context"
	"crypto/rand"
	"crypto/subtle"
	"encoding/base64"
	"errors"
	"fmt"
	"runtime"
	"strings"
	"sync/atomic"
	"time"

	"golang.org/x/crypto/argon2"

	"golang.org/x/sync/semaphore"
)

// Params are the cost of one hash. They are stored with it.
type Params struct {
	MemoryKiB   uint32
	Passes      uint32
	Parallelism uint8
}

// Default is the second of OWASP's recommended settings (Password Storage Cheat Sheet).
var Default = Params{MemoryKiB: 19 << 10, Passes: 2, Parallelism: 1}

// What is read from a stored hash is capped: a row that somebody else wrote must not cost the service its memory.
const (
	mostMemory      = 64 << 10 // KiB
	mostPasses      = 16
	mostParallelism = 8
	saltBytes       = 16
	keyBytes        = 32
	mostBytes       = 64 // of a stored salt or key
)

// ErrBusy: so many passwords are being hashed that this one would wait too long.
var ErrBusy = errors.New("password: too many are being hashed")

// errForm: a stored hash is none that this package writes, or its parameters are absurd.
var errForm = errors.New("password: stored hash is not an Argon2id hash within bounds")

// Hasher hashes and verifies. Each hash takes Default.MemoryKiB of memory and a processor for some 30 ms, in which nothing else can run
// there. So half of the processors hash at a time, and the others answer meanwhile.
type Hasher struct {
	params  Params
	slots   *semaphore.Weighted
	line    atomic.Int64 // who has joined
	most    int64        // that may
	patient time.Duration
	decoy   string
}

// Patience is how long a hash waits for its turn.
const Patience = time.Second

// mostInLine is how many may stand in line for each that hashes: those behind them would wait in vain.
const mostInLine = 32

// NewHasher hashes with the given parameters, on half of the processors.
func NewHasher(p Params) (*Hasher, error) {
	slots := int64(max(1, runtime.GOMAXPROCS(0)/2))
	h := &Hasher{params: p, slots: semaphore.NewWeighted(slots), patient: Patience, most: slots * mostInLine}
	// What it hashes does not matter: nothing matches it. It is made without a turn, since nobody competes yet.
	h.decoy = p.hash("", random(saltBytes))
	return h, nil
}

// Hash is the string to store for a password.
func (h *Hasher) Hash(ctx context.Context, password string) (string, error) {
	if err := h.turn(ctx); err != nil {
		return "", err
	}
	defer h.slots.Release(1)
	return h.params.hash(password, random(saltBytes)), nil
}

// Verify reports whether stored was made of password, and whether it should be made anew because the parameters have grown. An
// empty stored is that of an account that does not exist: it never matches, after the same work.
func (h *Hasher) Verify(ctx context.Context, stored, password string) (ok, outdated bool, err error) {
	real := stored != ""
	if !real {
		stored = h.decoy
	}
	p, salt, key, err := parse(stored)
	if err != nil {
		return false, false, err
	}
	if err := h.turn(ctx); err != nil {
		return false, false, err
	}
	defer h.slots.Release(1)
	got := argon2.IDKey([]byte(password), salt, p.Passes, p.MemoryKiB, p.Parallelism, uint32(len(key)))
	ok = subtle.ConstantTimeCompare(got, key) == 1 && real
	return ok, ok && p.weaker(h.params), nil
}

// Join takes a place in the line for a hash, or says that there is none: ErrBusy. Whoever joins before any other work is done for it
// costs nothing if the line is full. The place is to be left when the hash is made, or is not needed.
func (h *Hasher) Join() (leave func(), err error) {
	if h.line.Add(1) > h.most {
		h.line.Add(-1)
		return nil, ErrBusy
	}
	return func() { h.line.Add(-1) }, nil
}

func (h *Hasher) turn(ctx context.Context) error {
	wait, cancel := context.WithTimeout(ctx, h.patient)
	defer cancel()
	if err := h.slots.Acquire(wait, 1); err != nil {
		if ctx.Err() != nil {
			return fmt.Errorf("password: wait for a turn: %w", ctx.Err())
		}
		return ErrBusy
	}
	return nil
}

func (p Params) weaker(than Params) bool {
	return p.MemoryKiB < than.MemoryKiB || p.Passes < than.Passes || p.Parallelism < than.Parallelism
}

// hash writes the PHC string format: $argon2id$v=19$m=19456,t=2,p=1$salt$key.
func (p Params) hash(password string, salt []byte) string {
	key := argon2.IDKey([]byte(password), salt, p.Passes, p.MemoryKiB, p.Parallelism, keyBytes)
	return fmt.Sprintf("$argon2id$v=%d$m=%d,t=%d,p=%d$%s$%s", argon2.Version, p.MemoryKiB, p.Passes, p.Parallelism, encode(salt), encode(key))
}

func parse(stored string) (p Params, salt, key []byte, err error) {
	parts := strings.Split(stored, "$")
	var version int
	if len(stored) > 512 || len(parts) != 6 || parts[0] != "" || parts[1] != "argon2id" {
		return p, nil, nil, errForm
	}
	if _, err := fmt.Sscanf(parts[2], "v=%d", &version); err != nil || version != argon2.Version {
		return p, nil, nil, errForm
	}
	if _, err := fmt.Sscanf(parts[3], "m=%d,t=%d,p=%d", &p.MemoryKiB, &p.Passes, &p.Parallelism); err != nil {
		return p, nil, nil, errForm
	}
	salt, errSalt := base64.RawStdEncoding.DecodeString(parts[4])
	key, errKey := base64.RawStdEncoding.DecodeString(parts[5])
	switch {
	case errSalt != nil || errKey != nil || len(salt) < 8 || len(salt) > mostBytes || len(key) < 16 || len(key) > mostBytes:
	case p.MemoryKiB < 8 || p.MemoryKiB > mostMemory || p.Passes < 1 || p.Passes > mostPasses || p.Parallelism < 1 || p.Parallelism > mostParallelism:
	default:
		return p, salt, key, nil
	}
	return p, nil, nil, errForm
}

func encode(b []byte) string { return base64.RawStdEncoding.EncodeToString(b) }

func random(n int) []byte {
	b := make([]byte, n)
	rand.Read(b) //nolint:errcheck // it never fails (crypto/rand)
	return b
}
