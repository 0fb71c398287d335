package jsonapi

import (
	"context"

	"openlearn/internal/admin"
)

type healthOutput struct {
	Body struct{ admin.Health }
}

func (f *face) health(ctx context.Context, _ *struct{}) (*healthOutput, error) {
	h, err := f.admin.Health(ctx)
	out := &healthOutput{}
	out.Body.Health = h
	return out, err
}

type statsOutput struct {
	Body struct{ admin.Figures }
}

func (f *face) stats(ctx context.Context, _ *struct{}) (*statsOutput, error) {
	figures, err := f.admin.Figures(ctx)
	out := &statsOutput{}
	out.Body.Figures = figures
	return out, err
}

type metricsOutput struct {
	Body struct{ admin.AllFigures }
}

func (f *face) metrics(ctx context.Context, _ *struct{}) (*metricsOutput, error) {
	all, err := f.admin.AllFigures(ctx)
	out := &metricsOutput{}
	out.Body.AllFigures = all
	return out, err
}

type comparisonOutput struct{ Body admin.Performance }

func (f *face) comparison(ctx context.Context, _ *struct{}) (*comparisonOutput, error) {
	p, err := f.admin.Comparison(ctx)
	return &comparisonOutput{p}, err
}

type layersOutput struct {
	Body struct {
		TotalLayers int                        `json:"total_layers"`
		Layers      map[string]admin.LayerInfo `json:"layers"`
	}
}

func (f *face) layers(context.Context, *struct{}) (*layersOutput, error) {
	out := &layersOutput{}
	out.Body.Layers = f.admin.Layers()
	out.Body.TotalLayers = len(out.Body.Layers)
	return out, nil
}

type warmingOutput struct{ Body admin.Warming }

func (f *face) warming(context.Context, *struct{}) (*warmingOutput, error) {
	return &warmingOutput{f.admin.Warming()}, nil
}

type auditInput struct {
	Limit  int    `query:"limit" default:"50" minimum:"1" maximum:"200"`
	Cursor string `query:"cursor" maxLength:"64" doc:"next_cursor of the page before"`
}

type auditOutput struct {
	Body struct {
		Items      []admin.AuditEntry `json:"items" nullable:"false"`
		NextCursor *string            `json:"next_cursor"`
	}
}

func (f *face) auditTrail(ctx context.Context, in *auditInput) (*auditOutput, error) {
	rows, next, err := f.admin.Trail(ctx, in.Cursor, in.Limit)
	if err != nil {
		return nil, answer(err, "query")
	}
	out := &auditOutput{}
	out.Body.Items, out.Body.NextCursor = rows, notEmpty(next)
	return out, nil
}

func notEmpty(s string) *string {
	if s == "" {
		return nil
	}
	return &s
}
