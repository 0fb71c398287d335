package app

import (
	"context"
	"net/http"

	"github.com/danielgtaylor/huma/v2"

	"openlearn/internal/httpapi"
)

type rootOutput struct {
	Body struct {
		Platform   string            `json:"platform"`
		Version    string            `json:"version"`
		APIVersion string            `json:"api_version"`
		Status     string            `json:"status"`
		Endpoints  map[string]string `json:"endpoints"`
		Features   map[string]string `json:"features"`
		Notes      map[string]string `json:"notes"`
	}
}

// registerRoot mounts the page that describes the service. It names only what exists.
func registerRoot(api *httpapi.API) {
	out := &rootOutput{}
	b := &out.Body
	b.Platform, b.Version, b.APIVersion, b.Status = "Colombia Intelligence & Language Learning", APIVersion, "v1", "operational"
	b.Endpoints = map[string]string{
		"docs": "/docs", "openapi": "/openapi.json", "api_v1": "/api/v1", "articles": "/api/v1/articles", "search": "/api/v1/articles/search?q=",
		"feed": "/api/v1/articles/feed.atom", "json_feed": "/api/v1/articles/feed.json", "facets": "/api/v1/articles/facets", "scraping": "/api/v1/scraping", "analysis": "/api/v1/analysis", "health": "/health", "metrics": "/metrics",
	}
	for name, path := range b.Endpoints {
		b.Endpoints[name] = api.BasePath + path
	}
	b.Features = map[string]string{
		"news":             "Colombian newspapers, scraped politely",
		"full_text_search": "Spanish, with or without accents, web-style syntax",
		"analysis":         "Spanish texts and every article: entities, sentiment, topics, difficulty, summary, vocabulary",
		"coherent_caching": "No stale read after an invalidation",
		"feed":             "Atom and JSON Feed",
	}
	b.Notes = map[string]string{
		"backward_compatibility": "Every route answers below /api and /api/v1 alike, without a redirect",
		"times":                  "RFC 3339 in UTC",
	}
	op := huma.Operation{Method: http.MethodGet, OperationID: "root", Summary: "What this is and where to look", Tags: []string{"root"}}
	op.Path = "/"
	huma.Register(api, op, func(context.Context, *struct{}) (*rootOutput, error) { return out, nil })
	op.Path, op.OperationID, op.Hidden = "/api", "api-root", true
	huma.Register(api, op, func(context.Context, *struct{}) (*rootOutput, error) { return out, nil })
}
