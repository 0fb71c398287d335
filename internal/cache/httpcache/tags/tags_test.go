package tags

import (
	"fmt"
	"math/rand/v2"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// meet reports whether a purge of dep reaches an answer with these tags.
func meet(answer []string, dep string) bool {
	return slices.ContainsFunc(Purge([]string{dep}), func(tag string) bool { return slices.Contains(answer, tag) })
}

// TestNoPurgeIsMissed: however little room there is, a purge of any dependency of an answer reaches it.
func TestNoPurgeIsMissed(t *testing.T) {
	t.Parallel()
	rnd := rand.New(rand.NewPCG(1, 2))
	coarse, single := 0, 0
	for range 3000 {
		deps := make([]string, 1+rnd.IntN(64))
		for i := range deps {
			switch kind := rnd.IntN(12); kind {
			case 0:
				deps[i] = []string{"articles", "scraped_content", "cuenta"}[rnd.IntN(3)]
			case 1:
				deps[i] = "source:" + strings.Repeat("ñ", rnd.IntN(900)) // longer than the engine keeps names
			default:
				deps[i] = fmt.Sprintf("kind%d:%d", kind%(1+rnd.IntN(12)), rnd.IntN(100))
			}
		}
		most := 1 + rnd.IntN(Most)
		answer := Answer(deps, most)
		if len(answer) == 0 || len(answer) > most {
			t.Fatalf("%d tags, at most %d", len(answer), most)
		}
		for _, d := range deps {
			if !meet(answer, d) {
				t.Fatalf("a purge of %.40q does not reach the answer with %d tags of %q", d, len(answer), deps)
			}
		}
		if slices.Contains(answer, hashed(restMark)) {
			single++
		} else if len(answer) < len(deps)/2 {
			coarse++
		}
	}
	if coarse < 100 || single < 100 {
		t.Fatalf("%d answers had coarse tags, %d one for everything: the test tests too little", coarse, single)
	}
}

// TestWhatFitsIsExact: while there is room, a purge reaches only what depends on the name.
func TestWhatFitsIsExact(t *testing.T) {
	t.Parallel()
	var deps []string
	for i := range Most {
		deps = append(deps, fmt.Sprintf("article:%d", i))
	}
	answer := Answer(append(deps, deps...), Most)
	if len(answer) != Most || meet(answer, "article:99") || !meet(answer, "article:7") {
		t.Errorf("%d tags, other's purge %v, own purge %v", len(answer), meet(answer, "article:99"), meet(answer, "article:7"))
	}
	// One more and the articles become one tag; the newspaper keeps its own.
	answer = Answer(append(deps, "article:31", "source:El Tiempo"), Most)
	if len(answer) != 2 || !meet(answer, "article:99") || !meet(answer, "source:El Tiempo") || meet(answer, "source:El Espectador") {
		t.Errorf("coarse: %v", answer)
	}
}

func TestTagsAreWhatEveryCDNTakes(t *testing.T) {
	t.Parallel()
	plain := regexp.MustCompile(`^[0-9a-v]{12}$`)
	list := Purge([]string{"source:El Tiempo, \"sur\"\r\n", "articles"})
	if len(list) != 5 {
		t.Errorf("%d tags: two names, two kinds and the rest", len(list))
	}
	for _, tag := range list {
		if !plain.MatchString(tag) {
			t.Errorf("tag %q", tag)
		}
	}
	if got := Strings([]string{"a", "b"}) + Comma([]string{"a", "b"}) + Space([]string{"a", "b"}); got != `"a", "b"a,ba b` {
		t.Error(got)
	}
}
