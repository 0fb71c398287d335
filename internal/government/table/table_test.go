package table

import (
	"encoding/csv"
	"encoding/json"
	"strings"
	"testing"
)

func TestValues(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		kind     Kind
		in, want string // "" = an error
	}{
		{Number, "123456789012345678901234567890.12345", "123456789012345678901234567890.12345"},
		{Money, " 3080250 ", "3080250"},
		{Money, "9000000000.5", "9000000000.5"},
		{Money, "1.5E+3", "1500"},
		{Number, "-0.50", "-0.5"},
		{Number, "1e999999999", ""},
		{Number, "1e-999999999", ""},
		{Number, "0x10", ""},
		{Number, "NaN", ""},
		{Number, "Inf", ""},
		{Number, "", ""},
		{Number, "1,5", ""},
		{Coordinate, "-75,581775", "-75.581775"},
		{Coordinate, "-75,581,775", "-75.581775"},
		{Coordinate, "6,246,631", "6.246631"},
		{Coordinate, "4.545", "4.545"},
		{Coordinate, "1000", ""},
		{Coordinate, ",", ""},
		{Date, "2023-09-18T00:00:00.000", "2023-09-18"},
		{Date, "20251201", "2025-12-01"},
		{Date, "2023-02-30", ""},
		{Date, "No Definido", ""},
		{Time, "2026-04-05T23:59:00.000", "2026-04-05T23:59:00-05:00"},
		{Time, "2026-08-17T09:22:03.000Z", "2026-08-17T04:22:03-05:00"},
		{Text, " a\xffb ", "a\uFFFDb"},
	} {
		got, err := Normal(c.kind, c.in)
		if (err == nil) != (c.want != "") || err == nil && got != c.want {
			t.Errorf("%s %q: %q, %v", c.kind, c.in, got, err)
		}
	}
}

func TestEveryDigitIsShown(t *testing.T) {
	t.Parallel()
	tab := &Table{Columns: []Column{{Name: "v", Kind: Money}, {Name: "t", Kind: Text}}, Rows: [][]*string{{Ref("12345678901234567890.01"), nil}, {nil, Ref("=1+1")}, {nil, Ref("a\"b,\n<c>")}}}
	b, err := json.Marshal(Rows{tab})
	if err != nil || !strings.HasPrefix(string(b), `[{"v":12345678901234567890.01,"t":null},{"v":null,"t":"=1+1"}`) {
		t.Errorf("%s, %v", b, err)
	}
	text, err := tab.CSV()
	if err != nil {
		t.Fatal(err)
	}
	lines, err := csv.NewReader(strings.NewReader(string(text))).ReadAll()
	if err != nil || len(lines) != 4 || lines[1][0] != "12345678901234567890.01" || lines[2][1] != "'=1+1" || lines[3][1] != "a\"b,\n<c>" {
		t.Errorf("%q, %v", lines, err)
	}
	if _, err := json.Marshal(Rows{&Table{Columns: []Column{{Name: "v", Kind: Number}}, Rows: [][]*string{{Ref(`1,"x":2`)}}}}); err == nil {
		t.Error("what is no number is written as one")
	}
}

func FuzzNormal(f *testing.F) {
	for _, s := range []string{"1", "-75,581,775", "2026-04-05T23:59:00.000", "1e99", ",,,", "0000000000000001"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		for _, k := range []Kind{Number, Coordinate, Date, Time, Text} {
			once, err := Normal(k, s)
			if err != nil {
				continue
			}
			if k.Numeric() && !json.Valid([]byte(once)) {
				t.Errorf("%s %q is %q, no JSON number", k, s, once)
			}
			if again, err := Normal(k, once); err != nil || again != once {
				t.Errorf("%s %q is %q, and then %q, %v", k, s, once, again, err)
			}
		}
	})
}
