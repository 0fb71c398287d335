package forecast

import (
	"cmp"
	"math"
	"slices"
)

// The experts: each forecasts a key's requests in an hour from what it remembers.
const (
	recent    = iota // the last hours, the last one counting for half
	steady           // the level of the last day
	tide             // that level, rising and falling with all traffic: hour of day, day of week
	habit            // the key's own requests at this hour of the day, adjusted for the day of the week
	expertise        // how many there are
)

const (
	recentShare = 0.5
	habitShare  = 0.3                  // weight of a day in an hour-of-day average
	dayShare    = 0.08                 // weight of an hour in a day-of-week factor
	learning    = 0.3                  // rate of the weights
	leastWeight = 0.02                 // so that an expert that was wrong can come back
	leastRate   = 0.02                 // requests in an hour; lower rates count as this one
	week        = 7                    // days
	steadyShare = 0.028468016642203806 // 1 − 2^(−1/24): the last day counts for half
)

// Model forecasts requests per key and hour. Four experts with a small memory per key each (28 numbers) are mixed by weights
// that are fitted online: exponentiated gradient (Kivinen and Warmuth, Information and Computation 132, 1997) on the Poisson
// loss, each weight kept above a floor so that a change of habits is followed (Herbster and Warmuth: Tracking the Best
// Expert, Machine Learning 32, 1998). It is not safe for concurrent use.
type Model struct {
	most    int
	keys    map[string]*series
	order   []*series // the same in order of arrival: sums of floats must not depend on a map's order
	last    int64     // the last hour observed
	hours   int       // how many were observed
	weights [expertise]float64

	byHour [24]float64   // of all traffic
	known  [24]bool      // whether that hour has been seen
	byDay  [week]float64 // factor of a day of the week
}

// series is what is remembered about a key.
type series struct {
	key                  string
	recent, steady, calm float32 // calm: the level with the tide taken out
	byHour               [24]float32
	born                 int64 // first hour
}

// NewModel makes a model that remembers that many keys, a quarter more at most.
func NewModel(most int) *Model {
	m := &Model{most: max(most, 1), keys: map[string]*series{}}
	for i := range m.weights {
		m.weights[i] = 1.0 / expertise
	}
	for i := range m.byDay {
		m.byDay[i] = 1
	}
	return m
}

// Last is the last hour observed, in hours since 1970; ok is false before the first.
func (m *Model) Last() (hour int64, ok bool) { return m.last, m.hours > 0 }

// Weights are the experts' weights: recent hours, level of the day, that level with the tide of all traffic, and the
// key's habit at this hour.
func (m *Model) Weights() (recent, steady, tide, habit float64) {
	return m.weights[0], m.weights[1], m.weights[2], m.weights[3]
}

// Observe learns from one hour's counts: of all keys that were requested, or of the most requested. Hours come in
// order; unknown hours are left out, and an hour that is not later than the last is ignored.
func (m *Model) Observe(hour int64, counts []Count) {
	if m.hours > 0 && hour <= m.last {
		return
	}
	seen := make(map[string]float64, len(counts))
	total := 0.0
	for _, c := range counts {
		seen[c.Key] += c.N
		total += c.N
	}
	m.judge(hour, seen)
	m.season(hour, total)
	m.meet(hour, counts)
	season := m.seasonOf(hour)
	at, day := hour%24, m.byDay[dayOf(hour)]
	for _, s := range m.order {
		n := seen[s.key]
		s.recent += recentShare * (float32(n) - s.recent)
		s.steady += steadyShare * (float32(n) - s.steady)
		s.calm += steadyShare * (float32(n/season) - s.calm)
		if h := float32(n / day); hour-s.born < 24 {
			s.byHour[at] = h
		} else {
			s.byHour[at] += habitShare * (h - s.byHour[at])
		}
	}
	m.last = hour
	m.hours++
	m.forget()
}

// meet begins to remember new keys.
func (m *Model) meet(hour int64, counts []Count) {
	for _, c := range counts {
		if m.keys[c.Key] == nil {
			s := &series{key: c.Key, born: hour}
			m.keys[c.Key] = s
			m.order = append(m.order, s)
		}
	}
}

// season learns the tide of all traffic.
func (m *Model) season(hour int64, total float64) {
	at, day := hour%24, dayOf(hour)
	if !m.known[at] {
		m.known[at], m.byHour[at] = true, total
		return
	}
	if m.byHour[at] > 0 {
		m.byDay[day] += dayShare * (min(total/m.byHour[at], 4) - m.byDay[day])
		m.byDay[day] = max(m.byDay[day], 0.05)
	}
	m.byHour[at] += habitShare * (total/m.byDay[day] - m.byHour[at])
}

// seasonOf is the ratio of an hour's traffic to the mean of the day's known hours.
func (m *Model) seasonOf(hour int64) float64 {
	sum, n := 0.0, 0
	for i, known := range m.known {
		if known {
			sum += m.byHour[i]
			n++
		}
	}
	if at := hour % 24; sum > 0 && m.known[at] {
		return max(m.byHour[at]*float64(n)/sum, 0.05) * m.byDay[dayOf(hour)]
	}
	return m.byDay[dayOf(hour)]
}

// dayOf is the day of the week of an hour, in UTC; its name does not matter.
func dayOf(hour int64) int64 { return hour / 24 % week }

// opinions are the experts' forecasts.
func (m *Model) opinions(s *series, hour int64, season, whole float64) (e [expertise]float64) {
	e[recent] = float64(s.recent)
	e[steady] = float64(s.steady) / whole
	e[tide] = float64(s.calm) / whole * season
	if hour-s.born < 24 {
		e[habit] = e[tide] // it has not had this hour yet
	} else {
		e[habit] = float64(s.byHour[hour%24]) * m.byDay[dayOf(hour)]
	}
	return e
}

// whole is how much of the slow averages' weight has accumulated since the start.
func (m *Model) whole() float64 { return 1 - math.Pow(1-steadyShare, float64(max(m.hours, 1))) }

func (m *Model) mix(e [expertise]float64) float64 {
	sum := 0.0
	for i, w := range m.weights {
		sum += w * e[i]
	}
	return sum
}

// judge adjusts the weights by how well the experts had forecast an hour.
func (m *Model) judge(hour int64, seen map[string]float64) {
	if m.hours == 0 {
		return
	}
	var blame [expertise]float64
	season, whole, scale := m.seasonOf(hour), m.whole(), 0.0
	for _, s := range m.order {
		e := m.opinions(s, hour, season, whole)
		rate := max(m.mix(e), leastRate)
		off := 1 - seen[s.key]/rate
		for i := range blame {
			blame[i] += off * e[i]
		}
		scale += rate
	}
	if scale == 0 {
		return
	}
	sum := 0.0
	for i := range m.weights {
		m.weights[i] = max(m.weights[i]*math.Exp(-learning*min(max(blame[i]/scale, -3), 3)), leastWeight)
		sum += m.weights[i]
	}
	for i := range m.weights {
		m.weights[i] /= sum
	}
}

// forget drops the keys with the least memory when there are a quarter too many.
func (m *Model) forget() {
	if len(m.order) <= m.most+m.most/4 {
		return
	}
	slices.SortStableFunc(m.order, func(a, b *series) int { return cmp.Compare(b.steady+b.recent, a.steady+a.recent) })
	for _, s := range m.order[m.most:] {
		delete(m.keys, s.key)
	}
	clear(m.order[m.most:])
	m.order = m.order[:m.most]
}

// Outlook is the forecast for a key.
type Outlook struct {
	Key string
	// Now and Next are its requests in the hour asked about and in the one after it, as forecast.
	Now, Next float64
	// Level is its requests in an hour as measured, a mean over about a day.
	Level float64
}

// In is the requests expected in the 60 minutes that begin when a share of the hour has passed: how often an entry that
// is loaded then and lives for an hour will be asked for.
func (o Outlook) In(gone float64) float64 { return (1-gone)*o.Now + gone*o.Next }

// Outlook forecasts an hour after the last observed, for every remembered key.
func (m *Model) Outlook(hour int64) []Outlook {
	whole := m.whole()
	now, next := m.seasonOf(hour), m.seasonOf(hour+1)
	out := make([]Outlook, 0, len(m.order))
	for _, s := range m.order {
		out = append(out, Outlook{
			Key: s.key, Level: float64(s.steady) / whole,
			Now: m.mix(m.opinions(s, hour, now, whole)), Next: m.mix(m.opinions(s, hour+1, next, whole)),
		})
	}
	return out
}
