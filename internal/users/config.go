package users

import (
	"errors"
	"fmt"
	"net/mail"
	"net/url"
	"strings"

	"openlearn/internal/users/token"
)

// Config is this domain's configuration.
type Config struct {
	// JWTKeys sign access tokens: id:secret, comma-separated; the first one signs, all verify. "": the database keeps one.
	JWTKeys string `envconfig:"AUTH_JWT_KEYS" file:"true"`
	// RequireVerified lets nobody in whose address has not been confirmed by a mail.
	RequireVerified bool `envconfig:"AUTH_REQUIRE_VERIFIED_EMAIL" default:"false"`
	// Links is where links in mails lead: the pages of the front-end. "": the first of ALLOWED_ORIGINS.
	Links string `envconfig:"AUTH_LINK_URL"`
	// SMTP is the server that takes mails: smtp://user:password@host:587, or smtps:// for TLS from the start.
	SMTP string `envconfig:"SMTP_URL" file:"true"`
	// From is the sender of mails.
	From string `envconfig:"MAIL_FROM" default:"OpenLearn Colombia <no-reply@localhost>"`

	// Workers is how many mails an instance sends at a time; 0 = others do.
	Workers int `envconfig:"MAIL_WORKERS" default:"2"`

	keys token.Keys
}

// Validate checks the configuration and reads the keys.
func (c *Config) Validate() error {
	var errs []error
	wrong := func(name, want string) { errs = append(errs, fmt.Errorf("%s: expected %s", name, want)) }
	c.keys = nil
	seen := map[string]bool{}
	for _, one := range strings.Split(c.JWTKeys, ",") {
		if one = strings.TrimSpace(one); one == "" {
			continue
		}
		id, secret, ok := strings.Cut(one, ":")
		if !ok || id == "" || len(id) > 64 || len(secret) < token.ShortestSecret || seen[id] {
			wrong("AUTH_JWT_KEYS", fmt.Sprintf("id:secret, comma-separated, each id once and each secret of at least %d characters", token.ShortestSecret))
			break
		}
		seen[id] = true
		c.keys = append(c.keys, token.Key{ID: id, Secret: []byte(secret)})
	}
	if c.Links != "" {
		if u, err := url.Parse(c.Links); err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" || u.User != nil || strings.ContainsAny(c.Links, "?#") {
			wrong("AUTH_LINK_URL", "an absolute address without query, such as https://www.example.org")
		}
	}
	c.Links = strings.TrimRight(c.Links, "/")
	if c.SMTP != "" {
		if u, err := url.Parse(c.SMTP); err != nil || u.Scheme != "smtp" && u.Scheme != "smtps" || u.Hostname() == "" {
			wrong("SMTP_URL", "smtp://user:password@host:587 or smtps://…")
		}
	}
	if c.From == "" {
		c.From = "OpenLearn Colombia <no-reply@localhost>"
	}
	if _, err := mail.ParseAddress(c.From); err != nil {
		wrong("MAIL_FROM", "an address such as OpenLearn <no-reply@example.org>")
	}
	if c.Workers < 0 || c.Workers > 64 {
		wrong("MAIL_WORKERS", "0 to 64")
	}
	return errors.Join(errs...)
}
