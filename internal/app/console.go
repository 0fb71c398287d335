package app

import (
	"fmt"
	"net/url"
	"os"
	"strings"

	"github.com/labstack/echo/v4"

	"openlearn/internal/admin/console"
	"openlearn/internal/httpapi"
)

// guard is who may administer, and from where. Pages of the given origins may if they have the key.
func (a *App) guard(origins []string) (httpapi.Guard, error) {
	c := a.cfg
	door, err := httpapi.NewDoor(append([]string{httpapi.HostOf(c.PublicURL)}, c.AdminHosts...), origins)
	if err != nil {
		return httpapi.Guard{}, fmt.Errorf("ALLOWED_ORIGINS: %w", err)
	}
	return httpapi.Guard{Key: c.AdminAPIKey, OpenOnLoopback: c.Dev, Door: door, Guesses: a.guesses}, nil
}

// mountConsole puts the console beside the API. Its guard trusts no other origin, and cors leaves it out, since browsers send
// its cookie by themselves.
func (a *App) mountConsole(e *echo.Echo) error {
	guard, err := a.guard(nil)
	if err != nil {
		return err
	}
	public, err := url.Parse(a.cfg.PublicURL)
	if err != nil {
		return fmt.Errorf("PUBLIC_URL: %w", err)
	}
	instance, err := os.Hostname()
	if err != nil {
		instance = public.Host
	}
	a.console, err = console.New(console.Options{Admin: a.admin, Guard: guard, Secure: public.Scheme == "https", Instance: instance, Logger: a.log})
	if err != nil {
		return err
	}
	h := echo.WrapHandler(a.console.Handler())
	e.Any("/admin", h)
	e.Any(console.Path, h)
	e.GET(console.EventsPath, h)
	e.Any(console.Path+"/*", h)
	return nil
}

// ofConsole says whether a request is for the console.
func ofConsole(c echo.Context) bool {
	return strings.HasPrefix(c.Request().URL.Path+"/", "/admin/")
}

// endless says whether a request's answer never ends by itself.
func endless(c echo.Context) bool { return c.Path() == console.EventsPath }
