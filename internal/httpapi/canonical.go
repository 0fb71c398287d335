package httpapi

import (
	"encoding"
	"fmt"
	"net/url"
	"reflect"
	"strconv"
	"strings"

	"github.com/danielgtaylor/huma/v2"
)

// Canonical brings the parameters of GET path (its template: "/api/articles/{id}") into the form that the handler will
// see, without those that only repeat a default, so that two requests with the same meaning are equal. ok is false for
// parameters that the handler will refuse.
func (a *API) Canonical(path string, pathValue func(string) string, given url.Values) (query url.Values, pathValues map[string]string, ok bool) {
	item := a.OpenAPI().Paths[path]
	if item == nil || item.Get == nil {
		return nil, nil, false
	}
	query, pathValues = url.Values{}, map[string]string{}
	caps, _ := item.Get.Metadata[Caps].(map[string]int64)
	for _, p := range item.Get.Parameters {
		var raw []string
		switch p.In {
		case "path":
			raw = []string{pathValue(p.Name)}
		case "query":
			raw = given[p.Name]
		default:
			continue
		}
		if len(raw) == 0 {
			if p.Required {
				return nil, nil, false
			}
			continue
		}
		values, problems := canonicalValues(a.API, p, raw, caps)
		switch {
		case len(problems) > 0:
			return nil, nil, false
		case p.In == "path":
			pathValues[p.Name] = values[0]
		case len(values) > 0 && (len(values) > 1 || values[0] != fmt.Sprint(p.Schema.Default)):
			query[p.Name] = values
		}
	}
	return query, pathValues, true
}

// Decode reads canonical parameters into a handler's input type, as huma would: fields tagged path or query, with their
// defaults. It is for callers that need a request's meaning without handling it, to know what its answer depends on.
func Decode[I any](pathValue func(string) string, query url.Values) (I, error) {
	var in I
	err := decodeInto(reflect.ValueOf(&in).Elem(), pathValue, query)
	return in, err
}

func decodeInto(v reflect.Value, pathValue func(string) string, query url.Values) error {
	for i := range v.NumField() {
		f, t := v.Field(i), v.Type().Field(i)
		raw, given := "", false
		if name := t.Tag.Get("path"); name != "" {
			raw, given = pathValue(name), true
		} else if name, _, list := strings.Cut(t.Tag.Get("query"), ",explode"); list {
			f.Set(reflect.ValueOf(query[name]))
			continue
		} else if name != "" {
			raw, given = query.Get(name), query.Has(name)
		} else if t.Anonymous {
			if err := decodeInto(f, pathValue, query); err != nil {
				return err
			}
			continue
		} else {
			continue
		}
		if !given {
			if raw = t.Tag.Get("default"); raw == "" {
				continue
			}
		}
		target := f
		opt, isOpt := f.Addr().Interface().(huma.ParamWrapper)
		if isOpt {
			target = opt.Receiver()
		}
		if err := setValue(target, raw); err != nil {
			return fmt.Errorf("parameter %s: %w", t.Name, err)
		}
		if isOpt {
			f.Addr().Interface().(huma.ParamReactor).OnParamSet(true, nil)
		}
	}
	return nil
}

func setValue(v reflect.Value, raw string) error {
	if text, ok := v.Addr().Interface().(encoding.TextUnmarshaler); ok {
		return text.UnmarshalText([]byte(raw))
	}
	switch v.Kind() {
	case reflect.String:
		v.SetString(raw)
	case reflect.Int, reflect.Int64:
		n, err := strconv.ParseInt(raw, 10, 64)
		v.SetInt(n)
		return err
	case reflect.Float64:
		f, err := strconv.ParseFloat(raw, 64)
		v.SetFloat(f)
		return err
	case reflect.Bool:
		b, err := strconv.ParseBool(raw)
		v.SetBool(b)
		return err
	default:
		return fmt.Errorf("cannot hold a parameter: %s", v.Type())
	}
	return nil
}
