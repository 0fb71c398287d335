package console

import (
	"encoding/json"
	"fmt"
	"html/template"
	"maps"
	"math"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"openlearn/internal/admin"
)

// functions are those that templates may call. They return text; the templates escape it.
func functions(files assets, base string) template.FuncMap {
	return template.FuncMap{
		"asset": files.url, "query": url.QueryEscape, "base": func() string { return base }, "count": count, "share": share, "ms": inMS, "megabytes": megabytes, "bytes": inBytes, "span": span, "seconds": inSeconds,
		"clock": clock, "stamp": stamp, "words": words, "capital": capital, "figure": figure, "bar": bar, "level": level, "samples": samples,
		"target": target, "scopes": func() []choice { return scopes }, "reasons": func() []choice { return reasons }, "millis": func(v float64) string { return inMS(&v) }, "figure1": func(v float64) string { return figure(&v) }, "dict": dict, "unused": unused,
	}
}

// choice is a value and its label.
type choice struct{ Value, Label string }

var scopes = []choice{
	{"entry", "One entry and its variants"},
	{"pattern", "Entries by pattern"},
	{"article", "Everything that shows an article"},
	{"source", "Everything that shows a newspaper"},
	{"dependency", "Everything on a dependency"},
	{"layer", "A whole layer"},
	{"all", "Every layer"},
}

// reasons are the reasons for warming passes.
var reasons = []choice{{"start", "At the start"}, {"flush", "After a flush"}, {"schedule", "By schedule"}}

// none stands for an unknown value. Screen readers read the cell's title.
const none = "–"

// count writes 12345 as 12,345.
func count(v any) string {
	var n int64
	switch v := v.(type) {
	case int:
		n = int64(v)
	case int64:
		n = v
	case uint64:
		return grouped(strconv.FormatUint(v, 10))
	case *int64:
		if v == nil {
			return none
		}
		n = *v
	case *int:
		if v == nil {
			return none
		}
		n = int64(*v)
	case *uint64:
		if v == nil {
			return none
		}
		return grouped(strconv.FormatUint(*v, 10))
	default:
		return fmt.Sprint(v)
	}
	return grouped(strconv.FormatInt(n, 10))
}

func grouped(digits string) string {
	head := len(digits) % 3
	var parts []string
	if head > 0 {
		parts = append(parts, digits[:head])
	}
	for ; head < len(digits); head += 3 {
		parts = append(parts, digits[head:head+3])
	}
	return strings.ReplaceAll(strings.Join(parts, ","), "-,", "-")
}

func share(v *float64) string {
	if v == nil {
		return none
	}
	return strconv.FormatFloat(*v, 'f', 1, 64) + " %"
}

func inMS(v *float64) string {
	switch {
	case v == nil:
		return none
	case *v < 10:
		return strconv.FormatFloat(*v, 'f', 2, 64) + " ms"
	case *v < 1000:
		return strconv.FormatFloat(*v, 'f', 0, 64) + " ms"
	}
	return strconv.FormatFloat(*v/1000, 'f', 1, 64) + " s"
}

func megabytes(v *float64) string {
	if v == nil {
		return none
	}
	if *v >= 100 {
		return grouped(strconv.FormatFloat(*v, 'f', 0, 64)) + " MB"
	}
	return strconv.FormatFloat(*v, 'f', 1, 64) + " MB"
}

func inBytes(v any) string {
	var n float64
	switch v := v.(type) {
	case int:
		n = float64(v)
	case uint64:
		n = float64(v)
	}
	switch {
	case n < 1<<10:
		return strconv.Itoa(int(n)) + " B"
	case n < 1<<20:
		return strconv.FormatFloat(n/(1<<10), 'f', 1, 64) + " kB"
	}
	return strconv.FormatFloat(n/(1<<20), 'f', 1, 64) + " MB"
}

// span writes a duration in its two largest units.
func span(d time.Duration) string {
	switch {
	case d < time.Second:
		return strconv.FormatInt(d.Milliseconds(), 10) + " ms"
	case d < time.Minute:
		return strconv.Itoa(int(d.Seconds())) + " s"
	case d < time.Hour:
		return fmt.Sprintf("%d min %d s", int(d.Minutes()), int(d.Seconds())%60)
	case d < 24*time.Hour:
		return fmt.Sprintf("%d h %d min", int(d.Hours()), int(d.Minutes())%60)
	}
	return fmt.Sprintf("%d d %d h", int(d.Hours())/24, int(d.Hours())%24)
}

func inSeconds(s float64) string { return span(time.Duration(s * float64(time.Second))) }

func clock(t time.Time) string { return t.UTC().Format("15:04:05") }

func stamp(t time.Time) string { return t.UTC().Format(time.RFC3339) }

// words turns hit_ratio into a title: Hit ratio.
func words(name string) string { return capital(strings.ReplaceAll(name, "_", " ")) }

func capital(text string) string {
	if text == "" {
		return ""
	}
	return strings.ToUpper(text[:1]) + text[1:]
}

// figure writes a value with two decimals at most.
func figure(v *float64) string {
	if v == nil {
		return none
	}
	return strconv.FormatFloat(math.Round(*v*100)/100, 'f', -1, 64)
}

// bar returns the width of a bar for a share of 100, 0 if it is unknown.
func bar(v *float64) string {
	if v == nil {
		return "0"
	}
	return strconv.FormatFloat(min(100, max(0, *v)), 'f', 1, 64)
}

// level says how a figure compares with its target, for the colour and for the sign that repeats it.
func level(v *float64, good, fair float64) string {
	switch {
	case v == nil:
		return "unknown"
	case good > fair && *v >= good, good < fair && *v <= good:
		return "good"
	case good > fair && *v >= fair, good < fair && *v <= fair:
		return "fair"
	}
	return "poor"
}

// samples says why a figure is missing.
func samples(n uint64) string {
	return "from " + grouped(strconv.FormatUint(n, 10)) + " samples; 100 are needed"
}

// target writes what an audited operation applied to, as name: value.
func target(raw json.RawMessage) string {
	var members map[string]any
	if err := json.Unmarshal(raw, &members); err != nil || len(members) == 0 {
		return none
	}
	var parts []string
	for _, name := range []string{"layer", "identifier", "pattern", "article_id", "source_name", "dependency", "items"} {
		switch v := members[name].(type) {
		case nil:
		case float64:
			parts = append(parts, strings.TrimSuffix(name, "_id")+" "+strconv.FormatFloat(v, 'f', -1, 64))
		default:
			parts = append(parts, strings.TrimSuffix(name, "_name")+" "+fmt.Sprint(v))
		}
		delete(members, name)
	}
	for _, name := range slices.Sorted(maps.Keys(members)) { // of operations that this release does not know
		parts = append(parts, fmt.Sprint(name, " ", members[name]))
	}
	return strings.Join(parts, ", ")
}

// dict makes the arguments of a nested template: name, value, name, value.
func dict(pairs ...any) (map[string]any, error) {
	out := map[string]any{}
	for pair := range slices.Chunk(pairs, 2) {
		name, ok := pair[0].(string)
		if !ok || len(pair) != 2 {
			return nil, fmt.Errorf("dict: %v is no name with a value", pair)
		}
		out[name] = pair[1]
	}
	return out, nil
}

// unused names the layers that have not been read.
func unused(layers []admin.LayerOverview) string {
	var names []string
	for _, l := range layers {
		if !l.Used() {
			names = append(names, l.Name)
		}
	}
	slices.Sort(names)
	return strings.Join(names, ", ")
}
