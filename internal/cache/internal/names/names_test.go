package names

import (
	"net/url"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// key is what an identifier is made of.
type key struct {
	ID     string
	Params url.Values
}

func mustID(t *testing.T, k key) string {
	t.Helper()
	id, ok := Identifier(k.ID, k.Params)
	if !ok {
		t.Fatalf("%+v names nothing", k)
	}
	return id
}

func TestParamsAreCanonical(t *testing.T) {
	t.Parallel()
	a, _ := url.ParseQuery("a=1&b=2")
	b, _ := url.ParseQuery("b=2&a=1")
	if HashParams(a) != HashParams(b) {
		t.Error("the order of names makes two entries")
	}
	if HashParams(url.Values{"a": nil}) != HashParams(nil) {
		t.Error("a name without values counts")
	}
	different := []url.Values{
		{},
		{"a": {"1"}},
		{"a": {""}},
		{"a": {"1", "2"}},
		{"a": {"2", "1"}},
		{"a": {"12"}},
		{"a1": {"2"}},
		{"a": {"1"}, "b": {"2"}},
		{"a": {"1b2"}},
		{"a": {"1"}, "b": {""}},
		{"ab": {"1", "2"}},
		{"a": {"b"}, "c": {"d"}},
		{"a": {"b", "c", "d"}},
	}
	seen := map[string]url.Values{}
	for _, v := range different {
		h := HashParams(v)
		if other, ok := seen[h]; ok {
			t.Errorf("%v and %v are one entry", v, other)
		}
		seen[h] = v
	}
}

func TestIdentifiersDoNotImitateVariants(t *testing.T) {
	t.Parallel()
	variant := mustID(t, key{ID: "x", Params: url.Values{"a": {"1"}}})
	if got := mustID(t, key{ID: variant}); got == variant {
		t.Errorf("ID %q is another key's variant", variant)
	}
	long := strings.Repeat("ñ", 500)
	if id := mustID(t, key{ID: long}); len(id) > MaxID || id == mustID(t, key{ID: long + "x"}) {
		t.Errorf("long identifier: %q", id)
	}
}

// Two keys are one entry exactly when they say the same, even if one spells
// what another becomes.
func TestIdentifiersAreInjective(t *testing.T) {
	t.Parallel()
	p, q := url.Values{"a": {"1"}}, url.Values{"a": {"2"}}
	long := strings.Repeat("reforma+", 60)
	keys := []key{
		{ID: "x"},
		{Params: p},
		{Params: q},
		{ID: "x", Params: p},
		{ID: long},
		{ID: long + "1"},
		{ID: long, Params: p},
		{ID: Hash("x")},
		{ID: HashParams(p), Params: p},
		{ID: strings.Repeat("a", MaxID)},
		{ID: strings.Repeat("a", MaxID+1)},
		{ID: ":" + HashParams(p)},
	}
	seen := map[string]string{}
	for generation := range 4 { // each becomes the ID of the next
		var next []key
		for _, k := range keys {
			id := mustID(t, k)
			said := strconv.Quote(k.ID) + k.Params.Encode()
			if other, ok := seen[id]; ok && other != said {
				t.Fatalf("generation %d: %s and %s are one entry: %s", generation, said, other, id)
			}
			seen[id] = said
			next = append(next, key{ID: id}, key{ID: id, Params: p})
		}
		keys = next
	}
}

func FuzzIdentifier(f *testing.F) {
	f.Add("42", "a=1&b=2", "43", "b=2&a=1")
	f.Add("x:"+Hash("a"), "", "x", "a=1")
	f.Add("", "a=", "", "a")
	f.Fuzz(func(t *testing.T, id1, q1, id2, q2 string) {
		p1, err1 := url.ParseQuery(q1)
		p2, err2 := url.ParseQuery(q2)
		if err1 != nil || err2 != nil {
			return
		}
		a, okA := Identifier(id1, p1)
		b, okB := Identifier(id2, p2)
		if okA == (id1 == "" && len(p1) == 0) {
			t.Fatalf("%q %v: named %v", id1, p1, okA)
		}
		if !okA || !okB {
			return
		}
		same := id1 == id2 && len(p1) == len(p2)
		for name, v := range p1 {
			same = same && slices.Equal(v, p2[name])
		}
		if same != (a == b) {
			t.Fatalf("%q %v and %q %v: %q, %q", id1, p1, id2, p2, a, b)
		}
		if len(a) > MaxID+ParamsHex+1 {
			t.Fatalf("identifier of %d bytes", len(a))
		}
	})
}
