package extract

import (
	"encoding/json"
	"slices"
	"strconv"
	"strings"

	"openlearn/internal/scraping/source"
)

// flightChunks appends the strings that a script of React's flight protocol pushes.
func flightChunks(script string, out *strings.Builder) {
	for range 4096 {
		at := strings.Index(script, "__next_f.push(")
		if at < 0 {
			return
		}
		script = script[at+len("__next_f.push("):]
		var push []any
		if json.NewDecoder(strings.NewReader(script)).Decode(&push) != nil || len(push) < 2 {
			continue
		}
		if chunk, ok := push[1].(string); ok {
			out.WriteString(chunk)
		}
	}
}

// flight reads the rows of a flight stream: `id:json` to the end of the line, or `id:Tlength,text`.
func (r *stateReader) flight(stream string) {
	r.texts = map[string]string{}
	var rows []string
	for stream != "" {
		id, rest, found := strings.Cut(stream, ":")
		if !found {
			break
		}
		if len(rest) > 0 && rest[0] == 'T' {
			length, text, found := strings.Cut(rest[1:], ",")
			n, err := strconv.ParseUint(length, 16, 31)
			if found && err == nil {
				end := min(int(n), len(text))
				r.texts["$"+strings.TrimSpace(id)] = text[:end]
				stream = text[end:]
				continue
			}
		}
		var row string
		row, stream, _ = strings.Cut(rest, "\n")
		rows = append(rows, row)
	}
	for _, row := range rows {
		if strings.HasPrefix(row, "[") || strings.HasPrefix(row, "{") {
			r.decode(row)
		}
	}
	ids := make([]string, 0, len(r.texts))
	for id := range r.texts {
		ids = append(ids, id)
	}
	slices.Sort(ids)
	for _, id := range ids { // a text that no object with a title refers to
		r.take(splitMarkup(r.texts[id]), nil)
	}
}

// resolve follows a reference to a text of the flight stream.
func (r *stateReader) resolve(s string) string {
	if len(s) < 10 && strings.HasPrefix(s, "$") {
		if text, known := r.texts[s]; known {
			return text
		}
	}
	return s
}

// A rendered element of a flight stream: ["$", tag, key, {children: …}].
type rendered struct {
	tag      string
	children any
	markup   string
}

func flightElement(list []any) (rendered, bool) {
	if len(list) < 4 || list[0] != "$" {
		return rendered{}, false
	}
	tag, _ := list[1].(string)
	props, ok := list[3].(map[string]any)
	if !ok {
		return rendered{}, false
	}
	e := rendered{tag: tag, children: props["children"]}
	if inner, ok := props["dangerouslySetInnerHTML"].(map[string]any); ok {
		e.markup, _ = inner["__html"].(string)
	}
	return e, true
}

func (e rendered) paragraphs(depth int, r *stateReader) []string {
	switch e.tag {
	case "nav", "aside", "footer", "figure", "button", "form", "script", "style", "head", "svg":
		return nil
	case "p", "li", "h2", "h3", "h4", "blockquote":
		var b strings.Builder
		r.inlineText(e.children, &b, 0)
		if line := source.CleanInline(b.String()); line != "" {
			return []string{line}
		}
		return nil
	}
	if e.markup != "" {
		return splitMarkup(r.resolve(e.markup))
	}
	if list, ok := e.children.([]any); ok {
		return paragraphsOf(list, depth+1, r)
	}
	return nil
}

func (r *stateReader) inlineText(v any, b *strings.Builder, depth int) {
	switch v := v.(type) {
	case string:
		b.WriteString(r.resolve(v))
	case []any:
		if depth > 12 {
			return
		}
		if e, ok := flightElement(v); ok {
			r.inlineText(e.children, b, depth+1)
			return
		}
		for _, e := range v {
			r.inlineText(e, b, depth+1)
		}
	}
}
