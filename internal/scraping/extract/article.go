package extract

import "time"

// Article is what one page yielded. Text keeps its paragraphs, separated by a blank line; everything is plain text
// with entities decoded and blanks collapsed.
type Article struct {
	Source      string // the catalogue's name of the source
	URL         string // canonical, absolute, on the source's host
	Title       string // "" where the page has none
	Subtitle    string
	Text        string     // never empty
	Author      string     // the authors' names, joined by ", "; never the newspaper itself
	Category    string     // the section as the page names it, e.g. "Economía"
	PublishedAt *time.Time // UTC; nil where the page does not say
	UpdatedAt   *time.Time // UTC; nil where the page does not say
	Tags        []string   // in page order, no duplicates
	Image       string     // absolute URL
	Paywall     bool       // the page says that it is not free to read
	Language    string     // BCP 47
}
