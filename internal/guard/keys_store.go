package guard

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"gorm.io/gorm"
)

// keyStore holds every query on API keys.
type keyStore struct{ db *gorm.DB }

// mostKeys bounds the keys that are valid at a time: requests look them up in one entry of the cache.
const mostKeys = 10_000

const keyColumns = `k.id, k.name, k.role, k.hint, k.created_at, k.expires_at, k.revoked_at, u.used_at`

func (s keyStore) insert(ctx context.Context, k *Key, hash []byte) error {
	var valid int64
	if err := s.db.WithContext(ctx).Raw(`SELECT count(*) FROM api_keys WHERE revoked_at IS NULL AND (expires_at IS NULL OR expires_at > now())`).Scan(&valid).Error; err != nil {
		return fmt.Errorf("count API keys: %w", err)
	}
	if valid >= mostKeys {
		return &InvalidKey{fmt.Sprintf("there are %d valid keys already: revoke some", valid)}
	}
	return s.db.WithContext(ctx).Raw(`INSERT INTO api_keys (name, role, hash, hint, expires_at) VALUES (?, ?, ?, ?, ?) RETURNING id, created_at`,
		k.Name, k.Role, hash, k.Hint, k.ExpiresAt).Row().Scan(&k.ID, &k.CreatedAt)
}

func (s keyStore) revoke(ctx context.Context, id int64) (k Key, err error) {
	res := s.db.WithContext(ctx).Raw(`UPDATE api_keys SET revoked_at = coalesce(revoked_at, now()) WHERE id = ?
		RETURNING id, name, role, hint, created_at, expires_at, revoked_at`, id).Scan(&k)
	if res.Error == nil && res.RowsAffected == 0 {
		return k, ErrNoSuchKey
	}
	return k, res.Error
}

func (s keyStore) list(ctx context.Context) (keys []Key, err error) {
	err = s.db.WithContext(ctx).Raw(`SELECT ` + keyColumns + ` FROM api_keys AS k LEFT JOIN api_key_uses AS u ON u.key_id = k.id ORDER BY k.id DESC`).Scan(&keys).Error
	if err != nil {
		return nil, fmt.Errorf("list API keys: %w", err)
	}
	return keys, nil
}

// active reads what requests are to be known by. Keys that expire soon are among them: who looks one up compares the time.
func (s keyStore) active(ctx context.Context) (out activeKeys, err error) {
	rows, err := s.db.WithContext(ctx).Raw(`SELECT id, role, expires_at, encode(hash, 'hex') FROM api_keys
		WHERE revoked_at IS NULL AND (expires_at IS NULL OR expires_at > now())`).Rows()
	if err != nil {
		return out, fmt.Errorf("read API keys: %w", err)
	}
	defer func() { err = errors.Join(err, rows.Close()) }()
	out.ByHash = map[string]activeKey{}
	for rows.Next() {
		var k activeKey
		var hash string
		if err := rows.Scan(&k.ID, &k.Role, &k.ExpiresAt, &hash); err != nil {
			return out, fmt.Errorf("read API keys: %w", err)
		}
		out.ByHash[hash] = k
	}
	return out, rows.Err()
}

// use writes down when keys were last used.
func (s keyStore) use(ctx context.Context, used map[int64]time.Time) error {
	type use struct {
		ID int64     `json:"id"`
		At time.Time `json:"at"`
	}
	list := make([]use, 0, len(used))
	for id, at := range used {
		list = append(list, use{id, at})
	}
	b, err := json.Marshal(list)
	if err != nil {
		return err
	}
	err = s.db.WithContext(ctx).Exec(`INSERT INTO api_key_uses AS u (key_id, used_at)
		SELECT k.id, r.at FROM json_to_recordset(?::json) AS r(id bigint, at timestamptz) JOIN api_keys AS k ON k.id = r.id ORDER BY k.id
		ON CONFLICT (key_id) DO UPDATE SET used_at = greatest(u.used_at, excluded.used_at)`, string(b)).Error
	if err != nil {
		return fmt.Errorf("write down the use of API keys: %w", err)
	}
	return nil
}
