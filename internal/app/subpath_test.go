package app

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"image"
	"image/png"
	"io"
	"net"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"strings"
	"sync"
	"testing"

	"github.com/chromedp/chromedp"
	"golang.org/x/net/html"
)

// front is a reverse proxy that has the service below /openlearn of a host that it shares with others. Whatever is asked for
// outside of that path would be theirs.
type front struct {
	*httptest.Server
	host string

	mu     sync.Mutex
	others []string // requests outside of the path
	failed []string // answers of 400 and more
}

const subpath = "/openlearn"

func newFront(t *testing.T, a *testApp, host string, strips bool) *front {
	t.Helper()
	to, err := url.Parse(a.base)
	if err != nil {
		t.Fatal(err)
	}
	f := &front{host: host}
	proxy := &httputil.ReverseProxy{
		Rewrite: func(r *httputil.ProxyRequest) {
			r.SetURL(to)
			r.SetXForwarded()
			r.Out.Host = r.In.Host
			if strips {
				r.Out.URL.Path, r.Out.URL.RawPath = strings.TrimPrefix(r.In.URL.Path, subpath), strings.TrimPrefix(r.In.URL.RawPath, subpath)
			}
		},
		ModifyResponse: func(r *http.Response) error {
			if r.StatusCode >= http.StatusBadRequest {
				f.note(&f.failed, fmt.Sprint(r.StatusCode, " ", r.Request.Method, " ", r.Request.URL))
			}
			return nil
		},
		ErrorHandler: func(w http.ResponseWriter, r *http.Request, err error) {
			if r.Context().Err() == nil { // else the browser has left
				f.note(&f.failed, fmt.Sprint(err, " ", r.URL))
			}
			w.WriteHeader(http.StatusBadGateway)
		},
	}
	f.Server = httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != subpath && !strings.HasPrefix(r.URL.Path, subpath+"/") {
			f.note(&f.others, r.Method+" "+r.URL.String())
			http.NotFound(w, r)
			return
		}
		proxy.ServeHTTP(w, r)
	}))
	t.Cleanup(f.Close)
	return f
}

func (f *front) note(list *[]string, what string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	*list = append(*list, what)
}

// seen are the requests outside of the path, and those that failed, since the last time.
func (f *front) seen() (others, failed []string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	others, failed = f.others, f.failed
	f.others, f.failed = nil, nil
	return others, failed
}

// client has the cookies of a browser, by host, path and TLS, and follows no redirect.
func (f *front) client(t *testing.T) *http.Client {
	t.Helper()
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	own, ok := f.Client().Transport.(*http.Transport)
	if !ok {
		t.Fatalf("transport %T", f.Client().Transport)
	}
	tr := own.Clone()
	tr.TLSClientConfig.InsecureSkipVerify = true // the certificate is for another name
	tr.DisableCompression = true
	tr.DialContext = func(ctx context.Context, network, _ string) (net.Conn, error) {
		return (&net.Dialer{}).DialContext(ctx, network, f.Listener.Addr().String())
	}
	t.Cleanup(tr.CloseIdleConnections)
	return &http.Client{Transport: tr, Jar: jar, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
}

const (
	publicHost = "noticias.example.org"
	otherHost  = "otra.example.org"
)

// belowPath is a service at https://noticias.example.org/openlearn, behind a proxy that removes the path and one that does not.
func belowPath(t *testing.T) (a *testApp, fronts map[string]*front) {
	t.Helper()
	a, _ = withArticle(t, "Primera plana", "El Tiempo", func(c *Config) {
		c.Server.PublicURL, c.Server.AllowedOrigins = "https://"+publicHost+subpath, nil
		c.Guard.Hosts = []string{otherHost}
	})
	return a, map[string]*front{"removed": newFront(t, a, publicHost, true), "left": newFront(t, a, otherHost, false)}
}

// visitor asks through a proxy, and checks of every answer that nothing in it leads out of the path.
type visitor struct {
	t *testing.T
	f *front
	c *http.Client
}

func (v *visitor) send(method, path, kind, body string) reply {
	v.t.Helper()
	r, err := http.NewRequestWithContext(v.t.Context(), method, "https://"+v.f.host+path, strings.NewReader(body))
	if err != nil {
		v.t.Fatal(err)
	}
	if kind != "" {
		r.Header.Set("Content-Type", kind)
	}
	r.Header.Set("Accept", "text/html, application/json, */*")
	res, err := v.c.Do(r)
	if err != nil {
		v.t.Fatal(err)
	}
	defer res.Body.Close()
	b, err := io.ReadAll(res.Body)
	if err != nil {
		v.t.Fatal(err)
	}
	for _, c := range res.Cookies() {
		if c.Path != subpath && !strings.HasPrefix(c.Path, subpath+"/") || c.Domain != "" || !c.Secure {
			v.t.Errorf("%s %s sets %+v", method, path, c)
		}
	}
	if to := res.Header.Get("Location"); to != "" {
		v.below(path, "Location", to)
	}
	return reply{res, b}
}

// below reports an address on our host that is not below the path, and returns the path of one that is.
func (v *visitor) below(page, what, link string) (path string) {
	v.t.Helper()
	base, err := url.Parse("https://" + v.f.host + page)
	if err != nil {
		v.t.Fatal(err)
	}
	u, err := base.Parse(link)
	if err != nil {
		v.t.Errorf("%s: %s is %q: %v", page, what, link, err)
		return ""
	}
	if u.Host != publicHost && u.Host != otherHost || u.Scheme != "https" {
		if !strings.Contains(link, "://") && u.Scheme != "data" {
			v.t.Errorf("%s: %s is %q", page, what, link) // such as //evil.example
		}
		return ""
	}
	if u.Path != subpath && !strings.HasPrefix(u.Path, subpath+"/") {
		v.t.Errorf("%s: %s leads to %s", page, what, u)
		return ""
	}
	return u.RequestURI()
}

// linkAttributes are those of pages and feeds that hold addresses.
var linkAttributes = map[string]bool{
	"href": true, "src": true, "action": true, "formaction": true, "hx-get": true, "hx-post": true, "data-events": true, "data-session": true, "data-login": true, "data-live": true,
}

// links are the addresses in an answer that can be asked for with GET.
func (v *visitor) links(page string, r reply) (out []string) {
	v.t.Helper()
	add := func(what, link string) {
		if path := v.below(page, what, link); path != "" {
			out = append(out, path)
		}
	}
	switch kind := r.Header.Get("Content-Type"); {
	case strings.HasPrefix(kind, "text/html"), strings.Contains(kind, "xml"):
		for z := html.NewTokenizer(bytes.NewReader(r.body)); z.Next() != html.ErrorToken; {
			token := z.Token()
			posts := strings.EqualFold(valueOf(token, "method"), "post")
			for _, a := range token.Attr {
				switch {
				case !linkAttributes[a.Key]:
				case posts || a.Key == "hx-post" || a.Key == "data-events" || token.Data == "form" && strings.Contains(a.Val, "/key"): // their fields have to follow, and a stream does not end
					v.below(page, a.Key, a.Val)
				default:
					add(token.Data+" "+a.Key, a.Val)
				}
			}
		}
	case strings.Contains(kind, "json"):
		var walk func(name string, x any)
		walk = func(name string, x any) {
			switch x := x.(type) {
			case map[string]any:
				for k, y := range x {
					if k != "paths" && k != "components" { // of OpenAPI: below its servers
						walk(k, y)
					}
				}
			case []any:
				for _, y := range x {
					walk(name, y)
				}
			case string:
				if strings.HasPrefix(x, "/") || strings.Contains(x, "://"+publicHost) {
					add(name, x)
				}
			}
		}
		var all any
		if err := json.Unmarshal(r.body, &all); err != nil {
			v.t.Errorf("%s: %v", page, err)
		}
		walk("", all)
	}
	return out
}

func valueOf(t html.Token, name string) string {
	for _, a := range t.Attr {
		if a.Key == name {
			return a.Val
		}
	}
	return ""
}

const formKind = "application/x-www-form-urlencoded"

// incomplete are what the root page names although something has to follow, and what is not there.
var incomplete = map[string]bool{"/api/v1/articles/search?q=": true, "/api/v1/scraping": true, "/api/v1/analysis": true, "/admin/cache/nowhere": true}

// TestBelowAPath: through either proxy, everything that an answer leads to is below the path, and is there.
func TestBelowAPath(t *testing.T) {
	t.Parallel()
	a, fronts := belowPath(t)
	for name, f := range fronts {
		t.Run(name, func(t *testing.T) {
			v := &visitor{t, f, f.client(t)}
			if r := v.send("GET", subpath+"/admin/cache", "", ""); r.StatusCode != http.StatusSeeOther || r.Header.Get("Location") != subpath+"/admin/cache/login" {
				t.Fatalf("the console: %d %v", r.StatusCode, r.Header)
			}
			if r := v.send("POST", subpath+"/admin/cache/login", formKind, "key="+testAdminKey); r.StatusCode != http.StatusSeeOther || len(r.Cookies()) != 1 || r.Cookies()[0].Name != "__Secure-openlearn_console" {
				t.Fatalf("the login: %d %v", r.StatusCode, r.Header)
			}
			seen := map[string]bool{}
			todo := []string{
				subpath, subpath + "/", subpath + "/docs", subpath + "/redoc", subpath + "/openapi.json", subpath + "/api", subpath + "/api/v1/docs", subpath + "/api/articles?limit=1", subpath + "/api/v1/articles/facets",
				subpath + "/api/articles/feed.atom", subpath + "/api/articles/feed.json?source=El+Tiempo", subpath + "/api/sources", subpath + "/admin", subpath + "/admin/cache", subpath + "/admin/cache/scraping",
				subpath + "/admin/cache/keys?layer=article", subpath + "/admin/cache/audit", subpath + "/admin/cache/nowhere", subpath + "/admin/cache//keys?layer=article", subpath + "/health/ready",
			}
			for len(todo) > 0 && len(seen) < 300 {
				path := todo[0]
				todo = todo[1:]
				if seen[path] || strings.HasSuffix(path, "/events") {
					continue
				}
				seen[path] = true
				r := v.send("GET", path, "", "")
				if to := r.Header.Get("Location"); to != "" {
					todo = append(todo, v.below(path, "Location", to))
				} else if r.StatusCode >= 400 && !incomplete[strings.TrimPrefix(path, subpath)] && !strings.Contains(path, "layer=token") { // those are withheld
					t.Errorf("%s: %d %.200s", path, r.StatusCode, r.body)
				}
				todo = append(todo, v.links(path, r)...)
			}
			for _, path := range []string{"/docs/assets/swagger-ui.css", "/admin/cache/key?", "/admin/cache/static/console.js?", "/api/articles/1", "/admin/cache/scraping/live", "/api/v1/scraping"} {
				found := false
				for at := range seen {
					found = found || strings.HasPrefix(at, subpath+path)
				}
				if !found {
					t.Errorf("nothing led to %s: %v", path, seen)
				}
			}

			// Forms of the console, and what the API makes.
			for _, one := range [][2]string{{"/admin/cache/invalidate", "scope=all&really=yes"}, {"/admin/cache/warm", "layer=article&ids=1"}, {"/admin/cache/logout", ""}} {
				path, form := one[0], one[1]
				if r := v.send("POST", subpath+path, formKind, form); r.StatusCode >= 400 {
					t.Errorf("%s: %d %.300s", path, r.StatusCode, r.body)
				} else {
					v.links(subpath+path, r)
				}
			}
			if r := v.send("GET", subpath+"/admin/cache", "", ""); r.StatusCode != http.StatusSeeOther {
				t.Errorf("the console after the logout: %d", r.StatusCode)
			}
			for _, spelling := range []string{"/api/v1/auth", "/api/auth"} {
				mail := name + strings.ReplaceAll(spelling, "/", "") + "@example.org"
				if r := v.send("POST", subpath+spelling+"/register", "application/json", fmt.Sprintf(`{"email": %q, "password": %q, "full_name": "Ana"}`, mail, goodPassword)); r.StatusCode != http.StatusCreated {
					t.Fatalf("register: %d %s", r.StatusCode, r.body)
				}
				if r := v.send("POST", subpath+spelling+"/token", formKind, url.Values{"username": {mail}, "password": {goodPassword}}.Encode()); r.StatusCode != http.StatusOK || len(r.Cookies()) != 3 {
					t.Fatalf("login: %d %s %v", r.StatusCode, r.body, r.Cookies())
				}
				// The jar sends the refresh token only where its path matches.
				if r := v.send("POST", subpath+spelling+"/refresh", "", ""); r.StatusCode != http.StatusOK {
					t.Errorf("refresh: %d %s", r.StatusCode, r.body)
				}
				var img, form bytes.Buffer
				if err := png.Encode(&img, image.NewGray(image.Rect(0, 0, 8, 8))); err != nil {
					t.Fatal(err)
				}
				fmt.Fprintf(&form, "--b\r\nContent-Disposition: form-data; name=\"file\"; filename=\"a.png\"\r\nContent-Type: image/png\r\n\r\n%s\r\n--b--\r\n", &img)
				r := v.send("POST", subpath+"/api/avatars/upload", "multipart/form-data; boundary=b", form.String())
				if r.StatusCode != http.StatusCreated {
					t.Fatalf("a picture: %d %s", r.StatusCode, r.body)
				}
				for _, at := range append(v.links("", r), v.links("", v.send("GET", subpath+spelling+"/me", "", ""))...) {
					if r := v.send("GET", at, "", ""); r.StatusCode != http.StatusOK || r.Header.Get("Content-Type") != "image/png" && r.Header.Get("Content-Type") != "image/jpeg" {
						t.Errorf("%s: %d %v", at, r.StatusCode, r.Header)
					}
				}
				if r := v.send("POST", subpath+spelling+"/logout", "", ""); r.StatusCode != http.StatusOK {
					t.Errorf("logout: %d %s", r.StatusCode, r.body)
				}
			}
			if others, _ := f.seen(); len(others) > 0 {
				t.Errorf("asked for outside of the path: %v", others)
			}
		})
	}
	if at := a.links(); at != "https://"+publicHost+subpath {
		t.Errorf("links in mails lead to %s", at)
	}
}

// TestBelowAPathIsOneEntry: with and without the path, and through either proxy, the same entry answers with the same links.
func TestBelowAPathIsOneEntry(t *testing.T) {
	t.Parallel()
	a, fronts := belowPath(t)
	for _, path := range []string{"/api/articles?limit=3", "/api/articles/1", "/api/articles/feed.atom"} {
		first := a.get(path)
		if x := first.Header.Get("X-Cache"); x != "MISS" {
			t.Errorf("%s: %s", path, x)
		}
		for name, r := range map[string]reply{
			"again": a.get(path), "direct, below the path": a.get(subpath + path), "escaped": a.get("/%6fpenlearn" + path), "the other version": a.get(subpath + strings.Replace(path, "/api", "/api/v1", 1)),
			"removed": (&visitor{t, fronts["removed"], fronts["removed"].client(t)}).send("GET", subpath+path, "", ""),
			"left":    (&visitor{t, fronts["left"], fronts["left"].client(t)}).send("GET", subpath+path, "", ""),
		} {
			if x := r.Header.Get("X-Cache"); x != "HIT" || !bytes.Equal(r.body, first.body) || r.Header.Get("ETag") != first.Header.Get("ETag") {
				t.Errorf("%s, %s: %d %s, %.200s", path, name, r.StatusCode, x, r.body)
			}
		}
	}
	if r := a.get(subpath + "/health/ready"); r.StatusCode != http.StatusOK {
		t.Errorf("ready: %d", r.StatusCode)
	}
}

// TestMisspeltPathsOpenNothing: no spelling of the path gets anybody in without the key, or sends them to another host.
func TestMisspeltPathsOpenNothing(t *testing.T) {
	t.Parallel()
	a, _ := belowPath(t)
	raw := func(path string) *http.Response {
		t.Helper()
		conn, err := (&net.Dialer{}).DialContext(t.Context(), "tcp", strings.TrimPrefix(a.base, "http://"))
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		if _, err := fmt.Fprintf(conn, "GET %s HTTP/1.1\r\nHost: %s\r\nAccept: text/html\r\nConnection: close\r\n\r\n", path, publicHost); err != nil {
			t.Fatal(err)
		}
		res, err := http.ReadResponse(bufio.NewReader(conn), nil)
		if err != nil {
			t.Fatalf("%s: %v", path, err)
		}
		res.Body.Close()
		return res
	}
	prefixes := []string{
		"", "/openlearn", "/openlearnx", "/openlear", "//openlearn", "/openlearn/", "/openlearn//", "/openlearn/..", "/openlearn/../openlearn", "/../openlearn", "/./openlearn", "/openlearn/.", "/%6fpenlearn", "/openlearn%2f", "/openlearn%2F..",
		"/OpenLearn", "/openlearn/openlearn", "/openlearn/%2e%2e", "/openlearn;x", "/openlearn%00", "/x/../openlearn", "/openlearn/%5c", "/openlearn/evil.example", "/openlearn//evil.example", "//evil.example/openlearn", "/openlearn/%2f%2fevil.example",
	}
	guarded := []string{"/admin", "/admin/cache", "/admin/cache/keys?layer=article", "/admin/cache/events", "/admin/cache/scraping", "/admin/cache/mails", "/admin/cache/../cache", "/admin//cache", "/admin/cache//evil.example/..", "/api/cache/keys?layer=article", "/api/cache/audit", "/api/users", "/api/v1/cache/key?layer=article&id=1", "//evil.example/%2e%2e"}
	opened := 0
	for _, prefix := range prefixes {
		for _, path := range guarded {
			r := raw(prefix + path)
			if r.StatusCode < 300 || r.StatusCode >= 500 {
				t.Errorf("%s%s: %d", prefix, path, r.StatusCode)
			}
			if to := r.Header.Get("Location"); to != "" && (!strings.HasPrefix(to, subpath+"/") || strings.HasPrefix(to, subpath+"//") || strings.Contains(to, `\`)) {
				t.Errorf("%s%s: %d to %s", prefix, path, r.StatusCode, to)
			} else if to != "" {
				opened++
			}
		}
	}
	if opened < 10 {
		t.Errorf("only %d redirects: the paths that are right are not recognised", opened)
	}
}

// TestBelowAPathInBrowser walks through the console and the documentation below a path, in Chromium, behind each proxy.
func TestBelowAPathInBrowser(t *testing.T) {
	t.Parallel()
	a, fronts := belowPath(t)
	var rules []string
	for _, f := range fronts {
		rules = append(rules, "MAP "+f.host+" "+f.Listener.Addr().String())
	}
	browser := chromium(t, chromedp.Flag("host-resolver-rules", strings.Join(rules, ", ")), chromedp.Flag("ignore-certificate-errors", true))
	for name, f := range fronts {
		t.Run(name, func(t *testing.T) {
			b := openTab(t, browser, 1280)
			home := "https://" + f.host + subpath
			at := func(path string) {
				t.Helper()
				b.until("location.pathname === " + quoted(t, subpath+path) + ` && document.readyState === "complete"`)
			}
			live := func() { b.until(`document.querySelector("#stream")?.dataset.state === "live"`) }
			b.do(chromedp.Navigate(home + "/admin"))
			at("/admin/cache/login")
			b.logIn(testAdminKey)
			at("/admin/cache")
			live()
			for range 3 {
				a.get(subpath + "/api/articles/1")
			}
			b.shows("#live-hot", "/api/articles/1")
			b.click("#live-hot a")
			b.shows("#inspected", "scraped_content")
			b.click(`form[aria-label="List keys"] button`)
			b.shows("#browsed", "keys of article")
			b.do(chromedp.SetValue(chromedp.CSS("#scope"), "article"), chromedp.SendKeys(chromedp.CSS("#invalidate-name"), "1"))
			b.click(`form[aria-labelledby="invalidate-title"] button`)
			b.shows("#outcome", "would be invalidated")
			b.click("#outcome [data-really]")
			b.until(`/^\d+ entr(y|ies) invalidated/.test(document.querySelector("#outcome h3")?.innerText)`)
			b.shows("#live-trail", "Article invalidation")
			if x := a.get("/api/articles/1").Header.Get("X-Cache"); x != "MISS" {
				t.Errorf("after the invalidation: %s", x)
			}
			b.do(chromedp.SendKeys(chromedp.CSS("#warm-ids"), "1"))
			b.click(`form[aria-labelledby="warm-title"] button`)
			b.shows("#warmed", "Dry run")
			b.click(`nav a[href$="/admin/cache/scraping"]`)
			at("/admin/cache/scraping")
			live()
			b.click(`nav a[href$="/admin/cache"]`)
			at("/admin/cache")
			live()
			b.do(chromedp.Navigate(home + "/docs"))
			b.until(`document.querySelector("#swagger-ui .opblock-summary-path")`)
			b.do(chromedp.Navigate(home + "/redoc"))
			b.until(`document.querySelector("#redoc .menu-content li")`)
			b.do(chromedp.Navigate(home + "/admin/cache"))
			live()
			b.click("form[action$=logout] button")
			at("/admin/cache/login")
			if others, failed := f.seen(); len(others)+len(failed) > 0 {
				t.Errorf("outside of the path: %v; failed: %v", others, failed)
			}
		})
	}
}
