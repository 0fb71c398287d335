package console

import (
	"encoding/json"
	"net/http"
	"strings"
)

// refusal records a router's answer to a request without a handler: the status, and the allowed methods if any.
type refusal struct {
	header http.Header
	status int
}

func (r *refusal) Header() http.Header         { return r.header }
func (r *refusal) Write(b []byte) (int, error) { return len(b), nil }
func (r *refusal) WriteHeader(status int)      { r.status = status }

type refusedView struct {
	Instance, Title, Text string
}

// refuse answers a request that the console cannot serve: browsers get a page, scripts a part of one, other clients the
// API's error.
func (c *Console) refuse(w http.ResponseWriter, r *http.Request, status int, text string) {
	v := refusedView{c.opt.Instance, http.StatusText(status), text}
	if v.Text == v.Title {
		v.Text = ""
		if status == http.StatusNotFound {
			v.Text = "The console has no page under this address."
		}
	}
	switch {
	case r.Header.Get("HX-Request") != "":
		c.render(w, r, status, "refused-part", v)
	case strings.Contains(r.Header.Get("Accept"), "text/html"):
		c.render(w, r, status, "refused.html", v)
	default:
		w.Header().Set("Content-Type", "application/json")
		w.Header().Add("Vary", "Accept")
		w.WriteHeader(status)
		_ = json.NewEncoder(w).Encode(map[string]string{"detail": text}) // a client that is gone needs no answer
	}
}
