package forecast

import "slices"

// Rule chooses what is worth keeping warm.
type Rule struct {
	Most  int     // keys
	Least float64 // requests expected while an entry lives, to be worth its load
	// Rise is how many times the day's level the expectation must be; 0 = any. A key that is asked for evenly is kept
	// alive by its own readers: the engine refreshes it behind them.
	Rise float64
}

// Predicted is the rule that was measured (docs/benchmarks.md): it costs nothing where there is nothing to predict.
func Predicted(most int) Rule { return Rule{Most: most, Least: 2, Rise: 1.5} }

// Popular takes what was asked for during the last day (see Measured), whether or not readers keep it alive themselves.
func Popular(most int) Rule { return Rule{Most: most, Least: 2} }

// Expected are the keys whose forecast satisfies the rule when a share of the outlook's hour has passed, the most
// expected first.
func (r Rule) Expected(of []Outlook, gone float64) []Count {
	return r.choose(of, func(o Outlook) (float64, bool) {
		n := o.In(gone)
		return n, n >= r.Rise*o.Level
	})
}

// Measured are the keys whose level over the last day satisfies the rule, the most requested first.
func (r Rule) Measured(of []Outlook) []Count {
	return r.choose(of, func(o Outlook) (float64, bool) { return o.Level, true })
}

func (r Rule) choose(of []Outlook, worth func(Outlook) (float64, bool)) []Count {
	var out []Count
	for _, o := range of {
		if n, ok := worth(o); ok && n >= r.Least && n > 0 {
			out = append(out, Count{o.Key, n})
		}
	}
	slices.SortFunc(out, byCount)
	return slices.Clip(out[:min(len(out), r.Most)])
}
