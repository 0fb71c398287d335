package evaluation

// A Summary rates an extractor on many pages.
type Summary struct {
	Pages                    map[string]int
	BodyF1                   map[string]float64 // by set: F1 of the averages in AEB, average of the pages' F1 elsewhere
	SnippetF1, Wanted, Clean float64            // of WCXB's snippets: F1, share of the wanted present, of the unwanted absent
	Fields                   map[string]Fields  // by set
}

// Fields are shares of the pages of one set that have a label.
type Fields struct {
	Title, OwnHeadline float64
	Day, DayWrong      float64
	Author             float64
	AuthorApart        float64 // self-signed pages apart
}

// Summarize averages scores.
func Summarize(scores []Score) Summary {
	s := Summary{Pages: map[string]int{}, BodyF1: map[string]float64{}, Fields: map[string]Fields{}}
	var ps, rs float64
	var present, wanted, absent, unwanted int
	type count struct{ title, titles, own, pages, day, dayWrong, days, author, authors, authorApart, authorsApart int }
	counts := map[string]*count{}
	for _, x := range scores {
		set := x.Page.Set
		s.Pages[set]++
		s.BodyF1[set] += x.F1()
		if set == AEB {
			ps, rs = ps+x.Precision, rs+x.Recall
		}
		present, wanted = present+x.Present, wanted+len(x.Page.With)
		absent, unwanted = absent+x.Absent, unwanted+len(x.Page.Without)
		c := counts[set]
		if c == nil {
			c = &count{}
			counts[set] = c
		}
		c.pages++
		c.titles += one(x.Page.Title != "")
		c.title += one(x.Title)
		c.own += one(x.OwnHeadline)
		c.days += one(x.Day != Unlabelled)
		c.day += one(x.Day == Right)
		c.dayWrong += one(x.Day == Wrong)
		c.authors += one(x.Author != Unlabelled)
		c.author += one(x.Author == Right)
		c.authorsApart += one(x.Author != Unlabelled && !x.SelfSigned)
		c.authorApart += one(x.Author == Right && !x.SelfSigned)
	}
	for set, n := range s.Pages {
		s.BodyF1[set] /= float64(n)
	}
	if n := float64(s.Pages[AEB]); n > 0 {
		s.BodyF1[AEB] = F1of(ps/n, rs/n)
	}
	s.Wanted, s.Clean = share(present, wanted), share(absent, unwanted)
	s.SnippetF1 = share(2*present, present+wanted+unwanted-absent)
	for set, c := range counts {
		s.Fields[set] = Fields{
			Title: share(c.title, c.titles), OwnHeadline: share(c.own, c.pages), Day: share(c.day, c.days), DayWrong: share(c.dayWrong, c.days),
			Author: share(c.author, c.authors), AuthorApart: share(c.authorApart, c.authorsApart),
		}
	}
	return s
}

func share(n, of int) float64 {
	if of == 0 {
		return 0
	}
	return float64(n) / float64(of)
}

func one(is bool) int {
	if is {
		return 1
	}
	return 0
}
