// Package label gives each text one label, for scoring the engine on any labelled set.
package label

import (
	"bufio"
	"fmt"
	"io"
	"slices"
	"strings"

	"openlearn/internal/analysis/nlp/readability"
	"openlearn/internal/analysis/nlp/sentiment"
	"openlearn/internal/analysis/nlp/summary"
	"openlearn/internal/analysis/nlp/text"
	"openlearn/internal/analysis/nlp/topic"
)

// Tasks are the names that TSV knows: sentiment gives positive, neutral or negative; topic the heaviest topic or "none";
// difficulty the CEFR level and, after a tab, the score; summary the chosen sentences.
var tasks = map[string]func(*text.Document) string{
	"sentiment": func(d *text.Document) string { return string(sentiment.Analyze(d).Class) },
	"topic": func(d *text.Document) string {
		if list := topic.Analyze(d); len(list) > 0 {
			return list[0].Name
		}
		return "none"
	},
	"difficulty": func(d *text.Document) string {
		r := readability.Analyze(d)
		return fmt.Sprintf("%s\t%.3f", r.Level, r.Score)
	},
	"summary": func(d *text.Document) string {
		return strings.Join(strings.Fields(summary.Text(summary.Analyze(d, summary.Options{}))), " ")
	},
}

// Tasks are the names of the tasks, sorted.
func Tasks() []string {
	var names []string
	for n := range tasks {
		names = append(names, n)
	}
	slices.Sort(names)
	return names
}

// maxLine bounds a line, in bytes.
const maxLine = 16 << 20

// TSV reads one text per line, alone or in the second column (after a label, which is ignored), and writes one answer per
// line.
func TSV(task string, r io.Reader, w io.Writer) error {
	answer, ok := tasks[task]
	if !ok {
		return fmt.Errorf("no task %q: there are %s", task, strings.Join(Tasks(), ", "))
	}
	in := bufio.NewScanner(r)
	in.Buffer(make([]byte, 0, 64<<10), maxLine)
	out := bufio.NewWriter(w)
	for in.Scan() {
		line := strings.TrimSuffix(in.Text(), "\r")
		if columns := strings.SplitN(line, "\t", 3); len(columns) > 1 {
			line = columns[1]
		}
		d := text.Analyze(line)
		if _, err := fmt.Fprintln(out, answer(&d)); err != nil {
			return fmt.Errorf("write: %w", err)
		}
	}
	if err := in.Err(); err != nil {
		return fmt.Errorf("read: %w", err)
	}
	if err := out.Flush(); err != nil {
		return fmt.Errorf("write: %w", err)
	}
	return nil
}
