package users

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"gorm.io/gorm"

	"openlearn/internal/cache"
	"openlearn/internal/httpapi"
	"openlearn/internal/jobs"
	"openlearn/internal/outbox"
	"openlearn/internal/periodic"
	"openlearn/internal/users/mail"
	"openlearn/internal/users/password"
	"openlearn/internal/users/token"
)

// Lifetimes.
const (
	// RefreshLifetime is how long a refresh token may wait for its use.
	RefreshLifetime = 7 * 24 * time.Hour
	// SessionLifetime bounds a session, however often its tokens are refreshed.
	SessionLifetime = 90 * 24 * time.Hour
	// ReuseInterval is how long a used refresh token gives its successor once more: tabs share one, and answers get lost.
	ReuseInterval = 10 * time.Second
	// MailLifetime is how long a token in a mail may wait for its use.
	MailLifetime = time.Hour
)

// Options of a Service.
type Options struct {
	Store  *Store
	Cache  *cache.Cache
	Outbox *outbox.Relay
	Jobs   *jobs.Client
	Mail   mail.Sender
	Config Config
	// Links is where links in mails lead.
	Links string
	// BasePath is where a proxy mounts the service, "" at the root: the addresses of pictures begin with it.
	BasePath string
	// Limits of attempts; the zero value is DefaultLimits.
	Limits Limits
	// Registerer receives the metrics; nil = nobody.
	Registerer prometheus.Registerer
	// Logger; nil = discard.
	Logger *slog.Logger
	// Now is the clock; nil = time.Now.
	Now func() time.Time
}

// Service is the accounts as the rest of the program uses them.
type Service struct {
	opt     Options
	store   *Store
	writer  *outbox.Relay
	cached  *cached
	hasher  *password.Hasher
	ring    keyring
	log     *slog.Logger
	metrics *metrics

	decoding chan struct{} // a slot for each image that is decoded
}

// NewService makes a Service. It runs nothing of its own accord.
func NewService(o Options) (*Service, error) {
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Limits == (Limits{}) {
		o.Limits = DefaultLimits
	}
	hasher, err := password.NewHasher(password.Default)
	if err != nil {
		return nil, err
	}
	return &Service{
		opt: o, store: o.Store, writer: o.Outbox, cached: newCached(o.Cache, o.Store), hasher: hasher, log: o.Logger, metrics: newMetrics(o.Registerer), decoding: make(chan struct{}, avatarAtime),
		ring: keyring{fixed: o.Config.keys, load: o.Store.keys, now: o.Now},
	}, nil
}

// write runs do in a transaction. When it returns, no instance accepts what do has revoked: what it changed is invalidated, or
// every instance reads from PostgreSQL until it is.
func (s *Service) write(ctx context.Context, do func(*Store) error) error {
	_, err := s.writer.Write(ctx, func(tx *gorm.DB) error { return do(s.store.in(tx)) })
	if errors.Is(err, outbox.ErrUnconfirmed) {
		return httpapi.StoredUnconfirmed("")
	}
	return err
}

// Jobs is what is done again and again.
func (s *Service) Jobs() []periodic.Job {
	return []periodic.Job{{Name: "sweep sessions and tokens", First: time.Minute, Every: time.Hour, Pass: func(ctx context.Context) error {
		ctx, cancel := context.WithTimeout(ctx, time.Minute)
		defer cancel()
		return s.store.sweep(ctx)
	}, Logger: s.log}}
}

// Identify says which user a request is from: by the cookie, or else by a bearer token.
func (s *Service) Identify(ctx context.Context, r *http.Request) (httpapi.Identity, error) {
	var refused error
	if c, err := r.Cookie(httpapi.AccessCookie); err == nil && c.Value != "" {
		who, err := s.identify(ctx, c.Value)
		if who.ByCookie = true; err == nil {
			return who, nil
		}
		if !errors.Is(err, httpapi.ErrUnidentified) {
			return httpapi.Identity{}, err
		}
		refused = err
	}
	if bearer := httpapi.Bearer(r); httpapi.LooksLikeJWT(bearer) {
		return s.identify(ctx, bearer)
	} else if bearer != "" || r.Header.Get(httpapi.KeyHeader) != "" {
		refused = nil // somebody else's credentials: a stale cookie does not spoil them
	}
	return httpapi.Identity{}, refused
}

func (s *Service) identify(ctx context.Context, raw string) (httpapi.Identity, error) {
	a, err := s.ring.verify(ctx, raw)
	if errors.Is(err, token.ErrInvalid) {
		return httpapi.Identity{}, httpapi.ErrUnidentified
	}
	if err != nil {
		return httpapi.Identity{}, err
	}
	g, err := s.cached.token.Get(ctx, presented{a, token.Name(raw)})
	switch {
	case errors.Is(err, errEnded):
		return httpapi.Identity{}, httpapi.ErrUnidentified
	case err != nil:
		return httpapi.Identity{}, err
	case !g.Active:
		return httpapi.Identity{}, errInactive
	case s.opt.Config.RequireVerified && !g.Verified:
		return httpapi.Identity{}, errUnverified
	}
	return httpapi.Identity{User: g.User, Session: g.Session, Role: g.Role}, nil
}

// keyring has the keys of access tokens: those of the configuration, or those that the database keeps for all instances.
type keyring struct {
	fixed token.Keys
	load  func(context.Context) (token.Keys, error)
	now   func() time.Time

	mu     sync.Mutex
	loaded token.Keys
	at     time.Time
}

// Keys of the database are read again when they are this old, and for a key that is not known at most once in a while.
const (
	keysGood   = time.Minute
	keysUnseen = time.Second
)

func (k *keyring) keys(ctx context.Context, good time.Duration) (token.Keys, error) {
	if len(k.fixed) > 0 {
		return k.fixed, nil
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	if now := k.now(); len(k.loaded) == 0 || now.Sub(k.at) >= good {
		keys, err := k.load(ctx)
		switch {
		case err == nil:
			k.loaded, k.at = keys, now
		case len(k.loaded) == 0:
			return nil, err
		} // else those that were good go on being so
	}
	return k.loaded, nil
}

func (k *keyring) sign(ctx context.Context, a token.Access) (string, error) {
	keys, err := k.keys(ctx, keysGood)
	if err != nil {
		return "", err
	}
	return keys.Sign(a, k.now())
}

func (k *keyring) verify(ctx context.Context, raw string) (token.Access, error) {
	if len(raw) > token.Longest {
		return token.Access{}, token.ErrInvalid
	}
	keys, err := k.keys(ctx, keysGood)
	if err != nil {
		return token.Access{}, err
	}
	a, err := keys.Verify(raw, k.now())
	if errors.Is(err, token.ErrUnknownKey) && len(k.fixed) == 0 {
		if keys, err = k.keys(ctx, keysUnseen); err == nil {
			a, err = keys.Verify(raw, k.now())
		}
	}
	return a, err
}
