package sample

import (
	"embed"
	"fmt"
	"io/fs"
	"path"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

// The grammar's files are lists of alternatives under [headings] (banks). general.txt serves every topic; each other
// file is a topic. A line is Spanish text with slots:
//
//	{bank}        an alternative of that bank, another one each time; a bank IN CAPITALS is decided once per article,
//	              so its title, its lead and its body speak of the same thing
//	{bank.x}      the same without its article ("el Ministerio" → "Ministerio")
//	{bank:o|a}    by gender of what {bank} last gave; {bank:o|a|os|as} by gender and number
//	{bank#ó|aron} by number
//	{n:2-50}      a number: n digits, r rounded digits, a a year, m or f in words up to thirty (masculine, feminine),
//	              d tenths, p tenths as a percentage, $ thousands of millions of pesos
//	{lugar} …     a member of the article's cast (cast.go)
//
// "de el", "a el", "y i…" and "o o…" are contracted or changed as Spanish requires when a slot is filled. Gender and number
// come from a leading el, la, los, las, or from a mark at the end: ;m ;f ;mp ;fp. A line may begin with "+ " or "- ", its
// tone, and then with "! ": a sentence to leave unchanged, including its full stop.
//
//go:embed grammar/*.txt
var grammarFiles embed.FS

// feature is the gender and number with which other words must agree.
type feature struct {
	feminine, plural bool
}

func (f feature) index() int {
	i := 0
	if f.feminine {
		i = 1
	}
	if f.plural {
		i += 2
	}
	return i
}

type nodeKind uint8

const (
	literal  nodeKind = iota
	bankSlot          // ref: bank
	castSlot          // ref: cast member
	bankForm          // ref: bank to agree with
	castForm          // ref: cast member to agree with
	number            // lit: kind of number
)

type node struct {
	kind   nodeKind
	bare   bool // without its article
	byNum  bool // forms are singular and plural
	ref    int
	lit    string
	forms  []string
	lo, hi int
}

// template is one alternative of a bank.
type template struct {
	nodes []node
	feat  feature
	tone  int8    // −1, 0, 1
	raw   bool    // "! "
	names bool    // mentions the main institution
	star  bool    // "* ": a role that is political
	load  float64 // roughly how much its own words lower a text's perspicuity
}

type bank struct {
	name    string
	fixed   bool
	entity  string // key of Article.Entities that its members belong to; "" for none
	entType string // PER, ORG, LOC or "" (no named entity)
	items   []template
	strides []int // coprime with len(items): stepping by one of them visits each item once
}

// story is a headline, its subtitle and its first sentence, all about the same event.
type story struct {
	title, subtitle, lead template
	tone                  int8
}

type topic struct {
	slug, category, section string
	tags                    []string
	stories                 []story
	banks                   map[string]int
	fact, close             int
	quotes, roles           [3]int
}

type grammar struct {
	banks   []bank
	general map[string]int
	topics  []topic
	places  *places
}

// source is one line of a file, before its slots can be resolved.
type source struct {
	file, text string
	line       int
	bank       int // −1: a story
	topic      int // −1: general
}

func loadGrammar() (*grammar, error) {
	g := &grammar{general: map[string]int{}}
	var sources []source
	names, err := fs.Glob(grammarFiles, "grammar/*.txt")
	if err != nil {
		return nil, fmt.Errorf("list the grammar: %w", err)
	}
	for _, name := range names {
		text, err := grammarFiles.ReadFile(name)
		if err != nil {
			return nil, fmt.Errorf("read the grammar: %w", err)
		}
		if path.Base(name) == "places.txt" {
			if g.places, err = parsePlaces(string(text)); err != nil {
				return nil, err
			}
			continue
		}
		if sources, err = g.split(sources, path.Base(name), string(text)); err != nil {
			return nil, err
		}
	}
	for _, s := range sources {
		if err := g.compile(s); err != nil {
			return nil, fmt.Errorf("grammar: %s:%d: %w", s.file, s.line, err)
		}
	}
	return g, g.finish()
}

// split splits a file into lines and makes its banks.
func (g *grammar) split(sources []source, file, text string) ([]source, error) {
	t, current := -1, -2
	for i, l := range strings.Split(text, "\n") {
		l = strings.TrimSpace(l)
		switch {
		case l == "" || l[0] == '#':
		case l[0] == '@':
			f := strings.Split(l[1:], "|")
			if len(f) != 4 {
				return nil, fmt.Errorf("grammar: %s:%d: want @slug|category|section|tags", file, i+1)
			}
			g.topics = append(g.topics, topic{
				slug: f[0], category: f[1], section: f[2], tags: strings.Split(f[3], ","), banks: map[string]int{},
			})
			t = len(g.topics) - 1
		case l[0] == '[':
			head := strings.Fields(strings.Trim(l, "[]"))
			if head[0] == "nota" {
				current = -1
				continue
			}
			b := bank{name: head[0], fixed: head[0] == strings.ToUpper(head[0])}
			if len(head) > 1 {
				b.entity, b.entType, _ = strings.Cut(head[1], "/")
			}
			current = len(g.banks)
			g.banks = append(g.banks, b)
			if t < 0 {
				g.general[b.name] = current
			} else {
				g.topics[t].banks[b.name] = current
			}
		case current == -2:
			return nil, fmt.Errorf("grammar: %s:%d: a line before the first heading", file, i+1)
		default:
			sources = append(sources, source{file: file, line: i + 1, text: l, bank: current, topic: t})
		}
	}
	return sources, nil
}

func (g *grammar) compile(s source) error {
	if s.bank < 0 {
		parts := strings.Split(s.text, "||")
		if len(parts) != 3 {
			return fmt.Errorf("a story is title || subtitle || lead")
		}
		var ts [3]template
		for i, p := range parts {
			var err error
			if ts[i], err = g.template(strings.TrimSpace(p), s.topic); err != nil {
				return err
			}
		}
		g.topics[s.topic].stories = append(g.topics[s.topic].stories,
			story{title: ts[0], subtitle: ts[1], lead: ts[2], tone: ts[0].tone})
		return nil
	}
	t, err := g.template(s.text, s.topic)
	if err != nil {
		return err
	}
	g.banks[s.bank].items = append(g.banks[s.bank].items, t)
	return nil
}

// finish checks that every topic has what the writer needs.
func (g *grammar) finish() error {
	if g.places == nil || len(g.topics) == 0 {
		return fmt.Errorf("grammar: places or topics are missing")
	}
	for i := range g.banks {
		b := &g.banks[i]
		if len(b.items) == 0 {
			return fmt.Errorf("grammar: bank %s is empty", b.name)
		}
		b.strides = coprimes(len(b.items))
	}
	for i := range g.topics {
		t := &g.topics[i]
		need := func(name string) int {
			id, ok := t.banks[name]
			if !ok {
				id = -1
			}
			return id
		}
		t.fact, t.close = need("hecho"), need("cierre")
		for k := range 3 {
			t.quotes[k], t.roles[k] = need("cita"+strconv.Itoa(k+1)), need("P"+strconv.Itoa(k+1))
		}
		if min(t.fact, t.close, t.quotes[0], t.quotes[1], t.quotes[2], t.roles[0], t.roles[1], t.roles[2], need("ENT"), need("TEMA")) < 0 ||
			len(t.stories) == 0 {
			return fmt.Errorf("grammar: topic %s lacks a bank that every topic has", t.slug)
		}
	}
	return nil
}

func coprimes(n int) []int {
	var out []int
	for k := 1; k <= max(1, n/2); k++ {
		a, b := n, k
		for b != 0 {
			a, b = b, a%b
		}
		if a == 1 {
			out = append(out, k)
		}
	}
	return out
}

// capitalise makes the first letter of b a capital, after any opening quotes and marks.
func capitalise(b []byte) {
	for i := 0; i < len(b); {
		r, size := utf8.DecodeRune(b[i:])
		if unicode.IsLetter(r) {
			if up := unicode.ToUpper(r); utf8.RuneLen(up) == size {
				utf8.EncodeRune(b[i:], up)
			}
			return
		}
		if unicode.IsDigit(r) {
			return
		}
		i += size
	}
}
