package analysis

import "context"

// Named returns what an article names, as it is now: each entity once, with the number of its mentions. The error wraps
// ErrNotFound if there is no such article.
func (s *Service) Named(ctx context.Context, article int64) ([]Entity, error) {
	r, err := s.cached.article.Get(ctx, article)
	if err != nil {
		return nil, err
	}
	var out []Entity
	place := map[int]int{} // by the number that mentions of one entity share
	for _, e := range r.Entities {
		if e.Chain != nil {
			if i, ok := place[*e.Chain]; ok {
				out[i].Mentions++
				if out[i].Divipola == "" {
					out[i].Divipola = e.Divipola
				}
				continue
			}
			place[*e.Chain] = len(out)
		}
		e.Mentions = 1
		out = append(out, e)
	}
	return out, nil
}
