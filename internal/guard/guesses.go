package guard

import (
	"context"
	"crypto/sha256"
	_ "embed"
	"encoding/hex"
	"time"

	"github.com/redis/go-redis/v9"
)

//go:embed guess.lua
var guessSource string

var guess = redis.NewScript(guessSource)

// Guesses counts guesses of all instances in Redis.
type Guesses struct {
	rdb    redis.Scripter
	within time.Duration
}

// NewGuesses counts with rdb, whose answers are waited for no longer than within; 0 = as limits wait.
func NewGuesses(rdb redis.Scripter, within time.Duration) *Guesses {
	if within <= 0 {
		within = redisWithin
	}
	return &Guesses{rdb, within}
}

// Wrong counts a guess of a client, unless it has had so many within the last while: then it says how long to wait.
func (g *Guesses) Wrong(ctx context.Context, client string, most int, while time.Duration) (wait time.Duration, err error) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), g.within) // who goes away has guessed all the same
	defer cancel()
	hash := sha256.Sum256([]byte(client))
	ms, err := guess.Run(ctx, g.rdb, []string{"guesses:v1:" + hex.EncodeToString(hash[:16])}, most, while.Milliseconds(), time.Now().UnixMilli()).Int64()
	return time.Duration(ms) * time.Millisecond, err
}
