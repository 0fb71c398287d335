package words

import (
	"fmt"
	"testing"

	"openlearn/internal/analysis/nlp/pack"
)

func packed(t testing.TB, table *Table) []byte {
	var w pack.Writer
	table.Write(&w)
	b, err := w.Pack("words")
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func TestTable(t *testing.T) {
	want := map[string]uint16{"": 7}
	for i := range 5000 {
		want[fmt.Sprintf("palabra%d", i*i)] = uint16(i * 13)
	}
	b := packed(t, New(want))
	r, err := pack.Open(b, "words")
	if err != nil {
		t.Fatal(err)
	}
	got := Read(r)
	if r.Err() != nil || got.Len() != len(want) {
		t.Fatalf("%d words, want %d; %v", got.Len(), len(want), r.Err())
	}
	for w, v := range want {
		if g, ok := got.Lookup(w); !ok || g != v {
			t.Errorf("%q: %d %v, want %d", w, g, ok, v)
		}
	}
	if v, ok := got.Lookup("palabra2"); ok {
		t.Errorf("an absent word has the value %d", v)
	}
	if string(packed(t, got)) != string(b) {
		t.Error("the same table has two encodings")
	}
	if _, ok := (*Table)(nil).Lookup("a"); ok {
		t.Error("no table has a word")
	}
	if _, ok := (&Table{}).Lookup("a"); ok {
		t.Error("an empty table has a word")
	}
}
