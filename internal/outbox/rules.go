package outbox

import "fmt"

// Rules say, by table, what a fact invalidates. Each domain keeps the rules of its tables beside its cached reads.
//
// A table without a rule belongs to a newer release that runs beside this one. Its facts invalidate the dependency named
// after the table, which every entry that rests on a table has.
type Rules map[string]func(Fact) []string

// Join merges several Rules. Two domains that claim the same table are a mistake in the program.
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

// dependencies returns what a fact invalidates.
func (r Rules) dependencies(f Fact) []string {
	if rule := r[f.Table]; rule != nil {
		return rule(f)
	}
	return []string{f.Table}
}
