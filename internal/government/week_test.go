package government

import (
	"context"
	"errors"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"openlearn/internal/cache"
	"openlearn/internal/government/replay"
	"openlearn/internal/government/upstream"
)

// week is what seven virtual days did to readers.
type week struct {
	reads, answered, stale, wrong int
	oldest                        time.Duration
	perMood                       map[replay.Mood]int
}

// TestAWeekOfFaults reads open data for seven virtual days by two instances, while every service goes through every bad mood, for
// minutes and for hours, more than a third of the time. From the first success on readers must have an answer 999 times of a
// thousand, none of it from an error page, and the services must not be asked once for each reader.
func TestAWeekOfFaults(t *testing.T) {
	t.Parallel()
	w := newWorld(t, func(o *Options) { o.Tune = hurried })
	w.tune = hurried
	other := w.newService(w.newCache())
	services := []*Service{w.Service, other}
	ctx, r := context.Background(), rand.New(rand.NewPCG(7, 15))
	expected := map[string]string{}
	for _, name := range questions {
		for expected[name] == "" { // a busy machine may be slower than hurried allows
			if k, _, err := w.ask(ctx, name); err == nil {
				expected[name] = join(texts(k))
			}
			w.clock.Advance(time.Minute)
			if t.Context().Err() != nil || len(w.server.Requests()) > 1000 {
				t.Fatalf("%s is never answered", name)
			}
		}
	}
	const step, days = time.Minute, 7
	moods := replay.Moods()
	now, until := replay.Well, time.Duration(0)
	var got week
	got.perMood = map[replay.Mood]int{}
	spells := 0
	for at := time.Duration(0); at < days*24*time.Hour; at += step {
		if at >= until { // a good spell follows a bad one: of a quarter of an hour to half a day, or one to six hours of the bad
			if now == replay.Well {
				now, until = moods[spells%len(moods)], at+time.Duration(5+r.IntN(300))*time.Minute
				spells++
			} else {
				now, until = replay.Well, at+time.Duration(15+r.IntN(360))*time.Minute
			}
			w.server.Set(now)
		}
		got.perMood[now]++
		for range 2 {
			name := questions[r.IntN(len(questions))]
			s := services[r.IntN(len(services))]
			k, info, err := s.answer(ctx, w.question(s, name))
			got.reads++
			switch {
			case err != nil:
				if e, ok := errors.AsType[*upstream.Error](err); !ok && !errors.Is(err, cache.ErrNotFound) {
					t.Errorf("%s while %s: %v, %v", name, now, e, err)
				}
				continue
			case join(texts(k)) != expected[name]:
				got.wrong++
			}
			got.answered++
			if info.Stale {
				got.stale++
				got.oldest = max(got.oldest, w.clock.Now().Sub(info.StoredAt()))
			}
		}
		w.clock.Advance(step)
	}
	requests := len(w.server.Requests())
	bad := 0
	for m, n := range got.perMood {
		if m != replay.Well {
			bad += n
		}
	}
	share := float64(got.answered) / float64(got.reads)
	t.Logf("7 virtual days, %d spells of %d kinds of failure, %.0f %% of the time: %d reads, %.3f %% answered, %.1f %% of them stale (the oldest %v), %d wrong; %d requests upstream, %.3f a read",
		spells, len(moods), 100*float64(bad)/float64(days*24*60), got.reads, 100*share, 100*float64(got.stale)/float64(got.answered), got.oldest.Round(time.Minute), got.wrong,
		requests, float64(requests)/float64(got.reads))
	if share < 0.999 || got.wrong > 0 {
		t.Errorf("%.4f %% answered, %d wrong", 100*share, got.wrong)
	}
	if spells < len(moods) || bad < days*24*60/4 {
		t.Errorf("%d spells, bad %d minutes: the week was too easy", spells, bad)
	}
	if got.stale == 0 || requests > got.reads/5 {
		t.Errorf("%d stale answers, %d requests for %d reads", got.stale, requests, got.reads)
	}
	if got.oldest > keptFor+24*time.Hour {
		t.Errorf("an answer of %v was served", got.oldest)
	}
}

// hurried gives up on an upstream that hangs after 150 ms: a week has many of them.
func hurried(c *upstream.Config) {
	quick(c)
	c.Budget, c.Attempts = 150*time.Millisecond, 1
}

func join(rows [][]string) string {
	var b strings.Builder
	for _, row := range rows {
		b.WriteString(strings.Join(row, "|"))
		b.WriteByte('\n')
	}
	return b.String()
}
