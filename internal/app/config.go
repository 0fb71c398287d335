// Package app is the composition root: configuration, wiring, middleware order, start and stop. A core (PostgreSQL, Redis,
// the cache, the outbox, the domains) is what every command works with; a Server puts HTTP on top of one.
package app

import (
	"errors"
	"fmt"
	"net"
	"os"
	"reflect"
	"strconv"
	"strings"
	"time"

	"github.com/kelseyhightower/envconfig"
	"github.com/redis/go-redis/v9"

	"openlearn/internal/admin"
	"openlearn/internal/analysis"
	"openlearn/internal/cache"
	"openlearn/internal/cdn"
	"openlearn/internal/government"
	"openlearn/internal/government/upstream"
	"openlearn/internal/guard"
	"openlearn/internal/jobs"
	"openlearn/internal/postgres"
	"openlearn/internal/users"
	"openlearn/internal/users/mail"
	"openlearn/internal/warming"
)

// Config is the whole configuration, from the environment only. Each component owns its part; a domain with settings of its
// own adds a field here and a line to parts.
type Config struct {
	Database postgres.Config
	Jobs     jobs.Config
	Redis    redisConfig
	Server   serverConfig
	Guard    guardConfig
	Limits   guard.Config
	Log      logConfig
	Warming  warming.Config
	Admin    admin.Config
	Scraping scrapingConfig
	Analysis analysis.Config
	OpenData government.Config
	Users    users.Config
	Tracing  tracingConfig
	CDN      cdn.Config

	testing testingConfig
}

// part is a component's configuration. Its fields name their variables in `envconfig` tags, with `file:"true"` where
// NAME_FILE may name a file that holds the value. Validate puts the values into the form that the component expects; its
// errors name the variables.
type part interface{ Validate() error }

func (c *Config) parts() []part {
	return []part{&c.Database, &c.Jobs, &c.Redis, &c.Server, &c.Guard, &c.Limits, &c.Log, &c.Warming, &c.Admin, &c.Scraping, &c.Analysis, &c.OpenData, &c.Users, &c.Tracing, &c.CDN}
}

// testingConfig is for tests and benchmarks; it has no variables.
type testingConfig struct {
	layers      []cache.Layer    // another table of cache layers; nil = the domains'
	uncached    bool             // leave the cache out, to measure its effect
	auditRate   float64          // of hits that are compared with the database; 0 = auditRate, negative = none
	figuresGood time.Duration    // how long gathered figures are shared; 0 = 1 s, negative = not at all
	jobs        jobs.Options     // Poll, Beat and Lease of background jobs; 0 = their defaults
	sourceLease time.Duration    // of passes over sources; 0 = its default
	limits      users.Limits     // of attempts at accounts; zero = the defaults
	mails       mail.Sender      // nil = what the configuration says
	purgeAgain  time.Duration    // after how long purges are delivered a second time; 0 = its default
	sampling    time.Duration    // how often the administration samples the counters; 0 = its default
	now         func() time.Time // the cache's clock; nil = time.Now

	upstreams func(*upstream.Config) // changes how open-data services are asked
}

// LoadConfig reads the environment. The error names every wrong variable and what was expected, but never a value, which may
// be a secret.
func LoadConfig() (Config, error) {
	var c Config
	return c, loadParts(c.parts()...)
}

// loadParts reads the given parts of the configuration.
func loadParts(parts ...part) error {
	var errs []error
	said := map[string]bool{} // two parts may share a variable
	for _, p := range parts {
		for _, err := range lines(loadPart(p)) {
			if !said[err.Error()] {
				said[err.Error()] = true
				errs = append(errs, err)
			}
		}
	}
	return errors.Join(errs...)
}

// lines lists the errors that errors.Join has joined.
func lines(err error) []error {
	if joined, ok := err.(interface{ Unwrap() []error }); ok {
		return joined.Unwrap()
	}
	if err == nil {
		return nil
	}
	return []error{err}
}

func loadPart(p part) error {
	if err := envconfig.Process("", p); err != nil {
		if pe, ok := errors.AsType[*envconfig.ParseError](err); ok {
			return fmt.Errorf("%s: expected %s", pe.KeyName, expected(pe.TypeName))
		}
		return err
	}
	if err := readFiles(p); err != nil {
		return err
	}
	return p.Validate()
}

// readFiles reads the values of variables given as NAME_FILE from those files: whoever can inspect a process or its
// container sees its environment.
func readFiles(p part) error {
	var errs []error
	fields := reflect.ValueOf(p).Elem()
	for i := range fields.NumField() {
		tag := fields.Type().Field(i).Tag
		name := tag.Get("envconfig")
		file := os.Getenv(name + "_FILE")
		if tag.Get("file") != "true" || file == "" {
			continue
		}
		if fields.Field(i).String() != "" {
			errs = append(errs, fmt.Errorf("%s_FILE: expected either this or %[1]s", name))
			continue
		}
		b, err := os.ReadFile(file)
		if err != nil {
			errs = append(errs, fmt.Errorf("%s_FILE: expected a file that can be read: %w", name, err))
			continue
		}
		fields.Field(i).SetString(strings.TrimSpace(string(b)))
	}
	return errors.Join(errs...)
}

func expected(typeName string) string {
	switch typeName {
	case "time.Duration", "Duration":
		return "a duration such as 5s or 1m30s"
	case "int", "int32":
		return "a whole number"
	}
	return "a " + typeName
}

type logConfig struct {
	Level string `envconfig:"LOG_LEVEL" default:"info"`
}

func (c *logConfig) Validate() error {
	if _, err := parseLevel(c.Level); err != nil {
		return errors.New("LOG_LEVEL: expected debug, info, warn or error")
	}
	return nil
}

// redisConfig says where Redis is, and how many connections to it may be open.
type redisConfig struct {
	URL      string `envconfig:"REDIS_URL" file:"true"`
	Host     string `envconfig:"REDIS_HOST" default:"localhost"`
	Port     int    `envconfig:"REDIS_PORT" default:"6379"`
	DB       int    `envconfig:"REDIS_DB" default:"0"`
	Username string `envconfig:"REDIS_USERNAME"`
	Password string `envconfig:"REDIS_PASSWORD" file:"true"`

	PoolSize       int           `envconfig:"REDIS_POOL_SIZE" default:"50"`
	ConnectTimeout time.Duration `envconfig:"CONNECT_TIMEOUT" default:"5s"`
	SocketTimeout  time.Duration `envconfig:"SOCKET_TIMEOUT" default:"5s"`
}

func (c *redisConfig) Validate() error {
	var errs []error
	wrong := func(name, want string) { errs = append(errs, fmt.Errorf("%s: expected %s", name, want)) }
	if c.URL != "" {
		if _, err := redis.ParseURL(c.URL); err != nil {
			wrong("REDIS_URL", "redis://:password@host:6379/0")
		}
	}
	if c.Port < 1 || c.Port > 65535 {
		wrong("REDIS_PORT", "a port, 1 to 65535")
	}
	if c.DB < 0 {
		wrong("REDIS_DB", "a database number, 0 or more")
	}
	if c.PoolSize < 1 {
		wrong("REDIS_POOL_SIZE", "1 or more")
	}
	if c.ConnectTimeout <= 0 {
		wrong("CONNECT_TIMEOUT", "a positive duration such as 5s")
	}
	if c.SocketTimeout <= 0 {
		wrong("SOCKET_TIMEOUT", "a positive duration such as 5s")
	}
	return errors.Join(errs...)
}

// options are the options of the service's client.
func (c *redisConfig) options() (*redis.Options, error) {
	o := &redis.Options{Addr: net.JoinHostPort(c.Host, strconv.Itoa(c.Port)), DB: c.DB, Username: c.Username, Password: c.Password}
	if c.URL != "" {
		var err error
		if o, err = redis.ParseURL(c.URL); err != nil {
			return nil, errors.New("REDIS_URL: expected redis://:password@host:6379/0")
		}
	}
	o.PoolSize = c.PoolSize
	o.DialTimeout, o.ReadTimeout, o.WriteTimeout = c.ConnectTimeout, c.SocketTimeout, c.SocketTimeout
	// Below deploy/redis.conf's timeout of 300 s: we close an idle connection before the server does, else the next
	// command on it fails.
	o.ConnMaxIdleTime = 240 * time.Second
	o.ContextTimeoutEnabled = true
	return o, nil
}
