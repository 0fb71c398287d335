package users

import (
	"context"
	"errors"
	"time"

	"openlearn/internal/httpapi"
	"openlearn/internal/users/password"
)

// Quanta of answers that must not tell whether an account exists: they come at multiples of these, whatever was done.
const (
	registerQuantum = 200 * time.Millisecond
	loginQuantum    = 100 * time.Millisecond
)

// settle waits until the answer to what began then is due.
func settle(ctx context.Context, begun time.Time, quantum time.Duration) {
	t := time.NewTimer(quantum - time.Since(begun)%quantum)
	defer t.Stop()
	select {
	case <-t.C:
	case <-ctx.Done():
	}
}

// Registration is what a new account is made of. Its fields have been checked.
type Registration struct {
	Email, Password, FullName string
	Username                  *string
}

// Register makes an account, if the address has none. The answer is the same if it has one: then its owner gets a mail that says
// so.
func (s *Service) Register(ctx context.Context, r Registration, from string) (View, error) {
	begun := time.Now()
	defer func() { settle(ctx, begun, registerQuantum) }()
	leave, err := s.hasher.Join()
	if err != nil {
		return View{}, errBusy()
	}
	defer leave()
	if err := s.attempt(ctx, []counter{{s.opt.Limits.Signup, "signup", from}}); err != nil {
		return View{}, err
	}
	if r.Username != nil {
		if taken, err := s.store.usernameTaken(ctx, *r.Username, 0); err != nil || taken {
			return View{}, firstError(err, errUsername)
		}
	}
	hash, err := s.hash(ctx, r.Password)
	if err != nil {
		return View{}, err
	}
	u := User{Email: r.Email, Username: r.Username, PasswordHash: hash, FullName: &r.FullName, Role: httpapi.Learner}
	kind := mailVerify
	err = s.write(ctx, func(st *Store) error {
		err := st.create(ctx, &u)
		if !errors.Is(err, errTaken) {
			kind = mailVerify
			return err
		}
		kind = mailTaken
		if err := st.asIfCreated(ctx, &u); err != nil {
			return err
		}
		u.CreatedAt, u.Active = s.opt.Now().UTC().Truncate(time.Microsecond), true
		return nil
	})
	if err != nil {
		return View{}, err
	}
	return s.view(&u), s.ask(ctx, kind, u.Email)
}

func firstError(errs ...error) error {
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}

// hash makes what is stored of a password.
func (s *Service) hash(ctx context.Context, pw string) (string, error) {
	h, err := s.hasher.Hash(ctx, password.Normalise(pw))
	if errors.Is(err, password.ErrBusy) {
		return "", errBusy()
	}
	return h, err
}

// errBusy asks to come back when fewer passwords are being hashed.
func errBusy() error {
	return httpapi.NewError(503, "Too many logins at once. Try again in a moment").With("Retry-After", "2")
}
