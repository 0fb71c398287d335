package service

import (
	"bytes"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"testing"
	"time"
)

var noon = time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)

func TestPathValuesAreOneKeyEach(t *testing.T) {
	t.Parallel()
	rt, err := newRoute(Route{Path: "/a/:x/b/*", Lifetime: time.Minute})
	if err != nil {
		t.Fatal(err)
	}
	seen := map[string]string{}
	for _, values := range [][]string{{"1", "2"}, {"1/b/2", ""}, {"1", "2?q=1"}, {"1%2Fb", "2"}, {"1/b", "2"}, {"1", "2/3"}} {
		path := rt.path(values)
		if other, dup := seen[path]; dup {
			t.Errorf("%q and %s are one: %s", values, other, path)
		}
		seen[path] = fmt.Sprint(values)
	}
	if v, ok := rt.match("/a/1/b/2/3"); !ok || v[0] != "1" || v[1] != "2/3" {
		t.Errorf("%q, %v", v, ok)
	}
}

func FuzzDeclared(f *testing.F) {
	f.Add("limit=007&q=a&b=Yes&x=1&kind=a", "12")
	f.Fuzz(func(t *testing.T, query, id string) {
		canonical := Declared(Int("limit", 100), Text("q", 20), Bool("b"), OneOf("kind", "a", "b"), Int("id", 0).InPath())
		v, err := url.ParseQuery(query)
		if err != nil {
			return
		}
		p := Params{names: []string{"id"}, values: []string{id}, Query: v}
		if !canonical(&p) {
			return
		}
		once, path := p.Query.Encode(), p.Path("id")
		if !canonical(&p) || p.Query.Encode() != once || p.Path("id") != path {
			t.Fatalf("%q, %q: %q becomes %q", query, id, once, p.Query.Encode())
		}
	})
}

// TestDetoursAreBounded: they are bounded in memory, and end.
func TestDetoursAreBounded(t *testing.T) {
	t.Parallel()
	d, err := newDetours()
	if err != nil {
		t.Fatal(err)
	}
	for i := range 3 * knownDetours {
		d.take(strconv.Itoa(i), noon)
	}
	d.take("last", noon)
	d.until.CleanUp()
	if n := d.until.EstimatedSize(); n > knownDetours {
		t.Errorf("%d detours are remembered", n)
	}
	if !d.active("last", noon) || d.active("other", noon) || d.active("last", noon.Add(detourFor)) {
		t.Error("a detour is of one answer, for a while")
	}
}

func FuzzRepresentation(f *testing.F) {
	b, err := representationCodec{}.Marshal(newRepresentation(200, http.Header{"Content-Type": {"text/plain"}}, []byte("body")))
	if err != nil {
		f.Fatal(err)
	}
	f.Add(b)
	f.Fuzz(func(t *testing.T, b []byte) {
		var r *representation
		if (representationCodec{}).Unmarshal(b, &r) != nil {
			return
		}
		again, err := representationCodec{}.Marshal(r)
		if err != nil {
			t.Fatal(err)
		}
		var back *representation
		if err := (representationCodec{}).Unmarshal(again, &back); err != nil || !bytes.Equal(back.body, r.body) || back.hash != r.hash {
			t.Fatalf("does not come back: %v", err)
		}
	})
}
