package jobs

import "errors"

// Config holds the settings of background jobs. The number of workers of a queue is a setting of its domain.
type Config struct {
	// PoolSize bounds the connections to PostgreSQL for jobs, separate from those for requests.
	PoolSize int32 `envconfig:"JOBS_POOL_SIZE" default:"4"`
}

// Validate reports what is wrong.
func (c *Config) Validate() error {
	if c.PoolSize < 2 {
		return errors.New("JOBS_POOL_SIZE: expected 2 or more")
	}
	return nil
}
