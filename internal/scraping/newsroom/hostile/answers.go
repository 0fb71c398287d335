package hostile

import (
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"html"
	"io"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"time"
)

const challengePage = `<!doctype html><html><head><title>Just a moment...</title></head><body><div id="cf-challenge">Checking your browser</div></body></html>`

func (p *Paper) front(now time.Time) string {
	var b strings.Builder
	b.WriteString(`<!doctype html><html lang="es"><head><title>Portada</title></head><body><h1>Portada</h1><ul>`)
	for _, s := range p.announced(now) {
		fmt.Fprintf(&b, `<li><a href="%s">%s</a></li>`, s.Path, html.EscapeString(s.Title))
	}
	b.WriteString(`</ul></body></html>`)
	return b.String()
}

// announced lists the stories in the feed at a time, the newest first.
func (p *Paper) announced(now time.Time) []*Story {
	var out []*Story
	for i := len(p.stories) - 1; i >= 0; i-- {
		s := p.stories[i]
		// The stories of the last days stay: no newer ones push them out.
		last := now.Sub(p.Start) > time.Duration(p.Days)*24*time.Hour && p.Start.Add(time.Duration(p.Days)*24*time.Hour).Sub(s.Announced) < announcedFor
		if !now.Before(s.Announced) && (last || now.Sub(s.Announced) < announcedFor) {
			out = append(out, s)
		}
	}
	return out
}

// feed answers with the feed, or during a spell with what replaces it.
func (p *Paper) feed(w http.ResponseWriter, r *http.Request, now time.Time) {
	switch {
	case p.bad(HTMLFeed, now):
		w.Header().Set("Content-Type", "application/rss+xml")
		fmt.Fprint(w, p.front(now))
		return
	case p.bad(Challenge, now):
		w.Header().Set("Content-Type", "text/html")
		fmt.Fprint(w, challengePage)
		return
	case p.bad(EmptyFeed, now):
		return
	case p.bad(Gone, now):
		w.WriteHeader(http.StatusGone)
		return
	}
	body := []byte(p.atom(now))
	sum := sha256.Sum256(body)
	tag := `"` + hex.EncodeToString(sum[:8]) + `"`
	known := r.Header.Get("If-None-Match")
	same := known == tag
	switch {
	case p.Has(Stuck):
		same = known != "" || r.Header.Get("If-Modified-Since") != ""
	case p.Has(Retags):
		p.mu.Lock()
		last := fmt.Sprintf(`"%d-%x"`, p.tag, sum[:8])
		p.tag++
		tag = fmt.Sprintf(`"%d-%x"`, p.tag, sum[:8])
		p.mu.Unlock()
		same = known == last
	}
	w.Header().Set("ETag", tag)
	if p.Has(MaxAge) {
		w.Header().Set("Cache-Control", "public, max-age="+strconv.Itoa(int(Fresh/time.Second)))
	}
	if same {
		w.WriteHeader(http.StatusNotModified)
		return
	}
	w.Header().Set("Content-Type", "application/atom+xml; charset=utf-8")
	if p.Has(ControlFeed) {
		body = append([]byte("<br />\n<b>Warning</b>: something() in /var/www/feed.php on line 7\n"), bytes.ReplaceAll(body, []byte("<title>"), []byte("<title>\x0b"))...)
	}
	p.write200(w, body, now)
}

// write200 sends a body, with Mislabels under the wrong label.
func (p *Paper) write200(w http.ResponseWriter, body []byte, now time.Time) {
	if p.Has(Mislabels) {
		if now.Minute()%2 == 0 {
			w.Header().Set("Content-Encoding", "gzip") // it is not
		} else {
			body = zipped(bytes.NewReader(body))
		}
	}
	_, _ = w.Write(body) // a client that hung up does not matter
}

func zipped(r io.Reader) []byte {
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	_, _ = io.Copy(z, r) // writing to memory cannot fail
	_ = z.Close()
	return b.Bytes()
}

// atom is the feed, in Atom, because that says when an article was changed.
func (p *Paper) atom(now time.Time) string {
	var b strings.Builder
	fmt.Fprintf(&b, `<?xml version="1.0" encoding="utf-8"?><feed xmlns="http://www.w3.org/2005/Atom"><title>%s</title>`, p.ID)
	for _, s := range p.announced(now) {
		updated := s.Announced
		if !s.Edited.IsZero() && !now.Before(s.Edited) {
			updated = s.Edited
		}
		fmt.Fprintf(&b, `<entry><title>%s</title><link href="%s%s"/><published>%s</published><updated>%s</updated></entry>`,
			html.EscapeString(s.TitleAt(now)), p.base, s.Path, s.Due.Format(time.RFC3339), updated.Format(time.RFC3339))
	}
	b.WriteString(`</feed>`)
	return b.String()
}

// stale is a feed that nobody writes any more. Its articles are no longer there.
func (p *Paper) stale() string {
	var b strings.Builder
	b.WriteString(`<?xml version="1.0"?><rss version="2.0"><channel><title>x</title>`)
	for n := range 100 {
		fmt.Fprintf(&b, `<item><title>t</title><link>/antiguo/%d/una-nota-de-entonces</link><pubDate>Tue, 24 Nov 2015 09:30:00 -0500</pubDate></item>`, n)
	}
	b.WriteString(`</channel></rss>`)
	return b.String()
}

// page answers with an article, or with what replaces it.
func (p *Paper) page(w http.ResponseWriter, r *http.Request, now time.Time) {
	s := p.byPath[r.URL.Path]
	switch {
	case strings.HasPrefix(r.URL.Path, "/vuelta/"):
		http.Redirect(w, r, strings.Replace(r.URL.Path, "/vuelta/", "/noticias/", 1), http.StatusFound)
		return
	case s == nil || now.Before(s.Announced):
		http.NotFound(w, r)
		return
	case p.bad(Forbids, now):
		w.WriteHeader(http.StatusForbidden)
		return
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	switch {
	case s.bomb:
		w.Header().Set("Content-Encoding", "gzip")
		_, _ = w.Write(bomb())
	case s.Unread:
		http.Redirect(w, r, strings.Replace(r.URL.Path, "/noticias/", "/vuelta/", 1), http.StatusFound)
	case s.slow && p.firstTime(s.Path):
		page := s.html(p.base, now)
		_, _ = io.WriteString(w, page[:len(page)/2])
		if f, ok := w.(*recorder).ResponseWriter.(http.Flusher); ok {
			f.Flush()
		}
		<-r.Context().Done() // until the client gives up
	default:
		p.write200(w, []byte(s.html(p.base, now)), now)
	}
}

func (p *Paper) firstTime(path string) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	first := !p.broken[path]
	p.broken[path] = true
	return first
}

// bomb decompresses to 16 MiB.
var bomb = sync.OnceValue(func() []byte { return zipped(io.LimitReader(blanks{}, 16<<20)) })

type blanks struct{}

func (blanks) Read(b []byte) (int, error) {
	for i := range b {
		b[i] = ' '
	}
	return len(b), nil
}
