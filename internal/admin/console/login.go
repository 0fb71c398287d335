package console

import (
	"errors"
	"net/http"

	"openlearn/internal/httpapi"
)

// mostLogin bounds a login form: one key.
const mostLogin = 8 << 10

// loginView is the login form.
type loginView struct {
	Instance string
	Problem  string
	Off      bool // no key is configured
	Accounts bool // people can log in with an account
	Open     bool // this machine needs no key
}

func (c *Console) loginPage(w http.ResponseWriter, r *http.Request) {
	if _, ok := c.operatorOf(w, r); ok {
		c.redirect(w, r, Path)
		return
	}
	c.showLogin(w, r, http.StatusOK, "")
}

func (c *Console) showLogin(w http.ResponseWriter, r *http.Request, status int, problem string) {
	c.render(w, r, status, "login.html", loginView{c.opt.Instance, problem, c.opt.Guard.Key == "", c.opt.Accounts != nil, c.opt.Guard.OpenOnLoopback})
}

func (c *Console) login(w http.ResponseWriter, r *http.Request) {
	r.Body = http.MaxBytesReader(w, r.Body, mostLogin)
	if err := r.ParseForm(); err != nil {
		c.showLogin(w, r, http.StatusBadRequest, "The form could not be read.")
		return
	}
	if email := r.PostForm.Get("email"); email != "" && c.opt.Accounts != nil {
		c.loginAccount(w, r, email)
		return
	}
	if e := c.opt.Guard.Try(r, r.PostForm.Get("key")); e != nil {
		problem := "That is not the admin key."
		if after := e.GetHeaders().Get("Retry-After"); after != "" {
			w.Header().Set("Retry-After", after)
			problem = "Too many attempts. Try again in " + after + " seconds."
		}
		c.showLogin(w, r, e.GetStatus(), problem)
		return
	}
	if old := c.sessions.open(r.Context(), c.tokenOf(r)); old != nil {
		c.sessions.end(r.Context(), old)
	}
	token, one := c.sessions.begin(r.Context())
	c.setCookie(w, r, token)
	c.opt.Logger.Info("console login", "remote", httpapi.ClientAddress(r), "session", one.name, "expires", one.expires)
	c.redirect(w, r, Path)
}

// loginAccount lets somebody in who has an account with the role admin.
func (c *Console) loginAccount(w http.ResponseWriter, r *http.Request, email string) {
	if err := c.opt.Accounts.Login(w, r, email, r.PostForm.Get("password")); err != nil {
		status := statusOf(err)
		if status >= http.StatusInternalServerError {
			c.opt.Logger.Warn("a login with an account failed", "error", err)
		}
		var e *httpapi.Error
		if errors.As(err, &e) && e.GetHeaders().Get("Retry-After") != "" {
			w.Header().Set("Retry-After", e.GetHeaders().Get("Retry-After"))
		}
		c.showLogin(w, r, status, messageOf(err))
		return
	}
	c.opt.Logger.Info("console login with an account", "remote", httpapi.ClientAddress(r))
	c.redirect(w, r, Path)
}

func (c *Console) logout(w http.ResponseWriter, r *http.Request) {
	if one := c.sessions.open(r.Context(), c.tokenOf(r)); one != nil {
		if !c.sessions.end(r.Context(), one) {
			c.opt.Logger.Warn("a session of the console has ended on this instance only: PostgreSQL could not be told", "session", one.name)
			w.Header().Set("Retry-After", "5")
			c.showLogin(w, r, http.StatusServiceUnavailable, "The session could not be ended on other instances. Try again.")
			return
		}
		c.opt.Logger.Info("console logout", "remote", httpapi.ClientAddress(r), "session", one.name)
	}
	c.setCookie(w, r, "")
	if c.opt.Accounts != nil {
		if err := c.opt.Accounts.Logout(w, r); err != nil {
			c.opt.Logger.Warn("a session was not ended", "error", err)
			c.showLogin(w, r, statusOf(err), "The session could not be ended. Try again.")
			return
		}
	}
	c.redirect(w, r, loginPath)
}

// session tells a page whose stream has broken off whether its session still exists.
func (c *Console) session(w http.ResponseWriter, _ *http.Request, _ operator) {
	w.WriteHeader(http.StatusNoContent)
}
