package sample

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"
)

var slots = regexp.MustCompile(`\{[^}]*\}`)

func (g *grammar) template(s string, topic int) (template, error) {
	var t template
	for _, mark := range []struct {
		prefix string
		set    func()
	}{
		{"+ ", func() { t.tone = 1 }},
		{"- ", func() { t.tone = -1 }},
		{"! ", func() { t.raw = true }},
		{"* ", func() { t.star = true }},
	} {
		if rest, ok := strings.CutPrefix(s, mark.prefix); ok {
			mark.set()
			s = rest
		}
	}
	s, t.feat = features(s)
	c := count([]byte(slots.ReplaceAllString(s, "casa"))) // a slot stands for a word of two syllables
	t.load = 206.835 - c.perspicuity()
	for s != "" {
		before, rest, found := strings.Cut(s, "{")
		if before != "" {
			t.nodes = append(t.nodes, node{kind: literal, lit: before})
		}
		if !found {
			break
		}
		slot, after, found := strings.Cut(rest, "}")
		if !found {
			return t, fmt.Errorf("slot %q does not end", rest)
		}
		n, err := g.slot(slot, topic)
		if err != nil {
			return t, err
		}
		if n.kind == bankSlot && (n.ref == -1-sharedBanks["ENT"] || n.ref >= 0 && g.banks[n.ref].name == "ENT") {
			t.names = true
		}
		t.nodes = append(t.nodes, n)
		s = after
	}
	return t, nil
}

// slot reads the text between braces.
func (g *grammar) slot(s string, topic int) (node, error) {
	end := strings.IndexAny(s, ":#.")
	name, mark, arg := s, byte(0), ""
	if end >= 0 {
		name, mark, arg = s[:end], s[end], s[end+1:]
	}
	if len(name) == 1 && strings.Contains("nrmfdpa$", name) && mark == ':' {
		lo, hi, ok := strings.Cut(arg, "-")
		a, err1 := strconv.Atoi(lo)
		b, err2 := strconv.Atoi(hi)
		if !ok || err1 != nil || err2 != nil || a > b {
			return node{}, fmt.Errorf("slot {%s}: want {%s:low-high}", s, name)
		}
		return node{kind: number, lit: name, lo: a, hi: b}, nil
	}
	n := node{kind: castSlot}
	var known bool
	if n.ref, known = castNames[name]; !known {
		n.kind = bankSlot
		if topic >= 0 {
			n.ref, known = g.topics[topic].banks[name]
		}
		if !known {
			n.ref, known = g.general[name]
		}
		// A general line may refer to a bank that every topic has; the actual bank is known when the line is rendered.
		if id, ok := sharedBanks[name]; !known && topic < 0 && ok {
			n.ref, known = -1-id, true
		}
		if !known {
			return node{}, fmt.Errorf("slot {%s}: no such bank", s)
		}
	}
	switch mark {
	case 0:
	case '.':
		if arg != "x" {
			return node{}, fmt.Errorf("slot {%s}: only .x is known", s)
		}
		n.bare = true
	default:
		n.kind += bankForm - bankSlot
		n.forms, n.byNum = strings.Split(arg, "|"), mark == '#'
		if k := len(n.forms); k != 2 && (n.byNum || k != 4) {
			return node{}, fmt.Errorf("slot {%s}: %d forms", s, k)
		}
	}
	return n, nil
}

// features finds the gender and number of a noun phrase from its mark or its article.
func features(s string) (string, feature) {
	if i := strings.LastIndex(s, " ;"); i >= 0 {
		m := s[i+2:]
		return s[:i], feature{feminine: strings.HasPrefix(m, "f"), plural: strings.HasSuffix(m, "p")}
	}
	first, _, _ := strings.Cut(s, " ")
	switch strings.ToLower(first) {
	case "la", "una":
		return s, feature{feminine: true}
	case "los", "unos":
		return s, feature{plural: true}
	case "las", "unas":
		return s, feature{feminine: true, plural: true}
	}
	return s, feature{}
}
