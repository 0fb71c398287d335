package corpus

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"strings"
	"unicode"
	"unicode/utf8"
)

// ErrNotCoNLL is the error of reading a text, or CoNLL-U, as columns of tokens and tags.
var ErrNotCoNLL = errors.New("not CoNLL: expected a token a line, tags in further columns, and a blank line between sentences")

// Tokens reads sentences of tokens: the first column of each line, a blank line between sentences. Whatever is plainly something
// else is an error that is an ErrNotCoNLL: otherwise the first word of each line would be taken for a sentence.
func Tokens(r io.Reader) ([][]string, error) {
	var out [][]string
	var sentence []string
	var form columns
	sc := bufio.NewScanner(r)
	sc.Buffer(nil, 16<<20)
	for n := 1; sc.Scan(); n++ {
		line := sc.Text()
		f := strings.Fields(line)
		if len(f) == 0 {
			if len(sentence) > 0 {
				out = append(out, sentence)
			}
			sentence = nil
			continue
		}
		sentence = append(sentence, f[0])
		if !isMark(f) {
			form.add(n, line)
		}
	}
	if len(sentence) > 0 {
		out = append(out, sentence)
	}
	if err := sc.Err(); err != nil {
		return nil, err
	}
	return out, form.check()
}

// columns is what a file's lines have in common.
type columns struct {
	width          int // of the first line
	lines          int
	ragged         int // lines of another width
	firstRagged    int // the number of the first of them
	raggedWidth    int
	tagged, number int // lines that end in a tag; that begin with a number
}

func (c *columns) add(n int, line string) {
	// Only what separates columns counts: a token may hold a no-break space.
	f := strings.FieldsFunc(line, func(r rune) bool { return r == ' ' || r == '\t' || r == '\r' })
	if len(f) == 0 {
		return
	}
	c.lines++
	if c.width == 0 {
		c.width = len(f)
	}
	if len(f) != c.width {
		c.ragged++
		if c.firstRagged == 0 {
			c.firstRagged, c.raggedWidth = n, len(f)
		}
	}
	if isTag(f[len(f)-1]) {
		c.tagged++
	}
	if strings.Trim(f[0], "0123456789-.") == "" || f[0][0] == '#' {
		c.number++
	}
}

// check refuses files of which a tenth of the lines or more is not in columns, or whose last column is not one of tags.
func (c *columns) check() error {
	switch {
	case c.lines == 0:
		return nil
	case c.number*10 >= c.lines*9 && (c.width >= 8 || c.width == 1 || c.ragged > 0) && c.number > 1:
		return fmt.Errorf("%w; it begins with numbers, as CoNLL-U does", ErrNotCoNLL)
	case c.ragged*10 >= c.lines:
		return fmt.Errorf("%w; line %d has %d columns, others have %d", ErrNotCoNLL, c.firstRagged, c.raggedWidth, c.width)
	case c.width > 1 && c.tagged*2 < c.lines:
		return fmt.Errorf("%w; lines do not end in a tag", ErrNotCoNLL)
	}
	return nil
}

// isTag says whether a column may be a tag: O, B-LOC, _, NOUN, np00000, Fc. Words of a text are mostly longer and in small letters.
func isTag(s string) bool {
	for _, r := range s {
		if r >= utf8.RuneSelf {
			return false
		}
	}
	switch {
	case len(s) > 1 && s[1] == '-' && strings.Contains("BIESLU", s[:1]):
		return true
	case strings.ContainsFunc(s, unicode.IsDigit) || strings.ToUpper(s) == s:
		return strings.TrimRight(s, ".,;:!?") != "" || len(s) == 1
	}
	return len(s) <= 2
}
