package source

import (
	"bytes"
	_ "embed"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"sort"
	"strings"
	"sync"

	"go.yaml.in/yaml/v3"
)

//go:embed catalogue.yaml
var bundled []byte

// parsedBundled is the bundled catalogue. It is parsed once, and nobody changes it.
var parsedBundled = sync.OnceValues(func() ([]Source, error) { return Parse(bundled) })

// MaxFileBytes bounds a catalogue's file.
const MaxFileBytes = 4 << 20

// Catalogue is an immutable set of sources, looked up by id, name or alias. Its methods return copies.
type Catalogue struct {
	list   []Source
	byName map[string]int
}

// Load reads the bundled catalogue, and then a file if one is named: its sources replace those with the same id, and others
// are appended. extra come last.
func Load(file string, extra ...Source) (*Catalogue, error) {
	list, err := parsedBundled()
	if err != nil {
		return nil, fmt.Errorf("scraping: bundled catalogue: %w", err)
	}
	list = slices.Clone(list) // New clones what is in it
	if file != "" {
		raw, err := readFile(file)
		if err != nil {
			return nil, fmt.Errorf("scraping: SCRAPER_SOURCES_FILE: %w", err)
		}
		own, err := Parse(raw)
		if err != nil {
			return nil, fmt.Errorf("scraping: SCRAPER_SOURCES_FILE %s: %w", file, err)
		}
		list = override(list, own)
	}
	return New(override(list, extra)...)
}

func readFile(name string) ([]byte, error) {
	f, err := os.Open(name)
	if err != nil {
		return nil, err
	}
	raw, err := io.ReadAll(io.LimitReader(f, MaxFileBytes+1))
	if err = errors.Join(err, f.Close()); err != nil {
		return nil, err
	}
	if len(raw) > MaxFileBytes {
		return nil, fmt.Errorf("%s: more than %d bytes", name, MaxFileBytes)
	}
	return raw, nil
}

func override(list, with []Source) []Source {
	for _, s := range with {
		if i := slices.IndexFunc(list, func(old Source) bool { return old.ID == s.ID }); i >= 0 {
			list[i] = s
		} else {
			list = append(list, s)
		}
	}
	return list
}

// Parse reads the sources of a catalogue's file. Errors say what is wrong and where; the problems of all sources are
// reported at once.
func Parse(raw []byte) (list []Source, err error) {
	defer func() {
		if v := recover(); v != nil { // the library panics on some input
			list, err = nil, fmt.Errorf("not YAML: %v", v)
		}
	}()
	if len(raw) > MaxFileBytes {
		return nil, fmt.Errorf("more than %d bytes", MaxFileBytes)
	}
	var doc struct {
		Version int      `yaml:"version"`
		Sources []Source `yaml:"sources"`
	}
	dec := yaml.NewDecoder(bytes.NewReader(raw))
	dec.KnownFields(true)
	if err := dec.Decode(&doc); err != nil {
		if errors.Is(err, io.EOF) {
			err = errors.New("it is empty")
		}
		return nil, err
	}
	if doc.Version != 1 {
		return nil, fmt.Errorf("version %d: 1 expected", doc.Version)
	}
	if len(doc.Sources) == 0 {
		return nil, errors.New("no sources")
	}
	var errs []error
	seen := map[string]bool{}
	for _, s := range doc.Sources {
		if seen[s.ID] {
			errs = append(errs, fmt.Errorf("source %s: twice", s.ID))
		}
		seen[s.ID] = true
		errs = append(errs, s.problems()...)
	}
	return doc.Sources, errors.Join(errs...)
}

// New is a catalogue of the given sources alone.
func New(list ...Source) (*Catalogue, error) {
	c := &Catalogue{byName: map[string]int{}}
	var errs []error
	for _, s := range list {
		if problems := s.problems(); len(problems) > 0 {
			errs = append(errs, problems...)
			continue
		}
		for _, name := range append([]string{s.ID, s.Name}, s.Aliases...) {
			key := Fold(name)
			if at, taken := c.byName[key]; taken && at != len(c.list) {
				errs = append(errs, fmt.Errorf("source %s: the name %q belongs to %s", s.ID, name, c.list[at].ID))
				continue
			}
			c.byName[key] = len(c.list)
		}
		c.list = append(c.list, s.clone())
	}
	if err := errors.Join(errs...); err != nil {
		return nil, fmt.Errorf("scraping: sources: %w", err)
	}
	return c, nil
}

// Find looks a source up by id, name or alias, whatever the case and the accents.
func (c *Catalogue) Find(name string) (Source, bool) {
	i, ok := c.byName[Fold(name)]
	if !ok {
		return Source{}, false
	}
	return c.list[i].clone(), true
}

// All lists every source, in order.
func (c *Catalogue) All() []Source {
	out := make([]Source, len(c.list))
	for i, s := range c.list {
		out[i] = s.clone()
	}
	return out
}

// Scrapable lists the sources that are read automatically, in order: those with an entry that are not disabled.
func (c *Catalogue) Scrapable() []Source {
	return slices.DeleteFunc(c.All(), func(s Source) bool { return s.Disabled || !s.Scrapable() })
}

// Nearest lists the ids of up to n sources whose names are most like an unknown name.
func (c *Catalogue) Nearest(name string, n int) []string {
	want := []rune(Fold(name))
	if len(want) > 100 {
		want = want[:100]
	}
	best := make([]int, len(c.list))
	for i := range best {
		best[i] = 1 << 30
	}
	for known, i := range c.byName {
		best[i] = min(best[i], distance(want, []rune(known)))
	}
	order := make([]int, len(c.list))
	for i := range order {
		order[i] = i
	}
	sort.SliceStable(order, func(a, b int) bool { return best[order[a]] < best[order[b]] })
	var out []string
	for _, i := range order[:min(n, len(order))] {
		out = append(out, c.list[i].ID)
	}
	return out
}

// distance is the number of letters to change, insert or delete (Levenshtein, 1965); a prefix of a longer name is close to
// that name.
func distance(a, b []rune) int {
	if len(a) >= 3 && strings.HasPrefix(string(b), string(a)) {
		return 1
	}
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := 1; i <= len(a); i++ {
		diagonal := row[0]
		row[0] = i
		for j := 1; j <= len(b); j++ {
			cost := 1
			if a[i-1] == b[j-1] {
				cost = 0
			}
			diagonal, row[j] = row[j], min(row[j]+1, row[j-1]+1, diagonal+cost)
		}
	}
	return row[len(b)]
}
