package guard

import (
	"context"
	"errors"
	"log/slog"
	"time"

	"github.com/redis/go-redis/v9"
)

// fails notes that Redis did not answer, and sees to it that somebody asks it again.
func (l *Limiter) fails(err error) {
	l.failures.Add(1)
	if !l.down.CompareAndSwap(false, true) {
		return
	}
	level := slog.LevelDebug
	if now := time.Now().UnixNano(); now-l.told.Load() > int64(time.Minute) { // a busy machine may miss the time-out often
		l.told.Store(now)
		level = slog.LevelWarn
	}
	l.log.Log(l.ctx, level, "rate limits are counted by this instance alone: Redis does not answer", "error", err)
	if l.ctx.Err() == nil {
		if level == slog.LevelWarn {
			level = slog.LevelInfo
		}
		l.recovers.Go(func() { l.recovering(level) })
	}
}

// recovering asks Redis until it answers, and then says so.
func (l *Limiter) recovering(level slog.Level) {
	timer := time.NewTimer(redisAgain)
	defer timer.Stop()
	for {
		select {
		case <-l.ctx.Done():
			return
		case <-timer.C:
		}
		ctx, cancel := context.WithTimeout(l.ctx, l.within)
		err := probe.Run(ctx, l.rdb, []string{"ratelimit:v1:probe"}).Err()
		cancel()
		if err == nil || errors.Is(err, redis.Nil) {
			l.down.Store(false)
			l.log.Log(l.ctx, level, "rate limits are counted in Redis again")
			return
		}
		timer.Reset(redisAgain)
	}
}
