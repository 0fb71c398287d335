// Package source holds what is known of the sources: their entries in the catalogue, how each is read, which addresses
// are its own, and how names and texts that sources write are compared.
package source

import (
	"bytes"
	_ "embed"
	"encoding/json"
	"fmt"
	"slices"
)

//go:embed catalogue.json
var catalogueJSON []byte

// Source is one entry of the catalogue, with its JSON fields in the order the original service wrote them. Every
// field but the name may be absent; Category is set only where a list mixes categories (ByPriority).
type Source struct {
	Name            string   `json:"name"`
	URL             string   `json:"url,omitempty"`
	API             string   `json:"api,omitempty"`
	Type            string   `json:"type,omitempty"`
	RSS             string   `json:"rss,omitempty"`
	Region          string   `json:"region,omitempty"`
	Content         []string `json:"content,omitempty"`
	UpdateFrequency string   `json:"update_frequency,omitempty"`
	Datasets        []string `json:"datasets,omitempty"`
	SearchTerms     []string `json:"search_terms,omitempty"`
	Priority        string   `json:"priority,omitempty"`
	Category        string   `json:"category,omitempty"`
}

func (s Source) clone() Source {
	s.Content = slices.Clone(s.Content)
	s.Datasets = slices.Clone(s.Datasets)
	s.SearchTerms = slices.Clone(s.SearchTerms)
	return s
}

// CategorySources is one category of the catalogue with its sources, both in catalogue order.
type CategorySources struct {
	Category string   `json:"category"`
	Sources  []Source `json:"sources"`
}

// Catalogue is the fixed list of the 43 sources in 11 categories that existing clients know. It is immutable: every
// method answers with copies, because the original's trigger route edited its own list and /sources then answered
// differently from worker to worker.
type Catalogue struct {
	groups      []CategorySources
	implemented []string
}

// NewCatalogue decodes the catalogue bundled in the binary. An error means the binary was built from a broken file.
func NewCatalogue() (*Catalogue, error) {
	groups, err := decodeCatalogue(catalogueJSON)
	if err != nil {
		return nil, fmt.Errorf("scraping: bundled catalogue: %w", err)
	}
	return &Catalogue{
		groups: groups,
		// What clients are told; a definition may exist for more sources (see Definitions).
		implemented: []string{"El Tiempo", "El Espectador", "Semana", "Portafolio"},
	}, nil
}

func decodeCatalogue(raw []byte) ([]CategorySources, error) {
	dec := json.NewDecoder(bytes.NewReader(raw))
	dec.DisallowUnknownFields()
	var groups []CategorySources
	if err := dec.Decode(&groups); err != nil {
		return nil, err
	}
	names, categories := map[string]bool{}, map[string]bool{}
	for _, g := range groups {
		if categories[g.Category] {
			return nil, fmt.Errorf("category %q twice", g.Category)
		}
		categories[g.Category] = true
		for _, s := range g.Sources {
			if s.Name == "" || names[Fold(s.Name)] {
				return nil, fmt.Errorf("source name %q empty or twice", s.Name)
			}
			names[Fold(s.Name)] = true
		}
	}
	return groups, nil
}

// Categories lists the category names in catalogue order.
func (c *Catalogue) Categories() []string {
	out := make([]string, len(c.groups))
	for i, g := range c.groups {
		out[i] = g.Category
	}
	return out
}

// Grouped lists every category with its sources: what GET /sources answers, as an object, when nothing is filtered.
func (c *Catalogue) Grouped() []CategorySources {
	out := make([]CategorySources, len(c.groups))
	for i, g := range c.groups {
		out[i] = CategorySources{Category: g.Category, Sources: cloneSources(g.Sources)}
	}
	return out
}

// All lists every source in catalogue order, without Category.
func (c *Catalogue) All() []Source {
	var out []Source
	for _, g := range c.groups {
		out = append(out, cloneSources(g.Sources)...)
	}
	return out
}

// ByCategory lists the sources of one category, without Category. ok is false where the category is unknown.
func (c *Catalogue) ByCategory(category string) (sources []Source, ok bool) {
	for _, g := range c.groups {
		if g.Category == category {
			return cloneSources(g.Sources), true
		}
	}
	return nil, false
}

// ByPriority lists the sources of one priority (high, medium, low), each with its Category. The list is empty, never
// nil, where the priority is unknown.
func (c *Catalogue) ByPriority(priority string) []Source {
	out := []Source{}
	for _, g := range c.groups {
		for _, s := range g.Sources {
			if s.Priority == priority {
				s = s.clone()
				s.Category = g.Category
				out = append(out, s)
			}
		}
	}
	return out
}

// Find looks a source up by its name, whatever its case and accents; the answer has its Category.
func (c *Catalogue) Find(name string) (Source, bool) {
	want := Fold(name)
	for _, g := range c.groups {
		for _, s := range g.Sources {
			if Fold(s.Name) == want {
				s = s.clone()
				s.Category = g.Category
				return s, true
			}
		}
	}
	return Source{}, false
}

// Implemented lists the names of the sources announced as scrapable, in the original's order (`scrapers_implemented`,
// `available_scrapers`).
func (c *Catalogue) Implemented() []string { return slices.Clone(c.implemented) }

// Available says whether a source is one of Implemented (`scraper_available`).
func (c *Catalogue) Available(name string) bool {
	want := Fold(name)
	return slices.ContainsFunc(c.implemented, func(n string) bool { return Fold(n) == want })
}

func cloneSources(in []Source) []Source {
	out := make([]Source, len(in))
	for i, s := range in {
		out[i] = s.clone()
	}
	return out
}
