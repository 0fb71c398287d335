package fetch

import (
	"context"
	"fmt"
	"strconv"
	"time"

	"github.com/redis/go-redis/v9"
)

// RedisBudgets are the budgets that all instances share. Each exchange is one script, so that no two instances get the same
// turn. A host's record outlives its last request by a day, the longest rest.
type RedisBudgets struct {
	// Client is the Redis that holds them. Required.
	Client redis.Scripter
	// Now is the clock; nil = that of Redis, which is the same for all instances.
	Now func() time.Time
}

// budgetKey is the key of a host's record. All times in it are in microseconds.
func budgetKey(host string) string { return "scraping:pace:v1:" + host }

func (b RedisBudgets) clock() string {
	if b.Now == nil {
		return ""
	}
	return strconv.FormatInt(b.Now().UnixMicro(), 10)
}

// The common beginning of the scripts reads the time and the record. Numbers are doubles, exact up to 2^53 µs, which is the
// year 2255.
const readPace = `
local now = tonumber(ARGV[1])
if not now then
	local t = redis.call('TIME')
	now = t[1] * 1000000 + t[2]
end
local v = redis.call('HMGET', KEYS[1], 'last', 'next', 'rest', 'latency', 'refusals', 'failures')
local last, after, rest = tonumber(v[1]) or 0, tonumber(v[2]) or 0, tonumber(v[3]) or 0
local latency, refusals, failures = tonumber(v[4]) or 0, tonumber(v[5]) or 0, tonumber(v[6]) or 0
local function put(...)
	local fields = {...}
	for i = 2, #fields, 2 do
		fields[i] = string.format('%.0f', fields[i])
	end
	redis.call('HSET', KEYS[1], unpack(fields))
	redis.call('PEXPIREAT', KEYS[1], string.format('%.0f', redis.call('TIME')[1] * 1000 + 86400000 + math.max(0, after - now, rest - now) / 1000))
end
`

var takeTurn = redis.NewScript(readPace + `
local interval, jitter, patience, most = tonumber(ARGV[2]), tonumber(ARGV[3]), tonumber(ARGV[4]), tonumber(ARGV[5])
local adaptive, longest = tonumber(ARGV[6]), tonumber(ARGV[7])
if rest - now > patience then
	return {1, rest - now}
end
local gap = math.max(interval, math.min(latency / adaptive, longest))
local start = math.max(now, after, rest)
if last > 0 then
	start = math.max(start, last + gap)
end
if start - now > most then
	return {2, start - now}
end
after = start + gap + jitter * gap
put('last', start, 'next', after)
return {0, start - now}
`)

// Take implements Budgets.
func (b RedisBudgets) Take(ctx context.Context, host string, ask Ask) (Turn, error) {
	got, err := takeTurn.Run(ctx, b.Client, []string{budgetKey(host)}, b.clock(), ask.Interval.Microseconds(),
		ask.Jitter, ask.Patience.Microseconds(), ask.Most.Microseconds(), concurrency, longestGap.Microseconds()).Int64Slice()
	if err != nil {
		return Turn{}, fmt.Errorf("take a turn at %s: %w", host, err)
	}
	if len(got) != 2 {
		return Turn{}, fmt.Errorf("take a turn at %s: %d numbers", host, len(got))
	}
	return Turn{Wait: time.Duration(got[1]) * time.Microsecond, Resting: got[0] == 1, Late: got[0] == 2}, nil
}

var askRest = redis.NewScript(readPace + `
return math.max(0, rest - now)
`)

// Resting implements Budgets.
func (b RedisBudgets) Resting(ctx context.Context, host string) (time.Duration, error) {
	rest, err := askRest.Run(ctx, b.Client, []string{budgetKey(host)}, b.clock()).Int64()
	if err != nil {
		return 0, fmt.Errorf("ask whether %s rests: %w", host, err)
	}
	return time.Duration(rest) * time.Microsecond, nil
}

var tellPace = redis.NewScript(readPace + `
local ok, took, failed, refused, pause = ARGV[2] == '1', tonumber(ARGV[3]), ARGV[4] == '1', ARGV[5] == '1', tonumber(ARGV[6])
local failuresUntilRest, restAfterFailures = tonumber(ARGV[7]), tonumber(ARGV[8])
local refusalsUntilRest, restAfterRefusals, longest = tonumber(ARGV[9]), tonumber(ARGV[10]), tonumber(ARGV[11])
if ok and latency == 0 then
	latency = took
elseif ok then
	latency = (latency * 3 + took) / 4
end
refusals = refused and refusals + 1 or 0
failures = failed and failures + 1 or 0
if refusals >= refusalsUntilRest then
	pause = math.max(pause, math.min(restAfterRefusals * 2 ^ math.min(refusals - refusalsUntilRest, 10), longest))
end
if failures >= failuresUntilRest then
	failures = 0
	pause = math.max(pause, restAfterFailures)
end
if pause > 0 then
	rest = math.max(rest, now + pause)
end
put('rest', rest, 'latency', latency, 'refusals', refusals, 'failures', failures)
return 0
`)

// Told implements Budgets.
func (b RedisBudgets) Told(ctx context.Context, host string, o Outcome) error {
	flag := func(is bool) int {
		if is {
			return 1
		}
		return 0
	}
	err := tellPace.Run(ctx, b.Client, []string{budgetKey(host)}, b.clock(), flag(o.OK), o.Took.Microseconds(), flag(o.Failed), flag(o.Refused),
		o.RetryAfter.Microseconds(), failuresUntilRest, restAfterFailures.Microseconds(), refusalsUntilRest, restAfterRefusals.Microseconds(),
		longestWait.Microseconds()).Err()
	if err != nil {
		return fmt.Errorf("tell of an answer of %s: %w", host, err)
	}
	return nil
}
