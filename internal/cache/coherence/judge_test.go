package coherence

import (
	"fmt"
	"strings"
)

// floors are the floors of some entries' dependencies before a read began.
type floors map[int]int64

// strictFloors is what a read that begins now must respect.
func (m *memory) strictFloors(es ...entry) floors {
	f := floors{}
	for _, e := range es {
		for _, d := range hangsOn[e] {
			f[d] = m.Floors[d].Load()
		}
	}
	return f
}

// boundedFloors is what a bounded read that begins now must respect: what had been acknowledged one staleness ago. Its
// clock may be a little late, and its snapshot a little old: both can only hide a violation. It is nil if there is no
// snapshot yet.
func (m *memory) boundedFloors(e entry) floors {
	cut := m.Now.Load() - int64(staleness)
	last := m.Ticks.Load()
	for t := last; t > 0 && t > last-snapshots/2; t-- {
		s := &m.Before[t%snapshots]
		if at := s.At.Load(); at == 0 || at > cut {
			continue
		}
		f := floors{}
		for _, d := range hangsOn[e] {
			f[d] = s.Floors[d].Load()
		}
		return f
	}
	return nil
}

// judge says what is wrong with a value that a read of e returned, "" if nothing is.
func judge(e entry, v value, f floors) string {
	if v.Entry != e {
		return fmt.Sprintf("asked for %s:%s, got %s:%s", e.layer(), e.id(), v.Entry.layer(), v.Entry.id())
	}
	if v.Stamp <= 0 {
		return fmt.Sprintf("%s:%s carries no number", e.layer(), e.id())
	}
	for _, d := range hangsOn[e] {
		if v.Stamp < f[d] {
			return fmt.Sprintf("%s:%s was fetched at %d, before the invalidation of %q at %d, which had been acknowledged",
				e.layer(), e.id(), v.Stamp, nameOf(d), f[d])
		}
	}
	parts := e.parts()
	if v.Missing || len(v.Parts) != len(parts) {
		if v.Missing && len(v.Parts) == 0 {
			return ""
		}
		return fmt.Sprintf("%s:%s has %d parts of %d", e.layer(), e.id(), len(v.Parts), len(parts))
	}
	for i, p := range parts {
		if wrong := judge(p, v.Parts[i], f); wrong != "" {
			return fmt.Sprintf("%s:%s: %s", e.layer(), e.id(), wrong)
		}
	}
	return ""
}

// story lists the workers' last operations that bear on a violation, for whoever has to explain it.
func (m *memory) story(e entry, around int64) string {
	var b strings.Builder
	concerns := map[int]bool{}
	for _, d := range hangsOn[e] {
		concerns[d] = true
	}
	for w := range m.Rings {
		for i := range m.Rings[w].Records {
			r := &m.Rings[w].Records[i]
			subject := int(r.Subject.Load())
			begin := r.Begin.Load()
			if begin == 0 || begin < around-4000 || begin > around+500 {
				continue
			}
			switch {
			case r.Kind.Load() == opRead && entry(subject) == e:
				fmt.Fprintf(&b, "%d-%d worker %d read %d from %d (failed %d)\n", begin, r.End.Load(), w, r.Stamp.Load(), r.Source.Load(), r.Failed.Load())
			case r.Kind.Load() == opInvalidate && concerns[subject]:
				fmt.Fprintf(&b, "%d-%d worker %d invalidated %s (failed %d)\n", begin, r.End.Load(), w, nameOf(subject), r.Failed.Load())
			}
		}
	}
	return b.String()
}
