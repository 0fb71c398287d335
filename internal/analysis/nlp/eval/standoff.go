package eval

import (
	"bufio"
	"crypto/sha256"
	_ "embed"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"openlearn/internal/analysis/nlp/ner"
	"openlearn/internal/analysis/nlp/text"
)

// colombia is the annotation of sentences from Colombian news. The press owns their text, so it holds positions and no words.
//
//go:embed colombia.tsv
var colombia string

// Colombia rebuilds the annotated sentences from the file of collected articles. Each sentence is a document. dev was in view
// when features and lists were chosen; test was not, and must not be.
func Colombia(articles string) (dev, test []ner.Example, err error) {
	f, err := os.Open(filepath.Clean(articles))
	if err != nil {
		return nil, nil, fmt.Errorf("eval: %w", err)
	}
	defer f.Close() //nolint:errcheck // only read
	notes, err := readNotes(strings.NewReader(colombia))
	if err != nil {
		return nil, nil, err
	}
	parts, err := rebuild(notes, f)
	return parts["dev"], parts["test"], err
}

// note is the annotation of one sentence. Positions are code points: of the sentence in the field, of the names in the sentence.
type note struct {
	part, article, field, hash string
	start, end                 int
	names                      []span
}

// hashDigits is how many digits of a sentence's hash the annotation holds.
const hashDigits = 8

func readNotes(r io.Reader) ([]note, error) {
	var out []note
	in := bufio.NewScanner(r)
	for line := 1; in.Scan(); line++ {
		if in.Text() == "" || strings.HasPrefix(in.Text(), "#") {
			continue
		}
		n, err := parseNote(in.Text())
		if err != nil {
			return nil, fmt.Errorf("eval: annotation, line %d: %w", line, err)
		}
		out = append(out, n)
	}
	if err := in.Err(); err != nil {
		return nil, fmt.Errorf("eval: annotation: %w", err)
	}
	return out, nil
}

func parseNote(line string) (note, error) {
	f := strings.Split(line, "\t")
	if len(f) != 7 {
		return note{}, fmt.Errorf("%d columns, want 7", len(f))
	}
	n := note{part: f[0], article: f[1], field: f[2], hash: f[5]}
	if n.part != "dev" && n.part != "test" {
		return n, fmt.Errorf("part %q, want dev or test", n.part)
	}
	if len(n.hash) != hashDigits {
		return n, fmt.Errorf("hash %q, want %d digits", n.hash, hashDigits)
	}
	if n.field != "title" && n.field != "text" {
		return n, fmt.Errorf("field %q, want title or text", n.field)
	}
	var err error
	if n.start, n.end, err = parseRange(f[3], f[4]); err != nil {
		return n, err
	}
	if f[6] == "-" {
		return n, nil
	}
	last := 0
	for _, s := range strings.Split(f[6], " ") {
		position, kind, _ := strings.Cut(s, ":")
		from, to, _ := strings.Cut(position, "-")
		first, end, err := parseRange(from, to)
		if err != nil {
			return n, err
		}
		if first < last || end > n.end-n.start {
			return n, fmt.Errorf("span %s overlaps the one before it or leaves the sentence", s)
		}
		switch kind {
		case "PER", "LOC", "ORG", "MISC":
		default:
			return n, fmt.Errorf("span %s: unknown type", s)
		}
		last = end
		n.names = append(n.names, span{first, end, kind})
	}
	return n, nil
}

func parseRange(from, to string) (first, end int, err error) {
	first, err = strconv.Atoi(from)
	if err == nil {
		end, err = strconv.Atoi(to)
	}
	if err == nil && (first < 0 || end <= first) {
		err = errors.New("it is empty")
	}
	if err != nil {
		return 0, 0, fmt.Errorf("range %s to %s: %w", from, to, err)
	}
	return first, end, nil
}

// collected is one article of the file.
type collected struct{ Title, Text, URL string }

// key names an article: its address, or the beginning of its hash if it has none.
func (a *collected) key() string {
	if a.URL != "" {
		return a.URL
	}
	return "sha256:" + hash(a.Title+"\n"+a.Text, 16)
}

func hash(s string, digits int) string {
	sum := sha256.Sum256([]byte(s))
	return hex.EncodeToString(sum[:])[:digits]
}

// rebuild reads the articles, one JSON object a line, and returns the examples of each part in the order of the notes.
func rebuild(notes []note, articles io.Reader) (map[string][]ner.Example, error) {
	wanted := map[string]collected{}
	for _, n := range notes {
		wanted[n.article] = collected{}
	}
	dec := json.NewDecoder(articles)
	for {
		var a collected
		err := dec.Decode(&a)
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return nil, fmt.Errorf("eval: articles: %w", err)
		}
		if _, ok := wanted[a.key()]; ok {
			wanted[a.key()] = a
		}
	}
	out := map[string][]ner.Example{}
	for _, n := range notes {
		e, err := n.example(wanted[n.article])
		if err != nil {
			return nil, fmt.Errorf("eval: %s, %s %d-%d: %w", n.article, n.field, n.start, n.end, err)
		}
		out[n.part] = append(out[n.part], e)
	}
	return out, nil
}

// example cuts the sentence out of its article, splits it as the engine does, and tags the tokens.
func (n note) example(a collected) (ner.Example, error) {
	field := a.Text
	if n.field == "title" {
		field = a.Title
	}
	runes := []rune(field)
	if n.end > len(runes) {
		return ner.Example{}, fmt.Errorf("the article is missing or has only %d code points", len(runes))
	}
	sentence := string(runes[n.start:n.end])
	if got := hash(sentence, hashDigits); got != n.hash {
		return ner.Example{}, fmt.Errorf("the sentence has hash %s, want %s: the article has changed", got, n.hash)
	}
	d := text.Analyze(sentence)
	tags := make([]string, len(d.Tokens))
	for i := range tags {
		tags[i] = "O"
	}
	at := 0
	for _, s := range n.names {
		for at < len(d.Tokens) && d.Tokens[at].Start < s.first {
			at++
		}
		first := at
		for at < len(d.Tokens) && d.Tokens[at].End <= s.last {
			at++
		}
		if first == at || d.Tokens[first].Start != s.first || d.Tokens[at-1].End != s.last {
			return ner.Example{}, fmt.Errorf("span %d-%d does not begin and end with a token", s.first, s.last)
		}
		for i := first; i < at; i++ {
			tags[i] = "I-" + s.kind
		}
		tags[first] = "B-" + s.kind
	}
	var e ner.Example
	for _, s := range d.Sentences {
		var forms []string
		for _, t := range d.In(s) {
			forms = append(forms, t.Text)
		}
		e.Sentences, e.Tags = append(e.Sentences, forms), append(e.Tags, tags[s.First:s.Last])
	}
	return e, nil
}
