package rules

import (
	"maps"
	"net/http"
	"slices"
	"strconv"
	"strings"
)

// VaryNames are the request fields a response was selected by (RFC 9111 §4.1), canonical and sorted. star is true if "*"
// is among them.
func VaryNames(h http.Header) (names []string, star bool) {
	for _, line := range h.Values("Vary") {
		for name := range strings.SplitSeq(line, ",") {
			switch name = TrimOWS(name); name {
			case "":
			case "*":
				star = true
			default:
				names = append(names, http.CanonicalHeaderKey(name))
			}
		}
	}
	slices.Sort(names)
	return slices.Compact(names), star
}

func varyStar(h http.Header) bool {
	_, star := VaryNames(h)
	return star
}

// Selecting is the normalised value of one request field: lines are joined, white space around list members is dropped
// (§4.1 allows both), and languages and codings lose their order and case. An absent field differs from an empty one.
func Selecting(h http.Header, name string) string {
	lines, ok := h[name]
	if !ok {
		return "\x00"
	}
	members := listMembers(lines)
	switch name {
	case "Accept-Language":
		return normalLanguages(members)
	case "Accept-Encoding":
		return normalCodings(members)
	}
	return strings.Join(members, ",")
}

// listMembers are the trimmed members of a list field, commas in quoted strings left alone.
func listMembers(lines []string) []string {
	var out []string
	for _, line := range lines {
		for len(line) > 0 {
			var m string
			if m, line = cutMember(line); m != "" {
				out = append(out, m)
			}
		}
	}
	return out
}

// language is one range of Accept-Language (RFC 9110 §12.5.4) and its weight in thousandths.
type language struct {
	tag string // lower case
	q   int
}

func parseLanguages(members []string) []language {
	var out []language
	for _, m := range members {
		tag, params, _ := strings.Cut(m, ";")
		out = append(out, language{strings.ToLower(TrimOWS(tag)), weight(params)})
	}
	return out
}

// weight reads the q of "q=0.5" in thousandths; 1000 if it is missing or does not parse.
func weight(params string) int {
	for p := range strings.SplitSeq(params, ";") {
		name, value, ok := strings.Cut(TrimOWS(p), "=")
		if !ok || !strings.EqualFold(name, "q") {
			continue
		}
		f, err := strconv.ParseFloat(value, 64)
		if err != nil || !(f >= 0 && f <= 1) {
			return 1000
		}
		return int(f*1000 + 0.5)
	}
	return 1000
}

// normalCodings are the codings by name, with their weights: order, case, and x-gzip for gzip make no difference (RFC
// 9110 §12.5.3).
func normalCodings(members []string) string {
	weights := map[string]int{}
	for _, m := range members {
		name, params, _ := strings.Cut(m, ";")
		weights[codingName(name)] = weight(params)
	}
	var b strings.Builder
	for i, name := range slices.Sorted(maps.Keys(weights)) {
		if i > 0 {
			b.WriteByte(',')
		}
		b.WriteString(name + ";" + strconv.Itoa(weights[name]))
	}
	return b.String()
}

// AcceptsCoding reports whether a client that sent these fields takes a response with those: one in no coding, or in codings that it
// names (RFC 9110 §12.5.3). Without Accept-Encoding it would take any; few mean that.
func AcceptsCoding(req, stored http.Header) bool {
	accepted := map[string]int{}
	for _, m := range listMembers(req["Accept-Encoding"]) {
		name, params, _ := strings.Cut(m, ";")
		accepted[codingName(name)] = weight(params)
	}
	for _, m := range listMembers(stored["Content-Encoding"]) {
		name := codingName(m)
		if name == "identity" {
			continue
		}
		if w, named := accepted[name]; named && w == 0 || !named && accepted["*"] == 0 {
			return false
		}
	}
	return true
}

func codingName(s string) string { return strings.TrimPrefix(strings.ToLower(TrimOWS(s)), "x-") }

func normalLanguages(members []string) string {
	langs := parseLanguages(members)
	slices.SortStableFunc(langs, func(a, b language) int {
		if a.q != b.q {
			return b.q - a.q
		}
		return strings.Compare(a.tag, b.tag)
	})
	var b strings.Builder
	for i, l := range slices.Compact(langs) {
		if i > 0 {
			b.WriteByte(',')
		}
		b.WriteString(l.tag + ";" + strconv.Itoa(l.q))
	}
	return b.String()
}

// Prefers reports whether content in this language is what a request prefers: the one language of highest weight (RFC
// 4647 §3.4 lookup: "de" is served by "de-CO"). On a tie the origin decides.
func Prefers(accept []string, contentLanguage string) bool {
	langs := parseLanguages(listMembers(accept))
	best, tie := language{}, false
	for _, l := range langs {
		switch {
		case l.q > best.q:
			best, tie = l, false
		case l.q == best.q:
			tie = true
		}
	}
	content := strings.ToLower(TrimOWS(contentLanguage))
	if best.q == 0 || tie || content == "" || best.tag == "*" {
		return false
	}
	return content == best.tag || strings.HasPrefix(content, best.tag+"-")
}

// AddVary adds a name to Vary unless it is there: middleware outside may have added theirs.
func AddVary(h http.Header, name string) {
	lines := h["Vary"]
	for _, line := range lines {
		if line == name || strings.Contains(line, ",") && ContainsFold(listMembers([]string{line}), name) {
			return
		}
	}
	h["Vary"] = append(lines[:len(lines):len(lines)], name)
}

// ContainsFold looks for a field name in a list.
func ContainsFold(list []string, s string) bool {
	for _, have := range list {
		if strings.EqualFold(have, s) {
			return true
		}
	}
	return false
}
