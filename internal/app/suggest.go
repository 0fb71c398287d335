package app

import (
	"flag"
	"fmt"
	"slices"
	"strings"
)

// suggest returns the name among names that a mistyped one stands for most likely, "" if none is near.
func suggest(given string, names []string) string {
	given = strings.ToLower(given)
	best, distance := "", 1+max(1, len(given)/3)
	if len(given) < 2 || len(given) > 40 {
		return ""
	}
	for _, name := range names {
		if strings.HasPrefix(name, given) && len(given) >= 3 {
			return name
		}
		if d := typingDistance(given, name); d < distance {
			best, distance = name, d
		}
	}
	return best
}

// typingDistance counts the letters that are missing, added, replaced or swapped with their neighbours between two words (optimal
// string alignment).
func typingDistance(a, b string) int {
	x, y := []rune(a), []rune(b)
	rows := make([][]int, len(x)+1)
	for i := range rows {
		rows[i] = make([]int, len(y)+1)
		rows[i][0] = i
	}
	for j := range rows[0] {
		rows[0][j] = j
	}
	for i := 1; i <= len(x); i++ {
		for j := 1; j <= len(y); j++ {
			cost := 1
			if x[i-1] == y[j-1] {
				cost = 0
			}
			rows[i][j] = min(rows[i-1][j]+1, rows[i][j-1]+1, rows[i-1][j-1]+cost)
			if i > 1 && j > 1 && x[i-1] == y[j-2] && x[i-2] == y[j-1] {
				rows[i][j] = min(rows[i][j], rows[i-2][j-2]+1)
			}
		}
	}
	return rows[len(x)][len(y)]
}

// meant adds what was meant to a message, if that can be told.
func meant(message, suggestion, more string) error {
	if suggestion != "" {
		message += fmt.Sprintf("; did you mean %s?", suggestion)
	}
	return usageError{message + " (" + more + ")"}
}

// unknownCommand is the error for a command that there is not.
func unknownCommand(name string) error {
	names := []string{"help"}
	for _, c := range commands() {
		names = append(names, c.name)
	}
	return meant(fmt.Sprintf("unknown command %q", name), suggest(name, names), "openlearn help lists them")
}

// flagError is the error for flags of a command that could not be read.
func flagError(command string, fs *flag.FlagSet, err error) error {
	see := fmt.Sprintf("see openlearn %s -h", command)
	name, unknown := strings.CutPrefix(err.Error(), "flag provided but not defined: -")
	if !unknown {
		return usageError{fmt.Sprintf("%s: %v (%s)", command, err, see)}
	}
	var names []string
	fs.VisitAll(func(f *flag.Flag) { names = append(names, f.Name) })
	near := suggest(strings.TrimLeft(name, "-"), names)
	if near != "" {
		near = "--" + near
	}
	return meant(fmt.Sprintf("%s: unknown flag --%s", command, strings.TrimLeft(name, "-")), near, see)
}

// has says whether the first argument is one of the command's verbs.
func (c command) has(args []string) bool {
	return len(args) > 0 && slices.Contains(c.verbNames(), args[0])
}

func (c command) verbNames() []string {
	names := make([]string, len(c.verbs))
	for i, v := range c.verbs {
		names[i] = v.name
	}
	return names
}

// unknownVerb is the error for a command within a command that there is not.
func (c command) unknownVerb(args []string) error {
	names, see := c.verbNames(), fmt.Sprintf("see openlearn %s -h", c.name)
	expected := fmt.Sprintf("%s: expected %s or %s", c.name, strings.Join(names[:len(names)-1], ", "), names[len(names)-1])
	if len(args) == 0 {
		return meant(expected, "", see)
	}
	return meant(fmt.Sprintf("%s, got %q", expected, args[0]), suggest(args[0], names), see)
}

func isHelp(arg string) bool { return arg == "-h" || arg == "-help" || arg == "--help" }

// ErrorLine is the text of an error on one line.
func ErrorLine(err error) string {
	var lines []string
	for line := range strings.Lines(err.Error()) {
		if line = strings.TrimSpace(line); line != "" {
			lines = append(lines, line)
		}
	}
	return strings.Join(lines, "; ")
}
