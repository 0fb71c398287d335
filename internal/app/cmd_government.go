package app

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"slices"
	"strings"

	"openlearn/internal/government"
	"openlearn/internal/government/catalogue"
	"openlearn/internal/government/table"
)

const governmentHelp = `get DATASET    rows of a dataset, as lines of JSON or CSV. Neither PostgreSQL nor Redis is needed.
list           the datasets, with their columns
sync TABLE     bring a table in PostgreSQL up to date: divipola (municipalities) or trm (exchange rates). Running services do so by
               themselves, divipola once a week and trm four times a day; with --queue one of them does it now.
Conditions of --where are a column, one of = != < <= > >=, and a value, separated by semicolons: "departamento=Antioquia; valor_del_contrato>=1000000".`

var governmentVerbs = []verb{
	{"get", "DATASET", []string{"where", "columns", "order", "limit", "csv"}}, {"list", "", nil}, {"sync", "TABLE", []string{"queue"}},
}

func governmentFlags(f *flag.FlagSet) {
	f.String("where", "", "get: conditions that rows must meet")
	f.String("columns", "", "get: names of columns, separated by commas")
	f.String("order", "", "get: a column; with a minus before it the greatest first")
	f.Int("limit", 50, "get: how many rows at most, 1 to 1000")
	f.Bool("csv", false, "get: CSV instead of lines of JSON")
	f.Bool("queue", false, "sync: leave it to a running service")
}

func runGovernment(ctx context.Context, c *call) error {
	switch args := c.args; {
	case len(args) == 1 && args[0] == "list":
		return listDatasets(c)
	case len(args) == 2 && args[0] == "get":
		return getDataset(ctx, c, args[1])
	case len(args) == 2 && args[0] == "sync":
		return syncTable(ctx, c, args[1])
	}
	return usageError{"government: expected get DATASET, list, or sync TABLE (see openlearn government -h)"}
}

func listDatasets(c *call) error {
	t, err := c.results("")
	if err != nil {
		return err
	}
	for _, d := range catalogue.All() {
		if err := t.row(map[string]any{"dataset": d.Key, "title": d.Title, "publisher": d.Publisher}, "%s\t%s\t%s", d.Key, d.Title, d.Publisher); err != nil {
			return err
		}
	}
	return t.flush()
}

func getDataset(ctx context.Context, c *call, key string) error {
	d, ok := catalogue.Get(key)
	if !ok {
		return usageError{fmt.Sprintf("unknown dataset %q (openlearn government list shows all)", key)}
	}
	value := func(name string) string { return c.flags.Lookup(name).Value.String() }
	if value("csv") == "true" && c.inJSON() {
		return usageError{"government get: --csv and --json contradict each other"}
	}
	var limit int
	if _, err := fmt.Sscan(value("limit"), &limit); err != nil || limit < 1 || limit > government.MostRows {
		return usageError{fmt.Sprintf("--limit: expected 1 to %d", government.MostRows)}
	}
	var cfg government.Config
	if err := loadParts(&cfg); err != nil {
		return usageError{err.Error()}
	}
	s, err := government.NewService(government.Options{Config: cfg, Logger: NewConsoleLogger(c.stderr, envOr("LOG_LEVEL", "error"))})
	if err != nil {
		return err
	}
	defer s.Close()
	q := government.Rows{Dataset: d, Filter: government.Filter{Where: value("where")}, Order: value("order"), Limit: limit}
	for name := range strings.SplitSeq(value("columns"), ",") {
		if name = strings.TrimSpace(name); name != "" {
			q.Columns = append(q.Columns, name)
		}
	}
	t, err := s.Read(ctx, q)
	if wrong, ok := errors.AsType[*government.Invalid](err); ok {
		return usageError{"--" + wrong.Error()}
	}
	if err != nil {
		return err
	}
	if value("csv") == "true" {
		b, err := t.CSV()
		if err == nil {
			_, err = c.stdout.Write(b)
		}
		return err
	}
	for _, row := range t.Rows {
		one := table.Table{Columns: t.Columns, Rows: [][]*string{row}}
		b, err := table.Rows{Table: &one}.MarshalJSON()
		if err != nil {
			return err
		}
		fmt.Fprintf(c.stdout, "%s\n", b[1:len(b)-1])
	}
	fmt.Fprintf(c.stderr, "%d rows. %s, %s. %s. %s\n", len(t.Rows), d.Publisher, d.Title, d.Licence().Name, d.Source())
	return nil
}

func syncTable(ctx context.Context, c *call, name string) error {
	if !slices.Contains(government.Synced(), name) {
		return usageError{fmt.Sprintf("government sync: expected %s, got %q", strings.Join(government.Synced(), " or "), name)}
	}
	return withCore(ctx, c, func(core *core) error {
		if c.flags.Lookup("queue").Value.String() == "true" {
			job, err := core.OpenData.Enqueue(ctx, core.jobs, name)
			if err != nil {
				return err
			}
			return c.result(map[string]any{"job": job.ID}, "job %d, for a running service\n", job.ID)
		}
		bar := newBar(c.stderr)
		r, err := core.OpenData.Sync(ctx, name, func(r government.SyncReport) { bar.show(name, r.Read, max(r.Read, government.About(name))) })
		bar.clear()
		if err != nil {
			return err
		}
		return c.result(r, "%s: %d rows read, %d new or different, %d skipped\n", name, r.Read, r.Changed, r.Skipped)
	})
}
