package scraping

import (
	"context"
	"net/http"
	"slices"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"openlearn/internal/cache/httpcache/service"
	"openlearn/internal/httpapi"
	"openlearn/internal/scraping/source"
)

// Register mounts the scraping routes.
func Register(api *httpapi.API, s *Service, status *Status) {
	h := &handlers{s, s.cfg.Sources, status}
	get := func(path, id, summary string) huma.Operation {
		return huma.Operation{Method: http.MethodGet, Path: path, OperationID: id, Summary: summary, Tags: []string{"scraping"}}
	}
	huma.Register(api, get("/api/scraping/sources", "scraping-sources", "The sources OpenLearn watches"), h.sources)
	huma.Register(api, get("/api/sources", "sources", "The same under the path that the client calls"), h.sources)
	huma.Register(api, get("/api/scraping/status", "scraping-status", "How much has been gathered, and when last"), h.showStatus)
	registerJobs(api, h)
}

// Cached lists the scraping routes that are cached. The catalogue changes only with the binary. Jobs are always shown in
// their current state.
func Cached(api *httpapi.API, status *Status) []service.Route {
	catalogue := func(*sourcesInput) ([]string, error) { return nil, nil }
	return []service.Route{
		httpapi.Cached(api, "/api/scraping/sources", 2*time.Hour, catalogue),
		httpapi.Cached(api, "/api/sources", 2*time.Hour, catalogue),
		httpapi.Cached(api, "/api/scraping/status", 5*time.Minute, func(*struct{}) ([]string, error) { return append(status.Deps(), sourcesTable), nil }),
	}
}

type handlers struct {
	scraping  *Service
	catalogue *source.Catalogue
	status    *Status
}

type sourcesInput struct {
	Category string `query:"category" maxLength:"50" doc:"Only this category"`
	Priority string `query:"priority" maxLength:"50" doc:"Only this priority: high, medium or low"`
	Format   string `query:"format" maxLength:"50" doc:"ui: a flat list for a selection box; catalogue: all sources of the catalogue, as they are" example:"ui"`
}

// sourcesOutput is dynamic because the contract's sources is an object by category, or a list when filtered.
type sourcesOutput struct{ Body any }

type sourceList struct {
	TotalCategories     int      `json:"total_categories"`
	Categories          []string `json:"categories"`
	Sources             any      `json:"sources"`
	TotalSources        int      `json:"total_sources"`
	ScrapersImplemented []string `json:"scrapers_implemented"`
}

type uiSource struct {
	ID               string `json:"id"`
	Name             string `json:"name"`
	Value            string `json:"value"`
	Label            string `json:"label"`
	Active           bool   `json:"active"`
	ScraperAvailable bool   `json:"scraper_available"`
}

type uiList struct {
	Sources []uiSource `json:"sources"`
	Total   int        `json:"total"`
}

// catalogueSource is a source as it is in the catalogue.
type catalogueSource struct {
	ID        string           `json:"id"`
	Name      string           `json:"name"`
	Aliases   []string         `json:"aliases"`
	Kind      string           `json:"kind"`
	Category  string           `json:"category,omitempty"`
	Priority  string           `json:"priority"`
	Region    string           `json:"region,omitempty"`
	URL       string           `json:"url"`
	Scrapable bool             `json:"scrapable"`
	Disabled  bool             `json:"disabled"`
	Interval  float64          `json:"interval_minutes"`
	Entries   []catalogueEntry `json:"entries"`
}

type catalogueEntry struct {
	URL    string        `json:"url"`
	Kind   source.Kind   `json:"kind"`
	Status source.Status `json:"status"`
	Read   bool          `json:"read"`
}

type catalogueList struct {
	Sources   []catalogueSource `json:"sources"`
	Total     int               `json:"total"`
	Scrapable int               `json:"scrapable"`
}

// whole returns the whole catalogue. The contract's own shapes have only the 43 sources of the original, and 4 scrapers.
func (h *handlers) whole(in *sourcesInput) catalogueList {
	out := catalogueList{Sources: []catalogueSource{}}
	for _, s := range h.catalogue.All() {
		one := catalogueSource{
			ID: s.ID, Name: s.Name, Aliases: append([]string{}, s.Aliases...), Kind: s.Kind, Priority: s.Priority, Region: s.Region, URL: s.BaseURL,
			Scrapable: s.Scrapable(), Disabled: s.Disabled, Interval: s.Interval().Minutes(), Entries: []catalogueEntry{},
		}
		if s.Listed != nil {
			one.Category = s.Listed.Category
		}
		if in.Priority != "" && one.Priority != in.Priority || in.Category != "" && one.Category != in.Category && one.Kind != in.Category {
			continue
		}
		for _, e := range s.Entries {
			one.Entries = append(one.Entries, catalogueEntry{e.URL, e.Kind, e.Status, e.Usable()})
		}
		if one.Scrapable {
			out.Scrapable++
		}
		out.Sources = append(out.Sources, one)
	}
	out.Total = len(out.Sources)
	return out
}

func (h *handlers) sources(_ context.Context, in *sourcesInput) (*sourcesOutput, error) {
	if in.Format == "catalogue" {
		return &sourcesOutput{h.whole(in)}, nil
	}
	list, filtered := h.catalogue.Listed(), true
	switch {
	case in.Priority != "" && in.Category != "":
		list = slices.DeleteFunc(h.catalogue.ByPriority(in.Priority), func(s source.Listed) bool { return s.Category != in.Category })
	case in.Priority != "":
		list = h.catalogue.ByPriority(in.Priority)
	case in.Category != "":
		if list, _ = h.catalogue.ByCategory(in.Category); list == nil {
			list = []source.Listed{}
		}
	default:
		filtered = false
	}
	var shape any = list
	if !filtered {
		grouped := map[string][]source.Listed{}
		for _, g := range h.catalogue.Grouped() {
			grouped[g.Category] = g.Sources
		}
		shape = grouped
	}
	if in.Format == "ui" {
		ui := uiList{Sources: []uiSource{}}
		seen := map[string]bool{}
		for _, s := range list {
			if !seen[s.Name] {
				seen[s.Name] = true
				ui.Sources = append(ui.Sources, uiSource{s.Name, s.Name, s.Name, s.Name, true, h.catalogue.Available(s.Name)})
			}
		}
		ui.Total = len(ui.Sources)
		return &sourcesOutput{ui}, nil
	}
	categories := h.catalogue.Categories()
	return &sourcesOutput{sourceList{len(categories), categories, shape, len(list), h.catalogue.Implemented()}}, nil
}
