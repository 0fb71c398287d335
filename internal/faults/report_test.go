package faults

import (
	"fmt"
	"os/exec"
	"runtime"
	"strings"
	"time"
)

// report returns the text of docs/reliability.md.
func report(outcomes []*outcome, took time.Duration) string {
	b := &strings.Builder{}
	fmt.Fprintf(b, `# Reliability

What clients see when something fails. `+"`make faults`"+` made this page: two instances of the service run on a PostgreSQL and a Redis of their own, with a
proxy before each, under a standing load; each fault is made, held for %v (the overload for 30 s) and undone (`+"`internal/faults`"+`). `+"`FAULTS=regexp`"+` makes some rows only and prints them,
`+"`SOAK=10m`"+` shortens the last.

%s, %s, commit %s, %v in all.

Standing load: %s.

- *errors*: answers with 429 or 5xx by status, and requests without an answer, of all from the fault to the end of the recovery. *w/o R-A*: those of status 429, 503 or 504 without `+"`Retry-After`"+`.
- *read*, *write*: the longest answer of the standing load. *gap*: the longest time without any success.
- *stale*: answers to requests sent after a write was acknowledged (a second after, for commits made with SQL beside the service) that show what was there before. Each article carries a counter,
  and only one write of it runs at a time. A token that is accepted after its session's end was acknowledged counts, too. (+n): shown while no instance could ask PostgreSQL, of commits made with SQL within the last second before that; nobody had heard of these, and entries are then all there is.
- *lost*: acknowledged writes that the database does not have at the end.
- *recovery*: from the end of the fault to the first whole second without an error, without an answer slower than a second, and with hits as before.
- *told by*: metrics that moved, and the first lines of the log (A and B are the instances).

`, long.hold, time.Now().UTC().Format("2006-01-02"), machine(), commit(), took.Round(time.Minute), loadWords)
	group := ""
	for _, o := range outcomes {
		if o.row.group != group {
			group = o.row.group
			fmt.Fprintf(b, "%s## %s\n\n| fault | requests | errors | w/o R-A | read | write | gap | stale | lost | recovery | told by |\n|---|---:|---|---:|---:|---:|---:|---:|---:|---:|---|\n", gapBefore(b), group)
		}
		b.WriteString(o.line())
	}
	for _, o := range outcomes {
		if o.load != nil && o.load.growth != nil {
			b.WriteString(o.load.growth.table())
		}
	}
	notes(b, outcomes)
	b.WriteString("\n## Against the expectations\n\n" + expectations + "\n\n")
	wrong := 0
	for _, o := range outcomes {
		for _, v := range o.violations {
			fmt.Fprintf(b, "- **%s**: %s\n", o.row.name, v)
			wrong++
		}
		if o.skipped != "" {
			fmt.Fprintf(b, "- %s was not made: %s\n", o.row.name, o.skipped)
		}
	}
	if wrong == 0 {
		b.WriteString("All were met.\n")
	}
	return b.String()
}

const expectations = "No stale read, no lost write, `Retry-After` with every 429, 503 and 504, no other error status, an answer to every request that meets a living instance,\n" +
	"recovery within a minute, in every row; and what the rows say of themselves: hits within 300 ms while Redis is slow, no failed request for SIGTERM and for idle connections, the bounds of the overload, no growth in the soak. `make faults` fails otherwise."

func gapBefore(b *strings.Builder) string {
	if strings.HasSuffix(b.String(), "\n\n") {
		return ""
	}
	return "\n"
}

// line is the row's line in the table.
func (o *outcome) line() string {
	if o.skipped != "" {
		return fmt.Sprintf("| %s: %s | not made: %s |\n", o.row.name, o.row.what, o.skipped)
	}
	stale := fmt.Sprint(len(o.stale))
	if n := len(o.excused); n > 0 {
		stale += fmt.Sprintf(" (+%d)", n)
	}
	recovery := "none"
	if o.recovered {
		recovery = round(o.recovery).String()
	}
	failures := words(o.failures())
	if failures == "" {
		failures = "none"
	}
	told := strings.Join(o.told, "; ")
	if told == "" {
		told = "nothing"
	}
	if o.row.soak {
		recovery, told = "", "" // there is nothing to recover from
	}
	return fmt.Sprintf("| %s: %s | %d | %s | %d | %v | %v | %v | %s | %d | %s | %s |\n", o.row.name, o.row.what, len(o.samples), failures,
		o.count(late), round(o.slowest(func(s sample) bool { return s.kind.reads() })), round(o.slowest(func(s sample) bool { return s.kind == write })),
		round(longestGap(o.samples, o.injected, o.over)), stale, len(o.lost), recovery, told)
}

func (g *growth) table() string {
	b := &strings.Builder{}
	b.WriteString("\n| both instances | goroutines | descriptors | MB resident | connections to PostgreSQL | to Redis | keys in Redis | MB in Redis |\n|---|---:|---:|---:|---:|---:|---:|---:|\n")
	for _, s := range g.at {
		fmt.Fprintf(b, "| %s | %d | %d | %d | %d | %d | %d | %d |\n", s.when, s.goroutines, s.descriptors, s.resident, s.postgres, s.redisClients, s.keys, s.redisMB)
	}
	return b.String()
}

func notes(b *strings.Builder, outcomes []*outcome) {
	first := true
	for _, o := range outcomes {
		if len(o.notes) == 0 {
			continue
		}
		if first {
			b.WriteString("\n## Measured beside\n\n")
			first = false
		}
		fmt.Fprintf(b, "- %s: %s.\n", o.row.name, strings.Join(o.notes, "; "))
	}
}

func machine() string {
	numbers := []string{"no", "one", "two", "three", "four", "five", "six", "seven", "eight"}
	n := runtime.NumCPU()
	if n == 1 {
		return "one core"
	}
	if n < len(numbers) {
		return numbers[n] + " cores"
	}
	return fmt.Sprintf("%d cores", n)
}

// commit names the commit that was tested, and says if anything but the page itself is not committed.
func commit() string {
	out, err := exec.Command("git", "-C", root(), "rev-parse", "--short", "HEAD").Output()
	if err != nil {
		return "unknown"
	}
	name := strings.TrimSpace(string(out))
	if out, err := exec.Command("git", "-C", root(), "status", "--porcelain", "--", ".", ":!docs/reliability.md").Output(); err != nil || len(out) > 0 {
		name += " and what is not committed"
	}
	return name
}
