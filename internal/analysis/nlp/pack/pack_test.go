package pack

import (
	"slices"
	"testing"
)

func TestRoundTrip(t *testing.T) {
	t.Parallel()
	var w Writer
	w.Uint(300)
	w.Int(-7)
	w.Float(0.5)
	w.Byte(9)
	w.String("ñandú")
	w.Strings([]string{"b", "", "a"})
	w.Sorted([]string{"casa", "casas", "caso"})
	data, err := w.Pack("test 1")
	if err != nil {
		t.Fatal(err)
	}
	r, err := Open(data, "test 1")
	if err != nil {
		t.Fatal(err)
	}
	if r.Uint() != 300 || r.Int() != -7 || r.Float() != 0.5 || r.Byte() != 9 || r.String() != "ñandú" {
		t.Error("the numbers differ")
	}
	if s := r.Strings(); !slices.Equal(s, []string{"b", "", "a"}) {
		t.Error(s)
	}
	if s := r.Sorted(); !slices.Equal(s, []string{"casa", "casas", "caso"}) {
		t.Error(s)
	}
	if r.Err() != nil {
		t.Error(r.Err())
	}
	if r.Uint(); r.Err() == nil {
		t.Error("reading past the end is no error")
	}
	if _, err := Open(data, "test 2"); err == nil {
		t.Error("another version opens")
	}
}

func FuzzReader(f *testing.F) {
	f.Add([]byte{1, 2, 3, 200})
	f.Fuzz(func(t *testing.T, b []byte) {
		r := &Reader{b: b}
		r.Uint()
		_ = r.Strings()
		_ = r.Sorted()
		r.Int()
		_ = r.String()
		r.Bytes(r.Count(1))
	})
}
