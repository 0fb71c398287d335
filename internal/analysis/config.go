package analysis

import "errors"

// Config is what the environment says of analysing the archive.
type Config struct {
	// Workers is on how many processors an instance analyses new and changed articles; 0 = others do.
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
