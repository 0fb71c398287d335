package soda

import (
	"encoding/json"
	"errors"
	"testing"

	"openlearn/internal/government/table"
	"openlearn/internal/government/upstream"
)

var columns = []table.Column{{Name: "t", Kind: table.Text}, {Name: "n", Kind: table.Money}, {Name: "d", Kind: table.Date}, {Name: "u", Kind: table.URL}}

func TestAnswersAndWhatIsNone(t *testing.T) {
	t.Parallel()
	for body, kind := range map[string]upstream.Kind{
		`[]`: "", ` [{"t":"a","n":"1.50","d":"2026-01-02T00:00:00.000","u":{"url":"https://x"}},{}]`: "", `[{"n":12345678901234567890.5,"t":null,"other":[1]}]`: "", `[{"n":"No Definido"}]`: "",
		``: upstream.Malformed, `null`: upstream.Malformed, `[{"t":"a"`: upstream.Malformed, `[1]`: upstream.Malformed, `[] []`: upstream.Malformed, `{}`: upstream.Malformed, `[{"t":["a"]}]`: upstream.Malformed,
		`<html>`: upstream.NotData, "\n<!doctype html>": upstream.NotData,
		`{"code":"internal_error","error":true,"message":"x"}`: upstream.Reported, `{"message":"x","errorCode":"query.timeout","data":{}}`: upstream.Reported,
	} {
		_, err := decode(&upstream.Answer{Status: 200, Body: []byte(body)}, columns)
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
	for body, kind := range map[string]upstream.Kind{
		`{"code":"permission_denied","error":true,"message":"Invalid app_token specified"}`: upstream.Denied, `{"message":"No such column: x","errorCode":"query.soql.no-such-column","data":{}}`: upstream.Refused,
		`<html>Forbidden`: upstream.NotData, `[]`: upstream.Status,
	} {
		_, err := decode(&upstream.Answer{Status: 403, Body: []byte(body)}, columns)
		if e, ok := errors.AsType[*upstream.Error](err); !ok || e.Kind != kind {
			t.Errorf("403 %s: %v, want %s", body, err, kind)
		}
	}
}

func FuzzDecode(f *testing.F) {
	for _, s := range []string{`[]`, `[{"t":"a","n":"1.50","d":"2026-01-02T00:00:00.000","u":{"url":"https://x"}}]`, `{"code":"x"}`, `<html>`, `[{"n":1e400}]`} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		rows, err := decode(&upstream.Answer{Status: 200, Body: []byte(s)}, columns)
		if err != nil {
			return
		}
		tab := table.Table{Columns: columns, Rows: rows}
		if err := tab.Valid(); err != nil {
			t.Error(err)
		}
		if _, err := json.Marshal(table.Rows{Table: &tab}); err != nil {
			t.Errorf("%q: %v", s, err)
		}
		if _, _, err := decodeCatalog(&upstream.Answer{Status: 200, Body: []byte(s)}); err == nil {
			t.Logf("%q is a catalogue, too", s)
		}
	})
}
