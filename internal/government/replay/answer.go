package replay

import (
	"cmp"
	"errors"
	"fmt"
	"maps"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/shopspring/decimal"
)

var (
	plainSelect = regexp.MustCompile(`^[a-z_][a-z0-9_]*$`)
	aggregate   = regexp.MustCompile(`^(count|sum|avg|min|max|date_trunc_ymd|date_trunc_ym)\((\*|[a-z_][a-z0-9_]*)\) as ([a-z_][a-z0-9_]*)$`)
)

type selected struct{ function, column, name string }

// answer runs a query over rows as SODA would.
func answer(rows []Row, columns []string, q url.Values) ([]Row, error) {
	known := func(name string) error {
		if !slices.Contains(columns, name) {
			return errNoColumn(name)
		}
		return nil
	}
	var chosen []selected
	for part := range strings.SplitSeq(q.Get("$select"), ", ") {
		if plainSelect.MatchString(part) {
			if err := known(part); err != nil {
				return nil, err
			}
			chosen = append(chosen, selected{"", part, part})
			continue
		}
		m := aggregate.FindStringSubmatch(part)
		if m == nil {
			return nil, fmt.Errorf("nothing that could be selected: %q", part)
		}
		if m[2] != "*" {
			if err := known(m[2]); err != nil {
				return nil, err
			}
		}
		chosen = append(chosen, selected{m[1], m[2], m[3]})
	}
	var found []Row
	if where := q.Get("$where"); where != "" {
		c, err := ParseWhere(where, columns)
		if err != nil {
			return nil, err
		}
		for _, r := range rows {
			if c.Holds(r) {
				found = append(found, r)
			}
		}
	} else {
		found = slices.Clone(rows)
	}
	grouped := slices.ContainsFunc(chosen, func(s selected) bool { return s.function != "" }) || q.Get("$group") != ""
	out := make([]Row, 0, len(found))
	if grouped {
		out = group(found, chosen, q.Get("$group"))
	} else {
		for _, r := range found {
			row := Row{":id": r[":id"]}
			for _, s := range chosen {
				if v, ok := r[s.column]; ok {
					row[s.name] = v
				}
			}
			for k, v := range r { // kept for the order, and taken out afterwards
				row["\x00"+k] = v
			}
			out = append(out, row)
		}
	}
	if err := order(out, q.Get("$order"), columns, chosen, grouped); err != nil {
		return nil, err
	}
	for _, r := range out {
		maps.DeleteFunc(r, func(k string, _ any) bool { return k == ":id" || strings.HasPrefix(k, "\x00") })
	}
	return page(out, q)
}

func page(rows []Row, q url.Values) ([]Row, error) {
	limit, err := strconv.Atoi(q.Get("$limit"))
	if err != nil {
		return nil, errors.New("no $limit")
	}
	offset, _ := strconv.Atoi(q.Get("$offset"))
	offset = min(offset, len(rows))
	return rows[offset:min(offset+limit, len(rows))], nil
}

func group(rows []Row, chosen []selected, by string) []Row {
	keyed := map[string][]Row{}
	for _, r := range rows {
		var key strings.Builder
		for name := range strings.SplitSeq(by, ", ") {
			for _, s := range chosen {
				if s.name == name {
					fmt.Fprintf(&key, "%v\x00", plain(r, s))
				}
			}
		}
		keyed[key.String()] = append(keyed[key.String()], r)
	}
	if by == "" && len(rows) == 0 {
		keyed[""] = nil
	}
	out := []Row{}
	for _, key := range slices.Sorted(maps.Keys(keyed)) {
		row := Row{}
		for _, s := range chosen {
			if v := total(keyed[key], s); v != nil {
				row[s.name] = v
			}
		}
		out = append(out, row)
	}
	return out
}

// plain is what a function that is no aggregate makes of a row.
func plain(r Row, s selected) any {
	v, ok := r[s.column].(string)
	switch {
	case !ok:
		return nil
	case s.function == "date_trunc_ymd" && len(v) >= 10:
		return v[:10] + "T00:00:00.000"
	case s.function == "date_trunc_ym" && len(v) >= 7:
		return v[:7] + "-01T00:00:00.000"
	}
	return v
}

func total(rows []Row, s selected) any {
	var sum, least, most decimal.Decimal
	n := 0
	for _, r := range rows {
		v, ok := r[s.column].(string)
		d, err := decimal.NewFromString(v)
		if !ok || err != nil {
			continue
		}
		if n++; n == 1 {
			least, most = d, d
		}
		sum, least, most = sum.Add(d), decimal.Min(least, d), decimal.Max(most, d)
	}
	switch s.function {
	case "count":
		return strconv.Itoa(len(rows))
	case "sum", "avg", "min", "max":
		if n == 0 {
			return nil
		}
		return map[string]decimal.Decimal{"sum": sum, "avg": sum.DivRound(decimal.NewFromInt(int64(n)), 6), "min": least, "max": most}[s.function].String()
	}
	if len(rows) == 0 {
		return nil
	}
	return plain(rows[0], s)
}

func order(rows []Row, by string, columns []string, chosen []selected, grouped bool) error {
	type level struct {
		column     string
		descending bool
	}
	var levels []level
	for part := range strings.SplitSeq(by, ", ") {
		if part == "" {
			continue
		}
		name, direction, _ := strings.Cut(part, " ")
		if direction != "ASC" && direction != "DESC" {
			return fmt.Errorf("no order: %q", part)
		}
		isChosen := slices.ContainsFunc(chosen, func(s selected) bool { return s.name == name })
		switch {
		case grouped && !isChosen:
			return fmt.Errorf("%q is neither selected nor an aggregate", name)
		case !grouped && name != ":id" && !slices.Contains(columns, name):
			return errNoColumn(name)
		}
		if !grouped && name != ":id" {
			name = "\x00" + name
		}
		levels = append(levels, level{name, direction == "DESC"})
	}
	if !grouped && (len(levels) == 0 || levels[len(levels)-1].column != ":id") {
		return errors.New("pages overlap without :id in $order")
	}
	slices.SortStableFunc(rows, func(a, b Row) int {
		for _, l := range levels {
			x, okX := a[l.column].(string)
			y, okY := b[l.column].(string)
			n := cmp.Compare(fmt.Sprint(okX), fmt.Sprint(okY))
			if okX && okY {
				n = compare(x, Value{Number: isNumber(y), Text: y})
			}
			if l.descending {
				n = -n
			}
			if n != 0 {
				return n
			}
		}
		return 0
	})
	return nil
}

func isNumber(s string) bool {
	_, err := decimal.NewFromString(s)
	return err == nil
}
