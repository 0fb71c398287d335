package users

import (
	"context"
	"fmt"
	"time"
)

// begin opens a session and stores the hash of its first refresh token.
func (s *Store) begin(ctx context.Context, n newSession) (id string, err error) {
	var ids []string
	err = s.db.WithContext(ctx).Raw(`INSERT INTO user_sessions (user_id, family, agent, address, expires_at) VALUES (?, ?, ?, ?, ?) RETURNING id::text`,
		n.user, blob(n.family), n.agent, n.address, n.until).Scan(&ids).Error
	if err == nil && len(ids) == 1 {
		err = s.db.WithContext(ctx).Exec(`INSERT INTO refresh_tokens (hash, session_id, expires_at) VALUES (?, ?, ?)`, blob(n.hash), ids[0], n.tokenUntil).Error
	}
	if err != nil || len(ids) != 1 {
		return "", fmt.Errorf("begin a session: %w", err)
	}
	return ids[0], nil
}

type newSession struct {
	user              int64
	family, hash      []byte
	agent, address    *string
	until, tokenUntil time.Time
}

// live lists the numbers of a user's open sessions.
func (s *Store) live(ctx context.Context, user int64) (ids []string, err error) {
	ids = []string{}
	err = s.db.WithContext(ctx).Raw(`SELECT id::text FROM user_sessions WHERE user_id = ? AND ended_at IS NULL AND expires_at > now() ORDER BY id`, user).Scan(&ids).Error
	if err != nil {
		return nil, fmt.Errorf("read the sessions of user %d: %w", user, err)
	}
	return ids, nil
}

// sessions are a user's open sessions as their owner sees them, with those that have ended if they are wanted.
func (s *Store) sessions(ctx context.Context, user int64, ended bool) (found []Session, err error) {
	err = s.db.WithContext(ctx).Raw(`SELECT s.id::text AS id, s.agent, s.address, s.created_at, s.expires_at,
			(SELECT max(t.used_at) FROM refresh_tokens t WHERE t.session_id = s.id) AS used_at
		FROM user_sessions s WHERE s.user_id = ? AND (? OR s.ended_at IS NULL AND s.expires_at > now()) ORDER BY s.created_at DESC, s.id`, user, ended).Scan(&found).Error
	if err != nil {
		return nil, fmt.Errorf("list the sessions of user %d: %w", user, err)
	}
	return found, nil
}

// end ends a user's sessions: one, or all if id is "", but for the one to keep. It says how many were open.
func (s *Store) end(ctx context.Context, user int64, id, keep, why string) (n int64, err error) {
	done := s.db.WithContext(ctx).Exec(`UPDATE user_sessions SET ended_at = now(), end_reason = ?
		WHERE user_id = ? AND ended_at IS NULL AND (? = '' OR id::text = ?) AND id::text <> ?`, why, user, id, id, keep)
	if done.Error != nil {
		return 0, fmt.Errorf("end sessions of user %d: %w", user, done.Error)
	}
	return done.RowsAffected, nil
}

// spent is a refresh token's row, with its session's.
type spent struct {
	Hash      []byte
	Session   string
	User      int64
	Family    []byte
	UsedAt    *time.Time
	ExpiresAt time.Time
	Until     time.Time // the session's
	EndedAt   *time.Time
	Now       time.Time
}

// use marks a refresh token as used and stores its successor's hash, in one transaction: of all who try, one does. ok = false:
// it was used before, or has expired, or there is none.
func (s *Store) use(ctx context.Context, hash, next []byte, lifetime time.Duration) (ok bool, err error) {
	done := s.db.WithContext(ctx).Exec(`WITH used AS (
			UPDATE refresh_tokens t SET used_at = clock_timestamp() FROM user_sessions s
			WHERE t.hash = ? AND t.used_at IS NULL AND t.expires_at > now() AND s.id = t.session_id AND s.ended_at IS NULL AND s.expires_at > now()
			RETURNING t.session_id, least(now() + make_interval(secs => ?), s.expires_at) AS until)
		INSERT INTO refresh_tokens (hash, session_id, expires_at) SELECT ?, session_id, until FROM used ON CONFLICT DO NOTHING`, blob(hash), lifetime.Seconds(), blob(next))
	if done.Error != nil {
		return false, fmt.Errorf("use a refresh token: %w", done.Error)
	}
	return done.RowsAffected == 1, nil
}

// spent reads a refresh token.
func (s *Store) spent(ctx context.Context, hash []byte) (t spent, ok bool, err error) {
	var found []spent
	err = s.db.WithContext(ctx).Raw(`SELECT t.hash, t.session_id::text AS session, s.user_id AS "user", s.family, t.used_at, t.expires_at, s.expires_at AS until, s.ended_at, clock_timestamp() AS now
		FROM refresh_tokens t JOIN user_sessions s ON s.id = t.session_id WHERE t.hash = ?`, blob(hash)).Scan(&found).Error
	if err != nil {
		return t, false, fmt.Errorf("read a refresh token: %w", err)
	}
	if len(found) == 0 {
		return t, false, nil
	}
	return found[0], true, nil
}

// sweep deletes what nobody can use any more.
func (s *Store) sweep(ctx context.Context) error {
	for _, sql := range []string{
		// Used tokens stay as long as their session, so that using one again is noticed.
		`DELETE FROM user_sessions WHERE expires_at < now() - interval '1 day' OR ended_at < now() - interval '30 days'`,
		`DELETE FROM mail_tokens WHERE expires_at < now() - interval '1 day'`,
		`DELETE FROM auth_attempts WHERE until < now()`,
		`DELETE FROM user_devices WHERE last_used_at < now() - interval '1 year'`,
	} {
		if err := s.db.WithContext(ctx).Exec(sql).Error; err != nil {
			return fmt.Errorf("delete what has expired: %w", err)
		}
	}
	return nil
}

// touch sets columns without calling it a change of the account.
func (s *Store) touch(ctx context.Context, id int64, columns map[string]any) error {
	if err := s.db.WithContext(ctx).Table("users").Where("id = ?", id).Updates(columns).Error; err != nil {
		return fmt.Errorf("note the login of user %d: %w", id, err)
	}
	return nil
}
