package admin

import "time"

// Warming is the state of the warmer and what it did: counted by this instance since it started, never estimated. The hits
// that it brought are not counted: an entry does not record who fetched it.
type Warming struct {
	Enabled   bool             `json:"enabled" doc:"false: WARM_KEYS is 0, and the rest says nothing"`
	Layer     string           `json:"layer"`
	Schedule  string           `json:"schedule" doc:"predicted, popular or off"`
	KeysMost  int              `json:"keys_at_most"`
	RateMost  int              `json:"loads_a_second_at_most"`
	Interval  float64          `json:"interval_seconds" doc:"Between looks at the schedule"`
	NextLook  *time.Time       `json:"next_look_at"`
	LookedAt  *time.Time       `json:"looked_at" doc:"When it was last decided what the schedule keeps warm; null before the first time"`
	Learnt    int              `json:"hours_learnt" doc:"Hours of accesses that the forecast has been shown"`
	Needed    int              `json:"hours_needed" doc:"Before so many nothing is predicted"`
	Scheduled int              `json:"scheduled_keys" doc:"Entries that the schedule keeps warm now"`
	Keys      []ForecastKey    `json:"keys" nullable:"false" doc:"Up to fifty of them, the most asked first"`
	Runs      map[string]Tally `json:"runs" doc:"By reason: start, flush, schedule"`
	Failures  uint64           `json:"failures" doc:"Of passes, and of looks at what to warm; the log says why"`
}

// ForecastKey is an entry with the requests that are forecast for an hour (predicted), or were measured for one (popular).
type ForecastKey struct {
	Identifier string  `json:"identifier"`
	Requests   float64 `json:"requests_an_hour"`
}

// Tally is what the passes of one reason did.
type Tally struct {
	Passes  uint64 `json:"passes" doc:"Finished"`
	Checked uint64 `json:"checked" doc:"Entries looked at"`
	Loaded  uint64 `json:"loaded" doc:"Those of them that were not there and had to be fetched"`
	Last    *Run   `json:"last" doc:"null before the first"`
}

// Run is one pass.
type Run struct {
	At      time.Time `json:"at"`
	TookMS  float64   `json:"took_ms"`
	Entries int       `json:"entries" doc:"To be there"`
	Loaded  int       `json:"loaded"`
	Failed  bool      `json:"failed"`
}

const mostForecast = 50

// Warming is what keeps entries warm, and what it did.
func (a *Admin) Warming() Warming {
	w := Warming{}
	if a.opt.Warming != nil {
		w = a.opt.Warming()
	}
	w.Scheduled = len(w.Keys)
	w.Keys = append([]ForecastKey{}, w.Keys[:min(len(w.Keys), mostForecast)]...)
	for i, k := range w.Keys {
		w.Keys[i].Requests = round(k.Requests, 2)
	}
	if w.Runs == nil {
		w.Runs = map[string]Tally{}
	}
	return w
}
