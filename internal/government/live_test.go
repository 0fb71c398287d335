//go:build live

package government

import (
	"context"
	"testing"
	"time"

	"openlearn/internal/government/catalogue"
	"openlearn/internal/government/table"
)

// TestLive asks the services themselves whether they still are what this package takes them for. It needs internet:
// go test -tags live -run TestLive -v ./internal/government
func TestLive(t *testing.T) {
	var cfg Config
	if err := cfg.Validate(); err != nil {
		t.Fatal(err)
	}
	s, err := NewService(Options{Config: cfg})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	rows := func(t *testing.T, a ask, err error) table.Table {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
		defer cancel()
		k, _, err := s.answer(ctx, a)
		if err != nil {
			t.Error(err)
		}
		return k.Table
	}
	for _, d := range catalogue.All() {
		t.Run(d.Key, func(t *testing.T) {
			q := Rows{Dataset: d, Limit: 1}
			if d.MostDays > 0 {
				q.Filter.To = s.today()
				q.Filter.From = q.Filter.To.AddDate(0, 0, -d.MostDays)
			}
			a, err := s.ask("rows", q)
			if got := rows(t, a, err); len(got.Rows) == 0 {
				t.Error("no rows")
			}
		})
	}
	t.Run("municipalities", func(t *testing.T) {
		a, err := s.ask("rows", Rows{Dataset: catalogue.MustGet(catalogue.Municipalities), Limit: 5000})
		if n := len(rows(t, a, err).Rows); n < 1100 || n > 1200 {
			t.Errorf("%d municipalities", n)
		}
	})
	t.Run("exchange rate", func(t *testing.T) {
		a, err := s.rates(s.today(), s.today())
		if n := len(rows(t, a, err).Rows); n != 1 {
			t.Errorf("%d rates today", n)
		}
	})
	for _, series := range Series() {
		t.Run("banrep "+series, func(t *testing.T) {
			a, err := s.observationsOf(series, false, 0, 0)
			if n := len(rows(t, a, err).Rows); n == 0 {
				t.Error("no observations")
			}
		})
	}
	t.Run("worldbank", func(t *testing.T) {
		a, _, err := s.indicatorOf("population", 2000, 2020)
		if n := len(rows(t, a, err).Rows); n != 21 {
			t.Errorf("%d years", n)
		}
	})
	t.Run("catalog", func(t *testing.T) {
		if n := len(rows(t, s.search("contratos", 5, 0), nil).Rows); n == 0 {
			t.Error("nothing found")
		}
	})
}
