package console

import (
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"fmt"
	"io/fs"
	"mime"
	"net/http"
	"path"
)

//go:embed static
var staticFS embed.FS

// assets are the files that the pages load, by name. Their URLs contain a hash of their content, so browsers may cache
// them for good.
type assets struct {
	base string // of their URLs
	by   map[string]asset
}

type asset struct {
	body       []byte
	kind, hash string
}

func newAssets(base string) (assets, error) {
	entries, err := fs.ReadDir(staticFS, "static")
	if err != nil {
		return assets{}, fmt.Errorf("console assets: %w", err)
	}
	out := assets{base, map[string]asset{}}
	for _, e := range entries {
		body, err := fs.ReadFile(staticFS, path.Join("static", e.Name()))
		if err != nil {
			return assets{}, fmt.Errorf("console asset %s: %w", e.Name(), err)
		}
		sum := sha256.Sum256(body)
		out.by[e.Name()] = asset{body: body, kind: kindOf(e.Name()), hash: hex.EncodeToString(sum[:6])}
	}
	return out, nil
}

// kindOf returns the content type. Unlike package mime it does not consult the machine's own table first.
func kindOf(name string) string {
	switch path.Ext(name) {
	case ".js":
		return "text/javascript; charset=utf-8"
	case ".css":
		return "text/css; charset=utf-8"
	case ".svg":
		return "image/svg+xml"
	case ".txt":
		return "text/plain; charset=utf-8"
	}
	return mime.TypeByExtension(path.Ext(name))
}

// url returns the URL of a file; an unknown name is a mistake in a template.
func (a assets) url(name string) (string, error) {
	one, ok := a.by[name]
	if !ok {
		return "", fmt.Errorf("console: no asset %q", name)
	}
	return a.base + Path + "/static/" + name + "?v=" + one.hash, nil
}

func (c *Console) static(w http.ResponseWriter, r *http.Request) {
	one, ok := c.assets.by[r.PathValue("name")]
	if !ok {
		c.refuse(w, r, http.StatusNotFound, http.StatusText(http.StatusNotFound))
		return
	}
	h := w.Header()
	h.Set("Content-Type", one.kind)
	if r.URL.Query().Get("v") == one.hash {
		h.Set("Cache-Control", "public, max-age=31536000, immutable")
	} else {
		h.Set("Cache-Control", "no-cache")
	}
	etag := `"` + one.hash + `"`
	h.Set("ETag", etag)
	if r.Header.Get("If-None-Match") == etag {
		w.WriteHeader(http.StatusNotModified)
		return
	}
	_, _ = w.Write(one.body) // a client that is gone needs no answer
}
