package app

import (
	"fmt"
	"net/url"
	"os"
	"strings"

	"github.com/labstack/echo/v4"

	"openlearn/internal/admin/console"
	"openlearn/internal/guard"
	"openlearn/internal/httpapi"
)

// guard decides who may use the admin routes, and from where. Pages of the given origins may if they have the key.
func (s *Server) guard(origins []string) (httpapi.Guard, error) {
	c := s.cfg.Guard
	hosts, err := httpapi.NewHostGuard(append([]string{httpapi.HostOf(s.cfg.Server.PublicURL)}, c.Hosts...), origins)
	if err != nil {
		return httpapi.Guard{}, fmt.Errorf("ALLOWED_ORIGINS: %w", err)
	}
	return httpapi.Guard{Key: c.Key, OpenOnLoopback: c.Dev, Hosts: hosts, Guesses: s.guesses}, nil
}

// mountConsole mounts the console beside the API. Its guard trusts no other origin, and cors skips it, because browsers
// send its cookie automatically.
func (s *Server) mountConsole(e *echo.Echo) error {
	keyGuard, err := s.guard(nil)
	if err != nil {
		return err
	}
	public, err := url.Parse(s.cfg.Server.PublicURL)
	if err != nil {
		return fmt.Errorf("PUBLIC_URL: %w", err)
	}
	instance, err := os.Hostname()
	if err != nil {
		instance = public.Host
	}
	s.console, err = console.New(console.Options{Admin: s.admin, Scraping: consoleScraping{s.Scraping}, Services: s.openDataServices, Accounts: consoleAccounts{s.Users, s.usersHTTP()}, Mails: s.keptMails(), BasePath: httpapi.BasePath(s.cfg.Server.PublicURL), Guard: keyGuard, Sessions: guard.NewConsoleSessions(s.db.Gorm), Secure: public.Scheme == "https", Instance: instance, Logger: s.log})
	if err != nil {
		return err
	}
	s.closers.addFunc(s.console.Close)
	h := echo.WrapHandler(s.console.Handler())
	e.Any("/admin", h)
	e.Any(console.Path, h)
	e.GET(console.EventsPath, h)
	e.Any(console.Path+"/*", h)
	return nil
}

// ofConsole reports whether a request is for the console.
func ofConsole(c echo.Context) bool {
	return strings.HasPrefix(c.Request().URL.Path+"/", "/admin/")
}

// endless reports whether a request's answer never ends by itself.
func endless(c echo.Context) bool { return c.Path() == console.EventsPath }
