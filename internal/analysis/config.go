package analysis

import "errors"

// Config holds the settings for analysing the archive.
type Config struct {
	// Workers is how many processors an instance uses to analyse new and changed articles; 0 = it leaves that to other
	// instances.
	Workers int `envconfig:"ANALYSIS_WORKERS" default:"1"`
}

const mostWorkers = 64

// Validate checks the settings.
func (c *Config) Validate() error {
	if c.Workers < 0 || c.Workers > mostWorkers {
		return errors.New("ANALYSIS_WORKERS: expected 0 to 64")
	}
	return nil
}
