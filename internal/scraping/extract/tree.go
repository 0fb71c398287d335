package extract

import (
	"strings"

	"golang.org/x/net/html"
	"golang.org/x/net/html/atom"
)

// A treeBuilder builds a tree from tokens. It follows the HTML standard's rules for nesting (§13.2.6), except those that
// repair misplaced formatting by reopening it: they cost more than they are worth. Its running time is linear in the page.
type treeBuilder struct {
	scan    scanner
	open    []*node // the root, html, and the open elements in it
	html    *node
	body    *node // nil before it begins; its start tag is optional
	beyond  int   // start tags that were too deep to be opened
	ps      int   // open paragraphs
	nodes   []node
	attrs   []attribute
	scripts []script
}

// A script is the text of a script that holds data.
type script struct{ id, kind, text string }

// parsePage reads a page's elements, and the scripts that may hold data.
func parsePage(page string) (root *node, scripts []script) {
	b := &treeBuilder{scan: scanner{page: page[:min(len(page), maxPageBytes)]}}
	root = b.newNode()
	b.html = b.newNode()
	b.html.Tag, b.html.kinds = atom.Html, kindsOf[atom.Html]
	b.open = append(make([]*node, 0, 64), root)
	b.add(b.html)
	b.open = append(b.open, b.html)
	for range maxTokens {
		switch b.scan.next() {
		case tokenEnd:
			return root, b.scripts
		case tokenText:
			b.text(b.scan.text)
		case tokenStart:
			b.start()
		case tokenClose:
			b.end(b.scan.atom)
		}
	}
	return root, b.scripts
}

func (b *treeBuilder) newNode() *node {
	if len(b.nodes) == cap(b.nodes) {
		b.nodes = make([]node, 0, min(2048, max(64, 2*cap(b.nodes))))
	}
	b.nodes = b.nodes[:len(b.nodes)+1]
	return &b.nodes[len(b.nodes)-1]
}

func (b *treeBuilder) top() *node { return b.open[len(b.open)-1] }

func (b *treeBuilder) add(n *node) {
	parent := b.top()
	n.Parent = parent
	if parent.LastChild == nil {
		parent.FirstChild = n
	} else {
		parent.LastChild.NextSibling = n
	}
	parent.LastChild = n
}

func (b *treeBuilder) text(s string) {
	if blank(s) {
		// Blanks separate words; before or after a block they mean nothing.
		if last := b.top().LastChild; last == nil || !last.isText && !last.is(isInline) {
			return
		}
		s = " "
	} else if strings.IndexByte(s, '&') >= 0 {
		s = html.UnescapeString(s)
	}
	if b.body == nil {
		b.openBody()
	}
	n := b.newNode()
	n.isText, n.Text = true, s
	b.add(n)
}

// openBody begins the body, if it has not begun.
func (b *treeBuilder) openBody() {
	if b.body != nil {
		return
	}
	b.popTo(2)
	b.body = b.newNode()
	b.body.Tag, b.body.kinds = atom.Body, kindsOf[atom.Body]
	b.add(b.body)
	b.open = append(b.open, b.body)
}

func blank(s string) bool {
	for i := range len(s) {
		if !isBlank(s[i]) {
			return false
		}
	}
	return true
}

func (b *treeBuilder) start() {
	tag, kind := b.scan.atom, kindsOf[b.scan.atom]
	switch tag {
	case atom.Plaintext, atom.Frameset:
		return // nobody writes these, and both change the meaning of the rest
	case atom.Svg, atom.Math:
		if !b.scan.empty {
			b.scan.raw(tag.String())
		}
		return
	case atom.Html, atom.Body:
		of := b.html
		if tag == atom.Body {
			b.openBody()
			of = b.body
		}
		if len(of.Attr) == 0 && len(b.scan.attrs) > 0 {
			of.Attr = b.keep(b.scan.attrs)
		}
		return
	case atom.Head:
		if b.body != nil || b.top() != b.html {
			return
		}
	default:
		if b.body == nil && kind&inHead == 0 {
			b.openBody()
		}
	}
	b.implyEnds(tag, kind)
	n := b.newNode()
	n.Tag, n.kinds = tag, kind
	if len(b.scan.attrs) > 0 {
		n.Attr = b.keep(b.scan.attrs)
	}
	b.add(n)
	switch {
	case kind&isVoid != 0:
	case kind&isRaw != 0:
		text := b.scan.raw(tag.String())
		if tag == atom.Script {
			b.script(n, text)
		}
	case tag == atom.Title || tag == atom.Textarea:
		n.addText(b, html.UnescapeString(b.scan.raw(tag.String())))
	case len(b.open) >= maxDepth:
		b.beyond++
	default:
		b.open = append(b.open, n)
		if tag == atom.P {
			b.ps++
		}
	}
}

// keep copies attributes into a store that many nodes share.
func (b *treeBuilder) keep(attrs []attribute) []attribute {
	if cap(b.attrs)-len(b.attrs) < len(attrs) {
		b.attrs = make([]attribute, 0, max(256, len(attrs)))
	}
	at := len(b.attrs)
	b.attrs = append(b.attrs, attrs...)
	return b.attrs[at:len(b.attrs):len(b.attrs)]
}

func (n *node) addText(b *treeBuilder, s string) {
	t := b.newNode()
	t.isText, t.Text, t.Parent = true, s, n
	n.FirstChild, n.LastChild = t, t
}

func (b *treeBuilder) script(n *node, text string) {
	kind, id := strings.ToLower(attr(n, "type")), attr(n, "id")
	if strings.Contains(kind, "json") || holdsState(text) {
		b.scripts = append(b.scripts, script{id: id, kind: kind, text: text})
	}
}

// implyEnds closes the elements that a start tag ends implicitly.
func (b *treeBuilder) implyEnds(tag atom.Atom, kind kinds) {
	if b.ps > 0 && kind&closesP != 0 {
		b.closeTo(isParagraph, endsScope)
	}
	switch {
	case kind&headline != 0:
		if b.top().is(headline) {
			b.pop()
		}
	case kind&isItem != 0:
		b.closeTo(isItem, holdsItems)
	case kind&isTerm != 0:
		b.closeTo(isTerm, holdsItems)
	case kind&isCell != 0:
		b.closeTo(isCell, isTable)
	case tag == atom.Tr:
		b.closeAll(isRowPart, isTable)
	case kind&isTablePart != 0:
		b.closeAll(isTablePart, isTable)
	case tag == atom.A:
		for i := len(b.open) - 1; i > 0 && b.open[i].is(isInline); i-- {
			if b.open[i].Tag == atom.A {
				b.popTo(i)
				break
			}
		}
	case tag == atom.Option:
		if b.top().Tag == atom.Option {
			b.pop()
		}
	}
}

// closeTo closes the nearest open element of a kind, with everything open in it, unless one of ends is nearer.
func (b *treeBuilder) closeTo(kind, ends kinds) bool {
	for i := len(b.open) - 1; i > 0; i-- {
		switch open := b.open[i]; {
		case open.is(kind):
			b.popTo(i)
			return true
		case open.is(ends):
			return false
		}
	}
	return false
}

// closeAll closes the outermost open element of a kind that is nearer than any of ends.
func (b *treeBuilder) closeAll(kind, ends kinds) {
	for b.closeTo(kind, ends) {
	}
}

func (b *treeBuilder) end(tag atom.Atom) {
	kind := kindsOf[tag]
	if b.beyond > 0 && kind&isVoid == 0 {
		b.beyond--
		return
	}
	switch {
	case tag == atom.Html || tag == atom.Body || kind&isVoid != 0:
		return
	case kind&headline != 0:
		b.closeTo(headline, endsScope)
		return
	case kind&isInline != 0:
		b.endInline(tag)
		return
	}
	inTable := kind&isTablePart != 0 || tag == atom.Table
	for i := len(b.open) - 1; i > 0; i-- {
		switch open := b.open[i]; {
		case open.Tag == tag:
			b.popTo(i)
			return
		case open.is(endsScope) && (!inTable || open.Tag == atom.Table):
			return
		}
	}
}

// endInline closes an element that flows within a sentence. If a block is open in it, it goes with that block.
func (b *treeBuilder) endInline(tag atom.Atom) {
	for i := len(b.open) - 1; i > 0; i-- {
		n := b.open[i]
		if n.Tag == tag && !n.closes {
			for _, inner := range b.open[i+1:] {
				if !inner.is(isInline) {
					n.closes = true
					return
				}
			}
			b.popTo(i)
			return
		}
		if n.is(endsScope) {
			return
		}
	}
}

func (b *treeBuilder) pop() {
	last := len(b.open) - 1
	if b.open[last].is(isParagraph) {
		b.ps--
	}
	b.open = b.open[:last]
	for last--; last > 0 && b.open[last].closes; last-- {
		b.open = b.open[:last]
	}
}

func (b *treeBuilder) popTo(i int) {
	for len(b.open) > i {
		b.pop()
	}
}
