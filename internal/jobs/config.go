package jobs

import "errors"

// Config is what the environment says of background jobs. How many workers a queue has is its domain's setting.
type Config struct {
	// PoolSize bounds the connections to PostgreSQL for jobs, beside those of requests.
	PoolSize int32 `envconfig:"JOBS_POOL_SIZE" default:"4"`
}

// Validate reports what is wrong.
func (c *Config) Validate() error {
	if c.PoolSize < 2 {
		return errors.New("JOBS_POOL_SIZE: expected 2 or more")
	}
	return nil
}
