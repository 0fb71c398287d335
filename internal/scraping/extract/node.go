package extract

import (
	"iter"
	"strings"

	"golang.org/x/net/html/atom"
)

// A node is an element or a text of a page, with what was found out about it. An element's tag is unknown where Tag is 0.
type node struct {
	Parent, FirstChild, LastChild, NextSibling *node

	Tag   atom.Atom
	kinds kinds
	Text  string // of a text; elements have none
	Attr  []attribute

	isText bool
	names  names
	skip   bool // it holds no text of the article
	left   bool // skipped because it does not go on with the article
	closes bool // its end tag came while another element in it was open
	prose  int  // bytes of prose under it
	marked int  // of these, in elements that are named as an article's text
	size   int  // bytes of visible text under it
	linked int  // of these, in links
	kept   int  // bytes of prose under it outside skipped elements
	score  float64
}

// descendants yields the nodes under n in document order.
func (n *node) descendants() iter.Seq[*node] {
	return func(yield func(*node) bool) {
		for d := n.FirstChild; d != nil; {
			if !yield(d) {
				return
			}
			d = d.after(n, true)
		}
	}
}

// after is the node after n in document order under root; if into is true, the nodes under n come first.
func (n *node) after(root *node, into bool) *node {
	if into && n.FirstChild != nil {
		return n.FirstChild
	}
	for n != root {
		if n.NextSibling != nil {
			return n.NextSibling
		}
		n = n.Parent
	}
	return nil
}

// maxDepth bounds how deep elements nest; anything deeper belongs to the last element that fits.
const maxDepth = 400

// kinds are what the rules know about an element from its tag.
type kinds uint32

const (
	isVoid      kinds = 1 << iota // never has an end tag
	isRaw                         // holds text alone
	closesP                       // ends a paragraph that is open
	endsScope                     // elements that are open outside cannot be closed from inside
	inHead                        // may stand in the head
	headline                      // h1 to h6
	isCell                        // td, th
	isRowPart                     // td, th, tr
	isTablePart                   // td, th, tr, tbody, thead, tfoot, caption
	isTerm                        // dd, dt
	isItem                        // li
	isParagraph                   // p
	isTable                       // table, template
	holdsItems                    // a list item inside does not end one outside
	isInline                      // flows within a sentence, so that it ends no word
	isInvisible                   // shows no text
)

var kindsOf = func() map[atom.Atom]kinds {
	of := map[atom.Atom]kinds{}
	for kind, names := range map[kinds]string{
		isVoid:      "area base br col embed hr img input link meta source track wbr param keygen frame",
		isRaw:       "script style iframe noembed noframes noscript xmp",
		closesP:     "address article aside blockquote center details dialog dir div dl fieldset figcaption figure footer header hgroup main menu nav ol p section summary ul h1 h2 h3 h4 h5 h6 pre listing form table hr li dd dt",
		endsScope:   "table td th caption template object marquee html",
		inHead:      "meta link title script style base noscript template",
		headline:    "h1 h2 h3 h4 h5 h6",
		isCell:      "td th",
		isRowPart:   "td th tr",
		isTablePart: "td th tr tbody thead tfoot caption",
		isTerm:      "dd dt",
		isItem:      "li",
		isParagraph: "p",
		isTable:     "table template",
		holdsItems:  "ul ol dl menu table td th section article aside nav template main header footer form",
		isInline:    "a abbr acronym b bdi bdo big cite code data del dfn em font i ins kbd mark q s samp small span strike strong sub sup time tt u var wbr",
		isInvisible: "script style noscript template iframe svg object embed canvas head select textarea",
	} {
		for name := range strings.FieldsSeq(names) {
			of[atom.Lookup([]byte(name))] |= kind
		}
	}
	return of
}()

func (n *node) is(k kinds) bool { return n.kinds&k != 0 }
