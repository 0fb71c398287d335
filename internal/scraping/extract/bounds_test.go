package extract

import (
	"strings"
	"testing"

	"openlearn/internal/testkit/bounds"
)

func TestHostilePagesAreCheap(t *testing.T) { //nolint:paralleltest // it measures the process
	bolds := bounds.Numbered(400, "<b id=%d>")
	x400 := strings.Repeat("x", 400)
	for name, page := range map[string]string{
		"elements within elements": bounds.Filled("<div>"),
		"elements beside elements": bounds.Filled("<p>x"),
		"items":                    bounds.Filled("<li>"),
		"attributes":               "<a " + bounds.Filled("b "),
		"attributes of many":       bounds.Filled("<p a b c d e f g h>"),
		"comments":                 bounds.Filled("<!--a-->"),
		"links":                    bounds.Filled("<a href=x>"),
		"text":                     bounds.Filled("hola "),
		"entities":                 bounds.Filled("&amp;"),
		"tables":                   bounds.Filled("<table><tr><td>"),
		"cells":                    "<table><tr>" + bounds.Filled("<td>x"),
		"bold":                     bounds.Filled("<b>"),
		"bold in each paragraph":   "<p>" + bolds + "</p>" + strings.Repeat("<p>x</p>", 200_000),
		"bold that a cell closes":  bounds.Numbered(200, "<p><b id=%d><table><td></b></table></p>") + strings.Repeat("<p>x</p>", 200_000),
		"bold in an object":        bounds.Numbered(200, "<p><b id=%d><object></b></object></p>") + strings.Repeat("<p>x</p>", 200_000),
		"text and ignored ends":    strings.Repeat(x400+"</z>", 5000),
		"text and ignored starts":  strings.Repeat(x400+"<td>", 5000),
		"text beside a table":      "<table>" + strings.Repeat(x400+"</z>", 5000),
		"text and forms":           "<form>" + strings.Repeat(x400+"<form>", 5000),
		"text in a select":         "<select>" + strings.Repeat(x400+"</z>", 5000),
		"frames":                   "<frameset>" + strings.Repeat(strings.Repeat(" ", 400)+"</z>", 5000),
		"hidden in a style":        "<svg><style>" + strings.Repeat(x400+"</z>", 5000),
		"hidden in a title":        "<svg><title>" + strings.Repeat(x400+"</z>", 5000),
		"hidden in data":           `<svg><script type="application/ld+json">` + strings.Repeat(x400+"</z>", 5000),
		"bodies":                   bounds.Numbered(100_000, "<body a%d>"),
		"deep data":                `<script type="application/ld+json">` + bounds.Filled("["),
		"wide data":                `<script type="application/ld+json">[` + bounds.Filled(`{"a":1},`) + "0]</script>",
		"wide data in parts":       strings.Repeat(`<script type="application/ld+json">[`+strings.Repeat(`{"a":1},`, 10_000)+"0]</script>", 100),
		"nothing":                  bounds.Filled("<"),
		"plain text":               "<plaintext>" + bounds.Filled("<p>"),
	} {
		if got := bounds.Allocated(func() { _, _ = Extract(page, Hints{}) }); got > bounds.Most() {
			t.Errorf("%s: %d MB", name, got>>20)
		}
	}
}

// TestAPageIsCutNotLost: what stands before the bound is read.
func TestAPageIsCutNotLost(t *testing.T) {
	t.Parallel()
	for name, rest := range map[string]string{
		"elements": bounds.Filled("<p>x"), "text": bounds.Filled("x "), "bold": "<p>" + bounds.Numbered(400, "<b id=%d>") + "</p>" + strings.Repeat("<p>x</p>", 30_000),
	} {
		a, err := Extract(strings.Replace(storyPage("Una biblioteca nueva"), "</body>", rest, 1), Hints{})
		if err != nil || a.Title != "Una biblioteca nueva" || !strings.Contains(a.Text, "La alcaldesa explicó") {
			t.Errorf("%s: %+v, %v", name, a.Title, err)
		}
	}
}

// FuzzTree: whatever the bytes, the tree is consistent, no deeper than its bound and no larger than the page.
func FuzzTree(f *testing.F) {
	for _, s := range []string{storyPage("Una biblioteca"), `<svg><style><p>x</style>`, `<b><table><td></b>`, `<title>a<b</title><plaintext><p>`, `<script type=application/ld+json>{"a":"<p>"}</script>`, `<body><body><select>x</z>`, `<a><div>x</a>y</div>z`, `<!-->x<!--`, `<a b='`} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, page string) {
		root, _ := parsePage(page)
		nodes := 0
		for n := range root.descendants() {
			nodes++
			depth := 0
			for p := n; p.Parent != nil; p = p.Parent {
				depth++
			}
			if depth > maxDepth+1 || n.Parent.LastChild == nil || n.NextSibling == nil && n.Parent.LastChild != n {
				t.Fatalf("%q: a node at depth %d is in no order", page, depth)
			}
		}
		if nodes > 2*len(page)+2 {
			t.Fatalf("%q became %d nodes", page, nodes)
		}
	})
}
