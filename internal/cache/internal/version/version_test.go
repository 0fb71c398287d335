package version

import (
	"strconv"
	"strings"
	"testing"

	"openlearn/internal/cache/internal/names"
)

func TestCoarseDependenciesAreSplit(t *testing.T) {
	t.Parallel()
	for dep, want := range map[string]int{"articles": Buckets, Layer("article"): Buckets, "article:42": 1, "source:El Tiempo": 1} {
		if n := len(Keys(dep)); n != want {
			t.Errorf("%s has %d version keys, want %d", dep, n, want)
		}
	}
	used := map[string]int{}
	for i := range 2000 {
		_, vkeys := EntryKeys("article:v1:", names.Hash(strconv.Itoa(i)), []string{"articles"})
		used[vkeys[0]]++
	}
	for _, k := range Keys("articles") {
		if n := used[k]; n < 60 || n > 200 {
			t.Errorf("bucket %s is read by %d of 2000 entries", k, n)
		}
	}
	if len(used) != Buckets {
		t.Errorf("%d buckets", len(used))
	}
}

// What an entry reads is among what an invalidation writes.
func TestEntriesReadWhatInvalidationsWrite(t *testing.T) {
	t.Parallel()
	deps := []string{Layer("article"), "article:42", "articles", "source:" + strings.Repeat("El Tiempo ", 80)}
	for i, d := range deps {
		deps[i] = Short(d)
	}
	key, vkeys := EntryKeys("article:v1:", "42", deps)
	if key != "article:v1:42" || len(vkeys) != len(deps) {
		t.Fatalf("%q, %q", key, vkeys)
	}
	for i, d := range deps {
		found := false
		for _, k := range Keys(d) {
			found = found || k == vkeys[i]
		}
		if !found {
			t.Errorf("%s: %s is none of %q", d, vkeys[i], Keys(d))
		}
	}
}

func TestVersionsAreCompared(t *testing.T) {
	t.Parallel()
	a, b := New(), New()
	if a == b || len(a) != Len {
		t.Fatalf("%x, %x", a, b)
	}
	for _, tc := range []struct {
		name    string
		stored  string
		current []string
		want    bool
	}{
		{"equal", a + b, []string{a, b}, true},
		{"in another order", a + b, []string{b, a}, false},
		{"one missing", a + b, []string{a, ""}, false},
		{"one more", a, []string{a, b}, false},
		{"none", "", nil, true},
	} {
		if got := Same(tc.stored, tc.current); got != tc.want {
			t.Errorf("%s: %v", tc.name, got)
		}
	}
	mark := "c" + a + "1700000000000"
	for v, want := range map[string]bool{mark: true, mark + b + "1700000000000": true, a: false, "": false, mark[:len(mark)-1]: false, "x" + mark[1:]: false} {
		if Closed(v) != want {
			t.Errorf("%q is closed: %v", v, !want)
		}
	}
	if !Complete([]string{a, b}) || Complete([]string{a, ""}) || Complete([]string{mark}) {
		t.Error("Complete")
	}
}
