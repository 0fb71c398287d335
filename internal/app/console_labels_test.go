package app

import (
	"context"
	"fmt"
	"strings"
	"testing"

	cdppage "github.com/chromedp/cdproto/page"
	"github.com/chromedp/chromedp"
)

// noteLabels records the box of every text that is drawn on a canvas, in the canvas's pixels.
const noteLabels = `(() => {
	window.labels = [];
	const Stream = EventSource;
	window.EventSource = class extends Stream { constructor(...more) { super(...more); window.stream = this; } };
	const draw = CanvasRenderingContext2D.prototype.fillText;
	CanvasRenderingContext2D.prototype.fillText = function (text, x, y, ...more) {
		const m = this.measureText(text), t = this.getTransform();
		const corners = [[x - m.actualBoundingBoxLeft, y - m.actualBoundingBoxAscent], [x + m.actualBoundingBoxRight, y + m.actualBoundingBoxDescent]].map(([a, b]) => t.transformPoint(new DOMPoint(a, b)));
		window.labels.push({ text, canvas: this.canvas, left: corners[0].x, top: corners[0].y, right: corners[1].x, bottom: corners[1].y, width: this.canvas.width, height: this.canvas.height });
		return draw.call(this, text, x, y, ...more);
	};
})()`

// strayLabels are the labels of the charts that leave their canvas, and what of a legend leaves its chart.
const strayLabels = `(() => {
	const out = [];
	for (const l of window.labels) {
		const chart = l.canvas.closest(".chart")?.id;
		if (chart && (l.left < 0 || l.top < 0 || l.right > l.width || l.bottom > l.height)) {
			out.push(chart + ": " + l.text + " at " + [l.left, l.top, l.right, l.bottom].map((v) => v.toFixed(1)) + " of " + l.width + "x" + l.height);
		}
	}
	for (const e of document.querySelectorAll(".chart *")) {
		const inner = e.getBoundingClientRect(), box = e.closest(".chart").getBoundingClientRect();
		if (inner.width && !e.closest(".u-over, .u-under, .u-select") && (inner.left < box.left - 0.5 || inner.right > box.right + 0.5 || inner.top < box.top - 0.5 || inner.bottom > box.bottom + 0.5)) {
			out.push(e.closest(".chart").id + ": " + e.tagName + " " + e.className + " " + e.innerText + " is outside");
		}
	}
	return [...new Set(out)].join("\n");
})()`

// scaled makes the stream of the page bring ten minutes of hits that took up to so many milliseconds.
func (b *tab) scaled(most string) {
	b.t.Helper()
	ask[int](b, `(() => {
		const points = [...Array(60).keys()].map((i) => ({ at: Date.now() / 1000 - 600 + 10 * i, layers: { http_response: [50, `+most+` * (i + 1) / 60] } }));
		window.stream.dispatchEvent(new MessageEvent("points", { data: JSON.stringify(points) }));
		return 0;
	})()`)
}

// consoleLabels: no label of a chart is cut off by the chart's edges, on wide screens and narrow ones, whatever the number of
// digits.
func consoleLabels(t *testing.T, browser context.Context) {
	a, id := withArticle(t, "uno", "S")
	for _, width := range []int64{1280, 390} {
		b := openTab(t, browser, width)
		if _, err := chromedp.Call(b.ctx, cdppage.AddScriptToEvaluateOnNewDocument, cdppage.AddScriptToEvaluateOnNewDocumentParams{Source: noteLabels}); err != nil {
			t.Fatal(err)
		}
		b.do(chromedp.Navigate(a.base + "/admin/cache"))
		b.logIn(testAdminKey)
		b.until(`document.querySelector("#stream")?.dataset.state === "live"`)
		for i := range 130 {
			a.get(fmt.Sprintf("/api/articles/%d", id))
			a.get(fmt.Sprintf("/api/articles?limit=%d", 1+i%12))
		}
		b.until(`document.querySelector("#chart-latency .u-legend")?.innerText.includes("http_response")`)
		for _, scheme := range []string{"light", "dark"} {
			ask[int](b, "window.labels.length = 0")
			b.prefers(scheme) // the charts are drawn anew
			b.until(`["chart-ratio", "chart-latency"].every((id) => window.labels.some((l) => l.canvas.closest("#" + id)))`)
			b.picture(fmt.Sprintf("labels-%s-%d", scheme, width))
			// Values of every magnitude, in the same charts.
			for _, most := range []string{"0.00004", "0.0123", "0.37", "9.99", "123.4", "4567.8", "98765.4", "1234567"} {
				ask[int](b, "window.labels.length = 0")
				b.scaled(most)
				b.until(`window.labels.some((l) => l.canvas.closest("#chart-latency"))`)
				if stray := ask[string](b, strayLabels); stray != "" {
					t.Errorf("%d, %s, up to %s ms: %s", width, scheme, most, strings.ReplaceAll(stray, "\n", "; "))
				}
			}
			if stray := ask[string](b, strayLabels); stray != "" {
				t.Errorf("%d, %s: %s", width, scheme, strings.ReplaceAll(stray, "\n", "; "))
			}
			if n := ask[int](b, "window.labels.length"); n < 8 && scheme == "dark" {
				t.Errorf("%d, %s: only %d labels were seen", width, scheme, n)
			}
		}
	}
}
