package corpus

import (
	"bufio"
	"io"
	"strings"
	"unicode"
)

// Tagged reads sentences of tokens and their tags: the first and the last column.
func Tagged(r io.Reader) (tokens, tags [][]string, err error) {
	var t, g []string
	flush := func() {
		if len(t) > 0 {
			tokens, tags = append(tokens, t), append(tags, g)
		}
		t, g = nil, nil
	}
	sc := bufio.NewScanner(r)
	sc.Buffer(nil, 16<<20)
	for sc.Scan() {
		f := strings.Fields(sc.Text())
		if len(f) == 0 {
			flush()
			continue
		}
		t, g = append(t, f[0]), append(g, f[len(f)-1])
	}
	flush()
	return tokens, tags, sc.Err()
}

// maxDocument bounds the sentences of a document whose end is not known.
const maxDocument = 60

// Documents divides sentences into documents and returns where each ends. Documents begin at marks (-DOCSTART-) or, in dispatches
// of agencies, at datelines ("Bogotá, 12 may (EFE)."); data with neither is cut into windows.
func Documents(sentences [][]string, window int) []int {
	marks, datelines := false, 0
	for _, s := range sentences {
		marks = marks || isMark(s)
		if isDateline(s) {
			datelines++
		}
	}
	begins := func([]string) bool { return false }
	switch {
	case marks:
		begins, window = isMark, maxDocument
	case datelines*50 > len(sentences) && window > 1:
		begins, window = isDateline, maxDocument
	}
	var ends []int
	from := 0
	for i := range sentences {
		if i > from && (i-from >= window || begins(sentences[i])) {
			ends = append(ends, i)
			from = i
		}
	}
	if from < len(sentences) {
		ends = append(ends, len(sentences))
	}
	return ends
}

func isMark(sentence []string) bool { return len(sentence) > 0 && sentence[0] == "-DOCSTART-" }

// isDateline says whether a sentence ends with an agency in brackets after a place.
func isDateline(s []string) bool {
	n := len(s)
	for n > 0 && (s[n-1] == "." || s[n-1] == "-") {
		n--
	}
	if n < 4 || n > 40 || s[n-1] != ")" || s[n-3] != "(" || len(s[n-2]) < 2 {
		return false
	}
	for _, r := range s[n-2] {
		if !unicode.IsUpper(r) {
			return false
		}
	}
	return true
}
