package users

import (
	"context"
	"errors"
	"time"

	"openlearn/internal/users/password"
	"openlearn/internal/users/token"
)

// Client is from where somebody logs in.
type Client struct {
	Address string // the range that one client holds
	Shown   string // the address itself, for the owner of the session
	Agent   string
	Device  string // the token of the device, "" if it brought none
}

// Pair is what a login or a refresh gives.
type Pair struct {
	Access, Refresh string
	User            View
	Device          string // that the client is to keep; "" = it has one

	session string
}

// Login checks a password and begins a session.
func (s *Service) Login(ctx context.Context, email, pw string, from Client) (p Pair, err error) {
	begun := time.Now()
	defer func() {
		if err != nil { // a right password is no secret to whoever has it
			settle(ctx, begun, loginQuantum)
		}
	}()
	u, err := s.authenticate(ctx, email, pw, &from)
	if err != nil {
		return Pair{}, err
	}
	if !u.Active {
		s.metrics.logins.WithLabelValues(loginInactive).Inc()
		return Pair{}, errInactive
	}
	if s.opt.Config.RequireVerified && u.VerifiedAt == nil {
		s.metrics.logins.WithLabelValues(loginInactive).Inc()
		return Pair{}, errUnverified
	}
	p, err = s.begin(ctx, u, from)
	if err == nil {
		s.metrics.logins.WithLabelValues(loginOK).Inc()
	}
	return p, err
}

// authenticate finds the account that has this address and password, and counts failures. It sets from.Device to "" unless the
// device is known to be the owner's.
func (s *Service) authenticate(ctx context.Context, email, pw string, from *Client) (User, error) {
	leave, err := s.hasher.Join() // before the database has anything to do with it
	if err != nil {
		s.metrics.logins.WithLabelValues(loginBusy).Inc()
		return User{}, errBusy()
	}
	defer leave()
	known, err := s.store.knownDevice(ctx, email, from.Device)
	if err != nil {
		return User{}, err
	}
	if !known {
		from.Device = ""
	}
	counters := s.loginCounters(email, from.Address, from.Device)
	if err := s.attempt(ctx, counters); err != nil {
		return User{}, err
	}
	u, err := s.store.ByEmail(ctx, email)
	if err != nil && !errors.Is(err, ErrNotFound) {
		return User{}, err
	}
	ok, outdated, err := s.hasher.Verify(ctx, u.PasswordHash, password.Normalise(pw))
	if errors.Is(err, password.ErrBusy) {
		s.metrics.logins.WithLabelValues(loginBusy).Inc()
		return User{}, errors.Join(errBusy(), s.store.forgive(ctx, counters))
	}
	if err != nil {
		return User{}, err
	}
	if !ok {
		s.metrics.logins.WithLabelValues(loginWrong).Inc()
		return User{}, errCredentials
	}
	if err := s.store.forgive(ctx, counters); err != nil {
		return User{}, err
	}
	if outdated {
		if u.PasswordHash, err = s.hash(ctx, pw); err != nil {
			return User{}, err
		}
	}
	return u, nil
}

// begin opens a session for a user who has proved to be that one.
func (s *Service) begin(ctx context.Context, u User, from Client) (Pair, error) {
	now := s.opt.Now()
	p := Pair{Refresh: token.Opaque(), User: s.view(&u)}
	if from.Device == "" {
		p.Device = newDevice()
		from.Device = p.Device
	}
	n := newSession{
		user: u.ID, family: token.Secret(), hash: token.Hash(p.Refresh), agent: shortText(from.Agent, 200), address: shortText(from.Shown, 64),
		until: now.Add(SessionLifetime), tokenUntil: now.Add(RefreshLifetime),
	}
	var session string
	err := s.write(ctx, func(st *Store) (err error) {
		now, err := st.lock(ctx, u.ID)
		switch {
		case errors.Is(err, ErrNotFound):
			return errCredentials
		case err != nil:
			return err
		case !now.Active:
			return errInactive
		}
		if session, err = st.begin(ctx, n); err != nil {
			return err
		}
		if err := st.remember(ctx, u.ID, from.Device); err != nil {
			return err
		}
		set := map[string]any{"last_login": s.opt.Now().UTC()}
		if now.PasswordHash != u.PasswordHash { // hashed anew, unless it was changed meanwhile
			if now.UpdatedAt.Equal(u.UpdatedAt) {
				if err := st.keepSessions(ctx); err != nil {
					return err
				}
				set["password_hash"] = u.PasswordHash
			} else {
				return errCredentials
			}
		}
		return st.touch(ctx, u.ID, set)
	})
	if err != nil {
		return Pair{}, err
	}
	p.session = session
	p.Access, err = s.access(ctx, u.ID, session, n.until)
	return p, err
}

func newDevice() string { return token.Opaque() }

// access signs an access token, which does not outlive its session.
func (s *Service) access(ctx context.Context, user int64, session string, until time.Time) (string, error) {
	expires := s.opt.Now().Add(token.AccessLifetime)
	if until.Before(expires) {
		expires = until
	}
	return s.ring.sign(ctx, token.Access{User: user, Session: session, Expires: expires})
}

// shortText is a text that a column takes; nil for "".
func shortText(s string, most int) *string {
	clean := []rune{}
	for _, c := range s {
		if c >= ' ' && c != '\uFFFD' && c != 0x7f {
			clean = append(clean, c)
		}
	}
	clean = clean[:min(len(clean), most)]
	if len(clean) == 0 {
		return nil
	}
	text := string(clean)
	return &text
}

// Refresh exchanges a refresh token for its successor and a new access token. Whoever brings the same one within ReuseInterval
// gets the same successor; later, somebody has stolen it, and the session ends.
func (s *Service) Refresh(ctx context.Context, refresh string) (Pair, error) {
	if refresh == "" {
		return Pair{}, errNoRefresh
	}
	if len(refresh) > token.Longest {
		return Pair{}, errRefresh
	}
	t, err := s.rotate(ctx, refresh)
	if err != nil {
		return Pair{}, err
	}
	u, err := s.store.Get(ctx, t.User)
	if errors.Is(err, ErrNotFound) {
		return Pair{}, errNoUser
	}
	if err != nil {
		return Pair{}, err
	}
	if !u.Active {
		return Pair{}, errInactive
	}
	if s.opt.Config.RequireVerified && u.VerifiedAt == nil {
		return Pair{}, errUnverified
	}
	access, err := s.access(ctx, u.ID, t.Session, t.Until)
	return Pair{Access: access, Refresh: t.next, User: s.view(&u)}, err
}

type rotated struct {
	spent

	next string
}

// mostSteps bounds how far a chain of tokens is followed that were all used within ReuseInterval.
const mostSteps = 64

// rotate uses a refresh token, or follows those that others used a moment ago to the one in use now.
func (s *Service) rotate(ctx context.Context, refresh string) (rotated, error) {
	for range mostSteps {
		t, ok, err := s.store.spent(ctx, token.Hash(refresh))
		if err != nil {
			return rotated{}, err
		}
		if !ok {
			return rotated{}, errRefresh
		}
		next := token.Next(refresh, t.Family)
		if err := t.refused(); err != nil {
			if errors.Is(err, errReused) {
				return rotated{}, firstError(s.reused(ctx, t), errRevoked)
			}
			return rotated{}, err
		}
		if t.UsedAt == nil {
			switch ok, err := s.store.use(ctx, t.Hash, token.Hash(next), RefreshLifetime); {
			case err != nil:
				return rotated{}, err
			case ok:
				return rotated{t, next}, nil
			}
			continue // somebody else was faster, or ended the session
		}
		// Its successor may have been used as well: the newest one is what this client has to keep.
		after, ok, err := s.store.spent(ctx, token.Hash(next))
		if err != nil {
			return rotated{}, err
		}
		if !ok || after.UsedAt == nil {
			return rotated{t, next}, nil
		}
		refresh = next
	}
	return rotated{}, errRefresh
}

var errReused = errors.New("session: a refresh token was used again")

// refused says why a refresh token is of no use; nil if it is, or was used only a moment ago.
func (t *spent) refused() error {
	switch {
	case t.EndedAt != nil:
		return errRevoked
	case !t.Now.Before(t.Until):
		return errRefreshOld
	case t.UsedAt == nil && !t.Now.Before(t.ExpiresAt):
		return errRefreshOld
	case t.UsedAt != nil && t.Now.Sub(*t.UsedAt) > ReuseInterval:
		return errReused
	}
	return nil
}

// reused ends a session one of whose used tokens came again.
func (s *Service) reused(ctx context.Context, t spent) error {
	s.log.Warn("a refresh token was used again: its session ends", "user", t.User, "session", t.Session)
	return s.write(ctx, func(st *Store) error {
		_, err := st.end(ctx, t.User, t.Session, "", endReuse)
		return err
	})
}

// End ends sessions of a user: one, or all if id is "", but for the one to keep.
func (s *Service) End(ctx context.Context, user int64, id, keep, why string) (n int64, err error) {
	err = s.write(ctx, func(st *Store) (err error) {
		n, err = st.end(ctx, user, id, keep, why)
		return err
	})
	return n, err
}
