package users

import (
	"context"
	"fmt"
	"math"
	"net/http"
	"strconv"
	"time"

	"openlearn/internal/httpapi"
	"openlearn/internal/users/address"
	"openlearn/internal/users/token"
)

// Limit is how many attempts count within a time.
type Limit struct {
	Most   int
	Within time.Duration
}

// Limits bound guessing. An account is never locked: whoever guesses at it is kept off, and its owner gets in from a device on
// which they have logged in before, or by a mail.
type Limits struct {
	Pair    Limit // failures at one account, from one address
	Address Limit // failures from one address, at any accounts
	Account Limit // failures at one account, from all devices that are not known to be its owner's
	Device  Limit // failures at an account, from a device of its owner
	Signup  Limit // accounts and mails that one address asks for
	Mail    Limit // mails that one address asks for to one account
	Mailed  Limit // mails that one account gets of a kind, whoever asks
}

// DefaultLimits are those in use.
var DefaultLimits = Limits{
	Pair:    Limit{10, 15 * time.Minute},
	Address: Limit{50, 15 * time.Minute},
	Account: Limit{100, time.Hour},
	Device:  Limit{10, 15 * time.Minute},
	Signup:  Limit{100, time.Hour},
	Mail:    Limit{3, time.Hour},
	Mailed:  Limit{5, time.Hour},
}

// counter is one thing that attempts are counted by.
type counter struct {
	Limit

	kind, of string
}

func (c counter) key() []byte { return token.Hash(c.kind + "\x00" + c.of) }

// count adds one attempt and says how long to wait if it is one too many.
func (s *Store) count1(ctx context.Context, c counter) (wait time.Duration, err error) {
	var got []struct {
		Count int
		Left  float64
	}
	err = s.db.WithContext(ctx).Raw(`INSERT INTO auth_attempts AS a (key, count, since, until) VALUES (?, 1, now(), now() + make_interval(secs => ?))
		ON CONFLICT (key) DO UPDATE SET
			count = CASE WHEN a.until <= now() THEN 1 ELSE least(a.count + 1, 1000000) END,
			since = CASE WHEN a.until <= now() THEN now() ELSE a.since END,
			until = CASE WHEN a.until <= now() THEN excluded.until ELSE a.until END
		RETURNING count, extract(epoch FROM until - now())::float8 AS left`, blob(c.key()), c.Within.Seconds()).Scan(&got).Error
	if err != nil || len(got) != 1 {
		return 0, fmt.Errorf("count an attempt: %w", err)
	}
	if got[0].Count > c.Most {
		return time.Duration(got[0].Left * float64(time.Second)), nil
	}
	return 0, nil
}

// forgive takes one attempt back: it was no failure.
func (s *Store) forgive(ctx context.Context, counters []counter) error {
	for _, c := range counters {
		if err := s.db.WithContext(ctx).Exec(`UPDATE auth_attempts SET count = count - 1 WHERE key = ? AND count > 0`, blob(c.key())).Error; err != nil {
			return fmt.Errorf("forgive an attempt: %w", err)
		}
	}
	return nil
}

// attempt counts an attempt before it is made, so that many at once are not more than one after the other. It stops at the first
// counter that has had too many: attempts that are refused must not use up what is left to others.
func (s *Service) attempt(ctx context.Context, counters []counter) error {
	for _, c := range counters {
		wait, err := s.store.count1(ctx, c)
		if err != nil {
			return err
		}
		if wait > 0 {
			s.metrics.refused.WithLabelValues(c.kind).Inc()
			return tooMany(wait)
		}
	}
	return nil
}

func tooMany(wait time.Duration) error {
	return httpapi.NewError(http.StatusTooManyRequests, "Too many attempts. Try again later").
		With("Retry-After", strconv.Itoa(max(1, int(math.Ceil(wait.Seconds())))))
}

// loginCounters are what a login counts by. From a device of the owner, what others do does not count.
func (s *Service) loginCounters(email, from, device string) []counter {
	l, key := s.opt.Limits, address.Key(email)
	if device != "" {
		return []counter{{l.Device, "device", key + "\x00" + device}}
	}
	return []counter{{l.Pair, "pair", key + "\x00" + from}, {l.Address, "address", from}, {l.Account, "account", key}}
}

// knownDevice reports whether the device with this token is one of the account's owner.
func (s *Store) knownDevice(ctx context.Context, email, device string) (known bool, err error) {
	if device == "" {
		return false, nil
	}
	err = s.db.WithContext(ctx).Raw(`SELECT EXISTS (SELECT FROM user_devices d JOIN users u ON u.id = d.user_id WHERE d.hash = ? AND u.email_key = ?)`,
		blob(token.Hash(device)), address.Key(email)).Scan(&known).Error
	if err != nil {
		return false, fmt.Errorf("look up a device: %w", err)
	}
	return known, nil
}

// mostDevices bounds the devices of one account; the one that was not used for longest makes room.
const mostDevices = 20

// remember makes a device one of the owner's.
func (s *Store) remember(ctx context.Context, user int64, device string) error {
	hash := token.Hash(device)
	err := s.db.WithContext(ctx).Exec(`INSERT INTO user_devices (hash, user_id) VALUES (?, ?)
		ON CONFLICT (hash, user_id) DO UPDATE SET last_used_at = now()`, blob(hash), user).Error
	if err == nil {
		err = s.db.WithContext(ctx).Exec(`DELETE FROM user_devices WHERE user_id = ? AND hash NOT IN
			(SELECT hash FROM user_devices WHERE user_id = ? ORDER BY last_used_at DESC LIMIT ?)`, user, user, mostDevices).Error
	}
	if err != nil {
		return fmt.Errorf("remember a device of user %d: %w", user, err)
	}
	return nil
}
