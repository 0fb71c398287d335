package importer

import (
	"encoding/json"
	"strings"
	"testing"
)

// TestWhatAWriterMaySendIsKept: names and metadata are any JSON, as the API takes them.
func TestWhatAWriterMaySendIsKept(t *testing.T) {
	t.Parallel()
	for value, kept := range map[string]bool{
		`{"institutions": ["DANE"]}`: true, `["DANE"]`: true, `7`: true, `"x"`: true, `true`: true, `[]`: true, `{}`: true, `null`: false,
		`{"a":"\\u0000"}`: true, `"\ud83d\ude00"`: true, `1e300`: true, `-1.5e-300`: true, `123456789012345678901234567890`: true,
		`{"a":"\u0000"}`: false, `{"\u0000":1}`: false, `"\ud83d"`: false, `"\ude00\ud83d"`: false, `"\ud83d\u0041"`: false, `"\ud83d x"`: false, "\"\xff\"": false,
		`1e200000`: false, `[-1e-99999999999999999999]`: false,
		strings.Repeat("[", 100) + strings.Repeat("]", 100): true, strings.Repeat("[", 101) + strings.Repeat("]", 101): false,
	} {
		d := newDecoder().decode(line{number: 1, bytes: []byte(`{"source":"S","title":"T","text":"x","colombian_entities":` + value + `,"extra_metadata":` + value + `}`)})
		if !d.ok {
			t.Fatalf("%s: %v", value, d.issues)
		}
		for name, got := range map[string]json.RawMessage{"colombian_entities": d.record.Entities, "extra_metadata": d.record.Metadata} {
			if kept && string(got) != value || !kept && got != nil {
				t.Errorf("%s: %q was kept of %s", name, got, value)
			}
		}
		if told := len(d.issues) > 0; told == (kept || value == "null") {
			t.Errorf("%s: warnings %v", value, d.issues)
		}
	}
}
