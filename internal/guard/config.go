package guard

import (
	"errors"
	"fmt"
	"time"
)

// Config is the limits' part of the configuration.
type Config struct {
	Enabled bool `envconfig:"RATE_LIMIT_ENABLED" default:"true"`
	// Units of a client that is not known, by address.
	PerMinute int64 `envconfig:"RATE_LIMIT_PER_MINUTE" default:"60"`
	PerHour   int64 `envconfig:"RATE_LIMIT_PER_HOUR" default:"1000"`
	// Bytes of answers to it in an hour, 0 for any amount.
	BytesPerHour int64 `envconfig:"RATE_LIMIT_BYTES_PER_HOUR" default:"268435456"`
	// The same for each user and each machine with an API key.
	UserPerMinute    int64 `envconfig:"RATE_LIMIT_USER_PER_MINUTE" default:"300"`
	UserPerHour      int64 `envconfig:"RATE_LIMIT_USER_PER_HOUR" default:"5000"`
	UserBytesPerHour int64 `envconfig:"RATE_LIMIT_USER_BYTES_PER_HOUR" default:"1073741824"`

	// Within is how long Redis may take to answer; 0 = 40 ms. Only tests set it, for machines that are too busy for that.
	Within time.Duration `ignored:"true"`
}

// mostUnits bounds a limit: in a double, a unit's share of a window must be told from nothing.
const mostUnits = 1_000_000_000

// Validate checks the limits.
func (c *Config) Validate() error {
	if !c.Enabled {
		return nil
	}
	var errs []error
	for _, v := range []struct {
		name string
		n    int64
		most int64
		min  int64
	}{
		{"RATE_LIMIT_PER_MINUTE", c.PerMinute, mostUnits, 1},
		{"RATE_LIMIT_PER_HOUR", c.PerHour, mostUnits, 1},
		{"RATE_LIMIT_USER_PER_MINUTE", c.UserPerMinute, mostUnits, 1},
		{"RATE_LIMIT_USER_PER_HOUR", c.UserPerHour, mostUnits, 1},
		{"RATE_LIMIT_BYTES_PER_HOUR", c.BytesPerHour, 1 << 50, 0},
		{"RATE_LIMIT_USER_BYTES_PER_HOUR", c.UserBytesPerHour, 1 << 50, 0},
	} {
		if v.n < v.min || v.n > v.most {
			errs = append(errs, fmt.Errorf("%s: expected %d to %d", v.name, v.min, v.most))
		}
	}
	return errors.Join(errs...)
}

// Anonymous is the tier of clients that are not known.
func (c *Config) Anonymous() *Tier {
	return &Tier{Name: "anonymous", Minute: c.PerMinute, Hour: c.PerHour, Bytes: c.BytesPerHour}
}

// Known is the tier of users and machines.
func (c *Config) Known() *Tier {
	return &Tier{Name: "known", Minute: c.UserPerMinute, Hour: c.UserPerHour, Bytes: c.UserBytesPerHour}
}
