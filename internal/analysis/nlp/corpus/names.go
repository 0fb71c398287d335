package corpus

import (
	"bufio"
	"io"
	"strings"
)

// Tokens reads sentences of tokens: the first column of each line, a blank line between sentences.
func Tokens(r io.Reader) ([][]string, error) {
	tokens, _, err := Tagged(r)
	return tokens, err
}

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

// BeginsDocument says whether a sentence is the mark between documents.
func BeginsDocument(sentence []string) bool { return len(sentence) > 0 && sentence[0] == "-DOCSTART-" }
