// Package sample writes Spanish news articles for trying out the service: varied, grammatical, from several Colombian
// newspapers and regions, and the same every time.
//
// Everything in them is invented: people, figures, quotes and events. Only the names of newspapers, places and public
// institutions are real, so that lists and filters look as with real input; URLs are under the reserved top-level domain
// .example (RFC 2606) and lead nowhere.
//
// The texts come from a grammar (the files in grammar/, whose format grammar.go explains), so the package also knows what
// it wrote: which names are in a text. Article.Entities reports that. It is the ground truth of synthetic text, not the
// output of a language engine.
package sample

import (
	"iter"
	"time"
)

// Span is the time before the reference over which articles are spread.
const Span = 120 * 24 * time.Hour

// Article is one article as a newspaper's scraper would store it. Times are UTC.
type Article struct {
	Index           int    // its number in the sequence, from 0
	Source          string // newspaper, named as in the source catalogue
	SourceURL       string // unique, under .example
	Category        string // section, in Spanish: "economía", "salud" …
	Title           string
	Subtitle        *string
	Content         string // 120–900 words in paragraphs separated by an empty line
	ContentHash     string // SHA-256 of Content, 64 hex digits
	Author          *string
	PublishedAt     *time.Time // nil in about 1 %
	ScrapedAt       time.Time
	WordCount       int     // runs of non-space characters in Content
	DifficultyScore float64 // 1 (very easy) – 5 (very hard), one decimal; see Difficulty
	Tags            []string
	Entities        map[string][]string // institutions, locations, political_figures, people, economic_terms; all in Content
	IsPaywall       bool
}

// Generator writes the articles of one seed. It is safe for concurrent use.
type Generator struct {
	seed       uint64
	reference  time.Time
	grammar    *grammar
	banks      generalBanks
	newspapers []newspaper
}

// New prepares the articles of a seed, published in the 120 days before reference. An error can only come from the embedded
// grammar.
func New(seed uint64, reference time.Time) (*Generator, error) {
	g, err := loadGrammar()
	if err != nil {
		return nil, err
	}
	banks, err := g.generalBanks()
	if err != nil {
		return nil, err
	}
	return &Generator{
		seed: seed, reference: reference.UTC().Truncate(time.Microsecond),
		grammar: g, banks: banks, newspapers: newspapers(g.places),
	}, nil
}

// Articles yields the first n articles, one after the other as they are written.
func (g *Generator) Articles(n int) iter.Seq[Article] {
	return func(yield func(Article) bool) {
		w := newWriter(g)
		for i := range n {
			if !yield(w.article(i)) {
				return
			}
		}
	}
}

// At writes only article i; it is the same as the i-th of Articles, whatever their number.
func (g *Generator) At(i int) Article { return newWriter(g).article(i) }
