package soql_test

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/shopspring/decimal"

	"openlearn/internal/government/replay"
	"openlearn/internal/government/soql"
)

var columns = []string{"nombre_entidad", "valor", "fecha", "and", "select"}

// hostile are texts of which somebody hoped that they would become syntax.
var hostile = []string{
	"", "'", "''", "'''", `\'`, `\`, "' or '1'='1", "x') or (1=1", "x' -- ", "x' /* ", "O'Neill", "%", "_", "a\x00b", "a\nb", "\u2028", "$where=1=1", "&$limit=1",
	`"`, "`", "');drop table x;--", "ñ́", "\xff\xfe", "' in ('", "select", "and", "🇨🇴", strings.Repeat("'", 99), "‘’", "＇",
}

func anyText(r *rand.Rand) string {
	if r.IntN(2) == 0 {
		return hostile[r.IntN(len(hostile))]
	}
	var b strings.Builder
	for range r.IntN(12) {
		b.WriteString(hostile[r.IntN(len(hostile))])
		b.WriteRune(rune(r.IntN(0x2100)))
	}
	return b.String()
}

// grown is a condition and what a parser must read of it.
func grown(r *rand.Rand, depth int) (soql.Condition, replay.Condition) {
	column := columns[r.IntN(len(columns))]
	c := soql.MustCol(column)
	text := anyText(r)
	value, read := soql.Text(text), replay.Value{Text: soql.Clean(text)}
	switch r.IntN(3) {
	case 0:
		d := decimal.New(r.Int64()-r.Int64(), int32(r.IntN(30)-15))
		value, read = soql.Number(d), replay.Value{Number: true, Text: d.String()}
	case 1:
		at := time.Unix(r.Int64N(4e9), 0)
		value, read = soql.Time(at), replay.Value{Text: at.Format("2006-01-02T15:04:05.000")}
	}
	n := r.IntN(9)
	if depth == 0 {
		n = r.IntN(6)
	}
	switch n {
	case 0:
		return soql.StartsWith(c, text), replay.Condition{Op: "starts_with", Column: column, Values: []replay.Value{{Text: soql.Clean(text)}}}
	case 1:
		return soql.Present(c), replay.Condition{Op: "is not null", Column: column}
	case 2:
		return soql.In(c, value, soql.Text(text)), replay.Condition{Op: "in", Column: column, Values: []replay.Value{read, {Text: soql.Clean(text)}}}
	case 3:
		plain := strings.NewReplacer("%", " ", "_", " ").Replace(text)
		return soql.Contains(c, text), replay.Condition{Op: "like", Column: column, Upper: true, Values: []replay.Value{{Text: soql.Clean("%" + strings.ToUpper(plain) + "%")}}}
	case 4, 5:
		ops := []soql.Operator{soql.Equal, soql.NotEqual, soql.Less, soql.LessEqual, soql.Greater, soql.GreaterEqual}
		op := ops[r.IntN(len(ops))]
		return soql.Compare(c, op, value), replay.Condition{Op: string(op), Column: column, Values: []replay.Value{read}}
	}
	join, op := soql.And, "and"
	if n == 8 {
		join, op = soql.Or, "or"
	}
	var parts []soql.Condition
	want := replay.Condition{Op: op}
	for range 2 + r.IntN(3) {
		part, reads := grown(r, depth-1)
		parts, want.Parts = append(parts, part), append(want.Parts, reads)
	}
	return join(parts...), want
}

func written(t *testing.T, c soql.Condition) string {
	t.Helper()
	params, err := soql.Query{Select: []soql.Selected{soql.Plain(soql.MustCol("valor"))}, Where: c, Limit: 1}.Params()
	if err != nil {
		t.Fatal(err)
	}
	return params["$where"]
}

// TestNothingOfAValueIsSyntax writes conditions of any shape with hostile values, and has them read by a parser that shares
// nothing with the writer: it must read the same tree, with the same values.
func TestNothingOfAValueIsSyntax(t *testing.T) {
	t.Parallel()
	for seed := range uint64(5_000) {
		r := rand.New(rand.NewPCG(seed, 15))
		c, want := grown(r, 3)
		text := written(t, c)
		got, err := replay.ParseWhere(text, columns)
		if err != nil {
			t.Fatalf("seed %d: %v\n%s", seed, err, text)
		}
		if a, b := fmt.Sprintf("%#v", got), fmt.Sprintf("%#v", want); a != b {
			t.Fatalf("seed %d: %s\nread  %s\nmeant %s", seed, text, a, b)
		}
	}
}

func FuzzText(f *testing.F) {
	for _, s := range hostile {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		text := written(t, soql.Or(soql.Compare(soql.MustCol("valor"), soql.Equal, soql.Text(s)), soql.Contains(soql.MustCol("fecha"), s)))
		got, err := replay.ParseWhere(text, columns)
		if err != nil || got.Op != "or" || len(got.Parts) != 2 || got.Parts[0].Values[0].Text != soql.Clean(s) {
			t.Errorf("%q is read as %+v, %v", s, got, err)
		}
		if strings.ContainsAny(text, "\x00\n\r") {
			t.Errorf("%q has control characters", text)
		}
	})
}

func TestColumnsAreNames(t *testing.T) {
	t.Parallel()
	for _, bad := range []string{"", "a b", "a,b", "a;", "1a", "A", "a'", "a\"", ":id", "a.b", "a(b)", strings.Repeat("a", 101), "ñ", "a\n", "a\x00"} {
		if c, err := soql.Col(bad); err == nil {
			t.Errorf("%q is the column %v", bad, c)
		}
	}
	if _, err := soql.Col("recursos_propios_alcald_as_gobernaciones_y_resguardos_ind_genas_"); err != nil {
		t.Error(err)
	}
}

func TestAQueryIsWhole(t *testing.T) {
	t.Parallel()
	valor, fecha := soql.MustCol("valor"), soql.MustCol("fecha")
	got, err := soql.Query{
		Select: []soql.Selected{soql.Plain(fecha), soql.Count(soql.MustCol("n")), soql.Sum(valor, soql.MustCol("total"))},
		Group:  []soql.Column{fecha}, Order: []soql.Order{{soql.MustCol("total"), true}}, Limit: 5, Offset: 10,
	}.Params()
	want := map[string]string{
		"$select": "fecha, count(*) as n, sum(valor) as total", "$group": "fecha", "$order": "total DESC, fecha ASC", "$limit": "5", "$offset": "10",
	}
	if err != nil || fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("%v, %v", got, err)
	}
	got, err = soql.Query{Select: []soql.Selected{soql.Plain(fecha)}, Limit: 1}.Params()
	if err != nil || got["$order"] != ":id ASC" {
		t.Errorf("the order of rows is %q, %v", got["$order"], err)
	}
	for name, q := range map[string]soql.Query{
		"nothing selected":  {Limit: 1},
		"no limit":          {Select: []soql.Selected{soql.Plain(fecha)}},
		"too many rows":     {Select: []soql.Selected{soql.Plain(fecha)}, Limit: soql.MostRows + 1},
		"a negative offset": {Select: []soql.Selected{soql.Plain(fecha)}, Limit: 1, Offset: -1},
		"a zero column":     {Select: []soql.Selected{soql.Plain(soql.Column{})}, Limit: 1},
		"a zero order":      {Select: []soql.Selected{soql.Plain(fecha)}, Limit: 1, Order: []soql.Order{{}}},
	} {
		if p, err := q.Params(); !errors.Is(err, soql.ErrQuery) {
			t.Errorf("%s: %v, %v", name, p, err)
		}
	}
	if c := soql.And(soql.Condition{}, soql.Or()); !c.Empty() {
		t.Errorf("a condition of nothing: %v", c)
	}
	if !slices.Equal([]string{written(t, soql.In(fecha))}, []string{"1 = 0"}) {
		t.Error("in an empty list there is something")
	}
}
