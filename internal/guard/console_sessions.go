package guard

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"gorm.io/gorm"
)

// ConsoleSessions are the logins to the console with the admin key, which all instances share.
type ConsoleSessions struct{ db *gorm.DB }

// NewConsoleSessions makes ConsoleSessions on a database.
func NewConsoleSessions(db *gorm.DB) *ConsoleSessions { return &ConsoleSessions{db} }

// Begin stores a session by its hash, and deletes those that are over.
func (s *ConsoleSessions) Begin(ctx context.Context, hash []byte, until time.Time) error {
	err := s.db.WithContext(ctx).Exec(`DELETE FROM console_sessions WHERE expires_at <= now()`).Error
	if err == nil {
		// The hash is not the first in its parentheses: gorm would take it for a list there.
		err = s.db.WithContext(ctx).Exec(`INSERT INTO console_sessions (expires_at, hash) VALUES (?, ?)`, until, hash).Error
	}
	if err != nil {
		return fmt.Errorf("store a session of the console: %w", err)
	}
	return nil
}

// Open says until when a session lasts; ok = false: there is none, or none any more.
func (s *ConsoleSessions) Open(ctx context.Context, hash []byte) (until time.Time, ok bool, err error) {
	err = s.db.WithContext(ctx).Raw(`SELECT expires_at FROM console_sessions WHERE hash = ? AND expires_at > now()`, hash).Row().Scan(&until)
	switch {
	case errors.Is(err, sql.ErrNoRows):
		return until, false, nil
	case err != nil:
		return until, false, fmt.Errorf("look up a session of the console: %w", err)
	}
	return until, true, nil
}

// End deletes a session.
func (s *ConsoleSessions) End(ctx context.Context, hash []byte) error {
	if err := s.db.WithContext(ctx).Exec(`DELETE FROM console_sessions WHERE hash = ?`, hash).Error; err != nil {
		return fmt.Errorf("end a session of the console: %w", err)
	}
	return nil
}
