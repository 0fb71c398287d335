package users

import (
	"context"
	"errors"
	"fmt"
	"net/http"

	"openlearn/internal/httpapi"
	"openlearn/internal/users/password"
)

// Get reads an account from the database.
func (s *Service) Get(ctx context.Context, id int64) (User, error) {
	return s.store.Get(ctx, id)
}

// ByEmail reads the account of an address.
func (s *Service) ByEmail(ctx context.Context, email string) (User, error) {
	return s.store.ByEmail(ctx, email)
}

// Change edits the name and the user name of an account.
func (s *Service) Change(ctx context.Context, id int64, fullName, username httpapi.Field[string]) (View, error) {
	set := map[string]any{}
	for column, f := range map[string]httpapi.Field[string]{"full_name": fullName, "username": username} {
		var v *string
		if f.Apply(&v); f.Set {
			set[column] = v
		}
	}
	var u User
	err := s.write(ctx, func(st *Store) (err error) {
		if err := st.change(ctx, id, set); err != nil {
			return err
		}
		u, err = st.Get(ctx, id)
		return err
	})
	if errors.Is(err, errTaken) {
		err = errUsername
	}
	return s.view(&u), err
}

// Deactivate locks an account at its owner's wish, and ends its sessions.
func (s *Service) Deactivate(ctx context.Context, id int64) error {
	_, err := s.manage(ctx, id, Management{Active: new(bool)}, endByOwner)
	return err
}

// ChangePassword sets a new password of a user who knows the old one. All other sessions end.
func (s *Service) ChangePassword(ctx context.Context, id int64, session, old, fresh string, from Client) error {
	u, err := s.store.Get(ctx, id)
	if err != nil {
		return err
	}
	if _, err := s.authenticate(ctx, u.Email, old, &from); err != nil {
		if errors.Is(err, errCredentials) {
			return httpapi.NewError(http.StatusBadRequest, "The current password is not correct")
		}
		return err
	}
	if err := s.setPassword(ctx, id, fresh, session); err != nil {
		return err
	}
	return s.ask(ctx, mailChanged, u.Email)
}

func (s *Service) setPassword(ctx context.Context, id int64, fresh, keep string) error {
	hash, err := s.hash(ctx, fresh)
	if err != nil {
		return err
	}
	return s.write(ctx, func(st *Store) error { return st.setPassword(ctx, id, hash, keep) })
}

// setPassword stores a hash, and ends what the old password opened.
func (s *Store) setPassword(ctx context.Context, id int64, hash, keep string) error {
	if err := s.keepSessions(ctx); err != nil {
		return err
	}
	if err := s.change(ctx, id, map[string]any{"password_hash": hash}); err != nil {
		return err
	}
	if err := s.db.WithContext(ctx).Exec(`DELETE FROM mail_tokens WHERE user_id = ? AND purpose = ?`, id, purposeReset).Error; err != nil {
		return err
	}
	_, err := s.end(ctx, id, "", keep, endPassword)
	return err
}

// keepSessions tells the trigger on passwords that this transaction ends by itself what the old password opened, if it has changed.
func (s *Store) keepSessions(ctx context.Context) error {
	if err := s.db.WithContext(ctx).Exec(`SELECT set_config('openlearn.keeps_sessions', 'on', true)`).Error; err != nil {
		return fmt.Errorf("set a password: %w", err)
	}
	return nil
}

// AskReset has a mail sent by which the owner of the address can set a new password. The answer does not say whether there is one.
func (s *Service) AskReset(ctx context.Context, email, from string) error {
	return s.askFor(ctx, mailReset, email, from)
}

// AskVerify has the mail sent again by which the owner of the address confirms it.
func (s *Service) AskVerify(ctx context.Context, email, from string) error {
	return s.askFor(ctx, mailVerify, email, from)
}

func (s *Service) askFor(ctx context.Context, what, email, from string) error {
	err := s.attempt(ctx, []counter{{s.opt.Limits.Mail, "mail " + what, email + "\x00" + from}, {s.opt.Limits.Signup, "signup", from}})
	if err != nil {
		return err
	}
	return s.ask(ctx, what, email)
}

// Reset sets a new password by the token of a mail, and ends all sessions. Whoever reads the mail owns the account: the device is
// known from now on, and the address is confirmed.
func (s *Service) Reset(ctx context.Context, raw, fresh string, from Client) (device string, err error) {
	hash, err := s.hash(ctx, fresh)
	if err != nil {
		return "", err
	}
	var email string
	if device = from.Device; device == "" {
		device = newDevice()
	}
	err = s.write(ctx, func(st *Store) error {
		id, ok, err := st.consume(ctx, purposeReset, raw)
		if err != nil {
			return err
		}
		if !ok {
			return errResetToken
		}
		u, err := st.lock(ctx, id)
		if err != nil {
			return err
		}
		if !u.Active {
			return errInactive
		}
		if email = u.Email; password.Check(fresh, u.Email, deref(u.FullName)) != nil {
			return httpapi.NewError(http.StatusBadRequest, "The password must not be the name or the address of the account")
		}
		if err := st.setPassword(ctx, id, hash, ""); err != nil {
			return err
		}
		if err := st.verified(ctx, id); err != nil {
			return err
		}
		return st.remember(ctx, id, device)
	})
	if err != nil {
		return "", err
	}
	return device, s.ask(ctx, mailChanged, email)
}

// Verify confirms an address by the token of a mail.
func (s *Service) Verify(ctx context.Context, raw string) error {
	return s.write(ctx, func(st *Store) error {
		id, ok, err := st.consume(ctx, purposeVerify, raw)
		if err != nil {
			return err
		}
		if !ok {
			return errVerifyToken
		}
		return st.verified(ctx, id)
	})
}

func (s *Store) verified(ctx context.Context, id int64) error {
	return s.db.WithContext(ctx).Exec(`UPDATE users SET email_verified_at = now() WHERE id = ? AND email_verified_at IS NULL`, id).Error
}

// Management is what an admin may change of an account.
type Management struct {
	Role   *httpapi.Role
	Active *bool
}

// Manage changes role and state of an account. Sessions of an account that is locked end; the last active admin stays one.
func (s *Service) Manage(ctx context.Context, id int64, m Management) (View, error) {
	return s.manage(ctx, id, m, endLocked)
}

// EndAll ends all sessions of an account at an admin's wish, and says how many were open.
func (s *Service) EndAll(ctx context.Context, id int64) (int64, error) {
	return s.End(ctx, id, "", "", endByAdmin)
}

func (s *Service) manage(ctx context.Context, id int64, m Management, why string) (View, error) {
	var u User
	err := s.write(ctx, func(st *Store) error {
		others, err := st.otherAdmins(ctx, id)
		if err != nil {
			return err
		}
		if u, err = st.lock(ctx, id); err != nil {
			return err
		}
		leaves := m.Role != nil && *m.Role != httpapi.Admin || m.Active != nil && !*m.Active
		if leaves && u.Role == httpapi.Admin && u.Active && others == 0 {
			return errLastAdmin
		}
		set := map[string]any{}
		if m.Role != nil && *m.Role != u.Role {
			set["role"], u.Role = *m.Role, *m.Role
		}
		if m.Active != nil && *m.Active != u.Active {
			set["is_active"], u.Active = *m.Active, *m.Active
		}
		if err := st.change(ctx, id, set); err != nil {
			return err
		}
		if m.Active != nil && !*m.Active {
			_, err = st.end(ctx, id, "", "", why)
		}
		return err
	})
	return s.view(&u), err
}

// List reads accounts for admins.
func (s *Service) List(ctx context.Context, q ListQuery) ([]User, error) { return s.store.list(ctx, q) }

// CreateAdmin makes an account with the role admin, or makes one of the account that the address has, with this password.
func (s *Service) CreateAdmin(ctx context.Context, email, fullName, pw string) (u User, created bool, err error) {
	hash, err := s.hash(ctx, pw)
	if err != nil {
		return User{}, false, err
	}
	now := s.opt.Now().UTC()
	err = s.write(ctx, func(st *Store) error {
		u = User{Email: email, PasswordHash: hash, FullName: &fullName, Role: httpapi.Admin, VerifiedAt: &now}
		err := st.create(ctx, &u)
		if created = err == nil; created || !errors.Is(err, errTaken) {
			return err
		}
		found, err := st.ByEmail(ctx, email)
		if err != nil {
			return err
		}
		if err := st.change(ctx, found.ID, map[string]any{"role": httpapi.Admin, "is_active": true}); err != nil {
			return err
		}
		if err := st.setPassword(ctx, found.ID, hash, ""); err != nil {
			return err
		}
		u, err = st.Get(ctx, found.ID)
		return err
	})
	return u, created, err
}

// RotateKeys makes a new key for access tokens, of those that the database keeps. Tokens of the one before stay valid.
func (s *Service) RotateKeys(ctx context.Context) (id string, err error) {
	if len(s.opt.Config.keys) > 0 {
		return "", errors.New("the keys are in AUTH_JWT_KEYS: put a new one before the others there")
	}
	return s.store.newKey(ctx)
}

func deref(s *string) string {
	if s == nil {
		return ""
	}
	return *s
}
