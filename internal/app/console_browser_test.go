package app

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"

	"openlearn/internal/testkit"
)

// TestConsoleInBrowser walks through the console as an operator would, in Chromium.
func TestConsoleInBrowser(t *testing.T) {
	t.Parallel()
	browser := chromium(t)
	for name, scene := range map[string]func(*testing.T, context.Context){
		"login": consoleLogin, "live": consoleLive, "invalidate": consoleInvalidate, "inspect": consoleInspect, "keyboard": consoleKeyboard,
		"warming": consoleWarming, "scraping": consoleScrapingPage, "looks": consoleLooks, "charts": consoleCharts, "labels": consoleLabels, "without scripts": consoleWithoutScripts, "accessible": consoleAccessible,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			scene(t, browser)
		})
	}
}

// atConsole is a service with an article read through the cache, and a tab with its console, logged in.
func atConsole(t *testing.T, browser context.Context, width int64) (*testApp, *tab, int64) {
	t.Helper()
	a, id := withArticle(t, "Primera plana", "El Tiempo")
	for range 3 {
		a.get(fmt.Sprintf("/api/articles/%d", id))
	}
	b := openTab(t, browser, width)
	b.do(chromedp.Navigate(a.base + "/admin/cache"))
	b.logIn(testAdminKey)
	b.until(`document.querySelector("#stream")?.dataset.state === "live"`)
	return a, b, id
}

func (b *tab) logIn(key string) {
	b.t.Helper()
	b.until(`document.activeElement?.id === "key"`)
	b.keys(key + kb.Enter)
}

func consoleLogin(t *testing.T, browser context.Context) {
	a := newTestApp(t)
	b := openTab(t, browser, 1440)
	b.do(chromedp.Navigate(a.base + "/admin/cache"))
	b.logIn("wrong-key-0123456789")
	b.shows("[role=alert]", "That is not the admin key.")
	b.pardon("401") // Chromium notes what we wanted to see
	b.picture("login-light-1440")
	b.logIn(testAdminKey)
	b.until(`document.querySelector("#stream")?.dataset.state === "live"`)
	if c := ask[string](b, "document.cookie"); c != "" {
		t.Errorf("a script can read %q", c)
	}
	// Logging out in one window logs out in all.
	other, stop := chromedp.NewContext(b.ctx)
	defer stop()
	second := &tab{t: t, ctx: other, hosts: map[string]bool{}}
	if err := chromedp.Do(other); err != nil {
		t.Fatal(err)
	}
	second.do(chromedp.Navigate(a.base + "/admin/cache"))
	second.until(`document.querySelector("form[action$=logout]")`)
	second.click("form[action$=logout] button")
	second.until(`location.pathname === "/admin/cache/login"`)
	b.shows("#stream", "Session ended: log in")
	b.do(chromedp.Navigate(a.base + "/admin/cache"))
	b.until(`location.pathname === "/admin/cache/login"`)
}

// consoleLive: figures and rows follow real reads, and the page is never reloaded.
func consoleLive(t *testing.T, browser context.Context) {
	a, b, id := atConsole(t, browser, 1440)
	b.shows("#figure-ratio", "of 3 reads")
	ask[int](b, "window.sameDocument = 1")
	for range 7 {
		a.get(fmt.Sprintf("/api/articles/%d", id))
	}
	b.shows("#figure-ratio", "90.0 %")
	b.shows("#figure-ratio", "of 10 reads")
	b.shows("#layer-http_response", "90.0 %")
	b.shows("#live-hot", fmt.Sprintf("/api/articles/%d", id))
	// The samples behind the charts come every ten seconds.
	b.until(`document.querySelector("#chart-ratio canvas") && document.querySelector("#chart-ratio .u-legend").innerText.includes("http_response")`)
	// Latency appears from a hundred hits on.
	if got := b.text("#figure-latency"); !strings.Contains(got, "of 100 samples") {
		t.Errorf("latency of 9 hits: %q", got)
	}
	for range 110 {
		a.get(fmt.Sprintf("/api/articles/%d", id))
	}
	b.until(`/[0-9] ms/.test(document.querySelector("#figure-latency").innerText)`)
	// While paused nothing changes; afterwards the page catches up.
	b.click("#pause")
	b.shows("#stream", "Paused")
	a.get("/api/articles")
	b.click("#pause")
	b.shows("#figure-ratio", "of 121 reads")
	if ask[int](b, "window.sameDocument ?? 0") != 1 {
		t.Error("the page was loaded again")
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if len(b.hosts) != 1 || !b.hosts[a.base] {
		t.Errorf("the page asked %v, and should ask %s only", b.hosts, a.base)
	}
}

// consoleCharts: a line breaks where there is nothing to show and begins again after that, and without a pointer the legend
// has the latest values.
func consoleCharts(t *testing.T, browser context.Context) {
	a, id := withArticle(t, "uno", "S", func(c *Config) { c.testing.sampling = 200 * time.Millisecond })
	path := fmt.Sprintf("/api/articles/%d", id)
	a.get(path)
	b := openTab(t, browser, 1440)
	b.do(chromedp.Navigate(a.base + "/admin/cache"))
	b.logIn(testAdminKey)
	// Runs are the column ranges of the plot that contain anything but the grid.
	runs := func() (out [][2]int) {
		t.Helper()
		return ask[[][2]int](b, `(() => {
			const canvas = document.querySelector("#chart-ratio canvas");
			if (!canvas) return [];
			const area = document.querySelector("#chart-ratio .u-over");
			const left = area.offsetLeft * devicePixelRatio, width = area.clientWidth * devicePixelRatio;
			const pixels = canvas.getContext("2d").getImageData(left, 0, width, canvas.height).data;
			const coloured = (x) => { // the lines of layers are, text and grid are all but grey
				for (let y = 0; y < canvas.height; y++) {
					const [r, g, b, a] = pixels.slice(4 * (y * width + x), 4 * (y * width + x) + 4);
					if (a > 128 && Math.max(r, g, b) - Math.min(r, g, b) > 80) return true;
				}
				return false;
			};
			const out = [];
			for (let x = 0; x < width; x++) {
				if (!coloured(x)) continue;
				const last = out[out.length - 1];
				if (last && last[1] === x - 1) last[1] = x;
				else out.push([x, x]);
			}
			return out;
		})()`)
	}
	legend := func() string { return b.text("#chart-ratio .u-legend") }
	testkit.Eventually(t, "a line is drawn", func() bool {
		a.get(path)
		r := runs()
		return len(r) == 1 && r[0][1]-r[0][0] >= 3
	})
	testkit.Eventually(t, "the legend has the latest value", func() bool {
		a.get(path)
		text := legend()
		return strings.Contains(text, "http_response") && strings.Contains(text, "100.0 %") && !strings.Contains(text, "--") && !strings.Contains(text, " at ")
	})
	testkit.Eventually(t, "nothing is read for some seconds, and the legend says since when", func() bool {
		_, at, said := strings.Cut(legend(), " at ")
		if !said || len(at) < 8 {
			return false
		}
		last, err := time.Parse("15:04:05", at[:8])
		if err != nil {
			t.Fatalf("legend %q: %v", legend(), err)
		}
		_, now, _ := strings.Cut(legend(), "UTC")
		seen, err := time.Parse("15:04:05", strings.TrimLeft(now, ": \n\t")[:8])
		if err != nil {
			t.Fatalf("legend %q: %v", legend(), err)
		}
		return seen.Sub(last) >= 6*time.Second
	})
	testkit.Eventually(t, "the line begins anew", func() bool {
		a.get(path)
		r := runs()
		return len(r) >= 2 && r[len(r)-1][0]-r[len(r)-2][1] >= 3
	})
	b.pardon("willReadFrequently") // caused by this test's own reading
}

// consoleInvalidate: a dry run changes nothing; the button under it does, and the next read misses.
func consoleInvalidate(t *testing.T, browser context.Context) {
	a, b, id := atConsole(t, browser, 1440)
	path := fmt.Sprintf("/api/articles/%d", id)
	b.do(chromedp.SetValue(chromedp.CSS("#scope"), "article"), chromedp.SendKeys(chromedp.CSS("#invalidate-name"), fmt.Sprint(id)))
	b.click(`form[aria-labelledby="invalidate-title"] button`)
	b.shows("#outcome", "Dry run: 2 entries would be invalidated")
	if x := a.get(path).Header.Get("X-Cache"); x != "HIT" {
		t.Errorf("after the dry run: %s", x)
	}
	b.shows("#live-trail", "Nobody has changed anything.")
	b.until(`document.activeElement.matches("#outcome h3")`) // the answer is shown, with its button
	b.click("#outcome [data-really]")
	b.shows("#outcome", "2 entries invalidated")
	if x := a.get(path).Header.Get("X-Cache"); x != "MISS" {
		t.Errorf("after the invalidation: %s", x)
	}
	b.shows("#live-trail", "Article invalidation")
	b.do(chromedp.SendKeys(chromedp.CSS("#warm-ids"), fmt.Sprintf("%d 999", id)))
	b.click(`form[aria-labelledby="warm-title"] button`)
	b.shows("#warmed", "Dry run: 1 of 2 are there already")
	b.until(`document.activeElement.matches("#warmed h3")`)
	b.click("#warmed [data-really]")
	b.shows("#warmed", "1 entry is there now")
	b.shows("#warmed", "article 999 names nothing that can be loaded")
	b.shows("#live-trail", "Warm")
	if location := ask[string](b, "location.pathname"); location != "/admin/cache" {
		t.Errorf("the page has gone to %s", location)
	}
}

// consoleInspect: entries with their dependencies; whatever was stored is shown as text.
func consoleInspect(t *testing.T, browser context.Context) {
	a, b, id := atConsole(t, browser, 1440)
	a.post("/warm", fmt.Sprintf(`{"layer": "api_news", "items": [{"identifier": %q, "value": {"x": %q}}]}`, hostile, "</code></pre>"+hostile))
	b.shows("#live-hot", fmt.Sprintf("/api/articles/%d", id))
	b.click("#live-hot a")
	b.shows("#inspected", "scraped_content")
	b.shows("#inspected", "Responses are not read back here.")
	b.do(chromedp.SetValue(chromedp.CSS("#browse-layer"), "api_news"))
	b.click(`form[aria-label="List keys"] button`)
	b.shows("#browsed", "1 keys of api_news")
	b.click("#browsed .keys a")
	b.shows("#inspected pre", "</code></pre>")
	b.do(chromedp.SetValue(chromedp.CSS("#inspect-layer"), "article"), chromedp.SendKeys(chromedp.CSS("#inspect-id"), fmt.Sprint(id)+kb.Enter))
	b.shows("#inspected pre", "Primera plana")
	b.until(fmt.Sprintf(`[...document.querySelectorAll("#inspected .deps li")].some((li) => li.innerText === "article:%d holds")`, id))
	a.admin("PATCH", fmt.Sprintf("/api/articles/%d", id), `{"title": "Otra"}`, 200)
	b.click(`form[aria-label="Inspect a key"] button`)
	b.until(fmt.Sprintf(`[...document.querySelectorAll("#inspected .deps li")].some((li) => li.innerText === "article:%d has changed")`, id))
	b.shows("#inspected", "no read would be given it")
	if ask[bool](b, "window.pwned !== undefined") {
		t.Error("a cached value ran as a script")
	}
}

// consoleKeyboard: from the login to an invalidation without a pointer; live figures never take the focus away.
func consoleKeyboard(t *testing.T, browser context.Context) {
	a, b, id := atConsole(t, browser, 1440)
	tabTo := func(selector string) {
		t.Helper()
		for range 80 {
			b.keys(kb.Tab)
			if ask[bool](b, fmt.Sprintf("document.activeElement.matches(%q)", selector)) {
				return
			}
		}
		t.Fatalf("no Tab leads to %s", selector)
	}
	b.keys(kb.Tab)
	if !ask[bool](b, `document.activeElement.matches(".skip")`) {
		t.Error("the first Tab does not lead to the skip link")
	}
	// A link among live figures keeps the focus while they change.
	tabTo("#live-hot a")
	for range 5 {
		a.get(fmt.Sprintf("/api/articles/%d", id))
	}
	b.shows("#figure-ratio", "of 8 reads")
	b.shows("#live-hot", "8")
	if !ask[bool](b, `document.activeElement.matches("#live-hot a")`) {
		t.Error("new figures took the focus away")
	}
	if ask[string](b, `getComputedStyle(document.activeElement).outlineStyle`) == "none" {
		t.Error("the focus cannot be seen")
	}
	b.keys(kb.Enter)
	b.until(`document.activeElement.matches("#inspected h3")`)
	tabTo("#scope")
	b.keys("Everything that shows an a")
	b.until(`document.activeElement.value === "article"`)
	tabTo("#invalidate-name")
	b.keys(fmt.Sprint(id) + kb.Enter)
	b.until(`document.activeElement.matches("#outcome h3") && document.activeElement.innerText.startsWith("Dry run: 2")`)
	tabTo("#outcome [data-really]")
	b.keys(kb.Enter)
	b.shows("#outcome h3", "2 entries invalidated")
	b.until(`document.activeElement.matches("#outcome h3")`)
}

// consoleLooks: a telephone needs no sideways scrolling, and the dark scheme is dark.
func consoleLooks(t *testing.T, browser context.Context) {
	a, b, id := atConsole(t, browser, 1440)
	for i := range 130 {
		a.get(fmt.Sprintf("/api/articles/%d", id))
		a.get(fmt.Sprintf("/api/articles?limit=%d", 1+i%12))
		a.get("/api/scraping/status")
	}
	b.until(`document.querySelector("#chart-latency .u-legend")?.innerText.includes("http_response")`)
	b.do(chromedp.SendKeys(chromedp.CSS("#inspect-id"), fmt.Sprint(id)+kb.Enter))
	b.shows("#inspected pre", "Primera plana")
	b.do(chromedp.SetValue(chromedp.CSS("#scope"), "article"), chromedp.SendKeys(chromedp.CSS("#invalidate-name"), fmt.Sprint(id)+kb.Enter))
	b.shows("#outcome", "would be invalidated")
	a.post("/invalidate/dependency", `{"dependency": "source:El Tiempo"}`)
	b.shows("#live-trail", "source:El Tiempo")
	const light = `(() => { const [r, g, b] = getComputedStyle(document.body).backgroundColor.match(/\d+/g).map(Number); return (r + g + b) / 3; })()`
	for _, scheme := range []string{"light", "dark"} {
		b.prefers(scheme)
		if v := ask[float64](b, light); (scheme == "dark") != (v < 100) {
			t.Errorf("%s has a background of brightness %v", scheme, v)
		}
		for _, width := range []int64{1440, 390, 320} {
			b.do(chromedp.EmulateViewport(width, 900))
			b.until(`[...document.querySelectorAll(".chart .u-wrap")].every((e) => Math.abs(e.clientWidth - e.closest(".chart").clientWidth) < 1)`)
			if over := ask[string](b, `[...document.querySelectorAll("main *")].filter((e) => !e.closest(".scroll") && !e.closest(".hidden") && e.getBoundingClientRect().right > innerWidth + 0.5).map((e) => e.outerHTML.slice(0, 80)).slice(0, 3).join("\n")`); over != "" {
				t.Errorf("at %d these stand out: %s", width, over)
			}
			if ask[bool](b, "document.documentElement.scrollWidth > innerWidth") {
				t.Errorf("at %d the page scrolls sideways", width)
			}
			b.picture(fmt.Sprintf("console-%s-%d", scheme, width))
		}
	}
}

// consoleWithoutScripts: figures are there, and forms do their work.
func consoleWithoutScripts(t *testing.T, browser context.Context) {
	a, b, id := atConsole(t, browser, 1440)
	b.scripts(false)
	b.do(chromedp.Navigate(a.base + "/admin/cache"))
	b.shows("#figure-ratio", "of 3 reads")
	b.do(chromedp.SendKeys(chromedp.CSS("#inspect-id"), fmt.Sprint(id)+kb.Enter))
	b.shows("#inspected pre", "Primera plana")
	b.do(chromedp.SendKeys(chromedp.CSS("#invalidate-name"), fmt.Sprint(id)+kb.Enter))
	b.shows("#outcome", "Dry run: 2 entries would be invalidated")
	b.click("#outcome [data-really]")
	b.shows("#outcome", "2 entries invalidated")
	if x := a.get(fmt.Sprintf("/api/articles/%d", id)).Header.Get("X-Cache"); x != "MISS" {
		t.Errorf("after the invalidation: %s", x)
	}
	b.click("form[action$=logout] button")
	b.until(`location.pathname === "/admin/cache/login"`)
}

// consoleAccessible: axe-core finds no violation of WCAG 2.2 AA or of its own best practices, on the login and on the
// console with all its parts, light and dark.
func consoleAccessible(t *testing.T, browser context.Context) {
	a, b, id := atConsole(t, browser, 1440)
	b.do(chromedp.SendKeys(chromedp.CSS("#inspect-id"), fmt.Sprint(id)+kb.Enter))
	b.shows("#inspected pre", "Primera plana")
	b.click(`form[aria-label="List keys"] button`)
	b.shows("#browsed", "keys of article")
	b.do(chromedp.SendKeys(chromedp.CSS("#invalidate-name"), fmt.Sprint(id)+kb.Enter))
	b.shows("#outcome", "would be invalidated")
	b.click("#outcome [data-really]")
	b.shows("#live-trail", "Single invalidation")
	b.until(`document.querySelector("#chart-ratio canvas")`)
	for _, width := range []int64{1440, 390} {
		b.do(chromedp.EmulateViewport(width, 900))
		for _, scheme := range []string{"light", "dark"} {
			b.prefers(scheme)
			b.accessible(fmt.Sprint("the console, ", scheme, ", ", width))
		}
	}
	b.click("form[action$=logout] button")
	b.until(`location.pathname === "/admin/cache/login"`)
	for _, scheme := range []string{"light", "dark"} {
		b.prefers(scheme)
		b.accessible("the login, " + scheme)
	}
	b.do(chromedp.Navigate(a.base + "/admin/cache/nada"))
	b.shows("h1", "Not Found")
	b.pardon("404")
	for _, scheme := range []string{"light", "dark"} {
		b.prefers(scheme)
		b.accessible("a page that is not there, " + scheme)
	}
	b.picture("nowhere-dark-1440")
	b.click("main a")
	b.until(`location.pathname === "/admin/cache/login"`)
}

// accessible checks the page with axe-core.
func (b *tab) accessible(where string) {
	b.t.Helper()
	axe, err := os.ReadFile("testdata/axe/axe-4.14.1.min.js")
	if err != nil {
		b.t.Fatal(err)
	}
	ask[any](b, string(axe)+"; null")
	raw := ask[string](b, `axe.run(document, {resultTypes: ["violations"]}).then((r) => JSON.stringify({passes: r.passes.length, violations: r.violations.map((v) => v.id + ": " + v.help + " | " + v.nodes.slice(0, 3).map((n) => n.html.slice(0, 160) + " (" + n.failureSummary + ")").join(" || "))}))`)
	var got struct {
		Passes     int
		Violations []string
	}
	if err := json.Unmarshal([]byte(raw), &got); err != nil {
		b.t.Fatal(err)
	}
	if len(got.Violations) > 0 {
		b.t.Errorf("%s: %s", where, strings.Join(got.Violations, "\n"))
	}
	if got.Passes < 10 {
		b.t.Errorf("%s: only %d rules were applied", where, got.Passes)
	}
}

// consoleWarming: the warmer's work and forecast are on the page, and appear without a reload.
func consoleWarming(t *testing.T, browser context.Context) {
	a := newTestApp(t)
	var ids []int64
	for i := range 4 {
		ids = append(ids, a.create(fmt.Sprint("titulo", i), "S", ""))
	}
	for hour := range 4 {
		for i, id := range ids {
			if _, err := a.db.Pool.Exec(t.Context(), "INSERT INTO cache_access (layer, hour, key, n) VALUES ('article', date_trunc('hour', now()) - $1 * interval '1 hour', $2, $3)", hour+2, fmt.Sprint(id), 40-10*i); err != nil {
				t.Fatal(err)
			}
		}
	}
	w := newTestApp(t, func(c *Config) {
		warm(c)
		c.Warming.Schedule, c.Warming.Interval, c.Database.URL = "popular", time.Second, a.cfg.Database.URL
	})
	b := openTab(t, browser, 1440)
	b.do(chromedp.Navigate(w.base + "/admin/cache"))
	b.logIn(testAdminKey)
	b.until(`document.querySelector("#stream")?.dataset.state === "live"`)
	b.shows("#live-warming", "Schedule popular")
	b.until(`/At the start\s+1\s+4\s+4\s+[0-9:]{8}\s+4 of 4/.test(document.querySelector("#live-warming").innerText)`)
	b.until(`/By schedule\s+[1-9]/.test(document.querySelector("#live-warming").innerText)`)
	b.shows("#live-warming", "4 of at most 5 entries of article are kept warm now")
	b.click("#forecast summary")
	passes := ask[string](b, `document.querySelector("#live-warming tbody tr:last-child td").innerText`)
	b.until(fmt.Sprintf(`document.querySelector("#live-warming tbody tr:last-child td").innerText !== %q`, passes))
	if !ask[bool](b, `document.querySelector("#forecast").open`) {
		t.Error("new figures folded the forecast again")
	}
	b.click("#forecast a")
	b.shows("#inspected pre", "titulo0")
	w.post("/invalidate/dependency", `{"dependency": "articulo:1"}`)
	for _, width := range []int64{1440, 390} {
		b.do(chromedp.EmulateViewport(width, 900))
		for _, scheme := range []string{"light", "dark"} {
			b.prefers(scheme)
			b.accessible(fmt.Sprint("warming, ", scheme, ", ", width))
			b.picture(fmt.Sprintf("warming-%s-%d", scheme, width))
		}
	}
}
