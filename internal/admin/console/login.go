package console

import (
	"math"
	"net/http"
	"strconv"
)

// loginView is the login form.
type loginView struct {
	Instance string
	Problem  string
	Off      bool // nobody holds a key
	Open     bool // this machine needs none
}

func (c *Console) loginPage(w http.ResponseWriter, r *http.Request) {
	if _, ok := c.operatorOf(w, r); ok {
		http.Redirect(w, r, Path, http.StatusSeeOther)
		return
	}
	c.showLogin(w, r, http.StatusOK, "")
}

func (c *Console) showLogin(w http.ResponseWriter, r *http.Request, status int, problem string) {
	c.render(w, r, status, "login.html", loginView{c.opt.Instance, problem, c.opt.Guard.Key == "", c.opt.Guard.OpenOnLoopback})
}

func (c *Console) login(w http.ResponseWriter, r *http.Request) {
	address := remoteOf(r)
	if wait, ok := c.attempts.take(household(address)); !ok {
		seconds := int(math.Ceil(wait.Seconds()))
		w.Header().Set("Retry-After", strconv.Itoa(seconds))
		c.opt.Logger.Warn("console login refused: too many attempts", "remote", address)
		c.showLogin(w, r, http.StatusTooManyRequests, "Too many attempts. Try again in "+strconv.Itoa(seconds)+" seconds.")
		return
	}
	if err := r.ParseForm(); err != nil {
		c.showLogin(w, r, http.StatusBadRequest, "The form could not be read.")
		return
	}
	if !c.opt.Guard.Holds(r.PostForm.Get("key")) {
		c.opt.Logger.Warn("console login failed", "remote", address)
		c.showLogin(w, r, http.StatusUnauthorized, "That is not the admin key.")
		return
	}
	c.attempts.forgive(household(address))
	if old := c.sessions.find(tokenOf(r)); old != nil {
		c.sessions.end(old)
	}
	token, one := c.sessions.begin()
	c.setCookie(w, r, token)
	c.opt.Logger.Info("console login", "remote", address, "session", one.name, "expires", one.expires)
	http.Redirect(w, r, Path, http.StatusSeeOther)
}

func (c *Console) logout(w http.ResponseWriter, r *http.Request) {
	if one := c.sessions.find(tokenOf(r)); one != nil {
		c.sessions.end(one)
		c.opt.Logger.Info("console logout", "remote", remoteOf(r), "session", one.name)
	}
	c.setCookie(w, r, "")
	http.Redirect(w, r, loginPath, http.StatusSeeOther)
}

// session says whether there is one, to a page whose stream has broken off.
func (c *Console) session(w http.ResponseWriter, _ *http.Request, _ operator) {
	w.WriteHeader(http.StatusNoContent)
}
