package articles

import (
	"context"
	"strings"
)

// classes are weights, the heaviest first, and the classes of weighed(search) in which stems weigh that or more (migration 00039). A
// stem weighs in an article what ts_rank_cd counts for it: 1 for each time in the title, 0.4 in the subtitle, 0.1 in the text,
// together with the stems that differ from it in accents only.
var classes = []struct {
	weight  float64
	letters string
}{{2.5, "OP"}, {2.0, "NOP"}, {1.6, "LMNOP"}, {1.4, "JKLMNOP"}, {1.2, "HIJKLMNOP"}, {1.0, "FGHIJKLMNOP"}, {0.6, "DEFGHIJKLMNOP"}, {0.3, "BCDEFGHIJKLMNOP"}, {0.2, "ABCDEFGHIJKLMNOP"}}

// heaviest returns a page of the articles that match any of several stems, best first, if it can be told without ranking all of
// them; else nil. It ranks those in which a stem is heavy. As soon as every article on the page ranks higher than any article can in
// which all stems are lighter, it is done. An article whose stem only looks like one of the query without accents ranks 0, so it is
// on no such page.
func (s *Store) heaviest(ctx context.Context, q stemQuery, f Filter, offset, limit int) ([]int64, error) {
	rank, args := q.rank()
	for _, class := range classes {
		candidates := s.filtered(ctx, q, f)
		if !q.Any {
			candidates = s.matching(ctx, q, f)
		}
		var best []struct {
			ID   int64
			Rank float64
		}
		err := candidates.Where("weighed(search) @@ ?::tsquery", q.inClasses(class.letters)).Select("id, "+rank+" AS rank", args...).
			Order("rank DESC, id DESC").Limit(limit).Offset(offset).Scan(&best).Error
		if err != nil {
			return nil, err
		}
		if len(best) == limit && best[limit-1].Rank > q.bestBelow(class.weight) {
			ids := make([]int64, limit)
			for i := range best {
				ids[i] = best[i].ID
			}
			return ids, nil
		}
	}
	return nil, nil
}

// inClasses is a query for articles in which one of the stems is in one of the classes.
func (q stemQuery) inClasses(letters string) string {
	var marked []string
	for _, s := range q.Stems {
		for _, letter := range letters {
			marked = append(marked, strings.TrimSuffix(s, "'")+string(letter)+"'")
		}
	}
	return strings.Join(marked, " | ")
}

// bestBelow is a rank that no article exceeds in which each of the stems weighs less: weights are multiples of 0.1.
func (q stemQuery) bestBelow(weight float64) float64 {
	sum := (weight-0.1)*float64(len(q.Stems)) + 1e-6 // ts_rank_cd counts in 32 bits
	best := sum / (1 + sum)
	if q.Exact != "" {
		best = (best + 1) / 2
	}
	return best
}
