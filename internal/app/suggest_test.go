package app

import (
	"bytes"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// TestMistakesAreOneLine: a wrong command line is answered with one line that says what was meant, and exit code 2.
func TestMistakesAreOneLine(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ line, says string }{
		{"", "a command is needed"},
		{"serv", `unknown command "serv"; did you mean serve?`},
		{"exprot", "did you mean export?"},
		{"Migrate up", "did you mean migrate?"},
		{"zzzzzz", `unknown command "zzzzzz" (openlearn help lists them)`},
		{"help exprot", "did you mean export?"},
		{"analyze --jsno x", "analyze: unknown flag --jsno; did you mean --json?"},
		{"analyze -al", "did you mean --all?"},
		{"seed --artciles=3", "did you mean --articles?"},
		{"seed --zzz", "seed: unknown flag --zzz (see openlearn seed -h)"},
		{"seed --articles=many", "seed: invalid value"},
		{"serve now", "serve takes no arguments"},
		{"completion tcsh", "expected bash, zsh or fish"},
		{"migrate", "migrate: expected up, down or status (see"},
		{"migrate stats", `got "stats"; did you mean status?`},
		{"admin unlokc a@example.org", "did you mean unlock?"},
		{"apikey creat", "did you mean create?"},
		{"sources prob x", "did you mean probe?"},
		{"government snyc trm", "did you mean sync?"},
		{"nlp sentimnt --tsv x", "did you mean sentiment?"},
		{"nlp ner --conl x", "nlp ner: unknown flag --conl; did you mean --conll?"},
		{"nlp", "nlp: expected train, eval, ner"},
		{"export --format cvs", "did you mean csv?"},
		{"export --format csv a.jsonl.gz", "contradicts the name a.jsonl.gz"},
		{"export -format jsonl A.CSV", "contradicts the name A.CSV"},
	} {
		var out, errs bytes.Buffer
		err := Run(t.Context(), "test", strings.Fields(c.line), &out, &errs)
		var usage usageError
		if !errors.As(err, &usage) || ExitCode(err) != 2 || !strings.Contains(err.Error(), c.says) || strings.Contains(err.Error(), "\n") {
			t.Errorf("%s: %v, want %s", c.line, err, c.says)
		}
		if out.Len()+errs.Len() > 0 {
			t.Errorf("%s: it printed %q and %q too", c.line, out.String(), errs.String())
		}
	}
	if got := ErrorLine(errors.Join(errors.New("one:\n  two"), errors.New("three"))); got != "one:; two; three" {
		t.Errorf("%q", got)
	}
}

// TestHelpOfNestedCommands: -h after a command within a command is no mistake.
func TestHelpOfNestedCommands(t *testing.T) {
	t.Parallel()
	for _, line := range []string{"nlp ner -h", "nlp --help", "apikey create -h", "migrate -h", "help sources", "completion -h", "help"} {
		var out, errs bytes.Buffer
		if err := Run(t.Context(), "test", strings.Fields(line), &out, &errs); err != nil || !strings.Contains(out.String(), "Usage: openlearn ") || errs.Len() > 0 {
			t.Errorf("%s: %v, %s%s", line, err, out.String(), errs.String())
		}
	}
}

// TestCompletion asks the program what may follow, as the scripts do.
func TestCompletion(t *testing.T) {
	t.Parallel()
	for line, want := range map[string]string{
		"bash exp":                         "export",
		"zsh migrate ":                     "up down status",
		"bash sources li":                  "list",
		"bash sources list --":             "--json --help",
		"bash sources show el_ti":          "el_tiempo",
		"bash analyze --js":                "--json",
		"bash analyze ":                    ":files",
		"bash help vers":                   "version",
		"bash help version ":               "",
		"bash version ":                    "",
		"bash nlp ner --c":                 "--conll",
		"bash nlp ner --conll ":            ":files",
		"bash nlp train --data ":           ":dirs",
		"bash nlp sent":                    "sentiment",
		"bash admin role a@example.org an": "analyst",
		"bash admin --name x create --g":   "--generate",
		"bash apikey create --role ":       "learner analyst admin",
		"bash apikey create --role = an":   "analyst",
		"zsh apikey create --role=an":      "analyst",
		"fish apikey create --role=an":     "--role=analyst",
		"bash export --format = ":          "jsonl csv",
		"bash export -- --":                ":files",
		"bash import a.jsonl ":             ":files",
		"bash sources check ":              ":files",
		"bash government sync ":            "divipola trm",
		"bash government get secop2_cont":  "secop2_contracts",
		"bash completion z":                "zsh",
		"bash nonsense ":                   "",
		"bash cache-pr":                    "",
		"bash seed --articles ":            "",
	} {
		var out bytes.Buffer
		if err := Run(t.Context(), "test", append([]string{"__complete"}, strings.Split(line, " ")...), &out, &out); err != nil {
			t.Errorf("%s: %v", line, err)
		}
		var got []string
		for l := range strings.Lines(out.String()) {
			name, _, _ := strings.Cut(strings.TrimSuffix(l, "\n"), "\t")
			got = append(got, name)
		}
		if strings.Join(got, " ") != want {
			t.Errorf("%s: %q, want %q", line, got, want)
		}
	}
}

// TestCompletionInShells runs the scripts in the shells that are installed; every machine of ours has bash.
func TestCompletionInShells(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	program := filepath.Join(dir, "openlearn")
	build := exec.CommandContext(t.Context(), "go", "build", "-o", program, "openlearn")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	if err := os.WriteFile(filepath.Join(dir, "a b.jsonl"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	in := map[string]func(words ...string) string{
		"bash": func(words ...string) string {
			var quoted []string
			for _, w := range words {
				quoted = append(quoted, "'"+w+"'")
			}
			return `source <(./openlearn completion bash); COMP_WORDS=(./openlearn ` + strings.Join(quoted, " ") + `); COMP_CWORD=$((${#COMP_WORDS[@]}-1)); _openlearn; printf '%s\n' "${COMPREPLY[@]}"`
		},
		"fish": func(words ...string) string {
			return `set -x PATH . $PATH; ./openlearn completion fish | source; complete -C "openlearn ` + strings.Join(words, " ") + `" | cut -f1`
		},
	}
	for shell, script := range in {
		if _, err := exec.LookPath(shell); err != nil {
			if shell == "bash" {
				t.Error(err)
			}
			continue
		}
		for _, c := range []struct {
			words []string
			want  string
		}{
			{[]string{"exp"}, "export"},
			{[]string{"sources", "li"}, "list"},
			{[]string{"nlp", "ner", "--c"}, "--conll"},
			{[]string{"admin", "role", "a@example.org", "an"}, "analyst"},
		} {
			cmd := exec.CommandContext(t.Context(), shell, "-c", script(c.words...))
			cmd.Dir = dir
			out, err := cmd.CombinedOutput()
			if got := strings.TrimSpace(string(out)); err != nil || got != c.want {
				t.Errorf("%s: %q: %q, %v, want %q", shell, c.words, got, err, c.want)
			}
		}
	}
	if _, err := exec.LookPath("fish"); err == nil {
		cmd := exec.CommandContext(t.Context(), "fish", "-c", in["fish"]("import", "a"))
		cmd.Dir = dir
		if out, err := cmd.CombinedOutput(); err != nil || !strings.Contains(string(out), "b.jsonl") {
			t.Errorf("fish: files: %q, %v", out, err)
		}
	}
	if _, err := exec.LookPath("zsh"); err == nil {
		cmd := exec.CommandContext(t.Context(), "zsh", "-n", "-c", zshScript)
		if out, err := cmd.CombinedOutput(); err != nil || len(out) > 0 {
			t.Errorf("zsh: %q, %v", out, err)
		}
	}
}
