package government

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"time"

	"openlearn/internal/government/catalogue"
	"openlearn/internal/government/soql"
	"openlearn/internal/government/table"
	"openlearn/internal/government/upstream"
	"openlearn/internal/jobs"
)

// syncArgs ask for a table to be brought up to date.
type syncArgs struct {
	Table string `json:"table" river:"unique"` // one of Synced
}

// Kind is what the jobs' rows call it.
func (syncArgs) Kind() string { return "government_sync" }

// Synced are the tables that can be brought up to date.
func Synced() []string { return []string{"divipola", "trm"} }

// About is how many rows a table of Synced has, for progress bars.
func About(name string) int {
	if name == "trm" {
		return 9000 // since 1991
	}
	return 1122
}

// SyncReport is what became of bringing a table up to date.
type SyncReport struct {
	Table   string `json:"table"`
	Read    int    `json:"read"`    // rows that the publisher has
	Changed int64  `json:"changed"` // rows that were new or different
	Skipped int    `json:"skipped"` // rows that cannot be understood
}

const (
	syncTimeout = 10 * time.Minute
	syncPage    = 1000
)

// Work is what this domain does in the background: divipola once a week, the exchange rate four times a day.
func (s *Service) Work(workers int) jobs.Work {
	return jobs.Work{
		Queue: jobs.Queue{Name: "government", Workers: workers},
		Kinds: []jobs.Kind{jobs.Handle(jobs.KindOptions{Timeout: syncTimeout, Unique: true}, func(ctx context.Context, j *jobs.Job[syncArgs]) error {
			r, err := s.Sync(ctx, j.Args.Table, func(r SyncReport) { j.Tell(ctx, r) })
			j.Conclude(ctx, r)
			return err
		})},
		Schedules: []jobs.Schedule{{Every: 7 * 24 * time.Hour, Args: syncArgs{"divipola"}}, {Every: 6 * time.Hour, Args: syncArgs{"trm"}}},
	}
}

// Enqueue has a table brought up to date by a job, on whichever instance has workers for it.
func (s *Service) Enqueue(ctx context.Context, c *jobs.Client, name string) (jobs.Inserted, error) {
	return c.Insert(ctx, syncArgs{name})
}

// Sync brings a table up to date, telling how far it is. Done twice, it finds nothing to change.
func (s *Service) Sync(ctx context.Context, name string, tell func(SyncReport)) (SyncReport, error) {
	r := SyncReport{Table: name}
	var err error
	switch name {
	case "divipola":
		err = s.syncPlaces(ctx, &r, tell)
	case "trm":
		err = s.syncRates(ctx, &r, tell)
	default:
		err = fmt.Errorf("no table %q can be brought up to date", name)
	}
	if err != nil {
		return r, fmt.Errorf("sync %s: %w", name, err)
	}
	return r, nil
}

// pages reads all rows that a condition leaves, page by page, past the cache.
func (s *Service) pages(ctx context.Context, d *catalogue.Dataset, where soql.Condition, each func(table.Table) error) error {
	q := soql.Query{Where: where, Limit: syncPage}
	for _, c := range d.Columns {
		q.Select = append(q.Select, soql.Plain(soql.MustCol(c.Name)))
	}
	for ; ; q.Offset += syncPage {
		res, err := s.datasets.Rows(ctx, d.ID, q, d.Columns, upstream.Validators{})
		if err != nil {
			return err
		}
		if err := each(res.Table); err != nil {
			return err
		}
		if len(res.Table.Rows) < syncPage {
			return nil
		}
	}
}

// leastPlaces is how few municipalities cannot be all of them.
const leastPlaces = 1000

var placeCode = regexp.MustCompile(`^[0-9]{5}$`)

func (s *Service) syncPlaces(ctx context.Context, r *SyncReport, tell func(SyncReport)) error {
	if _, err := s.o.Store.Seed(ctx); err != nil { // also where the service is away
		return err
	}
	var found []Place
	seen := map[string]bool{}
	err := s.pages(ctx, catalogue.MustGet(catalogue.Municipalities), soql.Condition{}, func(t table.Table) error {
		for i, row := range t.Rows {
			p := Place{Code: t.Cell(i, "cod_mpio"), Name: t.Cell(i, "nom_mpio"), Department: t.Cell(i, "cod_dpto"), Kind: t.Cell(i, "tipo_municipio"), Longitude: row[5], Latitude: row[6]}
			if _, known := catalogue.FindDepartment(p.Department); !placeCode.MatchString(p.Code) || seen[p.Code] || p.Name == "" || p.Kind == "" || !known || p.Code[:2] != p.Department {
				r.Skipped++
				continue
			}
			seen[p.Code] = true
			found = append(found, p)
		}
		r.Read += len(t.Rows)
		tell(*r)
		return nil
	})
	if err != nil {
		return err
	}
	if len(found) < leastPlaces {
		return fmt.Errorf("%d municipalities cannot be all: nothing is changed", len(found))
	}
	r.Changed, err = s.o.Store.SavePlaces(ctx, found)
	return err
}

func (s *Service) syncRates(ctx context.Context, r *SyncReport, tell func(SyncReport)) error {
	last, err := s.o.Store.LastRate(ctx)
	if err != nil {
		return err
	}
	var where soql.Condition
	if last != "" { // the last month again: rates are corrected at times
		day, err := table.ParseTime(last)
		if err != nil {
			return err
		}
		where = soql.Compare(soql.MustCol("vigenciadesde"), soql.GreaterEqual, soql.Time(day.AddDate(0, -1, 0)))
	}
	err = s.pages(ctx, catalogue.MustGet(catalogue.Rate), where, func(t table.Table) error {
		var rates []rate
		for i := range t.Rows {
			one := rate{ValidFrom: t.Cell(i, "vigenciadesde"), ValidTo: t.Cell(i, "vigenciahasta"), Value: t.Cell(i, "valor")}
			if one.ValidFrom == "" || one.ValidTo < one.ValidFrom || one.Value == "" {
				r.Skipped++
				continue
			}
			rates = append(rates, one)
		}
		r.Read += len(t.Rows)
		changed, err := s.o.Store.SaveRates(ctx, rates)
		r.Changed += changed
		tell(*r)
		return err
	})
	if err == nil && last == "" && r.Read == 0 {
		return errors.New("no rates where there are thousands")
	}
	return err
}
