package forecast

import (
	"math"
	"math/rand/v2"
	"strconv"
	"testing"
)

// feed shows a model days of requests that follow a law: the requests of each key in an hour.
func feed(m *Model, days int, law func(key, hour int) float64, keys int) int64 {
	hour := int64(0)
	for ; hour < int64(days)*24; hour++ {
		var counts []Count
		for k := range keys {
			if n := law(k, int(hour)); n > 0 {
				counts = append(counts, Count{strconv.Itoa(k), n})
			}
		}
		m.Observe(hour, counts)
	}
	return hour
}

func expect(m *Model, hour int64) map[string]Outlook {
	out := map[string]Outlook{}
	for _, o := range m.Outlook(hour) {
		out[o.Key] = o
	}
	return out
}

// TestLearnsTheHourOfTheDay: keys that are asked for at one time of the day only, each at its own.
func TestLearnsTheHourOfTheDay(t *testing.T) {
	t.Parallel()
	m := NewModel(100)
	law := func(k, hour int) float64 {
		if hour%24 == 6+k {
			return 20
		}
		return 0
	}
	end := feed(m, 10, law, 12)
	for k := range 12 {
		at := end + int64(6+k)
		o := expect(m, at)[strconv.Itoa(k)]
		if o.Now < 12 || o.Next > 6 {
			t.Errorf("key %d: %.1f in its hour and %.1f in the next; it had 20 and 0", k, o.Now, o.Next)
		}
		if before := expect(m, at-1)[strconv.Itoa(k)]; math.Abs(before.Next-o.Now) > 1e-9 {
			t.Errorf("key %d: forecast %.3f from an hour before, %.3f then", k, before.Next, o.Now)
		}
		if got := o.In(0.25); math.Abs(got-(0.75*o.Now+0.25*o.Next)) > 1e-9 {
			t.Errorf("In(0.25) = %v of %v and %v", got, o.Now, o.Next)
		}
	}
	if _, _, _, habit := m.Weights(); habit < 0.5 {
		t.Errorf("the expert that is right has weight %.2f", habit)
	}
}

// TestLearnsTheDayOfTheWeek: days with three times the traffic of the others.
func TestLearnsTheDayOfTheWeek(t *testing.T) {
	t.Parallel()
	law := func(_, hour int) float64 {
		if hour/24%7 >= 5 {
			return 30
		}
		return 10
	}
	for days, want := range map[int]float64{28: 10, 33: 30} { // the first hour of Monday and of Saturday, which the hour before does not reveal
		m := NewModel(100)
		end := feed(m, days, law, 5)
		if got, before := expect(m, end)["0"].Now, 40-want; math.Abs(got-want) > math.Abs(got-before) {
			t.Errorf("after %d days: %.1f forecast, it has %v after %v", days, got, want, before)
		}
	}
}

// TestStationaryRisesNever: if nothing changes, no key is expected to be asked for more than before.
func TestStationaryRisesNever(t *testing.T) {
	t.Parallel()
	m := NewModel(1000)
	rng := rand.New(rand.NewPCG(4, 4))
	end := feed(m, 14, func(k, _ int) float64 { return float64(poisson(rng, 60/float64(k+1))) }, 60)
	for h := range int64(24) {
		if got := Predicted(500).Expected(m.Outlook(end+h), 0.5); len(got) > 0 {
			t.Errorf("%d hours on: %v", h, got)
		}
	}
	if got := Popular(500).Measured(m.Outlook(end)); len(got) < 20 || len(got) > 40 {
		t.Errorf("%d keys are asked for twice an hour or more, want about 30", len(got))
	}
}

func poisson(rng *rand.Rand, mean float64) (n int) {
	for p := rng.ExpFloat64(); p < mean; p += rng.ExpFloat64() {
		n++
	}
	return n
}

// TestMemoryIsBounded: the least requested keys are forgotten.
func TestMemoryIsBounded(t *testing.T) {
	t.Parallel()
	m := NewModel(50)
	feed(m, 2, func(k, _ int) float64 { return float64(k) }, 200)
	got := expect(m, 48)
	if len(got) < 50 || len(got) > 62 {
		t.Fatalf("%d keys remembered, want 50, a quarter more at most", len(got))
	}
	for k := 150; k < 200; k++ {
		if _, ok := got[strconv.Itoa(k)]; !ok {
			t.Errorf("key %d is forgotten", k)
		}
	}
}

// TestObserveTakesHoursInOrder: past hours are ignored, and hours that were not observed teach nothing.
func TestObserveTakesHoursInOrder(t *testing.T) {
	t.Parallel()
	m := NewModel(10)
	if _, ok := m.Last(); ok || len(m.Outlook(0)) != 0 {
		t.Error("a new model knows something")
	}
	m.Observe(100, []Count{{"a", 10}})
	for _, past := range []int64{100, 99} {
		m.Observe(past, []Count{{"a", 1000}})
	}
	if got := expect(m, 101)["a"]; math.Abs(got.Level-10) > 1e-3 {
		t.Errorf("level %v after one hour of 10", got.Level)
	}
	m.Observe(500, []Count{{"a", 10}})
	if got := expect(m, 501)["a"]; math.Abs(got.Level-10) > 1e-3 {
		t.Errorf("level %v after hours of 10 and 10 with a gap between", got.Level)
	}
	if last, ok := m.Last(); !ok || last != 500 {
		t.Errorf("last hour %d", last)
	}
}

// TestForecastsAreTheSameEachTime: sums do not depend on the order of a map.
func TestForecastsAreTheSameEachTime(t *testing.T) {
	t.Parallel()
	run := func() []Outlook {
		m := NewModel(300)
		rng := rand.New(rand.NewPCG(5, 5))
		feed(m, 3, func(k, _ int) float64 { return float64(poisson(rng, 100/float64(k+1))) }, 300)
		return m.Outlook(72)
	}
	a, b := run(), run()
	for i := range a {
		if a[i] != b[i] {
			t.Fatalf("%+v, then %+v", a[i], b[i])
		}
	}
}
