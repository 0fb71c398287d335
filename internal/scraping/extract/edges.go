package extract

import (
	"regexp"
	"strings"
	"unicode/utf8"

	"openlearn/internal/newsdate"
	"openlearn/internal/scraping/source"

	"golang.org/x/net/html/atom"
)

// withoutEdges drops what stands before and after the story in the element that holds it: the headline and what precedes
// it, lines about the date and the author, and what asks the reader to follow or to subscribe.
func (p *pageReader) withoutEdges(blocks []block) []block {
	blocks = p.afterTitle(blocks)
	for i := 0; i < len(blocks) && i < 6; i++ {
		if utf8.RuneCountInString(blocks[i].text) >= longestLine {
			break
		}
		if p.aboutTheStory(blocks[i].text) {
			blocks = append(blocks[:i:i], blocks[i+1:]...)
			i--
		}
	}
	blocks = append(p.lead(blocks), blocks...)
	for len(blocks) > 1 {
		last := blocks[len(blocks)-1]
		if !headingTag(last.tag) && !endsStory(last.text) {
			break
		}
		blocks = blocks[:len(blocks)-1]
	}
	return blocks
}

// afterTitle drops the headline and what precedes it, if the story follows.
func (p *pageReader) afterTitle(blocks []block) []block {
	title := source.Fold(p.headline)
	if title == "" {
		return blocks
	}
	before := 0
	for i, b := range blocks {
		if before > 2*longestLine {
			break
		}
		if source.Fold(b.text) == title {
			return blocks[i+1:]
		}
		before += utf8.RuneCountInString(b.text)
	}
	return blocks
}

// ownBody is the body that is found in the page, or, if that belongs to another article of the page, the one in the article
// with the headline: sites let the next article follow.
func (p *pageReader) ownBody() []block {
	found := p.pruner.domBody()
	root, head := p.pruner.bodyRoot, p.titleNode()
	if root == nil || head == nil {
		return found
	}
	own := head.Parent
	for own != nil && own.Tag != atom.Article {
		own = own.Parent
	}
	is := func(n *node) func(*node) bool { return func(up *node) bool { return up == n } }
	if own == nil || own == root || own.kept < max(minMarkedBody, root.kept/4) || inside(root, is(own)) || inside(own, is(root)) {
		return found
	}
	own.skip = false
	if again := p.pruner.body(own); letters(again) >= minMarkedBody {
		return again
	}
	p.pruner.bodyRoot = root
	return found
}

// titleNode is the first heading that is the page's title, or begins as it does, or else the only one; nil if none is.
func (p *pageReader) titleNode() *node {
	if p.titleFound {
		return p.titleAt
	}
	p.titleFound = true
	title := source.Fold(p.headline)
	var similar, only *node
	heads := 0
	for n := range p.doc.descendants() {
		if n.Tag != atom.H1 {
			continue
		}
		text := source.Fold(p.bareTitle(inlineText(n)))
		if text == "" || p.isSite(text) {
			continue
		}
		heads++
		only = n
		if text == title {
			p.titleAt = n
			return n
		}
		if similar == nil && (len(text) > 10 && strings.HasPrefix(title, text) || len(title) > 10 && strings.HasPrefix(text, title)) {
			similar = n
		}
	}
	if p.titleAt = similar; similar == nil && heads == 1 {
		p.titleAt = only
	}
	return p.titleAt
}

// leadLength bounds a lead, in characters: what is longer is a story of its own.
const leadLength = 1500

// lead is the text between the headline and the element that holds the story: a lead that stands apart from it.
func (p *pageReader) lead(blocks []block) []block {
	head := p.titleNode()
	root := p.pruner.bodyRoot
	if head == nil || root == nil || len(blocks) == 0 {
		return nil
	}
	if p.pruner.best != nil && inside(p.pruner.best, func(up *node) bool { return up == root }) {
		root = p.pruner.best
	}
	told := shingleSet(shinglesOf(joinBlocks(blocks)))
	var out []block
	for n := head.after(p.doc, false); n != nil; {
		if n == root {
			return out
		}
		into := !n.isText && (!n.skip || n.left)
		switch {
		case !into:
		case inside(root, func(up *node) bool { return up == n }):
		case n.Tag == atom.H1 || n.Tag == atom.Li || n.Tag == atom.Table || n.names&(namesOthers|namesByline) != 0:
			into = false
		case n.Tag == atom.P || n.is(headline) || n.Tag == atom.Div && len(ownText(n)) >= minLead:
			into = false
			text := inlineText(n)
			if size := utf8.RuneCountInString(text); size < minLead || size > leadLength || n.linked > 0 || n.is(headline) || !endsSentence(text) || shareIn(shinglesOf(text), told) > 0.5 || isTeaser(text) {
				break
			}
			if out = append(out, block{text: text, tag: n.Tag}); letters(out) > leadLength {
				return nil
			}
		}
		n = n.after(p.doc, into)
	}
	return nil // the headline does not precede the story
}

func endsSentence(text string) bool {
	last, _ := utf8.DecodeLastRuneInString(strings.TrimRight(text, "\"'”’»)] "))
	return strings.ContainsRune(".!?…।。", last)
}

// minLead is the least length of a lead, in characters.
const minLead = 100

// longestLine is the greatest length, in characters, of a line about a story.
const longestLine = 120

var (
	readingTime = regexp.MustCompile(`(?i)^(?:(?:tiempo de )?lectura:?|reading time:?|lesezeit:?)?\s*\d+\s*(?:min(?:\.|uto|ute|uten)?s?)\b[\s.]*(?:de lectura|read|lesezeit|lectura)?$`)
	beforeDate  = regexp.MustCompile(`(?i)^(?:publicad[oa]|publicaci[oó]n|fecha|actualizad[oa]|published|posted|updated|last updated|stand|veröffentlicht|aktualisiert|publié|mis à jour)(?:\s+(?:el|on|am|le|at|en))?\s*:?\s*`)
)

// aboutTheStory says whether a line at the beginning is about the story: when it was published, who wrote it, how long it is.
func (p *pageReader) aboutTheStory(line string) bool {
	if readingTime.MatchString(line) || signedBy.MatchString(line) {
		return true
	}
	rest := beforeDate.ReplaceAllString(line, "")
	if strings.ContainsFunc(rest, func(r rune) bool { return r >= '0' && r <= '9' }) && utf8.RuneCountInString(rest) < 60 {
		if _, err := newsdate.Parse(strings.TrimSuffix(rest, " Uhr"), p.hints.Zone); err == nil {
			return true
		}
	}
	return false
}

// ending matches, in folded text, a last line that is not the story's.
var ending = regexp.MustCompile(`^(?:(?:follow|find|join|like|connect_with)_(?:us|me|him|her|\w+_(?:\w+_)?on_)|email_(?:us|him|her|\w+_\w+_at_)|(?:get|sign_up|subscribe)_(?:\w+_){0,8}(?:inbox|newsletter|newsletters|email|delivered)|have_a_(?:news_)?(?:tip|story)|got_a_(?:news_)?tip|if_you_(?:enjoyed|liked)_this|(?:this|the)_(?:article|story|post)_(?:was_)?(?:originally|first)_(?:appeared|published)|originally_published|first_published|listen_(?:to_\w+_)?live|comments_are_closed|click_here_to_|reach_the_reporters?|like_loading|how_useful_was_this` +
	`|sigan?os|siga(?:nos)?_(?:a_\w+_)?en_|sigue(?:nos)?_(?:a_\w+_)?en_|suscri|inscrib|registrese|reciba_|recibe_(?:en|nuestr|las|toda)|descarg(?:a|ue)_(?:nuestra|la)_(?:app|aplicacion)|(?:unete|unase)_a|escrib(?:a|e|anos)_a|(?:este|el)_(?:articulo|contenido)_(?:fue|se)_(?:publicado|publico)_(?:originalmente|primero)|quiere_(?:recibir|estar)|te_gusto_(?:est|el_)|comparte_(?:est|en_)|comparta_(?:est|en_)|cierre_de_publicidad` +
	`|join_our|tell_us_what|get_in_touch|to_comment|leave_a_comment|share_this)`)

// endsStory says whether a last line is not part of the story.
func endsStory(line string) bool {
	if utf8.RuneCountInString(line) > 320 {
		return false
	}
	return ending.MatchString(source.Fold(line[:min(len(line), 160)]))
}
