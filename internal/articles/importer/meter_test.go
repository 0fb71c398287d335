package importer

import (
	"errors"
	"os"
	"strings"
	"testing"
	"time"
)

func TestMeterOnATerminal(t *testing.T) {
	t.Parallel()
	var out strings.Builder
	clock := time.Unix(0, 0)
	m := NewMeter(&out, "a.jsonl", true, func() time.Time { return clock })
	for i := range 1000 { // two seconds of them
		m.Show(Progress{BytesRead: int64(i), BytesTotal: 1000, Records: i * 100, Elapsed: time.Second})
		clock = clock.Add(2 * time.Millisecond)
	}
	if n := strings.Count(out.String(), "\r"); n < 15 || n > 20 {
		t.Errorf("drawn %d times in two seconds", n)
	}
	if !strings.Contains(out.String(), "\ra.jsonl [############............]  50 %  50,000 articles, 50,000/s") {
		t.Errorf("drew %q", out.String())
	}
	if strings.Contains(out.String(), "\n") {
		t.Error("began a new line before the end")
	}
	m.Interrupt("line 3: rejected: no title")
	m.Done(Summary{Progress: Progress{Lines: 5116, Records: 5053, Inserted: 5000, Rejected: 63, Elapsed: 2 * time.Second}, Rejects: map[Reason]int{NoTitle: 61, DuplicateURL: 2}})
	if want := `a.jsonl: 5,116 lines, 5,000 new articles, 53 already there, 63 rejected, in 2s (2,526 articles/s)
        61  rejected: no title
         2  rejected: URL seen before in this file
`; !strings.HasSuffix(out.String(), want) {
		t.Errorf("ended with %q", out.String())
	}
	if m.Err() != nil {
		t.Error(m.Err())
	}
}

func TestMeterInALog(t *testing.T) {
	t.Parallel()
	var out strings.Builder
	clock := time.Unix(0, 0)
	m := NewMeter(&out, "a.jsonl.gz", false, func() time.Time { return clock })
	for range 120 { // a minute
		m.Show(Progress{BytesRead: 3 << 20, Records: 1234567, Rejected: 3, Elapsed: time.Minute})
		clock = clock.Add(500 * time.Millisecond)
	}
	lines := strings.Split(strings.TrimSpace(out.String()), "\n")
	if len(lines) != 11 || lines[0] != "a.jsonl.gz: 3.0 MiB read, 1,234,567 articles, 20,576/s, 3 rejected" || strings.Contains(out.String(), "\r") {
		t.Errorf("%d lines: %q", len(lines), lines)
	}
}

type broken struct{}

var errBroken = errors.New("broken pipe")

func (broken) Write([]byte) (int, error) { return 0, errBroken }

func TestMeterKeepsItsError(t *testing.T) {
	t.Parallel()
	m := NewMeter(broken{}, "a", false, time.Now)
	m.Done(Summary{})
	if !errors.Is(m.Err(), errBroken) {
		t.Errorf("error %v", m.Err())
	}
}

func ExampleMeter() {
	clock := time.Unix(0, 0)
	m := NewMeter(os.Stdout, "noticias.jsonl", false, func() time.Time { return clock })
	clock = clock.Add(6 * time.Second)
	m.Show(Progress{BytesRead: 40, BytesTotal: 100, Records: 12000, Elapsed: 6 * time.Second})
	// Output: noticias.jsonl:  40 %, 12,000 articles, 2,000/s
}
