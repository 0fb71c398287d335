package httpapi

import (
	"bytes"
	"encoding/json"
	"errors"
	"reflect"
	"strings"
	"testing"
	"unicode/utf8"
)

func TestBadTextIsFound(t *testing.T) {
	t.Parallel()
	for in, want := range map[string][]any{
		`{"a": "ok", "b": ["x", {"c": "T` + "\xff" + `"}]}`: {"b", 1, "c"},
		`{"a": "\ud800"}`:                              {"a"},
		`{"a": "x\udc00"}`:                             {"a"},
		`{"a": "\ud800\ud800\udc00"}`:                  {"a"},
		`{"a": "\ud800\\udc00"}`:                       {"a"},
		`{"a": "\ud83d x \ude00"}`:                     {"a"},
		`{"a": "\uD83D\uDE00", "b": 1, "c": "\uDFFF"}`: {"c"},
		`{"a": {"\udead": 1}}`:                         {"a", "\ufffd"},
		`["x", ["\u0000"]]`:                            {1, 0},
		"\"\xc3\"":                                     {},
		`{"a": "` + "\xed\xa0\x80" + `"}`:              {"a"},
	} {
		where, err := findBadText([]byte(in))
		if !errors.Is(err, errNoText) || !reflect.DeepEqual(where, want) {
			t.Errorf("%s: %v %v, want %v", in, where, err, want)
		}
	}
	for _, in := range []string{
		`{"a": "\ud83d\ude00 \\ud800 \" é \u00e9 \n"}`, `"\\"`, `[]`, `7`, ``, `{"a": [1, 2, {"b": null}], "c": "\\\\u0000"}`,
		strings.Repeat("[", mostDepth) + strings.Repeat("]", mostDepth), `"` + strings.Repeat("[", 500) + `"`,
	} {
		if where, err := findBadText([]byte(in)); err != nil {
			t.Errorf("%.80s: %v %v", in, where, err)
		}
	}
	for _, in := range []string{strings.Repeat("[", mostDepth+1), strings.Repeat(`{"a":[`, mostDepth), `["\ud800",` + strings.Repeat("[", mostDepth)} {
		if _, err := findBadText([]byte(in)); !errors.Is(err, errTooDeep) {
			t.Errorf("%.80s: %v", in, err)
		}
	}
}

// TestMembersAreGivenOnce: of two members of one name, nobody knows which was meant.
func TestMembersAreGivenOnce(t *testing.T) {
	t.Parallel()
	for in, want := range map[string][]any{
		`{"a": 1, "b": 2, "a": 1}`:          {"a"},
		`{"a": {"b": 1}, "\u0061": {}}`:     {"a"},
		`{"dry_run":true,"dry_run":false}`:  {"dry_run"},
		`{"": 1, "": 2}`:                    {""},
		`{"a": "a", "b": ["a"], "a": null}`: {"a"},
	} {
		if where, err := findBadText([]byte(in)); !errors.Is(err, errTwice) || !reflect.DeepEqual(where, want) {
			t.Errorf("%s: %v %v, want %v", in, where, err, want)
		}
	}
	for _, in := range []string{`{"a": "a", "A": "a", "b": {"a": {"a": 1}}}`, `[{"a": 1}, {"a": 1}]`, `{"a": {"b": 1, "b": 2}}`} {
		if where, err := findBadText([]byte(in)); err != nil {
			t.Errorf("%s: %v %v", in, where, err)
		}
	}
}

// FuzzBadText: nothing bad is found in JSON exactly when encoding/json reads it without loss and without a NUL.
func FuzzBadText(f *testing.F) {
	for _, s := range []string{`{"a": "\ud800"}`, `["\u0000", "x\"\\"]`, "\"\xff\"", `{"\ud83d\ude00": [1, {"b": "\udc00"}]}`} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		_, bad := findBadText(data)
		var v any
		if errors.Is(bad, errTooDeep) || errors.Is(bad, errTwice) || json.Unmarshal(data, &v) != nil {
			return
		}
		// encoding/json writes U+FFFD for invalid text, so inputs that contain it themselves are skipped.
		if bytes.Contains(data, []byte("\ufffd")) || bytes.Contains(bytes.ToLower(data), []byte(`\ufffd`)) {
			return
		}
		lossy := false
		var look func(any)
		text := func(s string) { lossy = lossy || strings.ContainsRune(s, utf8.RuneError) || strings.ContainsRune(s, 0) }
		look = func(v any) {
			switch v := v.(type) {
			case string:
				text(v)
			case []any:
				for _, e := range v {
					look(e)
				}
			case map[string]any:
				for name, e := range v {
					text(name)
					look(e)
				}
			}
		}
		look(v)
		if lossy && bad == nil {
			t.Fatalf("%q: nothing was found", data)
		}
		if !lossy && bad != nil && !bytes.Contains(data, []byte(`":`)) { // a member may have been overwritten by its namesake
			if _, object := v.(map[string]any); !object && !bytes.Contains(data, []byte("{")) {
				t.Fatalf("%q: %v", data, bad)
			}
		}
	})
}
