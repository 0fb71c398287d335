package articles

import (
	"context"
	"database/sql"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"gorm.io/gorm"
)

// stemQuery is a search as PostgreSQL reads it: in stems, without stop words.
type stemQuery struct {
	All, Exact string   // tsquery literals; Exact is empty unless an ñ was typed (see searchText)
	Stems      []string // that it looks for, without accents, each once; not those it excludes
	Any        bool     // whether every article that has one of them matches
	Together   bool     // whether some of them must occur together
}

// none reports whether nothing matches: the search has stop words only, or without them only exclusions.
func (q stemQuery) none() bool { return len(q.Stems) == 0 }

// stemmed runs read, which may read nothing but the given store, with the stems of a search.
func (s *Store) stemmed(ctx context.Context, query searchText, read func(*Store, stemQuery) error) error {
	return s.db.WithContext(ctx).Transaction(func(tx *gorm.DB) error {
		in := *s
		in.db = tx
		// To the planner, reading every article is cheap if most of them match: it does not know that each vector has to be fetched and
		// decompressed. Compiling a plan takes longer than a search.
		var row struct{ All, Exact, Sought string }
		err := tx.Raw(`SELECT to_tsquery('spanish', @all)::text AS all, to_tsquery('spanish', @exact)::text AS exact, querytree(to_tsquery('spanish', @all)) AS sought,
			set_config('enable_seqscan', 'off', true), set_config('jit', 'off', true)`, map[string]any{"all": query.All, "exact": query.Exact}).Scan(&row).Error
		if err != nil {
			return fmt.Errorf("read the query: %w", err)
		}
		return read(&in, newStemQuery(row.All, row.Exact, row.Sought))
	}, &sql.TxOptions{Isolation: sql.LevelRepeatableRead, ReadOnly: true}) // the page and the total agree
}

var (
	stem         = regexp.MustCompile(`'(?:[^']|'')*'`)
	alternatives = regexp.MustCompile(`(?:^|\( )'(?:[^']|'')*'(?: \| '(?:[^']|'')*')+(?: \)|$)`)
)

// newStemQuery takes PostgreSQL's writing of the queries, and sought, what an index looks up for the first (querytree). Spellings
// often have the same stem; PostgreSQL would take each for a word of its own, in its estimates and in its look-ups.
func newStemQuery(all, exact, sought string) stemQuery {
	q := stemQuery{All: once(all), Exact: once(exact), Any: !strings.ContainsAny(stem.ReplaceAllString(all, ""), "&!<")}
	if sought == "T" {
		return q
	}
	q.Together = strings.ContainsAny(stem.ReplaceAllString(sought, ""), "&<")
	for _, s := range stem.FindAllString(sought, -1) {
		q.Stems = append(q.Stems, folded.Replace(s))
	}
	slices.Sort(q.Stems)
	q.Stems = slices.Compact(q.Stems)
	return q
}

// once leaves each stem once in every list of alternatives.
func once(query string) string {
	return alternatives.ReplaceAllStringFunc(query, func(list string) string {
		var stems []string
		for _, s := range stem.FindAllString(list, -1) {
			if !slices.Contains(stems, s) {
				stems = append(stems, s)
			}
		}
		one := strings.Join(stems, " | ")
		if strings.HasPrefix(list, "(") {
			return "( " + one + " )"
		}
		return one
	})
}
