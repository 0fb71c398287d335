package console

import (
	"net/http"
	"strings"

	"openlearn/internal/admin"
)

func (c *Console) overview(w http.ResponseWriter, r *http.Request, op operator) {
	c.answer(w, r, http.StatusOK, "page.html", op, view{})
}

func (c *Console) inspect(w http.ResponseWriter, r *http.Request, op operator) {
	q := r.URL.Query()
	v := inspectView{Layer: q.Get("layer"), ID: q.Get("id")}
	status := http.StatusOK
	entry, err := c.opt.Admin.Key(r.Context(), v.Layer, v.ID)
	if v.ID == "" {
		v.Problem, status = "An identifier is needed", http.StatusUnprocessableEntity
	} else if err != nil {
		v.Problem, status = messageOf(err), statusOf(err)
	} else {
		v.Entry = &entry
		v.Value, v.Cut = indented(entry.Value)
	}
	c.answer(w, r, status, "inspected", op, view{Inspected: &v, Form: forms{InspectLayer: v.Layer, InspectID: v.ID}})
}

func (c *Console) browse(w http.ResponseWriter, r *http.Request, op operator) {
	q := r.URL.Query()
	v := browseView{Layer: q.Get("layer"), Prefix: q.Get("prefix")}
	status := http.StatusOK
	page, err := c.opt.Admin.Keys(r.Context(), v.Layer, v.Prefix, q.Get("cursor"), keysPage)
	if err != nil {
		v.Problem, status = messageOf(err), statusOf(err)
	}
	v.Keys, v.Next = page.Keys, page.Next
	c.answer(w, r, status, "browsed", op, view{Browsed: &v, Form: forms{BrowseLayer: v.Layer, Prefix: v.Prefix}})
}

// form reads a posted form. If it cannot, it answers the request and returns false.
func (c *Console) form(w http.ResponseWriter, r *http.Request) bool {
	if err := r.ParseForm(); err != nil {
		c.refuse(w, r, http.StatusBadRequest, "The form could not be read: it may be too long.")
		return false
	}
	return true
}

// invalidate makes a dry run first. It invalidates only if the form says so, by the button under the dry run's outcome.
func (c *Console) invalidate(w http.ResponseWriter, r *http.Request, op operator) {
	if !c.form(w, r) {
		return
	}
	f := r.PostForm
	v := outcomeView{Asked: admin.Invalidation{
		Scope: admin.Scope(f.Get("scope")), Layer: f.Get("layer"), Name: f.Get("name"), DryRun: f.Get("really") != "yes",
	}}
	if v.Asked.Scope == admin.ScopeArticle {
		v.Asked.Name = strings.TrimSpace(v.Asked.Name) // elsewhere a space may be meant
	}
	status := http.StatusOK
	reach, err := c.opt.Admin.Invalidate(r.Context(), v.Asked)
	if err != nil {
		v.Problem, status = messageOf(err), statusOf(err)
	}
	v.Reach, v.Total = reach, reach.Entries()
	c.answer(w, r, status, "outcome", op, view{Outcome: &v, Form: forms{Scope: string(v.Asked.Scope), Layer: v.Asked.Layer, Name: v.Asked.Name}})
}

func (c *Console) warm(w http.ResponseWriter, r *http.Request, op operator) {
	if !c.form(w, r) {
		return
	}
	f := r.PostForm
	v := warmView{IDs: f.Get("ids")}
	ids := strings.FieldsFunc(v.IDs, func(r rune) bool { return r == ',' || r == ' ' || r == '\n' || r == '\r' || r == '\t' })
	status := http.StatusOK
	warmed, err := c.opt.Admin.Load(r.Context(), f.Get("layer"), ids, f.Get("really") != "yes")
	if err != nil {
		v.Problem, status = messageOf(err), statusOf(err)
	}
	v.Warmed = warmed
	c.answer(w, r, status, "warmed", op, view{Warmed: &v, Form: forms{WarmLayer: f.Get("layer"), WarmIDs: v.IDs}})
}

// trail shows operations older than those on the page.
func (c *Console) trail(w http.ResponseWriter, r *http.Request, op operator) {
	v := c.trailOf(r.Context(), r.URL.Query().Get("before"), trailPage)
	c.answer(w, r, http.StatusOK, "older", op, view{Older: &v})
}
