package upstream

import (
	"context"
	"fmt"
	"strconv"
	"sync/atomic"
	"time"

	"github.com/redis/go-redis/v9"
	"golang.org/x/time/rate"
)

// Limiter keeps the rate of requests to one upstream. All instances share it in Redis; while Redis cannot be asked this process
// keeps the same rate by itself.
type Limiter struct {
	key      string
	interval time.Duration
	burst    int
	shared   redis.Scripter // nil = this process alone
	own      *rate.Limiter
	now      func() time.Time
	alone    atomic.Bool
}

// NewLimiter allows perSecond requests a second to the upstream of that name, and burst at once.
func NewLimiter(name string, perSecond float64, burst int, shared redis.Scripter, now func() time.Time) *Limiter {
	return &Limiter{
		key: "government:pace:v1:" + name, interval: time.Duration(float64(time.Second) / perSecond), burst: burst,
		shared: shared, own: rate.NewLimiter(rate.Limit(perSecond), burst), now: now,
	}
}

// paceTimeout bounds one exchange with Redis.
const paceTimeout = 500 * time.Millisecond

// The generic cell rate algorithm: the key holds the theoretical arrival time in microseconds of Redis's own clock, one for all
// instances. KEYS[1]; ARGV: interval, tolerance, the longest wait. Answers the wait, or -1 - wait where that is too long.
var take = redis.NewScript(`
local t = redis.call('TIME')
local now = t[1] * 1000000 + t[2]
local tat = math.max(tonumber(redis.call('GET', KEYS[1])) or 0, now)
local wait = math.max(tat - tonumber(ARGV[2]) - now, 0)
if wait > tonumber(ARGV[3]) then
	return -1 - wait
end
redis.call('SET', KEYS[1], string.format('%d', tat + ARGV[1]), 'PX', math.ceil((tat + ARGV[1] - now) / 1000) + 1000)
return wait`)

// Leaves the upstream alone. ARGV: for how long, tolerance.
var rest = redis.NewScript(`
local t = redis.call('TIME')
local now = t[1] * 1000000 + t[2]
local tat = math.max(tonumber(redis.call('GET', KEYS[1])) or 0, now + ARGV[1] + ARGV[2])
redis.call('SET', KEYS[1], string.format('%d', tat), 'PX', math.ceil((tat - now) / 1000) + 1000)
return 0`)

// Take takes the next turn and says how long to wait for it. A turn that would come later than most is not taken: ok is false.
func (l *Limiter) Take(ctx context.Context, most time.Duration) (wait time.Duration, ok bool, err error) {
	if l.shared != nil {
		bound, cancel := context.WithTimeout(ctx, paceTimeout)
		n, err := take.Run(bound, l.shared, []string{l.key}, l.interval.Microseconds(), l.tolerance(), most.Microseconds()).Int64()
		cancel()
		if ctx.Err() != nil {
			return 0, false, ctx.Err()
		}
		l.alone.Store(err != nil)
		switch {
		case err == nil && n < 0:
			return time.Duration(-1-n) * time.Microsecond, false, nil
		case err == nil:
			return time.Duration(n) * time.Microsecond, true, nil
		}
	}
	now := l.now()
	r := l.own.ReserveN(now, 1)
	if !r.OK() {
		return 0, false, fmt.Errorf("limit of %s: a burst of %d allows no request", l.key, l.burst)
	}
	if wait = r.DelayFrom(now); wait > most {
		r.CancelAt(now)
		return wait, false, nil
	}
	return wait, true, nil
}

func (l *Limiter) tolerance() string {
	return strconv.FormatInt(int64(l.burst-1)*l.interval.Microseconds(), 10)
}

// Rest leaves the upstream alone for d, on all instances that can be told.
func (l *Limiter) Rest(ctx context.Context, d time.Duration) {
	if l.shared == nil {
		return
	}
	bound, cancel := context.WithTimeout(context.WithoutCancel(ctx), paceTimeout)
	defer cancel()
	err := rest.Run(bound, l.shared, []string{l.key}, d.Microseconds(), l.tolerance()).Err()
	l.alone.Store(err != nil)
}
