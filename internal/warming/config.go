package warming

import (
	"errors"
	"fmt"
	"time"
)

// Config says what is kept warm, and how hard warming may work.
type Config struct {
	// Keys is how many entries are kept warm at most; 0 = none.
	Keys int `envconfig:"WARM_KEYS" default:"500"`
	// Schedule says which, while the service runs.
	Schedule Schedule `envconfig:"WARM_SCHEDULE" default:"predicted"`
	// Interval is the time between two looks at the schedule; it is within the layer's grace, so that nothing expires in between.
	Interval time.Duration `envconfig:"WARM_INTERVAL" default:"3m"`
	// Rate is how many entries a second may be loaded from the source.
	Rate int `envconfig:"WARM_RATE" default:"200"`
}

// The bounds of warming: more entries would be a copy of the archive, a shorter interval would find nothing new, and a longer
// one would let entries expire between two looks (the article layer's grace is six minutes).
const (
	maxKeys     = 10_000
	minInterval = time.Second
	maxInterval = 6 * time.Minute
)

// Validate reports which variables are wrong.
func (c *Config) Validate() error {
	if c.Keys == 0 {
		return nil
	}
	var errs []error
	wrong := func(name, want string) { errs = append(errs, fmt.Errorf("%s: expected %s", name, want)) }
	if c.Keys < 0 || c.Keys > maxKeys {
		wrong("WARM_KEYS", fmt.Sprintf("a number of articles, 0 to %d", maxKeys))
	}
	if c.Schedule != Off && c.Schedule != Popular && c.Schedule != Predicted {
		wrong("WARM_SCHEDULE", "predicted, popular or off")
	}
	if c.Interval < minInterval || c.Interval > maxInterval {
		wrong("WARM_INTERVAL", fmt.Sprintf("a duration from %v to %v", minInterval, maxInterval))
	}
	if c.Rate < 1 {
		wrong("WARM_RATE", "articles a second, 1 or more")
	}
	return errors.Join(errs...)
}
