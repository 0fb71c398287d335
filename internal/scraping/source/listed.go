package source

import "slices"

// What clients of the original see: 43 sources in 11 categories, with the same values as its answers.

// CategorySources is one category with its sources, both in the original's order.
type CategorySources struct {
	Category string   `json:"category"`
	Sources  []Listed `json:"sources"`
}

// Categories lists the category names in order.
func (c *Catalogue) Categories() []string {
	var out []string
	for _, s := range c.list {
		if s.Listed != nil && !slices.Contains(out, s.Listed.Category) {
			out = append(out, s.Listed.Category)
		}
	}
	return out
}

// Grouped lists every category with its sources: what GET /sources answers, as an object, when nothing is filtered.
func (c *Catalogue) Grouped() []CategorySources {
	var out []CategorySources
	for _, name := range c.Categories() {
		sources, _ := c.ByCategory(name)
		out = append(out, CategorySources{Category: name, Sources: sources})
	}
	return out
}

// Listed lists the sources in order, without Category.
func (c *Catalogue) Listed() []Listed {
	var out []Listed
	for _, g := range c.Grouped() {
		out = append(out, g.Sources...)
	}
	return out
}

// ByCategory lists the sources of one category, without Category. ok is false if the category is unknown.
func (c *Catalogue) ByCategory(category string) (sources []Listed, ok bool) {
	for _, s := range c.list {
		if s.Listed != nil && s.Listed.Category == category {
			l := s.listed()
			l.Category = ""
			sources = append(sources, l)
		}
	}
	return sources, sources != nil
}

// ByPriority lists the sources of one priority (high, medium, low), each with its Category. The list is empty, never nil,
// if the priority is unknown.
func (c *Catalogue) ByPriority(priority string) []Listed {
	out := []Listed{}
	for _, s := range c.list {
		if s.Listed != nil && s.Listed.Priority == priority {
			out = append(out, s.listed())
		}
	}
	return out
}

func (s Source) listed() Listed {
	l := s.Listed.clone()
	l.Name = s.Name
	return l
}

// Implemented lists the names of the sources announced as scrapable, in the original's order (`scrapers_implemented`,
// `available_scrapers`).
func (c *Catalogue) Implemented() []string {
	var out []string
	for _, s := range c.list {
		if s.Listed != nil && s.Listed.Announced {
			out = append(out, s.Name)
		}
	}
	return out
}

// Available says whether a source is one of Implemented (`scraper_available`).
func (c *Catalogue) Available(name string) bool {
	s, ok := c.Find(name)
	return ok && s.Listed != nil && s.Listed.Announced
}
