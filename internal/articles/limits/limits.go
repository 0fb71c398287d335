// Package limits says how much an article may hold: one place for the columns, for the checks of input, and for code that
// cuts texts to fit.
package limits

// In characters (code points), except Tags.
const (
	Source   = 100
	URL      = 500
	Title    = 500
	Author   = 200
	Category = 50
	Subtitle = 10_000
	Image    = 2000
	Language = 35 // BCP 47 (RFC 5646 §4.4.1)
	Tag      = 200
	Tags     = 100 // how many
	// Content is far above the length of any newspaper's text and well below what the full-text index accepts.
	Content = 500_000
)

// Levels are the difficulty scores of each CEFR level: at least From, and less than Below.
var Levels = map[string]struct{ From, Below float64 }{
	"A1": {0, 1.5}, "A2": {1.5, 2.5}, "B1": {2.5, 3.5}, "B2": {3.5, 4.5}, "C1": {4.5, 4.5 + 1.0/3}, "C2": {4.5 + 1.0/3, 5.001},
}
