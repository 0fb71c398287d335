// Package newsroom is a small newspaper of our own, bundled in the binary: ten Spanish news pages, a feed and a robots.txt,
// so that scraping can be seen and tested over real HTTP without the internet. Its towns, people and institutions are
// invented. Its pages have the faults of real pages: dates without zone, seconds or zeros, an author behind an @id, broken
// JSON-LD, no JSON-LD, Latin-1, a paywall given as a string, a masthead with another day's date.
package newsroom

import (
	"bytes"
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"fmt"
	"html"
	"io/fs"
	"net/http"
	"net/url"
	"path"
	"strings"
	"time"

	"golang.org/x/text/encoding/charmap"

	"openlearn/internal/scraping/source"
)

//go:embed site
var site embed.FS

// The names of the newsroom's scrape definition.
const (
	ID   = "demo"
	Name = "Noticiero Demo"
)

// written is when the pages were last edited: their Last-Modified, since embedded files have none.
var written = time.Date(2026, time.March, 8, 12, 0, 0, 0, time.UTC)

// Definition says how the newsroom served at baseURL (absolute, no trailing slash) is scraped. It runs on this machine, so
// it is allowed on loopback and needs no pace.
func Definition(baseURL string) source.Source {
	baseURL = strings.TrimRight(baseURL, "/")
	return source.Source{
		ID: ID, Name: Name, Aliases: []string{"newsroom"}, BaseURL: baseURL, Language: "es-CO",
		RequestsPerMinute: 6000, AllowLoopback: true,
		Entries: []source.Entry{{URL: baseURL + "/feed.xml", Kind: source.Feed}},
	}
}

// Handler serves the newsroom at baseURL, which the pages' links carry; if baseURL has a path
// ("http://127.0.0.1:8000/demo"), requests include it. robots.txt answers under the base and at the root of the host, where
// robots look for it.
//
// Pages answer GET and HEAD at their path without .html, with ETag and Last-Modified.
func Handler(baseURL string) http.Handler {
	baseURL = strings.TrimRight(baseURL, "/")
	prefix := ""
	if u, err := url.Parse(baseURL); err == nil {
		prefix = u.Path
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		name := strings.TrimPrefix(path.Clean("/"+strings.TrimPrefix(r.URL.Path, prefix)), "/")
		if r.URL.Path == "/robots.txt" {
			name = "robots.txt"
		}
		body, contentType, ok := render(name, baseURL)
		if !ok {
			http.NotFound(w, r)
			return
		}
		if r.Method != http.MethodGet && r.Method != http.MethodHead {
			w.Header().Set("Allow", "GET, HEAD")
			http.Error(w, "method not allowed", http.StatusMethodNotAllowed)
			return
		}
		sum := sha256.Sum256(body)
		w.Header().Set("Content-Type", contentType)
		w.Header().Set("ETag", `"`+hex.EncodeToString(sum[:12])+`"`)
		http.ServeContent(w, r, "", written, bytes.NewReader(body))
	})
}

// render makes the document of a name, with its links under baseURL, in the encoding it declares.
func render(name, baseURL string) (body []byte, contentType string, ok bool) {
	if picture, is := strings.CutPrefix(name, "img/"); is && strings.HasSuffix(picture, ".svg") {
		return drawing(strings.TrimSuffix(picture, ".svg")), "image/svg+xml", true
	}
	file := name
	switch name {
	case "":
		file = "index.html"
	case "feed.xml", "robots.txt":
	default:
		file += ".html"
	}
	raw, err := fs.ReadFile(site, "site/"+file)
	if err != nil {
		return nil, "", false
	}
	body = bytes.ReplaceAll(raw, []byte("{{BASE}}"), []byte(baseURL))
	switch path.Ext(file) {
	case ".xml":
		return body, "application/rss+xml; charset=utf-8", true
	case ".txt":
		return body, "text/plain; charset=utf-8", true
	}
	if bytes.Contains(body, []byte(`<meta charset="iso-8859-1">`)) {
		if latin, err := charmap.ISO8859_1.NewEncoder().Bytes(body); err == nil {
			return latin, "text/html", true // only the page itself declares its encoding, as old pages do
		}
	}
	return body, "text/html; charset=utf-8", true
}

// drawing replaces an article's photograph: a plain card in its own colour.
func drawing(name string) []byte {
	sum := sha256.Sum256([]byte(name))
	return fmt.Appendf(nil, `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 1200 675" role="img"><title>%s</title><rect width="1200" height="675" fill="hsl(%d 45%% 45%%)"/></svg>`,
		html.EscapeString(strings.ReplaceAll(name, "-", " ")), int(sum[0])*360/256)
}
