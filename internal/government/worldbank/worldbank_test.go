package worldbank

import (
	"errors"
	"testing"

	"openlearn/internal/government/table"
	"openlearn/internal/government/upstream"
)

func TestAnswersAndWhatIsNone(t *testing.T) {
	t.Parallel()
	const page = `{"page":1,"pages":1,"per_page":500,"total":1}`
	for body, kind := range map[string]upstream.Kind{
		`[` + page + `,[{"indicator":{"id":"A.B","value":"a"},"date":"2025","value":null}]]`: "", `[{"page":0,"pages":0},null]`: "",
		`[{"message":[{"id":"120","key":"Invalid value","value":"x"}]}]`: upstream.Refused, `[{"message":[{"id":"199","key":"x","value":"y"}]}]`: upstream.Reported,
		`<html>`: upstream.NotData, `[]`: upstream.Malformed, `[{}]`: upstream.Malformed, `{}`: upstream.Malformed, `[{"page":1,"pages":2},[]]`: upstream.Malformed,
		`[` + page + `,[{"date":"2025M01","value":1}]]`: upstream.Malformed, `[` + page + `,[{"date":"2025","value":1`: upstream.Malformed,
	} {
		_, err := decode(&upstream.Answer{Status: 200, Body: []byte(body)})
		got := upstream.Kind("")
		if err != nil {
			got = upstream.Malformed
			if e, ok := errors.AsType[*upstream.Error](err); ok {
				got = e.Kind
			}
		}
		if got != kind {
			t.Errorf("%s: %q, %v; want %q", body, got, err, kind)
		}
	}
	for id, ok := range map[string]bool{"FP.CPI.TOTL.ZG": true, "SP.POP.TOTL": true, "": false, "gdp": false, "A": false, "A..B": false, "A.B/../C": false, "A.B?x=1": false} {
		if ValidID(id) != ok {
			t.Errorf("%q: %v", id, !ok)
		}
	}
}

func FuzzDecode(f *testing.F) {
	f.Add(`[{"page":1,"pages":1},[{"indicator":{"id":"A.B","value":"a"},"date":"2025","value":6.6}]]`)
	f.Add(`[{"message":[{"id":"120"}]}]`)
	f.Fuzz(func(t *testing.T, s string) {
		got, err := decode(&upstream.Answer{Status: 200, Body: []byte(s)})
		if err != nil {
			return
		}
		if err := got.Valid(); err != nil {
			t.Error(err)
		}
		if _, err := (table.Rows{Table: &got}).MarshalJSON(); err != nil {
			t.Errorf("%q: %v", s, err)
		}
	})
}
