package app

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestNLPCommands: each reads a file in the form of its data set and labels it.
func TestNLPCommands(t *testing.T) {
	t.Parallel()
	const (
		conll  = "El O\nalcalde O\nde O\nBogotá O\nhabló O\n. O\n"
		conllu = "# text = La casa.\n1\tLa\t_\t_\t_\t_\t_\t_\t_\t_\n2\tcasa\t_\t_\t_\t_\t_\t_\t_\t_\n3\t.\t_\t_\t_\t_\t_\t_\t_\t_\n\n"
		tsv    = "x\tEl equipo ganó el partido de fútbol y la hinchada celebró. Fue una alegría.\n"
	)
	for _, c := range []struct {
		args []string
		file string
		want string
	}{
		{[]string{"ner", "--conll"}, conll, "Bogotá B-LOC"},
		{[]string{"pos", "--conllu"}, conllu, "casa\tcasa\tNOUN"},
		{[]string{"sentiment", "--tsv"}, tsv, "positive"},
		{[]string{"topic", "--tsv"}, tsv, "sports"},
		{[]string{"difficulty", "--tsv"}, tsv, ""},
		{[]string{"summary", "--tsv"}, tsv, "El equipo ganó"},
	} {
		t.Run(c.args[0], func(t *testing.T) {
			t.Parallel()
			file := filepath.Join(t.TempDir(), "in")
			if err := os.WriteFile(file, []byte(c.file), 0o600); err != nil {
				t.Fatal(err)
			}
			var out bytes.Buffer
			if err := Run(t.Context(), "test", append(append([]string{"nlp"}, c.args...), file), &out, &out); err != nil {
				t.Fatal(err)
			}
			if got := out.String(); strings.TrimSpace(got) == "" || !strings.Contains(got, c.want) {
				t.Errorf("%q, want %q in it", got, c.want)
			}
		})
	}
}

// TestNLPHelp: flags before the inner command are those of nlp.
func TestNLPHelp(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	if err := Run(t.Context(), "test", []string{"nlp", "-h"}, &out, &out); err != nil || !strings.Contains(out.String(), "--conll FILE") {
		t.Errorf("%v: %s", err, out.String())
	}
	plain := filepath.Join(t.TempDir(), "plain.txt")
	if err := os.WriteFile(plain, []byte("El alcalde de Bogotá habló ayer.\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	out.Reset()
	if err := Run(t.Context(), "test", []string{"nlp", "ner", "--conll", plain}, &out, &out); ExitCode(err) != 1 || !strings.Contains(err.Error(), "not CoNLL") || out.Len() > 0 {
		t.Errorf("a plain text: %v, %s", err, out.String())
	}
	for _, args := range [][]string{{"nlp"}, {"nlp", "ner"}, {"nlp", "ner", "--nothing", "x"}, {"nlp", "nothing"}} {
		if err := Run(t.Context(), "test", args, &out, &out); ExitCode(err) != 2 {
			t.Errorf("%v: %v", args, err)
		}
	}
}
