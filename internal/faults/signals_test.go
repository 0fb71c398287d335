package faults

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"maps"
	"net/http"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"
)

// telling are the metrics that an operator would look at, those that name the trouble first.
var telling = []*regexp.Regexp{
	regexp.MustCompile(`^cache_breaker_open$`),
	regexp.MustCompile(`^cache_gate_open$`),
	regexp.MustCompile(`^cache_redis_(errors_total|up)$`),
	regexp.MustCompile(`^cache_outbox_(pending|degraded)`),
	regexp.MustCompile(`^db_(connect|query)_errors_total$`),
	regexp.MustCompile(`(shed|admission|refus|reject|limit)`),
	regexp.MustCompile(`^5xx answers$`),
	regexp.MustCompile(`^(cache|db|http|api)_.*(error|fail|stale|degraded|oldest|pending|lost|bypass)`),
}

// figures are metrics, summed over their labels.
type figures map[string]float64

var serverError = regexp.MustCompile(`status="5\d\d"`)

// scrape reads an instance's metrics.
func (in *instance) scrape(ctx context.Context) (figures, error) {
	ctx, cancel := context.WithTimeout(ctx, 3*time.Second)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, in.base()+"/metrics", nil)
	if err != nil {
		return nil, err
	}
	req.Close = true
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		return nil, err
	}
	defer res.Body.Close()
	if res.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("/metrics: %s", res.Status)
	}
	return parseMetrics(res.Body)
}

func parseMetrics(text io.Reader) (figures, error) {
	out := figures{}
	lines := bufio.NewScanner(text)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		text := lines.Text()
		if text == "" || text[0] == '#' {
			continue
		}
		name, labels, _ := strings.Cut(text[:max(strings.LastIndexByte(text, ' '), 0)], "{")
		value, err := strconv.ParseFloat(text[strings.LastIndexByte(text, ' ')+1:], 64)
		if err != nil {
			return nil, fmt.Errorf("/metrics says %q", text)
		}
		switch {
		case name == "api_request_duration_seconds_count":
			if serverError.MatchString(labels) {
				out["5xx answers"] += value
			}
		case strings.HasSuffix(name, "_bucket"), strings.HasSuffix(name, "_sum"), strings.HasSuffix(name, "_count"):
		default:
			out[name] += value
		}
	}
	return out, lines.Err()
}

// scrapes are both instances' metrics; nil for an instance that does not answer.
type scrapes [2]figures

func (e *env) scrape(ctx context.Context) (out scrapes) {
	for i, in := range e.instances {
		if f, err := in.scrape(ctx); err == nil {
			out[i] = f
		}
	}
	return out
}

// changes names the telling metrics that moved during the fault and not before it.
func changes(calm, before, during scrapes) (out []string) {
	for _, pattern := range telling {
		var names []string
		for i := range before {
			for name := range maps.Keys(during[i]) {
				if pattern.MatchString(name) && !slices.Contains(names, name) {
					names = append(names, name)
				}
			}
		}
		slices.Sort(names)
		for _, name := range names {
			said := ""
			for i, in := range []string{"A", "B"} {
				b, d := before[i], during[i]
				if b == nil || d == nil || b[name] == d[name] || calm[i] != nil && calm[i][name] != b[name] {
					continue
				}
				if said != "" {
					in = "A, B"
				}
				said = fmt.Sprintf("`%s` (%s)", name, in)
			}
			if said != "" && !slices.Contains(out, said) {
				out = append(out, said)
			}
		}
	}
	for i, in := range []string{"A", "B"} {
		if during[i] == nil {
			out = append([]string{fmt.Sprintf("`/metrics` of %s does not answer", in)}, out...)
		}
	}
	return out[:min(len(out), 3)]
}

// words are the first log lines since the fault that report a problem, or if there are none, any lines.
func (e *env) words(since time.Time) []string {
	var lines []line
	for _, in := range e.instances {
		lines = append(lines, in.since(since)...)
	}
	slices.SortStableFunc(lines, func(a, b line) int { return a.at.Compare(b.at) })
	for _, loud := range []bool{true, false} {
		var out []string
		for _, l := range lines {
			said := fmt.Sprintf("%s “%s”", l.level, plain(l.msg))
			if (l.level == "WARN" || l.level == "ERROR") == loud && l.level != raceLevel && !slices.Contains(out, said) && l.msg != "request" {
				out = append(out, said)
			}
			if len(out) == 2 {
				break
			}
		}
		if len(out) > 0 {
			return out
		}
	}
	return nil
}

var address = regexp.MustCompile(`\b\d+\.\d+\.\d+\.\d+:\d+`)

// plain is a message as the table shows it: short, and the same in every run.
func plain(msg string) string {
	msg = strings.ReplaceAll(address.ReplaceAllString(msg, "…"), "|", "/")
	if runes := []rune(msg); len(runes) > 70 {
		msg = string(runes[:70]) + "…"
	}
	return msg
}

// races counts the reports of the race detector, if the service was built with it.
func (e *env) races() (n int) {
	for _, in := range e.instances {
		for _, l := range in.since(time.Time{}) {
			if l.level == raceLevel {
				n++
			}
		}
	}
	return n
}

func TestChanges(t *testing.T) {
	t.Parallel()
	metrics := func(open, bypassed, failed int) figures {
		f, err := parseMetrics(strings.NewReader(fmt.Sprintf(`# TYPE cache_breaker_open gauge
cache_breaker_open %d
cache_bypassed_total{layer="a"} %d
cache_bypassed_total{layer="b"} 1
api_request_duration_seconds_bucket{status="500",le="1"} 7
api_request_duration_seconds_count{cached="MISS",status="200"} 900
api_request_duration_seconds_count{cached="MISS",status="503"} %d
`, open, bypassed, failed)))
		if err != nil {
			t.Fatal(err)
		}
		return f
	}
	calm := scrapes{metrics(0, 0, 0), metrics(0, 3, 0)}
	before := scrapes{metrics(0, 0, 0), metrics(0, 4, 0)} // B's bypasses move by themselves
	during := scrapes{metrics(1, 0, 2), metrics(1, 9, 0)}
	if got := fmt.Sprint(changes(calm, before, during)); got != "[`cache_breaker_open` (A, B) `5xx answers` (A)]" {
		t.Error(got)
	}
	during[0] = nil
	if got := fmt.Sprint(changes(calm, before, during)); got != "[`/metrics` of A does not answer `cache_breaker_open` (B)]" {
		t.Error(got)
	}
	if _, err := parseMetrics(strings.NewReader("no metric\n")); err == nil {
		t.Error("nonsense is parsed")
	}
}
