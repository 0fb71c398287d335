package app

import (
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// selector is one time series selector of a PromQL expression: its metric and the labels it matches by ("" = other than by
// an exact value).
type selector struct {
	metric string
	labels map[string]string
}

// query is what an expression refers to. promtool checks the syntax; this only finds the names.
type query struct {
	selectors []selector
	grouped   []string // labels in by, without, on, ignoring, group_left and group_right
}

var (
	promToken = regexp.MustCompile(`"(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*'|\[[^\]]*\]|[0-9][0-9a-zA-Z.]*|[a-zA-Z_:][a-zA-Z0-9_:]*|=~|!~|!=|==|>=|<=|[-+*/%^(){},=<>@]`)
	promIdent = regexp.MustCompile(`^[a-zA-Z_:]`)

	promWords    = []string{"and", "or", "unless", "offset", "bool", "sum", "min", "max", "avg", "count", "topk", "bottomk", "quantile", "stddev", "group"}
	promGrouping = []string{"by", "without", "on", "ignoring", "group_left", "group_right"}
)

func readPromQL(expr string) (query, error) {
	var q query
	tokens := promToken.FindAllString(expr, -1)
	if rest := strings.Join(strings.Fields(promToken.ReplaceAllString(expr, "")), ""); rest != "" {
		return q, fmt.Errorf("cannot read %q in %s", rest, expr)
	}
	at := func(i int) string {
		if i < len(tokens) {
			return tokens[i]
		}
		return ""
	}
	for i := 0; i < len(tokens); i++ {
		word := tokens[i]
		switch {
		case slices.Contains(promGrouping, word):
			if at(i+1) != "(" {
				break
			}
			for i += 2; at(i) != ")" && i < len(tokens); i++ {
				if at(i) != "," {
					q.grouped = append(q.grouped, at(i))
				}
			}
		case word == "{": // a selector without a name: we have none
			return q, fmt.Errorf("a selector without a metric in %s", expr)
		case !promIdent.MatchString(word), slices.Contains(promWords, word), at(i+1) == "(":
		default:
			s := selector{metric: word, labels: map[string]string{}}
			if at(i+1) == "{" {
				for i += 2; at(i) != "}" && i+2 < len(tokens); i++ {
					if at(i) == "," {
						continue
					}
					s.labels[at(i)] = ""
					if at(i+1) == "=" {
						s.labels[at(i)] = strings.Trim(at(i+2), `"'`)
					}
					i += 2
				}
			}
			q.selectors = append(q.selectors, s)
		}
	}
	return q, nil
}

func TestNamesInPromQL(t *testing.T) {
	t.Parallel()
	for expr, want := range map[string]string{
		`up`: "up",
		`sum by (le, endpoint) (rate(x_bucket{a!~"b{c}|d", e="f,g"}[5m] offset 1h)) > 0.5`:                               "x_bucket{a,e=f,g} by le endpoint",
		`histogram_quantile(0.95, sum(rate(x{instance=~"$instance"}[$__rate_interval])) by (le))`:                        "x{instance} by le",
		`a / on (b) group_left (c) (d > 0) and time() - max(e:f) > 86400 or vector(0) unless absent(g{job="openlearn"})`: "a d e:f g{job=openlearn} by b c",
	} {
		q, err := readPromQL(expr)
		if err != nil {
			t.Errorf("%s: %v", expr, err)
		}
		if got := q.String(); got != want {
			t.Errorf("%s: %s, want %s", expr, got, want)
		}
	}
	for _, expr := range []string{`{job="x"}`, `a & b`, "a;b"} {
		if q, err := readPromQL(expr); err == nil {
			t.Errorf("%s: %s", expr, q)
		}
	}
}

func (q query) String() string {
	var out []string
	for _, s := range q.selectors {
		var labels []string
		for _, name := range slices.Sorted(maps.Keys(s.labels)) {
			if v := s.labels[name]; v != "" {
				name += "=" + v
			}
			labels = append(labels, name)
		}
		text := s.metric
		if len(labels) > 0 {
			text += "{" + strings.Join(labels, ",") + "}"
		}
		out = append(out, text)
	}
	if len(q.grouped) > 0 {
		out = append(append(out, "by"), q.grouped...)
	}
	return strings.Join(out, " ")
}
