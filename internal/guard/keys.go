package guard

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"strings"
	"sync"
	"time"
	"unicode"
	"unicode/utf8"

	"gorm.io/gorm"

	"openlearn/internal/cache"
	"openlearn/internal/httpapi"
	"openlearn/internal/outbox"
	"openlearn/internal/periodic"
)

// KeyPrefix begins every API key, so that whoever finds one knows what it is.
const KeyPrefix = "olk_"

// Key is an API key of a machine. The key itself is stored nowhere: it is random, so its hash is enough to know it again.
type Key struct {
	ID        int64        `json:"id"`
	Name      string       `json:"name"`
	Role      httpapi.Role `json:"role"`
	Hint      string       `json:"hint"` // how it begins
	CreatedAt time.Time    `json:"created_at"`
	ExpiresAt *time.Time   `json:"expires_at"`
	RevokedAt *time.Time   `json:"revoked_at"`
	UsedAt    *time.Time   `json:"used_at"` // within a minute
}

// KeyLifetime is how long a key lives of which nothing else is said.
const KeyLifetime = 365 * 24 * time.Hour

// State is what can be said of a key in a word.
func (k *Key) State(now time.Time) string {
	switch {
	case k.RevokedAt != nil:
		return "revoked"
	case k.ExpiresAt != nil && !k.ExpiresAt.After(now):
		return "expired"
	}
	return "valid"
}

// ErrNoSuchKey: no key has that number.
var ErrNoSuchKey = errors.New("there is no API key with that number")

// InvalidKey says what is wrong with a key that is to be made.
type InvalidKey struct{ Problem string }

func (e *InvalidKey) Error() string { return e.Problem }

// KeysOptions configure Keys. All but Guesses and Now are needed.
type KeysOptions struct {
	DB     *gorm.DB
	Cache  *cache.Cache
	Outbox interface {
		Write(ctx context.Context, do func(tx *gorm.DB) error) (pending bool, err error)
	}
	Logger *slog.Logger
	// Guesses counts wrong keys; nil = nobody does.
	Guesses *httpapi.Guesses
	Now     func() time.Time // nil = time.Now
}

// Keys are the API keys of machines.
type Keys struct {
	opt    KeysOptions
	store  keyStore
	active *cache.Func[struct{}, activeKeys]

	mu   sync.Mutex
	used map[int64]time.Time // since the last flush
}

// NewKeys makes Keys.
func NewKeys(o KeysOptions) *Keys {
	if o.Now == nil {
		o.Now = time.Now
	}
	k := &Keys{opt: o, store: keyStore{o.DB}, used: map[int64]time.Time{}}
	k.active = newActive(o.Cache, k.store)
	return k
}

// Watch makes g count wrong keys.
func (k *Keys) Watch(g *httpapi.Guesses) { k.opt.Guesses = g }

// Create makes a key. This is the only time that its text is known. expires is zero for a key without an end.
func (k *Keys) Create(ctx context.Context, name string, role httpapi.Role, expires time.Time) (text string, made Key, pending bool, err error) {
	name = strings.TrimSpace(name)
	switch {
	case name == "" || utf8.RuneCountInString(name) > 100 || !utf8.ValidString(name) || strings.ContainsFunc(name, unicode.IsControl):
		return "", made, false, &InvalidKey{"a key's name has 1 to 100 characters"}
	case !role.Known():
		return "", made, false, &InvalidKey{fmt.Sprintf("%q is not a role: learner, analyst or admin", role)}
	case !expires.IsZero() && !expires.After(k.opt.Now()):
		return "", made, false, &InvalidKey{"the key would have expired already"}
	}
	var random [32]byte
	if _, err := rand.Read(random[:]); err != nil {
		return "", made, false, fmt.Errorf("make an API key: %w", err)
	}
	text = KeyPrefix + base64.RawURLEncoding.EncodeToString(random[:])
	made = Key{Name: name, Role: role, Hint: text[:len(KeyPrefix)+4]}
	if !expires.IsZero() {
		made.ExpiresAt = &expires
	}
	pending, err = k.opt.Outbox.Write(ctx, func(tx *gorm.DB) error { return keyStore{tx}.insert(ctx, &made, hashOf(text)) })
	if err != nil && !errors.Is(err, outbox.ErrUnconfirmed) {
		return "", made, false, fmt.Errorf("make an API key: %w", err)
	}
	return text, made, pending, err
}

// Revoke ends a key: when it returns without an error, no instance accepts it. A key that was revoked before stays so.
func (k *Keys) Revoke(ctx context.Context, id int64) (revoked Key, pending bool, err error) {
	pending, err = k.opt.Outbox.Write(ctx, func(tx *gorm.DB) (err error) {
		revoked, err = keyStore{tx}.revoke(ctx, id)
		return err
	})
	if err != nil {
		return revoked, pending, fmt.Errorf("revoke API key %d: %w", id, err)
	}
	return revoked, pending, nil
}

// List returns all keys, newest first, those that are not valid any more too.
func (k *Keys) List(ctx context.Context) ([]Key, error) { return k.store.list(ctx) }

// Identify says which machine a request is from, by its key.
func (k *Keys) Identify(ctx context.Context, r *http.Request) (httpapi.Identity, error) {
	text := r.Header.Get(httpapi.KeyHeader)
	if text == "" {
		text = httpapi.Bearer(r)
	}
	if !strings.HasPrefix(text, KeyPrefix) {
		return httpapi.Identity{}, nil // not one of ours
	}
	active, err := k.active.Get(ctx, struct{}{})
	if err != nil {
		return httpapi.Identity{}, fmt.Errorf("look up an API key: %w", err)
	}
	now := k.opt.Now()
	key, ok := active.ByHash[hex.EncodeToString(hashOf(text))]
	if !ok || key.ExpiresAt != nil && !key.ExpiresAt.After(now) {
		if k.opt.Guesses != nil {
			if wait, ok := k.opt.Guesses.Wrong(r, httpapi.APIKeys); !ok {
				return httpapi.Identity{}, httpapi.TooManyGuesses(httpapi.APIKeys, wait)
			}
		}
		return httpapi.Identity{}, httpapi.Unauthorized("This API key is not valid, or not any more")
	}
	k.mu.Lock()
	k.used[key.ID] = now
	k.mu.Unlock()
	return httpapi.Identity{Machine: key.ID, Role: key.Role}, nil
}

// Jobs is what keys do in the background: when they were last used is written down once for many requests.
func (k *Keys) Jobs() []periodic.Job {
	return []periodic.Job{{Name: "use of API keys", First: useEvery, Every: useEvery, Pass: k.writeUse, Last: k.writeUse, Logger: k.opt.Logger}}
}

const useEvery = 30 * time.Second

func (k *Keys) writeUse(ctx context.Context) error {
	k.mu.Lock()
	used := k.used
	k.used = map[int64]time.Time{}
	k.mu.Unlock()
	if len(used) == 0 {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	err := k.store.use(ctx, used)
	if err != nil { // next time
		k.mu.Lock()
		for id, at := range used {
			if k.used[id].Before(at) {
				k.used[id] = at
			}
		}
		k.mu.Unlock()
	}
	return err
}

func hashOf(text string) []byte {
	hash := sha256.Sum256([]byte(text))
	return hash[:]
}
