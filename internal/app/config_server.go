package app

import (
	"errors"
	"fmt"
	"net"
	"net/url"
	"strconv"
	"strings"
	"time"

	"openlearn/internal/httpapi"
)

// serverConfig is what HTTP needs.
type serverConfig struct {
	Addr      string `envconfig:"HTTP_ADDR" default:":8000"`
	PublicURL string `envconfig:"PUBLIC_URL" default:"http://localhost:8000"`
	// AllowedOrigins are the web origins whose pages may call the API, comma-separated.
	AllowedOrigins []string `envconfig:"ALLOWED_ORIGINS" default:"http://localhost:3000"`
	// TrustedProxies are prefixes of the reverse proxies whose word for a client's address is taken.
	TrustedProxies  []string      `envconfig:"TRUSTED_PROXIES"`
	ShutdownTimeout time.Duration `envconfig:"SHUTDOWN_TIMEOUT" default:"20s"`
	// DrainDelay is how long we go on answering after SIGTERM, unready, so that balancers notice before anyone is refused.
	DrainDelay time.Duration `envconfig:"DRAIN_DELAY" default:"5s"`
}

func (c *serverConfig) Validate() error {
	var errs []error
	wrong := func(name, want string) { errs = append(errs, fmt.Errorf("%s: expected %s", name, want)) }
	if _, port, err := net.SplitHostPort(c.Addr); err != nil || !validPort(port) {
		wrong("HTTP_ADDR", "host:port or :port, such as :8000")
	}
	// It appears in answers and in the log, so it must not contain anything that may be a secret.
	if u, err := url.Parse(c.PublicURL); err != nil || (u.Scheme != "http" && u.Scheme != "https") || u.Hostname() == "" || u.User != nil || strings.ContainsAny(c.PublicURL, "?#@") {
		wrong("PUBLIC_URL", "an absolute address without user, password or query, such as https://api.example.org")
	} else if base, err := httpapi.ParseBase(strings.TrimRight(c.PublicURL, "/")); err != nil {
		wrong("PUBLIC_URL", "a path, if any, of letters, digits and . _ ~ - between slashes, such as https://www.example.org/openlearn")
	} else {
		c.PublicURL = u.Scheme + "://" + u.Host + base // one spelling
	}
	c.AllowedOrigins = trimmed(c.AllowedOrigins)
	for _, o := range c.AllowedOrigins {
		if u, err := url.Parse(o); o != "*" && (err != nil || u.Scheme == "" || u.Host == "" || u.User != nil || u.Path != "") {
			wrong("ALLOWED_ORIGINS", "comma-separated origins such as https://www.example.org")
			break
		}
	}
	c.TrustedProxies = trimmed(c.TrustedProxies)
	if _, err := httpapi.ParseProxies(c.TrustedProxies); err != nil {
		wrong("TRUSTED_PROXIES", "comma-separated prefixes or addresses such as 10.0.0.0/8,::1")
	}
	if c.ShutdownTimeout <= 0 {
		wrong("SHUTDOWN_TIMEOUT", "a positive duration such as 5s")
	}
	if c.DrainDelay < 0 || c.DrainDelay > time.Minute {
		wrong("DRAIN_DELAY", "a duration from 0s to 1m")
	}
	return errors.Join(errs...)
}

// guardConfig says who may use the admin routes.
type guardConfig struct {
	Key string `envconfig:"ADMIN_API_KEY" file:"true"`
	// Hosts are host names under which the admin routes answer, beside PUBLIC_URL's and those of this machine.
	Hosts []string `envconfig:"ADMIN_HOSTS"`
	// Dev opens the admin routes to this machine without a key; only `openlearn dev` sets it.
	Dev bool `ignored:"true"`
}

func (c *guardConfig) Validate() error {
	var errs []error
	if c.Key != "" && len(c.Key) < 16 {
		errs = append(errs, errors.New("ADMIN_API_KEY: expected at least 16 characters"))
	}
	c.Hosts = trimmed(c.Hosts)
	for _, h := range c.Hosts {
		if strings.ContainsAny(h, "/*@?# ") {
			errs = append(errs, errors.New("ADMIN_HOSTS: expected comma-separated host names such as cache.example.org"))
			break
		}
	}
	return errors.Join(errs...)
}

// trimmed returns a list without the blanks that people leave in it.
func trimmed(list []string) (out []string) {
	for _, s := range list {
		if s = strings.TrimSpace(s); s != "" {
			out = append(out, s)
		}
	}
	return out
}

func validPort(s string) bool {
	n, err := strconv.Atoi(s)
	return err == nil && n >= 0 && n <= 65535
}
