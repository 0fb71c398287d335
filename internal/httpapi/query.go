package httpapi

import (
	"fmt"
	"maps"
	"math"
	"math/big"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humaecho"
	"golang.org/x/text/unicode/norm"
)

// Caps is the key of Operation.Metadata under which an operation lists upper bounds (map[string]int64, by parameter)
// to which larger values are silently reduced, as the original does with limit.
const Caps = "caps"

// canonicalQuery rewrites the query of a request into the canonical form that handlers and cache keys see: declared names
// only, the last of repeated values, numbers and booleans in canonical spelling, caps applied. It accepts what pydantic's lax
// mode accepts, and lists everything that it rejects, in the order of declaration.
func canonicalQuery(api huma.API) func(huma.Context, func(huma.Context)) {
	return func(ctx huma.Context, next func(huma.Context)) {
		req := humaecho.Unwrap(ctx).Request()
		for _, p := range ctx.Operation().Parameters {
			if p.In != "path" {
				continue
			}
			if strings.ContainsRune(ctx.Param(p.Name), '/') {
				write(api, ctx, NotFound(http.StatusText(http.StatusNotFound))) // the router's last parameter matches slashes too
				return
			}
			if allow := methodsOf(api.OpenAPI().Paths[req.URL.EscapedPath()]); allow != "" {
				ctx.SetHeader("Allow", allow) // and "search" would get the methods of an article of that name
				write(api, ctx, NewError(http.StatusMethodNotAllowed, http.StatusText(http.StatusMethodNotAllowed)))
				return
			}
		}
		if req.URL.RawQuery == "" && !requiresQuery(ctx.Operation()) {
			next(ctx)
			return
		}
		given := req.URL.Query()
		out := url.Values{}
		if len(ctx.Operation().Security) > 0 {
			humaecho.Unwrap(ctx).Set(unclearKey, unclear(ctx.Operation(), given))
		}
		var items []Item
		caps, _ := ctx.Operation().Metadata[Caps].(map[string]int64)
		for _, p := range ctx.Operation().Parameters {
			if p.In != "query" {
				continue
			}
			vs := given[p.Name]
			if len(vs) == 0 {
				if p.Required {
					items = append(items, Item{Type: "missing", Loc: []any{"query", p.Name}, Msg: "Field required"})
				}
				continue
			}
			canon, problems := canonicalValues(api, p, vs, caps)
			items = append(items, problems...)
			if len(canon) > 0 {
				out[p.Name] = canon
			}
		}
		if len(items) > 0 {
			write(api, ctx, &Error{status: http.StatusUnprocessableEntity, Detail: items})
			return
		}
		req.URL.RawQuery = out.Encode()
		next(ctx)
	}
}

// unclearKey is the context key that holds what is unclear about a query until the guard has admitted the request.
const unclearKey = "openlearn.unclear"

// unclear lists unknown parameters, and those given more than once that have one value.
func unclear(op *huma.Operation, given url.Values) (items []Item) {
	for _, name := range slices.Sorted(maps.Keys(given)) {
		shown := Shorten(strings.ToValidUTF8(name, "\uFFFD"))
		at := slices.IndexFunc(op.Parameters, func(p *huma.Param) bool { return p.In == "query" && p.Name == name })
		switch {
		case at < 0:
			items = append(items, Item{Type: "extra_forbidden", Loc: []any{"query", shown}, Msg: "Extra inputs are not permitted", Input: shown})
		case len(given[name]) > 1 && op.Parameters[at].Schema.Type != huma.TypeArray:
			items = append(items, valueItem(errTwice.Error(), nil, "query", shown))
		}
		if len(items) == mostItems {
			break
		}
	}
	return items
}

// refuseUnclear refuses them. With readers, unknown parameters are ignored and the last of several counts; an operator's may
// be a dry run that is overlooked.
func refuseUnclear(api huma.API) func(huma.Context, func(huma.Context)) {
	return func(ctx huma.Context, next func(huma.Context)) {
		items, _ := humaecho.Unwrap(ctx).Get(unclearKey).([]Item)
		if len(items) == 0 {
			next(ctx)
			return
		}
		write(api, ctx, InvalidItems(items))
	}
}

// methodsOf lists the methods of a path as the router does, "" if there are none.
func methodsOf(item *huma.PathItem) string {
	if item == nil {
		return ""
	}
	allow := http.MethodOptions
	for _, m := range []struct {
		op   *huma.Operation
		name string
	}{{item.Get, "GET, HEAD"}, {item.Post, http.MethodPost}, {item.Put, http.MethodPut}, {item.Patch, http.MethodPatch}, {item.Delete, http.MethodDelete}} {
		if m.op != nil {
			allow += ", " + m.name
		}
	}
	return allow
}

func requiresQuery(op *huma.Operation) bool {
	for _, p := range op.Parameters {
		if p.In == "query" && p.Required {
			return true
		}
	}
	return false
}

// canonicalValues are the canonical spellings of a parameter's values: of a list all, sorted and each once, else the last; none
// if it was not given. A list's schema applies to it as a whole, its lengths to each value.
func canonicalValues(api huma.API, p *huma.Param, raw []string, caps map[string]int64) (canon []string, items []Item) {
	if p.Schema.Type != huma.TypeArray {
		value, items := canonicalValue(api, p, raw[len(raw)-1], caps)
		if value == "" && p.In == "query" {
			return nil, items
		}
		return []string{value}, items
	}
	each := *p
	each.Schema = p.Schema.Items
	for _, r := range raw {
		value, problems := canonicalValue(api, &each, r, caps)
		items = append(items, problems...)
		if value != "" {
			canon = append(canon, value)
		}
	}
	slices.Sort(canon)
	canon = slices.Compact(canon)
	if most := p.Schema.MaxItems; most != nil && len(canon) > *most {
		items = append(items, Item{
			Type: "too_long", Loc: []any{"query", p.Name}, Msg: fmt.Sprintf("List should have at most %d items", *most), Ctx: map[string]any{"max_length": *most},
		})
	}
	return canon, items
}

// canonicalValue parses raw by the parameter's schema and returns its canonical spelling, "" if it was not given.
func canonicalValue(api huma.API, p *huma.Param, raw string, caps map[string]int64) (string, []Item) {
	loc := []any{"query", p.Name}
	var v any
	var canon string
	switch p.Schema.Type {
	case huma.TypeInteger:
		n, ok := laxInt(raw)
		if !ok {
			return "", []Item{itemAt(loc, raw, "invalid integer")}
		}
		if c, capped := caps[p.Name]; capped {
			n = min(n, c)
		}
		v, canon = n, strconv.FormatInt(n, 10)
	case huma.TypeNumber:
		f, ok := laxFloat(raw)
		if !ok {
			return "", []Item{itemAt(loc, raw, "invalid float")}
		}
		if math.IsNaN(f) || math.IsInf(f, 0) { // no stored value compares with them
			return "", []Item{{Type: "finite_number", Loc: loc, Msg: "Input should be a finite number", Input: raw}}
		}
		v, canon = f, strconv.FormatFloat(f, 'g', -1, 64)
	case huma.TypeBoolean:
		b, ok := laxBool(raw)
		if !ok {
			return "", []Item{itemAt(loc, raw, "invalid boolean")}
		}
		v, canon = b, strconv.FormatBool(b)
	default:
		if strings.ContainsRune(raw, 0) || !utf8.ValidString(raw) {
			return "", []Item{valueItem(plainText, strings.ToValidUTF8(raw, "\uFFFD"), loc...)}
		}
		if raw == "" {
			if p.Required {
				return "", []Item{{Type: "string_too_short", Loc: loc, Msg: "String should have at least 1 characters", Input: "", Ctx: map[string]any{"min_length": 1}}}
			}
			return "", nil // FastAPI passes "" on, and the original took it as "no filter"
		}
		raw = norm.NFC.String(raw) // as stored texts are
		if p.Schema.Extensions[canonicalDate] != nil {
			var d Date
			if d.UnmarshalText([]byte(raw)) == nil { // else the handler's own parser reports the error
				raw = d.String()
			}
		}
		v, canon = raw, raw
	}
	res := &huma.ValidateResult{}
	path := huma.NewPathBuffer(make([]byte, 0, 64), 0)
	path.Push("query")
	path.Push(p.Name)
	huma.Validate(api.OpenAPI().Components.Schemas, p.Schema, path, huma.ModeWriteToServer, v, res)
	var items []Item
	for _, err := range res.Errors {
		if d, ok := err.(huma.ErrorDetailer); ok {
			it := itemOf(d.ErrorDetail())
			it.Input = raw
			items = append(items, it)
		}
	}
	return canon, items
}

func itemAt(loc []any, input, msg string) Item {
	it := itemOf(&huma.ErrorDetail{Message: msg, Value: input})
	it.Loc = loc
	return it
}

func write(api huma.API, ctx huma.Context, e *Error) {
	ctx.SetHeader("Content-Type", "application/json")
	ctx.SetStatus(e.status)
	if err := api.Marshal(ctx.BodyWriter(), "application/json", e); err != nil {
		reportCause(ctx, err)
	}
}

// laxDigits is what pydantic's lax mode accepts as an int: sign, digits with single underscores in between, a zero fraction.
var laxDigits = regexp.MustCompile(`^([+-]?)([0-9]+(?:_[0-9]+)*)(?:\.0*)?$`)

// laxInt parses like pydantic's lax int. Numbers beyond 64 bits saturate: they are valid, and bounds apply afterwards.
func laxInt(s string) (int64, bool) {
	m := laxDigits.FindStringSubmatch(strings.TrimSpace(s))
	if m == nil || len(s) > 4300 {
		return 0, false
	}
	n, ok := new(big.Int).SetString(m[1]+strings.ReplaceAll(m[2], "_", ""), 10)
	switch {
	case !ok:
		return 0, false
	case n.IsInt64():
		return n.Int64(), true
	case n.Sign() < 0:
		return math.MinInt64, true
	default:
		return math.MaxInt64, true
	}
}

var laxNumber = regexp.MustCompile(`^[+-]?([0-9]+(?:_[0-9]+)*\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?$`)

// laxFloat parses like Python's float(): exponents, inf and nan included, hexadecimal excluded.
func laxFloat(s string) (float64, bool) {
	s = strings.TrimSpace(s)
	switch strings.ToLower(strings.TrimLeft(s, "+-")) {
	case "nan", "inf", "infinity":
	default:
		if !laxNumber.MatchString(s) {
			return 0, false
		}
	}
	f, err := strconv.ParseFloat(strings.ReplaceAll(s, "_", ""), 64)
	if err != nil && !math.IsInf(f, 0) {
		return 0, false
	}
	if f == 0 {
		f = 0 // -0 and 0 are one value and one cache key
	}
	return f, true
}

// laxBool parses like pydantic's lax bool.
func laxBool(s string) (value, ok bool) {
	switch strings.ToLower(strings.TrimSpace(s)) {
	case "1", "t", "true", "y", "yes", "on":
		return true, true
	case "0", "f", "false", "n", "no", "off":
		return false, true
	}
	return false, false
}
