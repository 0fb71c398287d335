package outbox

import "fmt"

// Rules say, by table, what a fact invalidates. Each domain has those of its tables beside its cached reads.
//
// A table without a rule belongs to a release that is newer than this one, while both run. Its facts invalidate the
// dependency that is named as the table is, which every entry on a table has.
type Rules map[string]func(Fact) []string

// Join makes one of several. Two domains that claim one table are a mistake in the program.
func Join(all ...Rules) Rules {
	joined := Rules{}
	for _, rules := range all {
		for table, rule := range rules {
			if joined[table] != nil {
				panic(fmt.Sprintf("outbox: table %s belongs to two domains", table))
			}
			joined[table] = rule
		}
	}
	return joined
}

// dependencies are those that a fact invalidates.
func (r Rules) dependencies(f Fact) []string {
	if rule := r[f.Table]; rule != nil {
		return rule(f)
	}
	return []string{f.Table}
}
