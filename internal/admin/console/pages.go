package console

import (
	"bytes"
	"embed"
	"fmt"
	"html/template"
	"net/http"
)

//go:embed templates
var templatesFS embed.FS

func newPages(files assets, base string) (*template.Template, error) {
	pages, err := template.New("console").Funcs(functions(files, base)).ParseFS(templatesFS, "templates/*.html")
	if err != nil {
		return nil, fmt.Errorf("console templates: %w", err)
	}
	return pages, nil
}

// render sends a whole page or none: a template that fails must not leave half a page.
func (c *Console) render(w http.ResponseWriter, r *http.Request, status int, name string, data any) {
	var b bytes.Buffer
	if err := c.pages.ExecuteTemplate(&b, name, data); err != nil {
		c.opt.Logger.Error("console page could not be rendered", "template", name, "error", err)
		http.Error(w, "The page could not be made: the log says why.", http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.Header().Add("Vary", "HX-Request")
	w.WriteHeader(status)
	if _, err := w.Write(b.Bytes()); err != nil {
		c.opt.Logger.Debug("console page was not taken", "path", r.URL.Path, "error", err)
	}
}

// answer sends one part of the page to scripts, and to a browser without them the whole page with that part in it.
func (c *Console) answer(w http.ResponseWriter, r *http.Request, status int, fragment string, op operator, v view) {
	if r.Header.Get("HX-Request") != "" {
		c.render(w, r, status, fragment, v)
		return
	}
	live, err := c.figures(r.Context())
	if err != nil {
		c.opt.Logger.Error("console figures could not be read", "error", err)
		c.refuse(w, r, http.StatusInternalServerError, "The figures could not be read: the log says why.")
		return
	}
	v.figures, v.LoggedIn, v.Instance = live, op.session != nil || op.account, c.opt.Instance
	v.Form = v.Form.filled()
	c.render(w, r, status, "page.html", v)
}
