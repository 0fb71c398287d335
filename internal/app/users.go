package app

import (
	"net/http"

	"openlearn/internal/admin/console"
	"openlearn/internal/httpapi"
	"openlearn/internal/users"
	"openlearn/internal/users/mail"
)

// openUsers makes the accounts.
func (c *core) openUsers() (err error) {
	cfg := c.cfg.Users
	if c.mails, err = c.sender(); err != nil {
		return err
	}
	c.Users, err = users.NewService(users.Options{
		Store: users.NewStore(c.db.Gorm), Cache: c.cache, Outbox: c.outbox, Jobs: c.jobs, Mail: c.mails, Config: cfg, Links: c.links(), BasePath: httpapi.BasePath(c.cfg.Server.PublicURL),
		Limits: c.cfg.testing.limits, Registerer: c.registry, Logger: c.log,
	})
	return err
}

// sender is how mails leave: by SMTP, in development to a page of the console, else not at all.
func (c *core) sender() (mail.Sender, error) {
	switch cfg := c.cfg.Users; {
	case c.cfg.testing.mails != nil:
		return c.cfg.testing.mails, nil
	case cfg.SMTP != "":
		return mail.NewSMTP(cfg.SMTP, cfg.From)
	case c.cfg.Guard.Dev:
		return &mail.Kept{}, nil
	}
	return mail.None{}, nil
}

// links is where links in mails lead: the front-end, if we know it.
func (c *core) links() string {
	if c.cfg.Users.Links != "" {
		return c.cfg.Users.Links
	}
	for _, origin := range c.cfg.Server.AllowedOrigins {
		if origin != "*" {
			return origin
		}
	}
	return c.cfg.Server.PublicURL
}

// usersHTTP says how the routes of accounts are served.
func (s *Server) usersHTTP() users.HTTP {
	return users.HTTP{BasePath: httpapi.BasePath(s.cfg.Server.PublicURL)}
}

// consoleAccounts lets admins log in to the console with their accounts.
type consoleAccounts struct {
	users *users.Service
	http  users.HTTP
}

func (c consoleAccounts) Login(w http.ResponseWriter, r *http.Request, email, password string) error {
	return c.users.LoginAdmin(w, r, c.http, email, password)
}

func (c consoleAccounts) Logout(w http.ResponseWriter, r *http.Request) error {
	return c.users.LogoutOf(r.Context(), w, r, c.http)
}

// keptMails are the mails that development keeps instead of sending them; nil elsewhere.
func (s *Server) keptMails() func() []console.Mail {
	kept, ok := s.mails.(*mail.Kept)
	if !ok {
		return nil
	}
	return func() []console.Mail {
		all := kept.All()
		out := make([]console.Mail, len(all))
		for i, m := range all {
			out[i] = console.Mail{To: m.To, Subject: m.Subject, Text: m.Text, At: m.At}
		}
		return out
	}
}
