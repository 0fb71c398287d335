// Package cdn tells caches outside of the service (CDNs, reverse proxies) when to let go of what they hold. Answers bear tags
// (internal/cache/httpcache/tags); changes come from the outbox, in the transaction of the write, and wait in a table until the hook's receiver
// has acknowledged them.
package cdn

import (
	"errors"
	"fmt"
	"net/url"
	"strings"
	"time"
)

// Config is this package's configuration.
type Config struct {
	// Tags puts tags on answers from the cache: on or off.
	Tags string `envconfig:"CACHE_TAGS" default:"off"`
	// PurgeURL is whom to tell of changes; "" = nobody.
	PurgeURL string `envconfig:"CACHE_PURGE_URL"`
	// PurgeSecret signs what is told.
	PurgeSecret string `envconfig:"CACHE_PURGE_SECRET" file:"true"`
	// MaxAge is for how long answers may be held outside; 0 = they may not.
	MaxAge time.Duration `envconfig:"CDN_MAX_AGE" default:"0s"`
}

// Tagged reports whether answers are to be tagged.
func (c *Config) Tagged() bool { return c.Tags == "on" }

// MostAge bounds CDN_MAX_AGE: when nobody has read the feed of changes for longer than this, nothing that could be purged is
// held anywhere.
const MostAge = 24 * time.Hour

const shortestSecret = 16

// Validate checks the settings.
func (c *Config) Validate() error {
	var errs []error
	wrong := func(name, want string) { errs = append(errs, fmt.Errorf("%s: expected %s", name, want)) }
	switch c.Tags = strings.ToLower(c.Tags); c.Tags {
	case "", "on", "off":
	default:
		wrong("CACHE_TAGS", "on or off")
	}
	if c.PurgeURL != "" {
		u, err := url.Parse(c.PurgeURL)
		switch {
		case err != nil, u.Scheme != "http" && u.Scheme != "https", u.Hostname() == "", u.User != nil, u.Fragment != "":
			wrong("CACHE_PURGE_URL", "an absolute address without user or password, such as https://purge.example.org/openlearn")
		case !c.Tagged():
			wrong("CACHE_TAGS", "on, where CACHE_PURGE_URL is set: it is tags that are purged")
		}
		if len(c.PurgeSecret) < shortestSecret {
			wrong("CACHE_PURGE_SECRET", fmt.Sprintf("at least %d characters, where CACHE_PURGE_URL is set", shortestSecret))
		}
	}
	switch {
	case c.MaxAge < 0 || c.MaxAge > MostAge || c.MaxAge > 0 && c.MaxAge < time.Second:
		wrong("CDN_MAX_AGE", "0s, or a duration from 1s to 24h")
	case c.MaxAge > 0 && !c.Tagged():
		wrong("CACHE_TAGS", "on, where CDN_MAX_AGE is set: what is held must be tagged")
	}
	return errors.Join(errs...)
}
