package users

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"strconv"
	"time"

	"openlearn/internal/cache"
	"openlearn/internal/httpapi"
	"openlearn/internal/outbox"
	"openlearn/internal/users/token"
)

// What goes stale when this changes?
//
//	an account              user:{id}          what its role and state are, and every access token of it
//	its sessions            sessions-of:{id}   which ones are open, and every access token of it
//	its preferences         prefs-of:{id}      its settings
//	too many to be named    users, user_sessions, user_preferences: each of these, of everyone
//
// None of it is ever served stale or without asking Redis: the layers are of credentials. They hold numbers, roles and settings;
// never an address, a name, a password's hash or a token.

const (
	usersTable       = "users"
	sessionsTable    = "user_sessions"
	preferencesTable = "user_preferences"
)

// The layers that this domain reads through.
const (
	SessionLayer = "session"
	UserLayer    = "user_prefs"
	TokenLayer   = "token"
)

// Layers is this domain's part of the cache's table.
func Layers() []cache.Layer {
	secret := func(name, namespace string, ttl time.Duration, description string) cache.Layer {
		return cache.Layer{Name: name, Namespace: namespace, Tier: cache.L4, TTL: ttl, Description: description, Credential: true}
	}
	return []cache.Layer{
		secret(SessionLayer, "session", 5*time.Minute, "Open sessions of a user."),
		secret(UserLayer, "user", 30*time.Minute, "Role, state and settings of a user."),
		secret(TokenLayer, "token", 30*time.Minute, "Verified access tokens, by hash."),
	}
}

func userDep(id string) string     { return "user:" + id }
func sessionsDep(id string) string { return "sessions-of:" + id }
func prefsDep(id string) string    { return "prefs-of:" + id }

// Facts says what a recorded change of this domain's tables invalidates.
func Facts() outbox.Rules {
	rule := func(table string, dep func(string) string) func(outbox.Fact) []string {
		return func(f outbox.Fact) []string {
			if f.Keys == nil {
				return []string{table}
			}
			deps := make([]string, len(f.Keys))
			for i, id := range f.Keys {
				deps[i] = dep(id)
			}
			return deps
		}
	}
	return outbox.Rules{
		usersTable:       rule(usersTable, userDep),
		sessionsTable:    rule(sessionsTable, sessionsDep),
		preferencesTable: rule(preferencesTable, prefsDep),
	}
}

// account is what requests need to know of an account.
type account struct {
	Role     httpapi.Role `json:"role"`
	Active   bool         `json:"active"`
	Verified bool         `json:"verified"`
}

// grant is what an access token stands for now.
type grant struct {
	account

	User    int64  `json:"user"`
	Session string `json:"session"`
}

// presented is a verified access token.
type presented struct {
	token.Access

	name string // its hash
}

type cached struct {
	account  *cache.Func[int64, account]
	sessions *cache.Func[int64, []string]
	token    *cache.Func[presented, grant]
	settings *cache.Func[int64, storedSettings]
}

// errEnded: the session of an access token is not open any more.
var errEnded = fmt.Errorf("session: %w", cache.ErrNotFound)

// newCached declares how this domain's reads are cached.
func newCached(c *cache.Cache, s *Store) *cached {
	number := func(id int64) string { return strconv.FormatInt(id, 10) }
	out := &cached{}
	out.account = cache.Wrap(c, cache.Spec[int64]{
		Layer:    UserLayer,
		Key:      func(id int64) cache.Key { return cache.Key{ID: number(id)} },
		Deps:     func(id int64) []string { return []string{userDep(number(id)), usersTable} },
		NotFound: ErrNotFound,
	}, func(ctx context.Context, id int64) (account, error) {
		u, err := s.Get(ctx, id)
		return account{u.Role, u.Active, u.VerifiedAt != nil}, err
	})

	out.sessions = cache.Wrap(c, cache.Spec[int64]{
		Layer: SessionLayer,
		Key:   func(id int64) cache.Key { return cache.Key{ID: number(id)} },
		Deps:  func(id int64) []string { return []string{sessionsDep(number(id)), sessionsTable} },
	}, s.live)

	// A token's entry is made from the two above, so it depends on both and expires no later than they do.
	out.token = cache.Wrap(c, cache.Spec[presented]{
		Layer:    TokenLayer,
		Key:      func(p presented) cache.Key { return cache.Key{ID: p.name} },
		Deps:     func(p presented) []string { return append(out.sessions.Deps(p.User), out.account.Deps(p.User)...) },
		NotFound: errEnded,
	}, out.grantOf).ResultTTL(func(p presented, _ grant) time.Duration {
		left := time.Until(p.Expires)
		if left < time.Second {
			return -1
		}
		return min(left, 30*time.Minute)
	})

	out.settings = cache.Wrap(c, cache.Spec[int64]{
		Layer:    UserLayer,
		Key:      func(id int64) cache.Key { return cache.Key{ID: number(id), Params: url.Values{"part": {"settings"}}} },
		Deps:     func(id int64) []string { return []string{prefsDep(number(id)), preferencesTable} },
		NotFound: errNoPreferences,
	}, s.settings)
	return out
}

// grantOf looks up whether a token's session is open, and what its user may do.
func (c *cached) grantOf(ctx context.Context, p presented) (grant, error) {
	open, err := c.sessions.Get(ctx, p.User)
	if err != nil {
		return grant{}, err
	}
	for _, id := range open {
		if id != p.Session {
			continue
		}
		a, err := c.account.Get(ctx, p.User)
		if errors.Is(err, ErrNotFound) {
			return grant{}, errEnded
		}
		return grant{a, p.User, p.Session}, err
	}
	return grant{}, errEnded
}
