package articles

import (
	"encoding/json"
	"fmt"
	"math"
	"net/url"
	"reflect"
	"strconv"
	"time"

	"gorm.io/gorm"

	"openlearn/internal/articles/limits"
	"openlearn/internal/httpapi"
)

// Order is how a listing is sorted. Every order ends in the id, so that pages are stable.
type Order string

const (
	// Newest first, by the effective date.
	Newest Order = "newest"
	// Oldest first, by the effective date.
	Oldest Order = "oldest"
	// Easiest first by difficulty, unrated articles last.
	Easiest Order = "easiest"
	// Hardest first by difficulty, unrated articles last.
	Hardest Order = "hardest"
)

// effectiveDate is Article.Date in SQL, as in the listings' indexes (migration 00032); articles without any date come last.
const effectiveDate = "coalesce(least(published_date, scraped_at), '-infinity'::timestamptz)"

// changed is Article.modified in SQL, as in its index.
const changed = "coalesce(greatest(updated_at, analysed_at), scraped_at, '-infinity'::timestamptz)"

// keyset is an order in SQL: the indexed expression, which is never NULL, its direction, and the value that replaces NULL.
type keyset struct {
	expr, direction, null string
	field                 string // the cursor's name of the order
}

func (o Order) keyset() keyset {
	switch o {
	case Oldest:
		return keyset{effectiveDate, "ASC", "-infinity", "published_date:asc"}
	case Easiest:
		return keyset{"coalesce(difficulty_score, 'infinity'::float8)", "ASC", "infinity", "difficulty_score"}
	case Hardest:
		return keyset{"coalesce(difficulty_score, '-infinity'::float8)", "DESC", "-infinity", "difficulty_score:desc"}
	default:
		return keyset{effectiveDate, "DESC", "-infinity", "published_date"}
	}
}

// byDifficulty reports whether the order is by difficulty; otherwise it is by date.
func (o Order) byDifficulty() bool { return o == Easiest || o == Hardest }

// canonical is a cursor's value as the database reads it, nil for a row without a date or rating. It is an error if it
// cannot be a sort value of this order.
func (o Order) canonical(c *httpapi.Cursor) (*string, error) {
	if c.Value == nil {
		return nil, nil
	}
	if o.byDifficulty() {
		f, err := strconv.ParseFloat(*c.Value, 64)
		if err == nil && (math.IsNaN(f) || math.IsInf(f, 0)) {
			err = fmt.Errorf("a difficulty of %v", f)
		}
		v := strconv.FormatFloat(f, 'g', -1, 64)
		return &v, err
	}
	t, err := c.Time()
	if err != nil {
		return nil, err
	}
	v := t.UTC().Format(time.RFC3339Nano)
	return &v, nil
}

// value is the sort value of a row as a cursor carries it, nil for NULL.
func (o Order) value(a *Article) *string {
	if o.byDifficulty() {
		if a.DifficultyScore == nil {
			return nil
		}
		v := strconv.FormatFloat(*a.DifficultyScore, 'g', -1, 64)
		return &v
	}
	d := a.Date()
	if d == nil {
		return nil
	}
	v := d.UTC().Format(time.RFC3339Nano)
	return &v
}

// Filter selects articles; zero fields do not restrict the selection.
type Filter struct {
	Sources                       []string // any of them
	Category, Author, Tag, Entity string
	From, To                      *time.Time // effective date in [From, To)
	UpdatedSince                  *time.Time // stored, edited or analysed since
	MinDifficulty, MaxDifficulty  *float64
	Level                         string // CEFR level, a key of limits.Levels
	Paywall                       *bool
	Collapse                      bool // of articles that tell the same story, show only the first
}

// Position is where a page starts: after the row with this sort value (nil: without a date or rating) and id.
type Position struct {
	Value *string
	ID    int64
}

// where adds the filter's conditions to q, which will be sorted in order o.
func (f Filter) where(q *gorm.DB, o Order) *gorm.DB {
	switch len(f.Sources) {
	case 0:
	case 1:
		q = q.Where("source = ?", f.Sources[0])
	default:
		q = q.Where("source IN ?", f.Sources)
	}
	for _, c := range []struct{ column, value string }{{"category", f.Category}, {"author", f.Author}} {
		if c.value != "" {
			q = q.Where(c.column+" = ?", c.value)
		}
	}
	for _, c := range []struct{ column, value string }{{"tags", f.Tag}, {"entity_names", f.Entity}} {
		if c.value != "" {
			q = q.Where(c.column+" @> ?::jsonb", jsonArray(c.value))
		}
	}
	// Ranges apply to the expressions in an index, which are not NULL even if the column is.
	if f.From != nil {
		q = q.Where(effectiveDate+" >= ?", *f.From)
	}
	if f.To != nil {
		q = q.Where(effectiveDate+" < ? AND "+effectiveDate+" > '-infinity'", *f.To)
	}
	if f.UpdatedSince != nil {
		q = q.Where(changed+" >= ?", *f.UpdatedSince)
	}
	difficulty := Easiest.keyset().expr
	if o == Hardest {
		difficulty = Hardest.keyset().expr
	}
	if f.MinDifficulty != nil {
		q = q.Where(difficulty+" >= ? AND difficulty_score IS NOT NULL", *f.MinDifficulty)
	}
	if f.MaxDifficulty != nil {
		q = q.Where(difficulty+" <= ? AND difficulty_score IS NOT NULL", *f.MaxDifficulty)
	}
	if l, ok := limits.Levels[f.Level]; ok {
		q = q.Where(difficulty+" >= ? AND "+difficulty+" < ?", l.From, l.Below)
	}
	if f.Paywall != nil {
		q = q.Where("is_paywall = ?", *f.Paywall)
	}
	if f.Collapse {
		q = f.collapse(q, o, func(twins *gorm.DB) *gorm.DB { return twins })
	}
	return q
}

// collapse keeps only the first telling of each story among those that the filter and the further conditions select: in a
// newspaper's listing its own telling is shown, whoever was first. Column names refer to the innermost table, so conditions
// on the articles also apply to their twins.
func (f Filter) collapse(q *gorm.DB, o Order, further func(*gorm.DB) *gorm.DB) *gorm.DB {
	f.Collapse = false
	twins := q.Session(&gorm.Session{NewDB: true}).Table(Table + " AS twin").Select("1").
		Where("twin.duplicate_group = " + Table + ".duplicate_group AND twin.id < " + Table + ".id")
	return q.Where("(duplicate_group IS NULL OR NOT EXISTS (?))", further(f.where(twins, o)))
}

// onePlan says whether one plan is best for all values of the filter: the index that has it in the listing's order. For
// other filters the best plan depends on how many articles match.
func (f Filter) onePlan() bool {
	rest := f
	rest.Sources, rest.Category, rest.Author = nil, "", ""
	return reflect.ValueOf(rest).IsZero() && len(f.Sources)+given(f.Category)+given(f.Author) <= 1
}

func given(s string) int {
	if s == "" {
		return 0
	}
	return 1
}

// page adds order and starting position to q.
func (o Order) page(q *gorm.DB, after *Position) *gorm.DB {
	k := o.keyset()
	if after != nil {
		value := k.null
		if after.Value != nil {
			value = *after.Value
		}
		op, typ := "<", "timestamptz"
		if k.direction == "ASC" {
			op = ">"
		}
		if o.byDifficulty() {
			typ = "float8"
		}
		q = q.Where(fmt.Sprintf("(%s, id) %s (?::%s, ?::bigint)", k.expr, op, typ), value, after.ID)
	}
	return q.Order(k.order())
}

func (k keyset) order() string { return k.expr + " " + k.direction + ", id " + k.direction }

// params is the filter's part of a cache key: only the fields that are set, in canonical spelling.
func (f Filter) params() url.Values {
	v := url.Values{}
	if len(f.Sources) > 0 {
		v["source"] = f.Sources
	}
	for name, s := range map[string]string{"category": f.Category, "author": f.Author, "tag": f.Tag, "entity": f.Entity, "level": f.Level} {
		if s != "" {
			v.Set(name, s)
		}
	}
	for name, t := range map[string]*time.Time{"from": f.From, "to": f.To, "updated_since": f.UpdatedSince} {
		if t != nil {
			v.Set(name, t.UTC().Format(time.RFC3339Nano))
		}
	}
	for name, d := range map[string]*float64{"min_difficulty": f.MinDifficulty, "max_difficulty": f.MaxDifficulty} {
		if d != nil {
			v.Set(name, strconv.FormatFloat(*d, 'g', -1, 64))
		}
	}
	if f.Paywall != nil {
		v.Set("is_paywall", strconv.FormatBool(*f.Paywall))
	}
	if f.Collapse {
		v.Set("collapse", collapseDuplicates)
	}
	return v
}

func jsonArray(s string) string {
	b, err := json.Marshal([]string{s})
	if err != nil {
		return "[]" // unreachable: strings always marshal
	}
	return string(b)
}
