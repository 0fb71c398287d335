package app

import (
	"testing"

	"github.com/chromedp/chromedp"
)

// TestDocsInBrowser: both pages show the API, load nothing from elsewhere, and have the colours that the system prefers, also
// when those change.
func TestDocsInBrowser(t *testing.T) {
	t.Parallel()
	browser := chromium(t)
	a := newTestApp(t)
	for _, page := range []struct{ name, path, shows string }{
		{"swagger", "/docs", "#swagger-ui .opblock-summary-path"},
		{"redoc", "/redoc", "#redoc .menu-content li"},
	} {
		b := openTab(t, browser, 1200)
		b.do(chromedp.Navigate(a.base + page.path))
		for _, scheme := range []string{"light", "dark", "light"} {
			b.prefers(scheme)
			b.until("document.querySelector(" + quoted(t, page.shows) + ")")
			// What the page is painted with, which is not transparent, and what its text is painted with.
			b.until(`(() => {
				const brightness = c => { const [r, g, b] = c.match(/[\d.]+/g).map(Number); return (r + g + b) / 3 };
				const e = document.querySelector(` + quoted(t, page.shows) + `);
				if (!e) return false;
				let ground = "rgb(255, 255, 255)";
				for (let p = e; p; p = p.parentElement) {
					const c = getComputedStyle(p).backgroundColor, parts = c.match(/[\d.]+/g);
					if (parts.length < 4 || Number(parts[3]) > 0.5) { ground = c; break }
				}
				return ` + map[string]string{"light": "brightness(ground) > 200", "dark": "brightness(ground) < 80"}[scheme] + `;
			})()`)
			b.picture(page.name + "-" + scheme)
		}
		for host := range b.hosts {
			if host != a.base && host != "blob://" && host != "data://" {
				t.Errorf("%s asks %s", page.path, host)
			}
		}
	}
}
