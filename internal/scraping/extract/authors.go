package extract

import (
	"regexp"
	"unicode/utf8"

	"openlearn/internal/scraping/source"

	"golang.org/x/net/html/atom"
)

// authors lists the people who signed the article, in page order. The newspaper, its sections and its software are not
// authors.
func (p *pageReader) authors(section string) []string {
	var ld []string
	for _, n := range p.graph.objects(p.article, "author") {
		for _, v := range listOf(n["name"]) {
			ld = append(ld, textOf(v))
		}
		if n["name"] == nil && n["givenName"] != nil {
			ld = append(ld, n.text("givenName")+" "+n.text("familyName"))
		}
	}
	if len(ld) == 0 {
		for _, n := range p.graph.objects(p.article, "creator") {
			ld = append(ld, n.text("name"))
		}
	}
	sources := []func() []string{
		func() []string { return ld },
		func() []string { return p.meta.named["author"] },
		func() []string { return p.meta.named["article:author"] },
		func() []string { return p.meta.named["parsely-author"] },
		func() []string { return p.meta.named["dc.creator"] },
		func() []string { return p.meta.named["byl"] },
		func() []string { return p.meta.named["articleauthor"] },
		func() []string { return p.meta.named["sailthru.author"] },
		p.labelledAuthor,
		p.stateAuthors,
		p.bylines,
	}
	for _, read := range sources {
		var out []string
		seen := map[string]bool{}
		for _, raw := range read() {
			for i, name := range splitNames(bareByline(source.CleanInline(raw))) {
				if i == 0 && p.isSite(name) {
					break // the newspaper and its place
				}
				name = p.personName(name, section)
				if f := source.Fold(name); f != "" && !seen[f] {
					seen[f] = true
					out = append(out, name)
				}
			}
		}
		if len(out) > 0 {
			return out[:min(len(out), 10)]
		}
	}
	return nil
}

var writtenBy = regexp.MustCompile(`^(?:written_by|escrito_por|por|by|autor|autora|autores|author|ecrit_par|verfasst_von|geschrieben_von|escrito_por|redige_par|scritto_da)$`)

// labelledAuthor finds the author among the labels of Twitter cards ("Written by").
func (p *pageReader) labelledAuthor() []string {
	for _, n := range []string{"1", "2", "3"} {
		if writtenBy.MatchString(source.Fold(p.meta.first("twitter:label" + n))) {
			return []string{p.meta.first("twitter:data" + n)}
		}
	}
	return nil
}

// stateAuthors lists the authors that the page's state gives beside its text.
func (p *pageReader) stateAuthors() []string {
	var out []string
	holders := []any{p.state["byline"], p.state["author"], p.state["authors"]}
	if credits, ok := p.state["credits"].(map[string]any); ok {
		holders = append(holders, credits["by"])
	}
	for _, held := range holders {
		for _, v := range listOf(held) {
			out = append(out, textOf(v))
		}
	}
	return out
}

var authorAddress = regexp.MustCompile(`(?i)/(?:author|authors|autor|autores|autora|autoren|auteur|auteurs|autori|columnista|columnistas|periodista|periodistas|staff|contributors?|redactor|redactores|firmas?)/`)

// bylines reads the elements of the article that are marked or named as bylines. Those of articles listed beside it belong
// to other authors.
func (p *pageReader) bylines() []string {
	outside := func(a *node) bool {
		return a.Tag == atom.Aside || a.Tag == atom.Nav || a.Tag == atom.Footer || a.names&namesOthers != 0 || a.Tag == atom.Li && listsAnother(a)
	}
	for _, keep := range []func(*node) bool{
		func(n *node) bool { return n.Tag == atom.A && hasWord(n, "rel", "author") },
		func(n *node) bool { return hasWord(n, "itemprop", "author") },
		func(n *node) bool {
			switch n.Tag {
			case atom.A, atom.Span, atom.P, atom.Div, atom.Strong, atom.Li, atom.Cite, atom.Address, 0, atom.H3, atom.H4, atom.H5, atom.H6:
				return n.names&namesByline != 0
			}
			return false
		},
		linksAuthor,
		func(n *node) bool {
			switch n.Tag {
			case atom.P, atom.Div, atom.Span, atom.Strong, atom.Li, atom.Dd, atom.Td, atom.Em:
				return n.size < 80 && signedBy.MatchString(inlineText(n))
			}
			return false
		},
	} {
		var out []string
		for _, n := range p.articleParts() {
			if !keep(n) || inside(n, outside) || inside(n, keep) {
				continue
			}
			if name := findFirst(n, func(c *node) bool { return hasWord(c, "itemprop", "name") }); name != nil {
				n = name
			} else if linked := find(n, linksAuthor); len(linked) > 0 {
				for _, a := range linked {
					if t := inlineText(a); t != "" && utf8.RuneCountInString(t) < 80 {
						out = append(out, t)
					}
				}
				if len(out) > 0 {
					continue
				}
			}
			if t := inlineText(n); t != "" && utf8.RuneCountInString(t) < 80 {
				out = append(out, t)
			}
		}
		if len(out) > 0 {
			return out[:min(len(out), 6)]
		}
	}
	return nil
}

// linksAuthor says whether a link leads to a page about an author.
func linksAuthor(n *node) bool {
	return n.Tag == atom.A && (hasWord(n, "rel", "author") || authorAddress.MatchString(attr(n, "href")))
}

// signedBy matches a line that says who wrote: "Por Ana Ruiz", "Autores: Ana Ruiz y Luis Gil".
var signedBy = regexp.MustCompile(`^(?:Por|By|Von|Par|POR|BY|VON|Textos?|Autor(?:a|es|in)?(?:/Autor)?|Authors?:|Texts?:|Escrito por|Written by|Redactado por|Publicado por|Redacci[oó]n|Periodista)\s*:?\s+` + fullName + `(?:(?:\s*,|\s+(?:y|e|and|und|et|&))\s+` + fullName + `){0,4}$`)

const fullName = `\p{Lu}[\p{L}.'’-]+(?:\s+(?:de|del|la|las|los|von|van|da|dos)\b)*(?:\s+\p{Lu}[\p{L}.'’-]*){1,5}`

// listsAnother says whether a list item has a title of its own that is a link.
func listsAnother(li *node) bool {
	return findFirst(li, func(n *node) bool {
		return n.Tag == atom.A && n.names&namesByline == 0 && !hasWord(n, "rel", "author") && !authorAddress.MatchString(attr(n, "href")) && len(inlineText(n)) > 8 && n.Parent.names&namesByline == 0
	}) != nil
}

// articleParts lists the elements from the headline's container to the end of the article's container.
func (p *pageReader) articleParts() []*node {
	parts := p.afterHeadline()
	if len(parts) == 0 || p.pruner.bodyRoot == nil {
		return parts
	}
	around := articleAround(p.pruner.bodyRoot)
	end := around.after(p.doc, false)
	for i, n := range parts {
		if n == end {
			return parts[:i]
		}
	}
	for end != nil && end.isText {
		end = end.after(p.doc, true)
	}
	for i, n := range parts {
		if n == end {
			return parts[:i]
		}
	}
	return parts
}
