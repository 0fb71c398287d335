package importer

import (
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"time"
)

// Meter shows people the progress of an import: on a terminal one line that is redrawn, elsewhere a line now and then,
// suitable for a log. It belongs to one goroutine, as do calls of Options.Progress.
type Meter struct {
	w     io.Writer
	now   func() time.Time
	live  bool
	name  string
	shown time.Time
	width int // of the line on the terminal
	err   error
}

const (
	redraw   = 100 * time.Millisecond // more than ten a second would not be seen
	logEvery = 5 * time.Second
	barWidth = 24
)

// NewMeter writes to w about the input called name. terminal says whether w can redraw a line; now is the clock.
func NewMeter(w io.Writer, name string, terminal bool, now func() time.Time) *Meter {
	return &Meter{w: w, now: now, live: terminal, name: name, shown: now()}
}

// Show is meant for Options.Progress.
func (m *Meter) Show(p Progress) {
	t, every := m.now(), logEvery
	if m.live {
		every = redraw
	}
	if t.Sub(m.shown) < every {
		return
	}
	m.shown = t
	m.print(m.line(p), !m.live)
}

// Done shows the final progress and the summary: what was imported, and why lines were rejected or changed.
func (m *Meter) Done(s Summary) {
	if m.live {
		m.print(m.line(s.Progress), true)
	}
	var b strings.Builder
	fmt.Fprintf(&b, "%s: %s lines, %s new articles, %s already there, %s rejected, in %s (%s articles/s)\n",
		m.name, thousands(s.Lines), thousands(s.Inserted), thousands(s.Existing()), thousands(s.Rejected),
		s.Elapsed.Round(10*time.Millisecond), thousands(int(s.Rate())))
	reasons(&b, "rejected", s.Rejects)
	reasons(&b, "warning", s.Warnings)
	m.write(b.String())
}

// Interrupt writes another line (an Issue, say) without breaking the progress line.
func (m *Meter) Interrupt(line string) {
	if m.live && m.width > 0 {
		m.write("\r" + strings.Repeat(" ", m.width) + "\r")
		m.width = 0
	}
	m.write(line + "\n")
}

// Err is the first error of the writer; it does not stop the import.
func (m *Meter) Err() error { return m.err }

func (m *Meter) line(p Progress) string {
	rate := fmt.Sprintf("%s articles, %s/s", thousands(p.Records), thousands(int(p.Rate())))
	if p.Rejected > 0 {
		rate += fmt.Sprintf(", %s rejected", thousands(p.Rejected))
	}
	if p.BytesTotal <= 0 {
		return fmt.Sprintf("%s: %s read, %s", m.name, bytesText(p.BytesRead), rate)
	}
	share := min(1, float64(p.BytesRead)/float64(p.BytesTotal))
	if !m.live {
		return fmt.Sprintf("%s: %3.0f %%, %s", m.name, share*100, rate)
	}
	full := int(share * barWidth)
	return fmt.Sprintf("%s [%s%s] %3.0f %%  %s", m.name, strings.Repeat("#", full), strings.Repeat(".", barWidth-full), share*100, rate)
}

// print writes one line; on a terminal it overwrites the previous one, padded to cover it.
func (m *Meter) print(line string, final bool) {
	out := line
	if m.live {
		out = "\r" + line + strings.Repeat(" ", max(0, m.width-len(line)))
		m.width = len(line)
	}
	if final {
		out += "\n"
		m.width = 0
	}
	m.write(out)
}

func (m *Meter) write(s string) {
	if _, err := io.WriteString(m.w, s); err != nil && m.err == nil {
		m.err = fmt.Errorf("show progress: %w", err)
	}
}

// reasons lists counts, the largest first.
func reasons(b *strings.Builder, kind string, counts map[Reason]int) {
	keys := slices.SortedFunc(maps.Keys(counts), func(x, y Reason) int {
		if d := counts[y] - counts[x]; d != 0 {
			return d
		}
		return strings.Compare(string(x), string(y))
	})
	for _, k := range keys {
		fmt.Fprintf(b, "  %8s  %s: %s\n", thousands(counts[k]), kind, k)
	}
}

func thousands(n int) string {
	s := fmt.Sprint(n)
	for i := len(s) - 3; i > 0 && s[i-1] != '-'; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return s
}

func bytesText(n int64) string {
	const unit = 1024
	if n < unit {
		return fmt.Sprintf("%d B", n)
	}
	f, suffix := float64(n)/unit, "KiB"
	for _, s := range []string{"MiB", "GiB", "TiB"} {
		if f < unit {
			break
		}
		f, suffix = f/unit, s
	}
	return fmt.Sprintf("%.1f %s", f, suffix)
}
