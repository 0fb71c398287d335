package evaluation

import (
	"net/url"
	"regexp"
	"strings"
	"time"
	"unicode"

	"openlearn/internal/scraping/source"

	"golang.org/x/net/html"
	"golang.org/x/net/html/atom"
)

// A Result is what an extractor reads from a page.
type Result struct {
	Title, Subtitle, Text, Author string
	Published                     *time.Time
}

// An Extractor reads a page that is UTF-8 already. For a page that it refuses it returns an empty result.
type Extractor func(page string, u *url.URL) Result

// A Score rates one result. Precision and recall are of 4-grams in AEB, and of words elsewhere.
type Score struct {
	Page              Page
	Got               Result
	Precision, Recall float64
	Present, Absent   int  // wanted snippets that are present, unwanted ones that are absent
	Title             bool // as the label has it
	OwnHeadline       bool // equal to a headline of the page itself
	Day               Verdict
	Author            Verdict
	SelfSigned        bool // the label's author is the newspaper itself
}

// F1 is the harmonic mean of the page's precision and recall.
func (s Score) F1() float64 { return F1of(s.Precision, s.Recall) }

// A Verdict rates one field.
type Verdict int

// Unlabelled fields are not counted; a missing field is empty although it has a label.
const (
	Unlabelled Verdict = iota
	Right
	Wrong
	Missing
)

// Rate scores the result for a page, whose decoded HTML it needs to know the page's own headlines.
func Rate(p Page, page string, got Result) Score {
	s := Score{Page: p, Got: got}
	if p.Set == AEB {
		s.Precision, s.Recall = Overlap(Shingles(got.Text), Shingles(p.Body))
	} else {
		s.Precision, s.Recall = Overlap(BagOfWords(got.Text), BagOfWords(p.Body))
	}
	text := source.Collapse(got.Title + "\n" + got.Subtitle + "\n" + got.Text)
	for _, w := range p.With {
		if strings.Contains(text, source.Collapse(w)) {
			s.Present++
		}
	}
	for _, w := range p.Without {
		if !strings.Contains(text, source.Collapse(w)) {
			s.Absent++
		}
	}
	title, site := headlines(page)
	s.Title = p.Title != "" && same(got.Title, p.Title)
	for _, h := range title {
		s.OwnHeadline = s.OwnHeadline || got.Title != "" && same(h, got.Title)
	}
	s.Day = rateDay(p, got.Published)
	if len(p.Authors) > 0 {
		want := strings.Join(p.Authors, ", ")
		switch {
		case got.Author == "":
			s.Author = Missing
		case same(got.Author, want):
			s.Author = Right
		default:
			s.Author = Wrong
		}
		folded := strings.ReplaceAll(source.Fold(want), "_", "")
		host, _ := url.Parse(p.URL)
		s.SelfSigned = site != "" && folded == strings.ReplaceAll(source.Fold(site), "_", "") ||
			host != nil && strings.Contains(strings.ReplaceAll(host.Host, "-", ""), folded+".")
	}
	return s
}

func rateDay(p Page, got *time.Time) Verdict {
	switch {
	case p.Day == "":
		return Unlabelled
	case got == nil:
		return Missing
	}
	for _, layout := range []string{"2006-01-02 15:04:05Z07:00", "2006-01-02 15:04:05.999999Z07:00"} {
		if at, err := time.Parse(layout, p.At); err == nil {
			if got.In(at.Location()).Format(time.DateOnly) == p.Day {
				return Right
			}
			return Wrong
		}
	}
	// The page's zone is not known: the day may be that of any zone.
	for hours := -12; hours <= 14; hours++ {
		if got.UTC().Add(time.Duration(hours)*time.Hour).Format(time.DateOnly) == p.Day {
			return Right
		}
	}
	return Wrong
}

func same(a, b string) bool { return source.Fold(a) == source.Fold(b) }

var ldHeadline = regexp.MustCompile(`"headline"\s*:\s*"((?:[^"\\]|\\.)*)"`)

// headlines are the page's own: h1, title, meta and JSON-LD; site is what the newspaper calls itself. A title also counts
// without the text after its last separators.
func headlines(page string) (titles []string, site string) {
	doc, err := html.Parse(strings.NewReader(page))
	if err != nil {
		return nil, ""
	}
	for n := range doc.Descendants() {
		switch n.DataAtom {
		case atom.H1, atom.Title:
			t := source.CleanInline(textOf(n))
			titles = append(titles, t)
			for n.DataAtom == atom.Title {
				i := strings.LastIndexAny(t, "|-–—·»:")
				if i <= 0 {
					break
				}
				t = strings.TrimSpace(t[:i])
				titles = append(titles, t)
			}
		case atom.Meta:
			var name, content string
			for _, a := range n.Attr {
				switch a.Key {
				case "name", "property", "itemprop":
					name = strings.ToLower(a.Val)
				case "content":
					content = a.Val
				}
			}
			switch {
			case name == "og:site_name":
				site = content
			case strings.Contains(name, "title") || name == "headline":
				titles = append(titles, source.CleanInline(content))
			}
		case atom.Script:
			for _, m := range ldHeadline.FindAllStringSubmatch(textOf(n), -1) {
				titles = append(titles, source.CleanInline(strings.ReplaceAll(m[1], `\"`, `"`)))
			}
		}
	}
	return titles, site
}

func textOf(n *html.Node) string {
	var b strings.Builder
	for d := range n.Descendants() {
		if d.Type == html.TextNode {
			b.WriteString(d.Data)
		}
	}
	return b.String()
}

// Tokens are the \w+ runs of a text.
func Tokens(text string) []string {
	return strings.FieldsFunc(text, func(r rune) bool { return !unicode.IsLetter(r) && !unicode.IsNumber(r) && r != '_' })
}

// BagOfWords are the words of a text in lower case, as a multiset.
func BagOfWords(text string) map[string]int {
	out := map[string]int{}
	for _, w := range Tokens(strings.ToLower(text)) {
		out[w]++
	}
	return out
}

// Shingles are the 4-grams of a text as a multiset; a shorter text is one shingle.
func Shingles(text string) map[string]int {
	words := Tokens(text)
	out := map[string]int{}
	if len(words) == 0 {
		return out
	}
	if len(words) < 4 {
		out[strings.Join(words, " ")]++
		return out
	}
	for i := 0; i+4 <= len(words); i++ {
		out[strings.Join(words[i:i+4], " ")]++
	}
	return out
}

// Overlap is precision and recall of two multisets; two empty ones agree.
func Overlap(got, want map[string]int) (precision, recall float64) {
	tp, g, w := 0, 0, 0
	for k, n := range got {
		g += n
		tp += min(n, want[k])
	}
	for _, n := range want {
		w += n
	}
	if g == 0 && w == 0 {
		return 1, 1
	}
	if g > 0 {
		precision = float64(tp) / float64(g)
	}
	if w > 0 {
		recall = float64(tp) / float64(w)
	}
	return precision, recall
}

// F1of is the harmonic mean of precision and recall.
func F1of(p, r float64) float64 {
	if p+r == 0 {
		return 0
	}
	return 2 * p * r / (p + r)
}
