package derive

import (
	"bytes"
	"flag"
	"os"
	"path/filepath"
	"testing"
)

var update = flag.Bool("update", false, "write what was derived over what is embedded")

// TestEmbedded derives every table again and compares it with what the packages embed.
func TestEmbedded(t *testing.T) {
	dir := os.Getenv("OPENLEARN_DATA")
	if dir == "" {
		t.Skip("OPENLEARN_DATA is not set")
	}
	d := Open(filepath.Join(dir, "data", "nlp"))
	for _, a := range Artefacts {
		got, err := a.Make(d)
		if err != nil {
			t.Fatal(err)
		}
		path := filepath.Join("..", filepath.FromSlash(a.Path))
		if *update {
			if err := os.WriteFile(path, got, 0o600); err != nil {
				t.Fatal(err)
			}
			t.Logf("%s: %d bytes", a.Path, len(got))
			continue
		}
		want, err := os.ReadFile(path) //nolint:gosec // a path of the list
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(got, want) {
			t.Errorf("%s: %d bytes derived differ from %d embedded; run with -update", a.Path, len(got), len(want))
		}
	}
}
