package users

import (
	"context"
	"database/sql/driver"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/jackc/pgx/v5/pgconn"
	"gorm.io/gorm"

	"openlearn/internal/httpapi"
	"openlearn/internal/users/address"
	"openlearn/internal/users/token"
)

// Store has the queries of accounts.
type Store struct{ db *gorm.DB }

// NewStore makes a Store on a database.
func NewStore(db *gorm.DB) *Store { return &Store{db} }

func (s *Store) in(tx *gorm.DB) *Store { return &Store{tx} }

// Get reads an account.
func (s *Store) Get(ctx context.Context, id int64) (User, error) {
	return s.first(ctx, "id = ?", id)
}

// ByEmail reads the account of an address in the spelling of address.Parse.
func (s *Store) ByEmail(ctx context.Context, email string) (User, error) {
	return s.first(ctx, "email_key = ?", address.Key(email))
}

// byEmailHash reads the account of the address with this hash (see emailHash).
func (s *Store) byEmailHash(ctx context.Context, hash []byte) (User, error) {
	return s.first(ctx, `sha256(replace(email_key, '\', '\\')::bytea) = ?`, blob(hash))
}

// emailHash is how jobs name an address.
func emailHash(email string) []byte { return token.Hash(address.Key(email)) }

func (s *Store) first(ctx context.Context, where string, args ...any) (User, error) {
	var found []User
	if err := s.db.WithContext(ctx).Where(where, args...).Limit(1).Find(&found).Error; err != nil {
		return User{}, fmt.Errorf("read a user: %w", err)
	}
	if len(found) == 0 {
		return User{}, ErrNotFound
	}
	return found[0], nil
}

// lock reads an account and keeps others from changing it until the transaction ends.
func (s *Store) lock(ctx context.Context, id int64) (User, error) {
	var found []User
	if err := s.db.WithContext(ctx).Raw(`SELECT * FROM users WHERE id = ? FOR UPDATE`, id).Scan(&found).Error; err != nil {
		return User{}, fmt.Errorf("lock user %d: %w", id, err)
	}
	if len(found) == 0 {
		return User{}, ErrNotFound
	}
	return found[0], nil
}

// create stores a new account and sets its number and times; errTaken if there is one with the address or the user name.
func (s *Store) create(ctx context.Context, u *User) error {
	var got []struct {
		ID                   int64
		CreatedAt, UpdatedAt time.Time
	}
	err := s.db.WithContext(ctx).Raw(`INSERT INTO users (email, username, password_hash, full_name, role, email_verified_at) VALUES (?, ?, ?, ?, ?, ?)
		ON CONFLICT DO NOTHING RETURNING id, created_at, updated_at`, u.Email, u.Username, u.PasswordHash, u.FullName, u.Role, u.VerifiedAt).Scan(&got).Error
	if err != nil {
		return fmt.Errorf("create a user: %w", err)
	}
	if len(got) == 0 {
		return errTaken
	}
	u.ID, u.CreatedAt, u.UpdatedAt, u.Active = got[0].ID, got[0].CreatedAt, got[0].UpdatedAt, true
	return nil
}

// asIfCreated does for an address that has an account what create does for one that has none, so that it takes as long: a row is
// written, which changes nothing, and caches will be told of it. The number is one that nobody gets. errUsername: it was the user name
// that was taken.
func (s *Store) asIfCreated(ctx context.Context, u *User) error {
	done := s.db.WithContext(ctx).Raw(`WITH written AS (UPDATE users SET last_active = last_active WHERE email_key = ? RETURNING 1)
		SELECT nextval(pg_get_serial_sequence('users', 'id')) FROM written`, address.Key(u.Email)).Scan(&u.ID)
	switch {
	case done.Error != nil:
		return fmt.Errorf("take the number of a user: %w", done.Error)
	case done.RowsAffected == 0:
		return errUsername
	}
	return nil
}

// usernameTaken reports whether an account other than this one has the user name.
func (s *Store) usernameTaken(ctx context.Context, name string, except int64) (taken bool, err error) {
	err = s.db.WithContext(ctx).Raw(`SELECT EXISTS (SELECT FROM users WHERE lower(username) = lower(?) AND id <> ?)`, name, except).Scan(&taken).Error
	if err != nil {
		return false, fmt.Errorf("look up a user name: %w", err)
	}
	return taken, nil
}

// change sets columns of an account; errTaken if another one has the user name. With nothing to set it does nothing.
func (s *Store) change(ctx context.Context, id int64, columns map[string]any) error {
	if len(columns) == 0 {
		return nil
	}
	columns["updated_at"] = gorm.Expr("now()")
	done := s.db.WithContext(ctx).Table("users").Where("id = ?", id).Updates(columns)
	var refused *pgconn.PgError
	switch {
	case errors.Is(done.Error, gorm.ErrDuplicatedKey), errors.As(done.Error, &refused) && refused.Code == "23505":
		return errTaken
	case done.Error != nil:
		return fmt.Errorf("change user %d: %w", id, done.Error)
	case done.RowsAffected == 0:
		return ErrNotFound
	}
	return nil
}

// otherAdmins counts the active admins beside this one. All of them are locked, in one order, so that two who leave at the same
// time do so one after the other.
func (s *Store) otherAdmins(ctx context.Context, except int64) (n int, err error) {
	var ids []int64
	if err = s.db.WithContext(ctx).Raw(`SELECT id FROM users WHERE role = 'admin' AND is_active ORDER BY id FOR UPDATE`).Scan(&ids).Error; err != nil {
		return 0, fmt.Errorf("count admins: %w", err)
	}
	for _, id := range ids {
		if id != except {
			n++
		}
	}
	return n, nil
}

// ListQuery selects accounts for admins.
type ListQuery struct {
	Text   string // in the address, the user name or the name
	Role   httpapi.Role
	Active *bool
	After  int64 // accounts with a greater number
	Limit  int
}

// list reads accounts in the order of their numbers.
func (s *Store) list(ctx context.Context, q ListQuery) (found []User, err error) {
	db := s.db.WithContext(ctx).Where("id > ?", q.After).Order("id").Limit(q.Limit)
	if q.Text != "" {
		like := "%" + likeEscaper.Replace(strings.ToLower(q.Text)) + "%"
		db = db.Where("email_key LIKE ? OR lower(username) LIKE ? OR lower(full_name) LIKE ?", like, like, like)
	}
	if q.Role != "" {
		db = db.Where("role = ?", q.Role)
	}
	if q.Active != nil {
		db = db.Where("is_active = ?", *q.Active)
	}
	if err := db.Find(&found).Error; err != nil {
		return nil, fmt.Errorf("list users: %w", err)
	}
	return found, nil
}

var likeEscaper = strings.NewReplacer(`\`, `\\`, `%`, `\%`, `_`, `\_`)

// keys reads the keys that sign access tokens, the newest first, and makes one if there is none.
func (s *Store) keys(ctx context.Context) (token.Keys, error) {
	const read = `SELECT id, secret FROM auth_keys ORDER BY created_at DESC, id LIMIT 4`
	var keys token.Keys
	if err := s.db.WithContext(ctx).Raw(read).Scan(&keys).Error; err != nil {
		return nil, fmt.Errorf("read the keys of access tokens: %w", err)
	}
	if len(keys) > 0 {
		return keys, nil
	}
	err := s.db.WithContext(ctx).Transaction(func(tx *gorm.DB) error {
		// Instances that start at once make one key.
		if err := tx.Exec(`LOCK TABLE auth_keys IN EXCLUSIVE MODE`).Error; err != nil {
			return err
		}
		err := tx.Exec(`INSERT INTO auth_keys (id, secret) SELECT ?, ? WHERE NOT EXISTS (SELECT FROM auth_keys)`, token.Opaque()[:12], blob(token.Secret())).Error
		if err != nil {
			return err
		}
		return tx.Raw(read).Scan(&keys).Error
	})
	if err != nil {
		return nil, fmt.Errorf("make a key for access tokens: %w", err)
	}
	return keys, nil
}

// newKey adds a key, which signs from now on, and takes out all but the one before.
func (s *Store) newKey(ctx context.Context) (id string, err error) {
	id = token.Opaque()[:12]
	err = s.db.WithContext(ctx).Transaction(func(tx *gorm.DB) error {
		if err := tx.Exec(`INSERT INTO auth_keys (id, secret, created_at) VALUES (?, ?, clock_timestamp())`, id, blob(token.Secret())).Error; err != nil {
			return err
		}
		return tx.Exec(`DELETE FROM auth_keys WHERE id NOT IN (SELECT id FROM auth_keys ORDER BY created_at DESC, id LIMIT 2)`).Error
	})
	if err != nil {
		return "", fmt.Errorf("make a key for access tokens: %w", err)
	}
	return id, nil
}

// blob is a parameter of type bytea: gorm takes other slices for lists.
type blob []byte

// Value is for database/sql.
func (b blob) Value() (driver.Value, error) { return []byte(b), nil }
