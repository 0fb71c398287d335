// Package app is the composition root: configuration, wiring, middleware order, start and stop.
package app

import (
	"cmp"
	"errors"
	"fmt"
	"net"
	"net/url"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/kelseyhightower/envconfig"
	"github.com/redis/go-redis/v9"

	"openlearn/internal/cache"
	"openlearn/internal/warming"
)

// Config is the whole configuration, from the environment only.
type Config struct {
	DatabaseURL string `envconfig:"DATABASE_URL"`
	// MigrationDatabaseURL is the same database for the role that owns the schema; "" = DatabaseURL.
	MigrationDatabaseURL string `envconfig:"MIGRATION_DATABASE_URL"`

	RedisURL      string `envconfig:"REDIS_URL"`
	RedisHost     string `envconfig:"REDIS_HOST" default:"localhost"`
	RedisPort     int    `envconfig:"REDIS_PORT" default:"6379"`
	RedisDB       int    `envconfig:"REDIS_DB" default:"0"`
	RedisUsername string `envconfig:"REDIS_USERNAME"`
	RedisPassword string `envconfig:"REDIS_PASSWORD"`

	HTTPAddr    string `envconfig:"HTTP_ADDR" default:":8000"`
	PublicURL   string `envconfig:"PUBLIC_URL" default:"http://localhost:8000"`
	AdminAPIKey string `envconfig:"ADMIN_API_KEY"`
	// AdminHosts are host names under which the admin routes answer, beside PUBLIC_URL's and those of this machine.
	AdminHosts []string `envconfig:"ADMIN_HOSTS"`
	// AllowedOrigins are the web origins whose pages may call the API, comma-separated.
	AllowedOrigins []string `envconfig:"ALLOWED_ORIGINS" default:"http://localhost:3000"`
	LogLevel       string   `envconfig:"LOG_LEVEL" default:"info"`

	RedisPoolSize    int           `envconfig:"REDIS_POOL_SIZE" default:"50"`
	DatabasePoolSize int32         `envconfig:"DATABASE_POOL_SIZE" default:"20"`
	ConnectTimeout   time.Duration `envconfig:"CONNECT_TIMEOUT" default:"5s"`
	SocketTimeout    time.Duration `envconfig:"SOCKET_TIMEOUT" default:"5s"`
	ShutdownTimeout  time.Duration `envconfig:"SHUTDOWN_TIMEOUT" default:"20s"`
	// DrainDelay is how long we go on answering after SIGTERM, unready, so that balancers notice before anyone is refused.
	DrainDelay time.Duration `envconfig:"DRAIN_DELAY" default:"5s"`

	// WarmKeys is how many articles are kept warm at most; 0 = none.
	WarmKeys int `envconfig:"WARM_KEYS" default:"500"`
	// WarmSchedule says which, while the service runs: predicted, popular or off.
	WarmSchedule string        `envconfig:"WARM_SCHEDULE" default:"predicted"`
	WarmInterval time.Duration `envconfig:"WARM_INTERVAL" default:"3m"`
	// WarmRate is how many articles a second warming may read from the database.
	WarmRate int `envconfig:"WARM_RATE" default:"200"`
	// AuditRetentionDays is how long the trail of cache operations is kept; 0 = for ever.
	AuditRetentionDays int `envconfig:"AUDIT_RETENTION_DAYS" default:"90"`
	Tracing            tracingConfig

	// Dev opens the admin routes to this machine; only `openlearn dev` sets it.
	Dev bool `ignored:"true"`
	// layers changes the table of cache layers, and uncached leaves the cache out, to measure what they do.
	layers   []cache.Layer
	uncached bool
	// auditRate is the share of hits that the coherence audit compares with the database.
	auditRate   float64
	figuresGood time.Duration // how long gathered figures are shared; 0 = 1 s, negative = not at all
	// sampling is how often the administration looks at the counters; 0 = its own choice.
	sampling time.Duration
}

// LoadConfig reads the environment. The error names the variables that are wrong (of those that do not even parse, the
// first) and what was expected, and never a value, which may be a secret.
func LoadConfig() (Config, error) {
	c := Config{auditRate: auditRate}
	if err := envconfig.Process("", &c); err != nil {
		var pe *envconfig.ParseError
		if errors.As(err, &pe) {
			return c, fmt.Errorf("%s: expected %s", pe.KeyName, expected(pe.TypeName))
		}
		return c, err
	}
	return c, errors.Join(c.readSecrets(), c.validate())
}

// readSecrets takes from files what the environment names by NAME_FILE: an environment is seen by whoever may look at the
// process or its container.
func (c *Config) readSecrets() error {
	var errs []error
	for name, value := range map[string]*string{
		"DATABASE_URL": &c.DatabaseURL, "MIGRATION_DATABASE_URL": &c.MigrationDatabaseURL, "REDIS_URL": &c.RedisURL, "REDIS_PASSWORD": &c.RedisPassword, "ADMIN_API_KEY": &c.AdminAPIKey,
	} {
		file := os.Getenv(name + "_FILE")
		if file == "" {
			continue
		}
		if *value != "" {
			errs = append(errs, fmt.Errorf("%s_FILE: expected either this or %[1]s", name))
			continue
		}
		b, err := os.ReadFile(file)
		if err != nil {
			errs = append(errs, fmt.Errorf("%s_FILE: expected a file that can be read: %w", name, err))
			continue
		}
		*value = strings.TrimSpace(string(b))
	}
	return errors.Join(errs...)
}

// migrationURL is where migrations run.
func (c *Config) migrationURL() string { return cmp.Or(c.MigrationDatabaseURL, c.DatabaseURL) }

func expected(typeName string) string {
	switch typeName {
	case "time.Duration", "Duration":
		return "a duration such as 5s or 1m30s"
	case "int", "int32":
		return "a whole number"
	}
	return "a " + typeName
}

func (c *Config) validate() error {
	var errs []error
	wrong := func(name, want string) { errs = append(errs, fmt.Errorf("%s: expected %s", name, want)) }
	for name, address := range map[string]string{"DATABASE_URL": c.DatabaseURL, "MIGRATION_DATABASE_URL": c.migrationURL()} {
		if u, err := url.Parse(address); (err != nil || (u.Scheme != "postgres" && u.Scheme != "postgresql") || u.Host == "") && (name == "DATABASE_URL" || c.MigrationDatabaseURL != "") {
			wrong(name, "postgres://user:password@host:5432/database")
		}
	}
	if c.RedisURL != "" {
		if _, err := redis.ParseURL(c.RedisURL); err != nil {
			wrong("REDIS_URL", "redis://:password@host:6379/0")
		}
	}
	if c.RedisPort < 1 || c.RedisPort > 65535 {
		wrong("REDIS_PORT", "a port, 1 to 65535")
	}
	if c.RedisDB < 0 {
		wrong("REDIS_DB", "a database number, 0 or more")
	}
	if _, port, err := net.SplitHostPort(c.HTTPAddr); err != nil || !validPort(port) {
		wrong("HTTP_ADDR", "host:port or :port, such as :8000")
	}
	// It stands in answers and in the log: whatever of it may be a secret has no place there.
	if u, err := url.Parse(c.PublicURL); err != nil || (u.Scheme != "http" && u.Scheme != "https") || u.Hostname() == "" || u.User != nil || strings.ContainsAny(c.PublicURL, "?#@") {
		wrong("PUBLIC_URL", "an absolute address without user, password or query, such as https://api.example.org")
	}
	c.PublicURL = strings.TrimRight(c.PublicURL, "/")
	if c.AdminAPIKey != "" && len(c.AdminAPIKey) < 16 {
		wrong("ADMIN_API_KEY", "at least 16 characters")
	}
	hosts := c.AdminHosts
	c.AdminHosts = nil
	for _, h := range hosts {
		if h = strings.TrimSpace(h); h == "" {
			continue
		}
		c.AdminHosts = append(c.AdminHosts, h)
		if strings.ContainsAny(h, "/*@?# ") {
			wrong("ADMIN_HOSTS", "comma-separated host names such as cache.example.org")
			break
		}
	}
	origins := c.AllowedOrigins
	c.AllowedOrigins = nil
	for _, o := range origins {
		if o = strings.TrimSpace(o); o == "" {
			continue
		}
		c.AllowedOrigins = append(c.AllowedOrigins, o)
		if u, err := url.Parse(o); o != "*" && (err != nil || u.Scheme == "" || u.Host == "" || u.User != nil || u.Path != "") {
			wrong("ALLOWED_ORIGINS", "comma-separated origins such as https://www.example.org")
			break
		}
	}
	if _, err := parseLevel(c.LogLevel); err != nil {
		wrong("LOG_LEVEL", "debug, info, warn or error")
	}
	errs = append(errs, c.Tracing.validate())
	if c.AuditRetentionDays < 0 || c.AuditRetentionDays > 36500 {
		wrong("AUDIT_RETENTION_DAYS", "days, 0 (for ever) to 36500")
	}
	if c.RedisPoolSize < 1 {
		wrong("REDIS_POOL_SIZE", "1 or more")
	}
	if c.DatabasePoolSize < 2 {
		wrong("DATABASE_POOL_SIZE", "2 or more")
	}
	for name, d := range map[string]time.Duration{"CONNECT_TIMEOUT": c.ConnectTimeout, "SOCKET_TIMEOUT": c.SocketTimeout, "SHUTDOWN_TIMEOUT": c.ShutdownTimeout} {
		if d <= 0 {
			wrong(name, "a positive duration such as 5s")
		}
	}
	if c.DrainDelay < 0 || c.DrainDelay > time.Minute {
		wrong("DRAIN_DELAY", "a duration from 0s to 1m")
	}
	if c.WarmKeys < 0 || c.WarmKeys > mostWarm {
		wrong("WARM_KEYS", fmt.Sprintf("a number of articles, 0 to %d", mostWarm))
	}
	if c.WarmKeys > 0 {
		if s := warming.Schedule(c.WarmSchedule); s != warming.Off && s != warming.Popular && s != warming.Predicted {
			wrong("WARM_SCHEDULE", "predicted, popular or off")
		}
		if c.WarmInterval < shortestWarm || c.WarmInterval > longestWarm {
			wrong("WARM_INTERVAL", fmt.Sprintf("a duration from %v to %v", shortestWarm, longestWarm))
		}
		if c.WarmRate < 1 {
			wrong("WARM_RATE", "articles a second, 1 or more")
		}
	}
	return errors.Join(errs...)
}

// The bounds of warming: more articles would be a copy of the archive, more often would find nothing new, and less often
// would let entries lapse between two looks (the article layer's grace is six minutes).
const (
	mostWarm     = 10_000
	shortestWarm = time.Second
	longestWarm  = 6 * time.Minute
)

func validPort(s string) bool {
	n, err := strconv.Atoi(s)
	return err == nil && n >= 0 && n <= 65535
}

// redisOptions are those of the service's client.
func (c Config) redisOptions() (*redis.Options, error) {
	o := &redis.Options{Addr: net.JoinHostPort(c.RedisHost, strconv.Itoa(c.RedisPort)), DB: c.RedisDB, Username: c.RedisUsername, Password: c.RedisPassword}
	if c.RedisURL != "" {
		var err error
		if o, err = redis.ParseURL(c.RedisURL); err != nil {
			return nil, errors.New("REDIS_URL: expected redis://:password@host:6379/0")
		}
	}
	o.PoolSize = c.RedisPoolSize
	o.DialTimeout, o.ReadTimeout, o.WriteTimeout = c.ConnectTimeout, c.SocketTimeout, c.SocketTimeout
	// Below deploy/redis.conf's timeout of 300 s: we close an idle connection before the server does, else the next
	// command on it fails.
	o.ConnMaxIdleTime = 240 * time.Second
	o.ContextTimeoutEnabled = true
	return o, nil
}
