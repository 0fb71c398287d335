package admin

import (
	"fmt"
	"math"
	"time"

	"openlearn/internal/cache"
)

// LayerInfo describes a layer.
type LayerInfo struct {
	Category    string `json:"category"`
	Description string `json:"description"`
	Contents    string `json:"contents" doc:"What is kept here"`
	Namespace   string `json:"namespace" doc:"How the layer's keys begin"`
	TTLSeconds  int    `json:"ttl_seconds"`
	TTLHuman    string `json:"ttl_human"`
	Readable    bool   `json:"readable" doc:"Values may be read and supplied through this API; never those of users and of HTTP responses"`
	Loaded      bool   `json:"loaded" doc:"The server loads this layer's identifiers itself when it is warmed"`
}

// Layers describes the layers, by name.
func (a *Admin) Layers() map[string]LayerInfo {
	out := map[string]LayerInfo{}
	for _, l := range a.cache.LayerTable() {
		info := LayerInfo{
			Contents: l.Description, Namespace: l.Namespace, TTLSeconds: int(l.TTL / time.Second), TTLHuman: human(l.TTL),
			Readable: !a.sealed(l), Loaded: a.opt.Loaders[l.Name] != nil,
		}
		info.Category, info.Description = category(l.Tier)
		out[l.Name] = info
	}
	return out
}

func category(t cache.Tier) (name, description string) {
	switch t {
	case cache.L1:
		return "Query Results (L1)", "Short-lived, frequently accessed data"
	case cache.L2:
		return "External API Responses (L2)", "Medium-lived external API data"
	case cache.L3:
		return "Computed Results (L3)", "Long-lived, expensive computations"
	case cache.L4:
		return "Session Data (L4)", "Short-lived user-specific data"
	}
	return "Other", "Custom cache layer"
}

// human writes a lifetime as the original did: 30m, 2h 0m.
func human(d time.Duration) string {
	switch m := int(d.Minutes()); {
	case d < time.Minute:
		return fmt.Sprintf("%ds", int(d.Seconds()))
	case m < 60:
		return fmt.Sprintf("%dm", m)
	default:
		return fmt.Sprintf("%dh %dm", m/60, m%60)
	}
}

// round keeps n decimals, as many as a reader of JSON can use.
func round(f float64, n int) float64 {
	p := math.Pow10(n)
	return math.Round(f*p) / p
}

func ptr[T any](v T) *T { return &v }
