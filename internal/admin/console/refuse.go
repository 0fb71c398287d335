package console

import (
	"encoding/json"
	"net/http"
	"strings"
)

// refusal takes what a router says of a request that it has no handler for: a status, and perhaps which methods there are.
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

// refuse answers what the console will not or cannot do: a browser gets a page, its scripts a part of one, and others what
// the API says.
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
