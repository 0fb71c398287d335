package government

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"gorm.io/gorm"

	"openlearn/internal/government/catalogue"
	"openlearn/internal/government/table"
	"openlearn/internal/outbox"
)

// Tables of this domain.
const (
	placesTable = "divipola_places"
	ratesTable  = "exchange_rates"
)

// Facts says what a recorded change of this domain's tables invalidates.
func Facts() outbox.Rules {
	whole := func(name string) func(outbox.Fact) []string {
		return func(outbox.Fact) []string { return []string{name} }
	}
	return outbox.Rules{placesTable: whole(placesTable), ratesTable: whole(ratesTable)}
}

// Store holds every query on this domain's tables.
type Store struct {
	db     *gorm.DB
	outbox *outbox.Relay
}

// NewStore makes a Store. What changes invalidates what is cached through the outbox.
func NewStore(db *gorm.DB, relay *outbox.Relay) *Store { return &Store{db, relay} }

// Place is a department or a municipality.
type Place struct {
	Code       string
	Name       string
	Department string // its code
	Of         string // the department's name
	Kind       string
	Latitude   *string
	Longitude  *string
}

const selectPlaces = `SELECT p.code, p.name, p.department, d.name AS of, p.kind, p.latitude::text, p.longitude::text
	FROM divipola_places p JOIN divipola_places d ON d.code = p.department`

// Places are those with these codes.
func (s *Store) Places(ctx context.Context, codes []string) (out []Place, err error) {
	all, err := s.All(ctx)
	return slices.DeleteFunc(all, func(p Place) bool { return !slices.Contains(codes, p.Code) }), err
}

// All are all places, by code. Until they are in the table, they are those that ship.
func (s *Store) All(ctx context.Context) (out []Place, err error) {
	if err = s.db.WithContext(ctx).Raw(selectPlaces + ` ORDER BY p.code`).Scan(&out).Error; err != nil {
		return nil, fmt.Errorf("read all places: %w", err)
	}
	if len(out) == 0 {
		out = slices.Clone(Shipped())
	}
	return out, nil
}

// Seed puts into the table the places that ship and are not in it, and says how many they were.
func (s *Store) Seed(ctx context.Context) (added int64, err error) {
	list, err := json.Marshal(Shipped())
	if err != nil {
		return 0, err
	}
	_, err = s.outbox.Write(ctx, func(tx *gorm.DB) error {
		res := tx.Exec(`INSERT INTO divipola_places (code, name, department, kind, latitude, longitude)
			SELECT "Code", "Name", "Department", "Kind", ("Latitude")::numeric, ("Longitude")::numeric
			FROM json_to_recordset(?::json) AS r("Code" text, "Name" text, "Department" text, "Kind" text, "Latitude" text, "Longitude" text)
			ON CONFLICT DO NOTHING`, string(list))
		added = res.RowsAffected
		return res.Error
	})
	if err != nil {
		return 0, fmt.Errorf("store the places that ship: %w", err)
	}
	return added, nil
}

// rate is a rate as it is stored.
type rate struct {
	ValidFrom, ValidTo, Value string
	SyncedAt                  time.Time `json:"-"`
}

// Rates are those valid on any day from first to last, in the form in which the publisher has them, and when the oldest of them was
// stored.
func (s *Store) Rates(ctx context.Context, first, last time.Time) (t table.Table, at time.Time, err error) {
	var rows []rate
	err = s.db.WithContext(ctx).Raw(`SELECT valid_from::text, valid_to::text, trim_scale(value)::text AS value, synced_at FROM exchange_rates
		WHERE valid_from <= ?::date AND valid_to >= ?::date ORDER BY valid_from`, last.Format(time.DateOnly), first.Format(time.DateOnly)).Scan(&rows).Error
	if err != nil {
		return t, at, fmt.Errorf("read exchange rates: %w", err)
	}
	t.Columns = catalogue.MustGet(catalogue.Rate).Columns
	for i := range rows {
		r := &rows[i]
		if at.IsZero() || r.SyncedAt.Before(at) {
			at = r.SyncedAt
		}
		t.Rows = append(t.Rows, []*string{&r.ValidFrom, &r.ValidTo, &r.Value, table.Ref("COP")})
	}
	return t, at, nil
}

// LastRate is the last day for which a rate is stored, "" if none is.
func (s *Store) LastRate(ctx context.Context) (day string, err error) {
	err = s.db.WithContext(ctx).Raw(`SELECT coalesce(max(valid_from)::text, '') FROM exchange_rates`).Scan(&day).Error
	if err != nil {
		return "", fmt.Errorf("the last exchange rate: %w", err)
	}
	return day, nil
}

// SaveRates stores rates and says how many were new or different.
func (s *Store) SaveRates(ctx context.Context, rates []rate) (changed int64, err error) {
	list, err := json.Marshal(rates)
	if err != nil {
		return 0, err
	}
	_, err = s.outbox.Write(ctx, func(tx *gorm.DB) error {
		res := tx.Exec(`INSERT INTO exchange_rates AS e (valid_from, valid_to, value)
			SELECT DISTINCT ON (1) ("ValidFrom")::date, ("ValidTo")::date, ("Value")::numeric FROM json_to_recordset(?::json) AS r("ValidFrom" text, "ValidTo" text, "Value" text)
			ON CONFLICT (valid_from) DO UPDATE SET valid_to = excluded.valid_to, value = excluded.value, synced_at = now()
			WHERE (e.valid_to, e.value) IS DISTINCT FROM (excluded.valid_to, excluded.value)`, string(list))
		changed = res.RowsAffected
		return res.Error
	})
	if err != nil {
		return 0, fmt.Errorf("store %d exchange rates: %w", len(rates), err)
	}
	return changed, nil
}

// SavePlaces stores municipalities as DANE has them now, with names in capitals. A name that differs in its spelling alone stays as
// it is. Nothing is taken away: articles name what has been dissolved, too. It says how many were new or different.
func (s *Store) SavePlaces(ctx context.Context, found []Place) (changed int64, err error) {
	have, err := s.All(ctx)
	if err != nil {
		return 0, err
	}
	names := map[string]string{}
	for _, p := range have {
		names[p.Code] = p.Name
	}
	for i := range found {
		if name, ok := names[found[i].Code]; ok && catalogue.Fold(name) == catalogue.Fold(found[i].Name) {
			found[i].Name = name
		} else {
			found[i].Name = mixedCase(found[i].Name)
		}
	}
	list, err := json.Marshal(found)
	if err != nil {
		return 0, err
	}
	_, err = s.outbox.Write(ctx, func(tx *gorm.DB) error {
		res := tx.Exec(`INSERT INTO divipola_places AS p (code, name, department, kind, latitude, longitude, synced_at)
			SELECT "Code", "Name", "Department", "Kind", ("Latitude")::numeric, ("Longitude")::numeric, now()
			FROM json_to_recordset(?::json) AS r("Code" text, "Name" text, "Department" text, "Kind" text, "Latitude" text, "Longitude" text)
			ON CONFLICT (code) DO UPDATE SET name = excluded.name, department = excluded.department, kind = excluded.kind, latitude = excluded.latitude,
				longitude = excluded.longitude, synced_at = now()
			WHERE (p.name, p.department, p.kind, p.latitude, p.longitude) IS DISTINCT FROM
				(excluded.name, excluded.department, excluded.kind, excluded.latitude::numeric(9, 6), excluded.longitude::numeric(9, 6))`, string(list))
		changed = res.RowsAffected
		return res.Error
	})
	if err != nil {
		return 0, fmt.Errorf("store %d municipalities: %w", len(found), err)
	}
	return changed, nil
}

// small are words that stay in small letters within a name.
var small = map[string]bool{"de": true, "del": true, "la": true, "las": true, "los": true, "el": true, "y": true}

// mixedCase is a name in capitals as people write it: EL CARMEN DE BOLÍVAR, El Carmen de Bolívar.
func mixedCase(s string) string {
	words := strings.Fields(strings.ToLower(s))
	for i, w := range words {
		if i > 0 && small[w] {
			continue
		}
		r := []rune(w)
		words[i] = strings.ToUpper(string(r[:1])) + string(r[1:])
	}
	return strings.Join(words, " ")
}
