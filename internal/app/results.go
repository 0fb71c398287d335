package app

import (
	"flag"
	"fmt"
	"text/tabwriter"
)

// resultsFlag adds --json, unless the command has one of its own.
func resultsFlag(fs *flag.FlagSet) {
	if fs.Lookup("json") == nil {
		fs.Bool("json", false, "print each result as a line of JSON")
	}
}

// inJSON says whether results are wanted as JSON.
func (c *call) inJSON() bool {
	f := c.flags.Lookup("json")
	return f != nil && f.Value.String() == "true"
}

// result prints a result: v as a line of JSON with --json, else the text.
func (c *call) result(v any, format string, args ...any) error {
	if c.inJSON() {
		return writeJSON(c.stdout, v)
	}
	_, err := fmt.Fprintf(c.stdout, format, args...)
	return err
}

// results prints a list: each row as a line of JSON with --json, else as a line of a table, its cells separated by tabs.
type results struct {
	c     *call
	table *tabwriter.Writer
}

func (c *call) results(head string) (*results, error) {
	r := &results{c, tabwriter.NewWriter(c.stdout, 0, 0, 2, ' ', 0)}
	if head == "" || c.inJSON() {
		return r, nil
	}
	_, err := fmt.Fprintln(r.table, head)
	return r, err
}

func (r *results) row(v any, format string, args ...any) error {
	if r.c.inJSON() {
		return writeJSON(r.c.stdout, v)
	}
	_, err := fmt.Fprintf(r.table, format+"\n", args...)
	return err
}

func (r *results) flush() error { return r.table.Flush() }
