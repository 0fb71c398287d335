package jsonapi

import (
	"context"
	"encoding/json"
	"errors"
	"time"

	"openlearn/internal/admin"
	"openlearn/internal/httpapi"
)

type warmInput struct {
	DryRun
	Body struct {
		Layer  string     `json:"layer" maxLength:"100" example:"article"`
		Items  []WarmItem `json:"items" maxItems:"1000"`
		TTL    int        `json:"ttl,omitempty" minimum:"0" doc:"Seconds; 0 is the layer's. Counts for supplied values: what the server loads has its own lifetime"`
		DryRun bool       `json:"dry_run,omitempty"`
	}
}

// WarmItem is one entry to warm.
type WarmItem struct {
	Identifier *string                        `json:"identifier,omitempty" maxLength:"256"`
	Value      httpapi.Field[json.RawMessage] `json:"value,omitempty" doc:"Any JSON, null and 0 included; only for layers that the server cannot load: elsewhere, an item with a value is skipped"`
	Params     map[string]any                 `json:"params,omitempty" doc:"Part of the key, as for variants by parameters"`
}

func (it WarmItem) item() admin.Item {
	out := admin.Item{Params: it.Params}
	if it.Identifier != nil {
		out.Identifier = *it.Identifier
	}
	switch {
	case it.Value.Null:
		out.Value = json.RawMessage("null")
	case it.Value.Set:
		out.Value = it.Value.Value
	}
	return out
}

type warmOutput struct {
	Body struct {
		Status      string          `json:"status"`
		Layer       string          `json:"layer"`
		ItemsCached int             `json:"items_cached" doc:"Entries that are there now; of a dry run, that would be, if every identifier names something"`
		TTLSeconds  int             `json:"ttl_seconds"`
		Loaded      bool            `json:"loaded" doc:"The server loaded them itself"`
		Skipped     []admin.Skipped `json:"skipped" nullable:"false"`
		DryRun      bool            `json:"dry_run" doc:"Nothing was loaded or stored"`
		WouldFill   []string        `json:"would_fill,omitempty" doc:"Of a dry run: identifiers that it would load, since they are not there, or store as supplied"`
		Audited     bool            `json:"audited" doc:"The audit trail has it; never for a dry run"`
	}
}

// mostTTL is longer than anything may live, and short enough for a time.Duration.
const mostTTL = 1 << 31 // seconds

func (f *face) warm(ctx context.Context, in *warmInput) (*warmOutput, error) {
	q := admin.Fill{Layer: in.Body.Layer, TTL: time.Duration(min(in.Body.TTL, mostTTL)) * time.Second, DryRun: in.DryRun.DryRun || in.Body.DryRun}
	for _, it := range in.Body.Items {
		q.Items = append(q.Items, it.item())
	}
	w, err := f.admin.Warm(ctx, q)
	if err != nil {
		var e *admin.Error
		if errors.As(err, &e) && e.Field == "ttl" {
			e.Input = in.Body.TTL // as it was given
		}
		return nil, answer(err, "body")
	}
	out := &warmOutput{}
	b := &out.Body
	b.Status, b.Layer, b.ItemsCached, b.TTLSeconds, b.Loaded = "success", w.Layer, w.Cached, int(w.TTL/time.Second), w.Loaded
	b.Skipped, b.DryRun, b.WouldFill, b.Audited = w.Skipped, w.DryRun, w.WouldFill, w.Audited
	return out, nil
}

type probeInput struct {
	Body struct {
		Endpoint string `json:"endpoint" minLength:"1" maxLength:"2000" doc:"A public GET route of this API with its query" example:"/api/articles?limit=20"`
		Runs     int    `json:"runs,omitempty" default:"20" minimum:"1" maximum:"200" doc:"Of each kind"`
	}
}

type probeOutput struct {
	Body struct {
		Status string `json:"status"`
		admin.Probed
	}
}

func (f *face) probe(ctx context.Context, in *probeInput) (*probeOutput, error) {
	p, err := f.admin.Probe(ctx, in.Body.Endpoint, in.Body.Runs)
	if err != nil {
		return nil, answer(err, "body")
	}
	out := &probeOutput{}
	out.Body.Status, out.Body.Probed = "success", p
	return out, nil
}
