package app

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"

	"openlearn/internal/scraping/newsroom"
	"openlearn/internal/testkit"
)

// consoleScrapingPage walks through the scraping page as an operator would: sources and jobs are shown and update by
// themselves; a pass is triggered, the source is paused and resumed.
func consoleScrapingPage(t *testing.T, browser context.Context) {
	paper := newTestNewsroom(t)
	a := newTestApp(t, paper.known, withWorkers(1))
	testkit.Eventually(t, "a pass has ended", func() bool { return a.sourceOf(newsroom.ID).LastSuccess != nil })
	b := openTab(t, browser, 1440)
	b.do(chromedp.Navigate(a.base + "/admin/cache"))
	b.logIn(testAdminKey)
	b.until(`document.querySelector("#stream")?.dataset.state === "live"`)
	b.click(`nav a[href="/admin/cache/scraping"]`)
	b.until(`location.pathname === "/admin/cache/scraping" && document.querySelector("#stream")?.dataset.state === "live"`)
	b.shows("#source-demo", "Noticiero Demo")
	b.shows("#jobs", "10 of 10")
	b.shows("#without-entry", "sources without an address that is read")

	rows := func() int { return ask[int](b, `document.querySelectorAll("#jobs tbody tr").length`) }
	before := rows()
	b.click(`[aria-label="Read now: Noticiero Demo"]`)
	b.shows("#said", "A pass over demo was asked for")
	b.until(fmt.Sprintf(`document.querySelectorAll("#jobs tbody tr").length === %d && /asked for/.test(document.querySelector("#jobs tbody tr").innerText) && /completed/.test(document.querySelector("#jobs tbody tr").innerText)`, before+1))
	b.click(`[aria-label="Pause Noticiero Demo"]`)
	b.shows("#said", "demo is paused")
	b.shows("#source-demo", "paused")
	if s := a.sourceOf(newsroom.ID); s.Health != "paused" {
		t.Errorf("the status page says %s", s.Health)
	}
	// Changes by others appear without a reload.
	ask[int](b, "window.sameDocument = 1")
	a.admin(http.MethodPost, "/api/scraping/sources/demo/resume", "", 200)
	a.admin(http.MethodPost, "/api/scraping/sources/el_tiempo/pause?reason=their+new+design", "", 200)
	b.until(`!/paused/.test(document.querySelector("#source-demo").innerText)`)
	b.shows("#source-el_tiempo", "their new design")
	if ask[int](b, "window.sameDocument ?? 0") != 1 {
		t.Error("the page was loaded again")
	}
	for _, scheme := range []string{"light", "dark"} {
		b.prefers(scheme)
		for _, width := range []int64{1440, 390} {
			b.do(chromedp.EmulateViewport(width, 900))
			if ask[bool](b, "document.documentElement.scrollWidth > innerWidth") {
				t.Errorf("at %d the page scrolls sideways", width)
			}
			b.picture(fmt.Sprintf("scraping-%s-%d", scheme, width))
			b.accessible(fmt.Sprint("the page of scraping, ", scheme, ", ", width))
		}
	}
	b.scripts(false)
	b.do(chromedp.Navigate(a.base + "/admin/cache/scraping"))
	b.click(`[aria-label="Resume El Tiempo"]`)
	b.shows("#said", "el_tiempo is read again")
}

// TestConsoleScrapingRefuses: without a session nothing is shown, and requests that no form sends are refused.
func TestConsoleScrapingRefuses(t *testing.T) {
	t.Parallel()
	a := newTestApp(t)
	if r := a.get("/admin/cache/scraping"); r.StatusCode != http.StatusSeeOther || r.Header.Get("Location") != "/admin/cache/login" {
		t.Errorf("%d %s", r.StatusCode, r.Header.Get("Location"))
	}
	if r := a.do("POST", "/admin/cache/scraping", "source=demo&do=run", "Content-Type", "application/x-www-form-urlencoded"); r.StatusCode != http.StatusUnauthorized {
		t.Errorf("%d", r.StatusCode)
	}
	cookie := a.login()
	for form, want := range map[string]int{
		"source=el_tiempo&do=dance": 400, "source=nada&do=run": 404, "source=&do=pause": 404, "source=el_tiempo&do=run": 303, "source=semana&do=pause&reason=" + url.QueryEscape("<b>x</b>"): 303,
	} {
		if r := a.do("POST", "/admin/cache/scraping", form, "Content-Type", "application/x-www-form-urlencoded", "Cookie", cookie); r.StatusCode != want {
			t.Errorf("%s: %d, want %d: %.200s", form, r.StatusCode, want, r.body)
		}
	}
	r := a.get("/admin/cache/scraping?did=pause&source="+url.QueryEscape("<script>"), "Cookie", cookie)
	if body := string(r.body); strings.Contains(body, "<script>") || strings.Contains(body, "<b>x</b>") || !strings.Contains(body, "&lt;b&gt;x") {
		t.Error("what was sent is in the page as it was sent")
	}
	if r := a.get("/admin/cache/scraping/live", "Cookie", cookie); r.StatusCode != 200 || !strings.Contains(string(r.body), `id="source-semana"`) || strings.Contains(string(r.body), "<html") {
		t.Errorf("%d %.200s", r.StatusCode, r.body)
	}
}
