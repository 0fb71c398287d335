package sdmx

import (
	"errors"
	"os"
	"strings"
	"testing"

	"openlearn/internal/government/table"
	"openlearn/internal/government/upstream"
)

const recorded = "../replay/testdata/banrep_sdmx_DF_UVR_DAILY_LATEST.synthetic.xml"

func TestPeriodsInAnyForm(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{
		"20261009": "2026-10-09", "2026-10-09": "2026-10-09", "2026-10": "2026-10", "202610": "2026-10", "2026": "2026", "2026-Q4": "2026-Q4", "2026T1": "2026-Q1",
		"": "", "26": "", "2026-13-01": "", "20260230": "", "2026-Q5": "", "next": "",
	} {
		got, err := Period(in)
		if (err == nil) != (want != "") || err == nil && got != want {
			t.Errorf("%q: %q, %v", in, got, err)
		}
	}
}

func TestMessages(t *testing.T) {
	t.Parallel()
	body, err := os.ReadFile(recorded)
	if err != nil {
		t.Fatal(err)
	}
	got, err := Parse(strings.NewReader(string(body)))
	if err != nil || len(got.Rows) != 4 || got.Cell(0, "period") != "2026-10-08" || got.Cell(0, "value") != "420.1234" || got.Cell(2, "unit") != "APC" || got.Rows[3][1] != nil {
		t.Errorf("%v, %v", got.Rows, err)
	}
	for text, kind := range map[string]upstream.Kind{
		`<message:Error xmlns:message="m"><message:ErrorMessage code="500"/></message:Error>`: upstream.Reported, `<html><body/></html>`: "", ``: "", `<GenericData>`: "",
		string(body[:len(body)/2]): "", `<GenericData><Obs><ObsDimension value="never"/></Obs></GenericData>`: "",
	} {
		_, err := Parse(strings.NewReader(text))
		e, ok := errors.AsType[*upstream.Error](err)
		if err == nil || kind != "" && (!ok || e.Kind != kind) {
			t.Errorf("%.60s: %v", text, err)
		}
	}
}

func FuzzParse(f *testing.F) {
	body, err := os.ReadFile(recorded)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(string(body))
	f.Add(`<GenericData><Series><SeriesKey><Value id="FREQ" value="D"/></SeriesKey><Obs><ObsDimension value="2026"/><ObsValue value="NaN"/></Obs></Series></GenericData>`)
	f.Fuzz(func(t *testing.T, s string) {
		got, err := Parse(strings.NewReader(s))
		if err != nil {
			return
		}
		if err := got.Valid(); err != nil {
			t.Error(err)
		}
		if _, err := (table.Rows{Table: &got}).MarshalJSON(); err != nil {
			t.Error(err)
		}
	})
}
