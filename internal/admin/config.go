package admin

import (
	"errors"
	"time"
)

// Config is the administration's part of the environment.
type Config struct {
	// AuditRetentionDays is how long the trail of cache operations is kept; 0 = for ever.
	AuditRetentionDays int `envconfig:"AUDIT_RETENTION_DAYS" default:"90"`
}

// Validate reports which variables are wrong.
func (c *Config) Validate() error {
	if c.AuditRetentionDays < 0 || c.AuditRetentionDays > 36500 {
		return errors.New("AUDIT_RETENTION_DAYS: expected days, 0 (for ever) to 36500")
	}
	return nil
}

// Retention is how long rows of the trail are kept; 0 = for ever.
func (c *Config) Retention() time.Duration {
	return time.Duration(c.AuditRetentionDays) * 24 * time.Hour
}
