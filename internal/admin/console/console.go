// Package console serves the pages for operators: /admin/cache, which offers the admin API in a browser, and below it the
// page of scraping. The pages are rendered on the server, work without scripts where they can, keep their figures fresh by
// server-sent events, and load nothing from other hosts.
package console

import (
	"context"
	"errors"
	"html/template"
	"log/slog"
	"net/http"
	"path"
	"time"

	"openlearn/internal/admin"
	"openlearn/internal/httpapi"
)

// Paths of the console. The answer of EventsPath never ends by itself.
const (
	Path       = "/admin/cache"
	EventsPath = Path + "/events"

	loginPath = Path + "/login"
)

// Options configure a Console. Admin, Scraping, Guard and Logger are needed.
type Options struct {
	Admin    *admin.Admin
	Scraping Scraping
	// Services tells of foreign services that data comes from; nil = there are none.
	Services   func() []Service
	Accounts   Accounts      // nil = there are none: only the key opens the console
	Mails      func() []Mail // kept in development instead of being sent; nil = none are
	BasePath   string        // where a proxy mounts the service, "" at the root: all links begin with it
	Guard      httpapi.Guard // its door must trust no foreign origin: the browser sends the cookie by itself
	Secure     bool          // browsers reach us by TLS, which a proxy terminates: cookies are Secure
	Instance   string        // names this instance to the reader
	Logger     *slog.Logger
	Now        func() time.Time // nil = time.Now
	Refresh    time.Duration    // how often figures are sent; 0 = 2 s
	Lifetime   time.Duration    // of a session; 0 = 12 h
	Sessions   Rows             // where all instances find them; nil = each has its own
	MaxStreams int              // open at a time; 0 = 32
}

// Accounts let people with the role admin log in. Their sessions are those of the API: httpapi.Who names them.
type Accounts interface {
	// Login checks address and password and sets the session's cookies, if the account is an admin's. The error is for the reader.
	Login(w http.ResponseWriter, r *http.Request, email, password string) error
	// Logout ends the session and takes the cookies away.
	Logout(w http.ResponseWriter, r *http.Request) error
}

// Console serves the page. Close must follow.
type Console struct {
	opt      Options
	pages    *template.Template
	assets   assets
	sessions sessions
	feed     feed
	streams  chan struct{} // one slot for each open stream

	stopping context.Context // ends when streams must end
	stop     context.CancelFunc
}

// New makes a Console.
func New(o Options) (*Console, error) {
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Refresh <= 0 {
		o.Refresh = 2 * time.Second
	}
	if o.Lifetime <= 0 {
		o.Lifetime = 12 * time.Hour
	}
	if o.MaxStreams <= 0 {
		o.MaxStreams = 32
	}
	files, err := newAssets(o.BasePath)
	if err != nil {
		return nil, err
	}
	pages, err := newPages(files, o.BasePath)
	if err != nil {
		return nil, err
	}
	c := &Console{opt: o, pages: pages, assets: files, streams: make(chan struct{}, o.MaxStreams)}
	c.sessions = sessions{now: o.Now, lifetime: o.Lifetime, by: map[sessionID]*session{}, key: o.Guard.Key, rows: o.Sessions, log: o.Logger}
	c.stopping, c.stop = context.WithCancel(context.Background())
	return c, nil
}

// StopStreams ends all open streams and lets no new ones begin: a server that shuts down waits for its answers to end.
func (c *Console) StopStreams() { c.stop() }

// Close ends all open streams and waits for them: it takes every slot, so that none can begin afterwards.
func (c *Console) Close() {
	c.stop()
	for range cap(c.streams) {
		c.streams <- struct{}{}
	}
}

// policy allows the page's own files, and nothing inline.
const policy = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"

// mostForm bounds what a form may send: a thousand identifiers fit.
const mostForm = 512 << 10

// Handler serves everything below Path.
func (c *Console) Handler() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /admin", func(w http.ResponseWriter, r *http.Request) { c.redirect(w, r, Path) })
	mux.HandleFunc("GET "+Path+"/static/{name}", c.static)
	mux.HandleFunc("GET "+loginPath, c.loginPage)
	mux.HandleFunc("POST "+loginPath, c.login)
	mux.HandleFunc("POST "+Path+"/logout", c.logout)
	for pattern, h := range map[string]operatorHandler{
		"GET " + Path:                  c.overview,
		"GET " + EventsPath:            c.events,
		"GET " + Path + "/session":     c.session,
		"GET " + Path + "/key":         c.inspect,
		"GET " + Path + "/keys":        c.browse,
		"GET " + Path + "/audit":       c.trail,
		"POST " + Path + "/invalidate": c.invalidate,
		"POST " + Path + "/warm":       c.warm,
		"GET " + Path + "/mails":       c.mails,

		"GET " + ScrapingPath:           c.scraping,
		"GET " + ScrapingPath + "/live": c.scrapingLive,
		"POST " + ScrapingPath:          c.operateScraping,
	} {
		mux.HandleFunc(pattern, c.operatorsOnly(h))
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h.Set("Content-Security-Policy", policy)
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("X-Frame-Options", "DENY")
		h.Set("Referrer-Policy", "same-origin")
		h.Set("Cross-Origin-Resource-Policy", "same-origin")
		h.Set("Cache-Control", "no-store")
		if e := c.opt.Guard.Hosts.Check(r); e != nil {
			c.refuse(w, r, e.GetStatus(), messageOf(e))
			return
		}
		if asked := r.URL.EscapedPath(); path.Clean(asked) != asked { // the mux would redirect, too, but to the root of the host
			to := c.opt.BasePath + path.Clean(asked)
			if r.URL.RawQuery != "" {
				to += "?" + r.URL.RawQuery
			}
			http.Redirect(w, r, to, http.StatusTemporaryRedirect)
			return
		}
		if router, pattern := mux.Handler(r); pattern == "" { // the mux would answer in plain text
			said := refusal{header: http.Header{}}
			router.ServeHTTP(&said, r)
			if allow := said.header.Get("Allow"); allow != "" {
				h.Set("Allow", allow)
			}
			c.refuse(w, r, said.status, http.StatusText(said.status))
			return
		}
		r.Body = http.MaxBytesReader(w, r.Body, mostForm)
		mux.ServeHTTP(w, r)
	})
}

// redirect sends the browser to another page of the console.
func (c *Console) redirect(w http.ResponseWriter, r *http.Request, path string) {
	http.Redirect(w, r, c.opt.BasePath+path, http.StatusSeeOther)
}

// operator is who is logged in: by a session, or from this machine in development.
type operator struct {
	session *session // nil in development, and for accounts
	account bool     // somebody with the role admin, logged in as in the API
	admin.Caller
}

type operatorHandler func(w http.ResponseWriter, r *http.Request, op operator)

// operatorsOnly admits requests with a session and redirects the others to the login.
func (c *Console) operatorsOnly(next operatorHandler) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		op, ok := c.operatorOf(w, r)
		if ok {
			next(w, r.WithContext(admin.As(r.Context(), op.Caller)), op)
			return
		}
		switch {
		case r.Header.Get("HX-Request") != "":
			w.Header().Set("HX-Redirect", c.opt.BasePath+loginPath)
			http.Error(w, "The session has ended.", http.StatusUnauthorized)
		case r.Method == http.MethodGet && r.URL.Path != EventsPath && r.URL.Path != Path+"/session":
			c.redirect(w, r, loginPath)
		default:
			http.Error(w, "The session has ended.", http.StatusUnauthorized)
		}
	}
}

func (c *Console) operatorOf(w http.ResponseWriter, r *http.Request) (operator, bool) {
	op := operator{Caller: admin.Caller{Remote: httpapi.ClientAddress(r), RequestID: w.Header().Get("X-Request-ID")}}
	if op.session = c.sessions.open(r.Context(), c.tokenOf(r)); op.session != nil {
		op.Actor = "console session " + op.session.name
		return op, true
	}
	if who, err := httpapi.Who(r.Context()); err == nil && who.User != 0 && who.IsAdmin() {
		op.account, op.Actor = true, "console, "+who.String()
		return op, true
	}
	op.Actor = "console, loopback"
	return op, c.opt.Guard.Open(r)
}

// messageOf returns the part of an error that an operator may read.
func messageOf(err error) string {
	var refused *admin.Error
	var e *httpapi.Error
	switch {
	case errors.As(err, &refused) && refused.Field != "":
		return refused.Field + ": " + refused.Text
	case errors.As(err, &refused):
		return refused.Text
	case errors.As(err, &e):
		text, _ := e.Detail.(string)
		return text
	}
	return "Something went wrong: the log says what."
}

// statuses of errors that are not the form's fault.
var statuses = map[admin.Kind]int{
	admin.Missing: http.StatusNotFound, admin.Forbidden: http.StatusForbidden, admin.Unavailable: http.StatusServiceUnavailable,
}

func statusOf(err error) int {
	var e *admin.Error
	if !errors.As(err, &e) {
		if other := (*httpapi.Error)(nil); errors.As(err, &other) {
			return other.GetStatus()
		}
		return http.StatusInternalServerError
	}
	if status, ok := statuses[e.Kind]; ok {
		return status
	}
	return http.StatusUnprocessableEntity
}
