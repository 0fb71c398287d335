package analysis

import (
	"context"
	"errors"
	"time"

	"openlearn/internal/periodic"
)

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

// workEvery is how often an instance looks for what is to be analysed.
const workEvery = 5 * time.Second

// Jobs are the passes that analyse what waits: as many instances as there are may make them at once.
func (s *Service) Jobs(workers int) []periodic.Job {
	if workers == 0 {
		return nil
	}
	return []periodic.Job{{
		Name: "analyse new and changed articles", Every: workEvery, Logger: s.log,
		Pass: func(ctx context.Context) error {
			_, err := s.Drain(ctx, workers, nil)
			return err
		},
	}}
}
