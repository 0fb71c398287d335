package extract

import (
	"regexp"
	"strings"
	"unicode/utf8"

	"openlearn/internal/scraping/source"

	"golang.org/x/net/html/atom"
)

// title gives the headline of the structured data, or the full one if that was cut short.
func (p *pageReader) title() string {
	var h1s []string
	for _, n := range find(p.doc, isTag(atom.H1)) {
		if t := p.bareTitle(inlineText(n)); t != "" && !p.isSite(t) {
			h1s = append(h1s, t)
		}
	}
	h1 := ""
	h1Weight := 12
	if len(h1s) > 0 {
		h1 = h1s[0]
	}
	if len(h1s) > 1 {
		h1Weight = 8
	}
	// The headline is what most of them say. Each weighs as much as editors keep it equal to what readers see.
	candidates := []candidate{
		{p.article.text("headline"), 11},
		{h1, h1Weight},
		{p.meta.first("og:title"), 10},
		{p.meta.first("twitter:title"), 3},
		{p.article.text("name"), 1},
		{p.meta.title, 5},
	}
	for _, h := range h1s[min(1, len(h1s)):] {
		candidates = append(candidates, candidate{h, 1})
	}
	for i := range candidates {
		if c := &candidates[i]; c.text != "" {
			if c.text = p.bareTitle(source.CleanInline(c.text)); p.isSite(c.text) {
				c.text = ""
			}
		}
	}
	best := elect(candidates)
	if utf8.RuneCountInString(best) > 500 {
		best = string([]rune(best)[:500])
	}
	return best
}

// A candidate for the title, and what its vote weighs.
type candidate struct {
	text   string
	weight int
}

// elect returns the text with the most votes, the first one in a tie. A candidate that is another one followed by a bar and
// a section's or the newspaper's name votes for that other one, and a candidate that was cut short votes for the full one.
func elect(candidates []candidate) string {
	votes := make([]int, len(candidates))
	for i, c := range candidates {
		if c.text == "" {
			continue
		}
		voted := i
		stem := strings.TrimRight(c.text, ".… ")
		cut := stem != c.text && (strings.HasSuffix(c.text, "…") || strings.HasSuffix(c.text, "..."))
		for j, other := range candidates {
			if j == i || other.text == "" {
				continue
			}
			rest, longer := strings.CutPrefix(c.text, other.text)
			same := source.Fold(other.text) == source.Fold(c.text) && j < voted
			if same || longer && titleTail.MatchString(rest) || cut && len(other.text) > len(c.text) && strings.HasPrefix(other.text, stem) {
				voted = j
			}
		}
		votes[voted] += c.weight
	}
	best := -1
	for i := range candidates {
		if candidates[i].text != "" && (best < 0 || votes[i] > votes[best]) {
			best = i
		}
	}
	if best < 0 {
		return ""
	}
	return candidates[best].text
}

var titleTail = regexp.MustCompile(`^\s*[|–—·»•-]\s|^\s*[：｜]`)

// bareTitle cuts what the newspaper appends to its titles: " | El Tiempo", " - Minuto30.com".
func (p *pageReader) bareTitle(s string) string {
	for {
		at, width := -1, 0
		for _, sep := range []string{" | ", " - ", " – ", " — ", " · ", " • ", " :: ", " » "} {
			if i := strings.LastIndex(s, sep); i > at {
				at, width = i, len(sep)
			}
		}
		if at <= 0 || !p.isSite(s[at+width:]) && !(strings.Contains(s[at:at+width], "|") && strings.Count(s[:at], " ") >= 2 && p.likeSite(s[at+width:])) {
			return s
		}
		s = strings.TrimSpace(s[:at])
	}
}

// tails are what templates append to every title of a section.
var tails = map[string]bool{"opinion": true, "blog": true, "news": true, "noticias": true, "noticia": true, "actualidad": true}

// likeSite says whether a few words after a bar name the site: they share a word with its host.
func (p *pageReader) likeSite(tail string) bool {
	folded := source.Fold(tail)
	words := strings.Split(folded, "_")
	if len(words) > 4 {
		return false
	}
	if tails[folded] {
		return true
	}
	whole := strings.ReplaceAll(folded, "_", "")
	labels := strings.Split(strings.ReplaceAll(p.hints.URL.Hostname(), "-", ""), ".")
	for _, label := range labels[:max(0, len(labels)-1)] {
		if len(label) < 4 || label == "blog" || label == "news" {
			continue
		}
		if strings.Contains(whole, label) || len(whole) >= 4 && strings.Contains(label, whole) || len(words[0]) >= 4 && strings.HasPrefix(label, words[0]) || len(words[0]) >= 6 && strings.Contains(label, words[0]) {
			return true
		}
	}
	return false
}
