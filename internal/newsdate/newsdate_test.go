package newsdate

import (
	"bufio"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

func TestParse(t *testing.T) {
	t.Parallel()
	const zone, clock = 1, 2
	cases := []struct {
		in, want string // want in UTC
		has      int
	}{
		// RFC 3339, whole and in parts
		{"2025-10-28T08:55:00-05:00", "2025-10-28T13:55:00Z", zone | clock},
		{"2025-10-28T08:55-05:00", "2025-10-28T13:55:00Z", zone | clock},
		{"2025-10-28T13:55:00.123Z", "2025-10-28T13:55:00.123Z", zone | clock},
		{"2025-10-28t13:55:00z", "2025-10-28T13:55:00Z", zone | clock},
		{"2025-10-28T08:55:00-0500", "2025-10-28T13:55:00Z", zone | clock},
		{"2025-10-28T08:55:00-05", "2025-10-28T13:55:00Z", zone | clock},
		{"2025-10-28T08:55:00", "2025-10-28T13:55:00Z", clock},
		{"2025-10-28 08:55", "2025-10-28T13:55:00Z", clock},
		{"2025-10-28", "2025-10-28T05:00:00Z", 0},
		{"2025/10/28", "2025-10-28T05:00:00Z", 0},
		{"2025-10-28 UTC", "2025-10-28T00:00:00Z", zone},
		{"2025-10-28T24:00:00Z", "2025-10-29T00:00:00Z", zone | clock},
		{"2016-12-31T23:59:60Z", "2016-12-31T23:59:59Z", zone | clock},
		{"2025-10-28T08:55-05:00[America/Bogota]", "2025-10-28T13:55:00Z", zone | clock},
		{"2025-10-28 08:55:00 -0500 -05", "2025-10-28T13:55:00Z", zone | clock},
		{"2025-10-28 08:55:00 +0000 UTC", "2025-10-28T08:55:00Z", zone | clock},
		{"2022-5-5 22:17:36", "2022-05-06T03:17:36Z", clock},
		{"2020-02-07 15:58:02", "2020-02-07T20:58:02Z", clock},
		{"2025-10-28 08:55:00,5", "2025-10-28T13:55:00.5Z", clock},
		{"1992-08-01 10:00", "1992-08-01T14:00:00Z", clock}, // Colombia's only summer time
		// RSS and its relatives
		{"Tue, 28 Oct 2025 08:55:00 -0500", "2025-10-28T13:55:00Z", zone | clock},
		{"Tue, 28 Oct 2025 13:55:00 GMT", "2025-10-28T13:55:00Z", zone | clock},
		{"28 Oct 25 13:55 UT", "2025-10-28T13:55:00Z", zone | clock},
		{"Tue, 28 Oct 2025 08:55:00 EST", "2025-10-28T13:55:00Z", zone | clock},
		{"Sunday, 06-Nov-94 08:49:37 GMT", "1994-11-06T08:49:37Z", zone | clock},
		{"Sun Nov  6 08:49:37 1994", "1994-11-06T13:49:37Z", clock},
		{"28 de octubre de 2025, 12:00 del mediodía", "2025-10-28T17:00:00Z", clock},
		{"28 de octubre de 2025 al mediodía", "2025-10-28T17:00:00Z", clock},
		{"28 de octubre de 2025 a medianoche", "2025-10-28T05:00:00Z", clock},
		{"28 de octubre de 2025, 8:30 de la noche", "2025-10-29T01:30:00Z", clock},
		{"Mar, 28 Oct 2025 08:55:00 COT", "2025-10-28T13:55:00Z", zone | clock},
		{"Tue Oct 28 08:55:00 COT 2025", "2025-10-28T13:55:00Z", zone | clock},
		{"Tue Oct 28 2025 08:55:00 GMT-0500 (hora estándar de Colombia)", "2025-10-28T13:55:00Z", zone | clock},
		{"Mar, 28 oct 2025 08:55:00 -0500", "2025-10-28T13:55:00Z", zone | clock},
		// prose
		{"28 oct 2025 - 8:55 p. m.", "2025-10-29T01:55:00Z", clock},
		{"28 oct. 2025 - 8:55 a. m.", "2025-10-28T13:55:00Z", clock},
		{"28 de octubre de 2025", "2025-10-28T05:00:00Z", 0},
		{"03 de septiembre de 2025", "2025-09-03T05:00:00Z", 0},
		{"4 de Septiembre de 2025", "2025-09-04T05:00:00Z", 0},
		{"Martes, 28 de octubre del 2025, a las 20:55 h.", "2025-10-29T01:55:00Z", clock},
		{"miércoles 1º de mayo de 2024 | 12:05 a. m.", "2024-05-01T05:05:00Z", clock},
		{"primero de enero de 2024", "2024-01-01T05:00:00Z", 0},
		{"12:00 m. 28 de octubre de 2025", "2025-10-28T17:00:00Z", clock},
		{"8:55 PM - 28 oct 2025", "2025-10-29T01:55:00Z", clock},
		{"Octubre 28 de 2025", "2025-10-28T05:00:00Z", 0},
		{"October 28, 2025 at 8:55 pm", "2025-10-29T01:55:00Z", clock},
		{"Jun 19 2024", "2024-06-19T05:00:00Z", 0},
		{"Publicado: 5 de setiembre de 2023 9 a.m.", "2023-09-05T14:00:00Z", clock},
		{"Actualizado el 5/sep/2023 21h10", "2023-09-06T02:10:00Z", clock},
		{"2025-oct-28", "2025-10-28T05:00:00Z", 0},
		{"28 oct 2025, 08.49.37", "2025-10-28T13:49:37Z", clock},
		{"28 oct 2025 20:55 p. m.", "2025-10-29T01:55:00Z", clock},
		{"28 de octubre de 2025 · 10:30 hora colombiana", "2025-10-28T15:30:00Z", clock},
		{"\u00a028\u00a0de\u00a0octubre de\u00a02025 ", "2025-10-28T05:00:00Z", 0},
		// numbers
		{"15/03/2021", "2021-03-15T05:00:00Z", 0},
		{"15-3-2021 10:30 pm", "2021-03-16T03:30:00Z", clock},
		{"15.03.21", "2021-03-15T05:00:00Z", 0},
		{"05/06/2021", "2021-06-05T05:00:00Z", 0},
		{"03/15/2021", "2021-03-15T05:00:00Z", 0},
		{"1761659700", "2025-10-28T13:55:00Z", zone | clock},
		{"1761659700123", "2025-10-28T13:55:00.123Z", zone | clock},
		{"20251028", "2025-10-28T05:00:00Z", 0},
		{"202510280855", "2025-10-28T13:55:00Z", clock},
		{"20251028085501", "2025-10-28T13:55:01Z", clock},
	}
	for _, c := range cases {
		d, err := Parse(c.in, nil)
		if err != nil {
			t.Errorf("Parse(%q): %v", c.in, err)
			continue
		}
		if got := d.Time.Format(time.RFC3339Nano); got != c.want || d.HasZone != (c.has&zone != 0) || d.HasTime != (c.has&clock != 0) {
			t.Errorf("Parse(%q) = %s zone=%v time=%v, want %s", c.in, got, d.HasZone, d.HasTime, c.want)
		}
	}
}

func TestParseInAnotherZone(t *testing.T) {
	t.Parallel()
	madrid, err := time.LoadLocation("Europe/Madrid")
	if err != nil {
		t.Fatal(err)
	}
	d, err := Parse("15/07/2021 10:00", madrid)
	if err != nil || d.Time.Format(time.RFC3339) != "2021-07-15T08:00:00Z" {
		t.Errorf("got %v, %v", d.Time, err)
	}
}

func TestParseRefuses(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]error{
		"": ErrFormat, "  ": ErrFormat, "ayer": ErrFormat, "hace 2 horas": ErrFormat, "28 oct": ErrFormat, "2025": ErrFormat,
		"null": ErrFormat, "10:30": ErrFormat, "5 razones para leer en mayo de 2025": ErrFormat, "13 mayo": ErrFormat,
		"2025-10-28 y 2 más": ErrFormat, "123": ErrFormat, "Tue, 28 Oct 2025 08:55:00 XYZ": ErrFormat,
		strings.Repeat("2025-10-28 ", 100): ErrFormat,
		"0001-01-01T00:00:00Z":             ErrImplausible, "9999-12-31": ErrImplausible, "1899-12-30": ErrImplausible,
		"2025-02-29": ErrImplausible, "31 de abril de 2025": ErrImplausible, "2025-13-01": ErrImplausible, "32/01/2025": ErrImplausible,
		"2025-10-28T25:00:00Z": ErrImplausible, "2025-10-28T10:61:00Z": ErrImplausible, "2025-10-28T10:00:00+19:00": ErrImplausible,
		"9999999999": ErrImplausible, "28 oct 2025 3:00 m.": ErrImplausible,
	} {
		if d, err := Parse(in, nil); !errors.Is(err, want) {
			t.Errorf("Parse(%.40q) = %v, %v, want %v", in, d.Time, err, want)
		}
	}
}

// The dates of the collected articles have the forms that occur in the wild; nearly all of them must be read.
func TestParseCollectedArticles(t *testing.T) {
	t.Parallel()
	root := os.Getenv("OPENLEARN_DATA")
	if root == "" {
		t.Skip("OPENLEARN_DATA is not set: the collected articles are not here")
	}
	f, err := os.Open(filepath.Join(root, "data", "news", "articles.jsonl"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	total, read := 0, 0
	lines := bufio.NewScanner(f)
	lines.Buffer(nil, 1<<24)
	for lines.Scan() {
		var a struct{ Date *string }
		if err := json.Unmarshal(lines.Bytes(), &a); err != nil {
			t.Fatal(err)
		}
		if a.Date == nil {
			continue
		}
		total++
		d, err := Parse(*a.Date, nil)
		if err != nil {
			t.Log(err)
			continue
		}
		if y := d.Time.Year(); y < 1990 || y > 2026 {
			t.Errorf("%q read as %v", *a.Date, d.Time)
		}
		read++
	}
	if err := lines.Err(); err != nil {
		t.Fatal(err)
	}
	t.Logf("read %d of %d dates", read, total)
	if total == 0 || float64(read) < 0.99*float64(total) {
		t.Errorf("read %d of %d dates, want 99 %%", read, total)
	}
}

func FuzzParse(f *testing.F) {
	for _, s := range []string{
		"2025-10-28T08:55-05:00", "2022-5-5 22:17:36", "28 oct 2025 - 8:55 p. m.", "28 de octubre de 2025", "15/03/2021",
		"Sun Nov  6 08:49:37 1994", "1761659700", "Tue, 28 Oct 2025 08:55:00 GMT-0500 (x)", "12:00 m. 1º de mayo de 2024", "20251028085501",
	} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		d, err := Parse(s, nil)
		if err != nil {
			if !errors.Is(err, ErrFormat) && !errors.Is(err, ErrImplausible) {
				t.Fatalf("Parse(%q): unnamed error %v", s, err)
			}
			return
		}
		if d.Time.Location() != time.UTC || d.Time.Year() < 1899 || d.Time.Year() > MaxYear+1 {
			t.Fatalf("Parse(%q) = %v", s, d.Time)
		}
		// A date written as RFC 3339 is read back as the same instant.
		if y := d.Time.Year(); y >= MinYear && y <= MaxYear {
			again, err := Parse(d.Time.Format(time.RFC3339Nano), nil)
			if err != nil || !again.Time.Equal(d.Time) || !again.HasTime || !again.HasZone {
				t.Fatalf("Parse(%q) = %v, read back as %v, %v", s, d.Time, again.Time, err)
			}
		}
	})
}
