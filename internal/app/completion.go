package app

import (
	"context"
	_ "embed"
	"flag"
	"fmt"
	"io"
	"slices"
	"strings"

	"openlearn/internal/government"
	"openlearn/internal/government/catalogue"
	"openlearn/internal/httpapi"
)

const completionHelp = `Prints a script for a shell, which then completes commands, the commands within them, flags, their values and files:
  bash  source <(openlearn completion bash)         in ~/.bashrc
  zsh   source <(openlearn completion zsh)          in ~/.zshrc, after compinit
  fish  openlearn completion fish | source          in ~/.config/fish/config.fish`

// The scripts ask the program itself what may follow, so they need not change with it.
var (
	//go:embed completion/openlearn.bash
	bashScript string
	//go:embed completion/openlearn.zsh
	zshScript string
	//go:embed completion/openlearn.fish
	fishScript string
)

func runCompletion(_ context.Context, c *call) error {
	scripts := map[string]string{"bash": bashScript, "zsh": zshScript, "fish": fishScript}
	if len(c.args) != 1 || scripts[c.args[0]] == "" {
		return usageError{fmt.Sprintf("completion: expected bash, zsh or fish, got %q (see openlearn completion -h)", strings.Join(c.args, " "))}
	}
	_, err := io.WriteString(c.stdout, scripts[c.args[0]])
	return err
}

// completeCommand is what the scripts call: with the shell's name, and the words of the line after the program's name, the last
// of which is to be completed.
const completeCommand = "__complete"

// completeLine prints what the last word may be, a line each with a summary after a tab; ":files" or ":dirs" stands for names of
// files or directories. After --flag= these are values alone, as bash and zsh want them; fish wants the whole word.
func completeLine(w io.Writer, args []string) error {
	if len(args) < 2 {
		return usageError{completeCommand + ": expected a shell and the words of a line"}
	}
	words := joined(args[1:])
	last := words[len(words)-1]
	prefix := ""
	if at := strings.Index(last, "="); at > 0 && strings.HasPrefix(last, "-") && args[0] == "fish" {
		prefix = last[:at+1]
	}
	for _, s := range candidates(words) {
		if strings.HasPrefix(s, ":") {
			prefix = ""
		}
		if _, err := fmt.Fprintln(w, prefix+s); err != nil {
			return err
		}
	}
	return nil
}

// joined undoes what bash does: it parts words at equals signs.
func joined(words []string) []string {
	var out []string
	for i := 0; i < len(words); i++ {
		if n := len(out); words[i] == "=" && n > 0 && strings.HasPrefix(out[n-1], "-") {
			out[n-1] += "="
			if i+1 < len(words) {
				i++
				out[n-1] += words[i]
			}
			continue
		}
		out = append(out, words[i])
	}
	return out
}

// candidates are what the last of the words may be.
func candidates(words []string) []string {
	last, before := words[len(words)-1], words[:len(words)-1]
	for len(before) > 0 && before[0] == "help" {
		before = before[1:]
	}
	if len(before) == 0 {
		list := []string{"help\tlist the commands, or tell more of one"}
		for _, c := range commands() {
			if !c.hidden {
				list = append(list, c.name+"\t"+c.summary)
			}
		}
		return beginning(last, list)
	}
	at := slices.IndexFunc(commands(), func(c command) bool { return c.name == before[0] })
	if at < 0 || words[0] == "help" {
		return nil
	}
	cmd := commands()[at]
	fs := flag.NewFlagSet(cmd.name, flag.ContinueOnError)
	cmd.addFlags(fs)
	if cmd.nested {
		nlpCompletionFlags(fs)
	}
	args, waiting, all := written(fs, before[1:])
	switch {
	case waiting != "":
		return valuesOf(waiting, last)
	case !all && strings.HasPrefix(last, "-"):
		if name, value, is := strings.Cut(strings.TrimLeft(last, "-"), "="); is {
			return valuesOf(name, value)
		}
		return beginning(last, cmd.flagList(fs, args))
	case len(cmd.verbs) == 0:
		return values(placeholder(cmd.args, len(args)), last)
	case len(args) == 0:
		return beginning(last, cmd.verbNames())
	}
	for _, v := range cmd.verbs {
		if v.name == args[0] {
			return values(placeholder(v.args, len(args)-1), last)
		}
	}
	return nil
}

// written are the arguments among words, the flag whose value comes next, and whether a -- has ended the flags.
func written(fs *flag.FlagSet, words []string) (args []string, waiting string, all bool) {
	for i := 0; i < len(words); i++ {
		word := words[i]
		switch {
		case all || !strings.HasPrefix(word, "-") || word == "-":
			args = append(args, word)
		case word == "--":
			all = true
		default:
			f := fs.Lookup(strings.TrimLeft(word, "-"))
			if f == nil || isSwitch(f) {
				continue
			}
			if i+1 == len(words) {
				return args, f.Name, all
			}
			i++
		}
	}
	return args, "", all
}

func isSwitch(f *flag.Flag) bool {
	b, ok := f.Value.(interface{ IsBoolFlag() bool })
	return ok && b.IsBoolFlag()
}

// flagList are the flags that may be written after the arguments: those of the verb, if there is one.
func (c command) flagList(fs *flag.FlagSet, args []string) []string {
	var of []string
	if len(args) > 0 {
		for _, v := range c.verbs {
			if v.name == args[0] {
				of = append([]string{}, v.flags...)
				if c.results {
					of = append(of, "json")
				}
			}
		}
	}
	var list []string
	fs.VisitAll(func(f *flag.Flag) {
		if of == nil && !c.nested || slices.Contains(of, f.Name) {
			list = append(list, "--"+f.Name+"\t"+f.Usage)
		}
	})
	return append(list, "--help\ttell more")
}

// placeholder is what stands for the argument with that number (from 0) in a usage: FILE of "FILE…".
func placeholder(usage string, number int) string {
	fields := strings.Fields(usage)
	if len(fields) == 0 {
		return ""
	}
	if number >= len(fields) {
		if !strings.HasSuffix(strings.Trim(fields[len(fields)-1], "[]"), "…") {
			return ""
		}
		number = len(fields) - 1
	}
	return strings.TrimSuffix(strings.TrimSuffix(strings.Trim(fields[number], "[]"), "…"), "|-")
}

// valuesOf are what the value of a flag may be.
func valuesOf(name, begun string) []string {
	return values(map[string]string{"data": "DIR", "out": "DIR", "conll": "FILE", "conllu": "FILE", "tsv": "FILE", "role": "ROLE", "format": "FORMAT"}[name], begun)
}

// values are what may stand for a placeholder.
func values(of, begun string) []string {
	switch of {
	case "FILE":
		return []string{":files"}
	case "DIR":
		return []string{":dirs"}
	case "SHELL":
		return beginning(begun, []string{"bash", "zsh", "fish"})
	case "FORMAT":
		return beginning(begun, []string{"jsonl", "csv"})
	case "ROLE":
		return beginning(begun, []string{string(httpapi.Learner), string(httpapi.Analyst), string(httpapi.Admin)})
	case "TABLE":
		return beginning(begun, government.Synced())
	case "DATASET":
		var list []string
		for _, d := range catalogue.All() {
			list = append(list, d.Key+"\t"+d.Title)
		}
		return beginning(begun, list)
	case "SOURCE":
		var cfg scrapingConfig
		if loadParts(&cfg) != nil {
			return nil // the command itself says what is wrong with the environment
		}
		sources, err := cfg.sources()
		if err != nil {
			return nil
		}
		var list []string
		for _, s := range sources.All() {
			list = append(list, s.ID+"\t"+s.Name)
		}
		return beginning(begun, list)
	}
	return nil
}

func beginning(with string, list []string) []string {
	return slices.DeleteFunc(list, func(s string) bool { return !strings.HasPrefix(s, with) })
}
