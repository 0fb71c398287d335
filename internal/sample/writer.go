package sample

import (
	"bytes"
	"strings"
)

// writer writes one article after another, reusing its memory; it belongs to one goroutine.
type writer struct {
	g     *Generator
	rng   rng
	epoch uint32 // of the article: state marked with an earlier one is stale

	topic, second *topic // second is nil for most articles
	dept          *department
	cast          [castMembers]value
	persons       [3]person
	walks         []walk  // by bank
	fixed         []fixed // by bank
	tone          int8
	style         int // index of densities: 0 very plain … 4 very dense

	buf       []byte
	found     []mention
	recording bool // mentions are noted while the content is written, not for titles
	live      bool // output goes directly into the content: people named in it count as introduced
	start     int  // of the sentence being written
	words     int
}

// walk is one article's path through a bank's alternatives, so that none is repeated before all have been used.
type walk struct {
	epoch       uint32
	pos, stride int
	taken       int
	hand        []*template // taken but not yet used: see styled
	feat        feature     // of the last one used
}

type fixed struct {
	epoch uint32
	value value
	named bool // has been written in the content
}

func newWriter(g *Generator) *writer {
	n := len(g.grammar.banks)
	return &writer{g: g, walks: make([]walk, n), fixed: make([]fixed, n), buf: make([]byte, 0, 8<<10)}
}

// pick takes the next alternative of a bank.
func (w *writer) pick(id int) *template {
	b, k := &w.g.grammar.banks[id], &w.walks[id]
	if k.epoch != w.epoch {
		k.epoch, k.taken, k.hand = w.epoch, 0, k.hand[:0]
		k.pos, k.stride = w.rng.below(len(b.items)), b.strides[w.rng.below(len(b.strides))]
	} else if k.pos += k.stride; k.pos >= len(b.items) {
		k.pos -= len(b.items)
	}
	k.taken++
	return &b.items[k.pos]
}

// pickText renders an alternative outside the text, without recording names.
func (w *writer) pickText(id int) string {
	t := w.pick(id)
	if s, ok := t.literal(); ok {
		return s
	}
	return string(w.render(nil, t))
}

// literal is the text of an alternative without slots.
func (t *template) literal() (string, bool) {
	if len(t.nodes) == 1 && t.nodes[0].kind == literal {
		return t.nodes[0].lit, true
	}
	return "", false
}

// pickValue renders an alternative outside the text, with the names it contains.
func (w *writer) pickValue(id int) (text string, star bool, mentions []mention) {
	t := w.pick(id)
	if s, ok := t.literal(); ok {
		return s, t.star, nil
	}
	outer, on, live := w.found, w.recording, w.live
	w.found, w.recording, w.live = nil, true, false
	text = string(w.render(nil, t))
	mentions = w.found
	w.found, w.recording, w.live = outer, on, live
	return text, t.star, mentions
}

// decided gives the value of a bank that is the same throughout the article.
func (w *writer) decided(id int) *fixed {
	f := &w.fixed[id]
	if f.epoch == w.epoch {
		return f
	}
	f.epoch, f.named = w.epoch, false // before rendering: a bank that refers to itself would find the last article's value
	text, _, mentions := w.pickValue(id)
	b, k := &w.g.grammar.banks[id], &w.walks[id]
	f.value = value{text: text, bare: withoutArticle(text), feat: b.items[k.pos].feat, mentions: mentions}
	if b.entity != "" {
		f.value.mentions = append(f.value.mentions, mention{f.value.bare, b.entity, b.entType})
	}
	return f
}

// render appends an alternative with its slots filled.
func (w *writer) render(dst []byte, t *template) []byte {
	for i := range t.nodes {
		n := &t.nodes[i]
		switch n.kind {
		case literal:
			dst = append(dst, n.lit...)
		case number:
			dst = appendNumber(dst, n.lit, w.rng.between(n.lo, n.hi))
		case castSlot:
			dst = w.renderCast(dst, n)
		case bankSlot:
			dst = w.renderBank(dst, n)
		case castForm:
			f := w.cast[n.ref].feat
			if n.ref >= castOfficial && n.ref <= castExpert {
				f = w.persons[n.ref-castOfficial].feat
			}
			dst = append(dst, n.form(f)...)
		case bankForm:
			dst = append(dst, n.form(w.walks[w.shared(n.ref)].feat)...)
		}
	}
	return dst
}

func (n *node) form(f feature) string {
	i := f.index()
	switch {
	case n.byNum && f.plural:
		i = 1
	case n.byNum:
		i = 0
	case len(n.forms) == 2:
		i &= 1
	}
	return n.forms[i]
}

// sharedBanks are the banks that every topic has and general lines may name; a node refers to them by -1-id.
var sharedBanks = map[string]int{"ENT": 0, "TEMA": 1}

var sharedNames = [...]string{"ENT", "TEMA"}

func (w *writer) shared(ref int) int {
	if ref >= 0 {
		return ref
	}
	return w.topic.banks[sharedNames[-1-ref]]
}

func (w *writer) renderCast(dst []byte, n *node) []byte {
	start := len(dst)
	if n.ref >= castOfficial && n.ref <= castExpert {
		p := &w.persons[n.ref-castOfficial]
		if p.known && w.live {
			return append(dst, p.surname...)
		}
		dst = append(append(append(dst, p.role...), ", "...), p.name...)
		w.introduce(p)
		return fuse(dst, start)
	}
	v := &w.cast[n.ref]
	w.note(v.mentions)
	if n.bare {
		return fuse(append(dst, v.bare...), start)
	}
	return fuse(append(dst, v.text...), start)
}

func (w *writer) introduce(p *person) {
	if !w.live {
		return
	}
	p.known = true
	w.note(p.roleMentions)
	w.noteOne(mention{p.name, p.key, "PER"})
}

func (w *writer) renderBank(dst []byte, n *node) []byte {
	id, start := w.shared(n.ref), len(dst)
	b := &w.g.grammar.banks[id]
	if b.fixed {
		f := w.decided(id)
		if b.name == "ENT" && !n.bare && w.live {
			if f.named && w.rng.chance(45) {
				w.walks[id].feat = feature{feminine: true}
				return append(dst, "la entidad"...)
			}
			f.named = true
		}
		w.walks[id].feat = f.value.feat
		w.note(f.value.mentions)
		if n.bare {
			return fuse(append(dst, f.value.bare...), start)
		}
		return fuse(append(dst, f.value.text...), start)
	}
	t := w.pick(id)
	feat := t.feat
	dst = w.render(dst, t)
	w.walks[id].feat = feat // after rendering: the line may have used its own bank
	if b.entity != "" && w.recording {
		w.noteOne(mention{withoutArticle(string(dst[start:])), b.entity, b.entType})
	}
	if n.bare {
		text := dst[start:]
		if i := bytes.IndexByte(text, ' '); i > 0 && i < 4 {
			dst = append(dst[:start], text[i+1:]...)
		}
	}
	return fuse(dst, start)
}

// note records names that the content now contains.
func (w *writer) note(ms []mention) {
	if w.recording {
		for _, m := range ms {
			w.noteOne(m)
		}
	}
}

func (w *writer) noteOne(m mention) {
	if !w.recording {
		return
	}
	for i := range w.found {
		if w.found[i] == m {
			return
		}
	}
	w.found = append(w.found, m)
}

// fuse joins the text that begins at start to the text before it, as Spanish spells it: de + el → del, a + el → al, y → e
// before an i, o → u before an o.
func fuse(b []byte, start int) []byte {
	if start < 2 || b[start-1] != ' ' || start == len(b) {
		return b
	}
	before, phrase := b[:start-1], b[start:]
	c := before[len(before)-1]
	switch {
	case (c == 'e' && endsInWord(before, "de") || c == 'a' && endsInWord(before, "a") ||
		endsInWord(before, "De") || endsInWord(before, "A")) && bytes.HasPrefix(phrase, []byte("el ")):
		return append(b[:start-1], b[start+1:]...) // de| e|l → del
	case c == 'y' && endsInWord(before, "y") && soundsI(phrase):
		before[len(before)-1] = 'e'
	case c == 'o' && endsInWord(before, "o") && soundsO(phrase):
		before[len(before)-1] = 'u'
	}
	return b
}

func endsInWord(b []byte, word string) bool {
	if !bytes.HasSuffix(b, []byte(word)) {
		return false
	}
	i := len(b) - len(word)
	return i == 0 || b[i-1] == ' ' || b[i-1] == '\n'
}

func soundsI(b []byte) bool {
	s := strings.ToLower(string(b[:min(3, len(b))]))
	return strings.HasPrefix(s, "i") || strings.HasPrefix(s, "í") ||
		strings.HasPrefix(s, "hi") && s != "hie" && s != "hia"
}

func soundsO(b []byte) bool {
	s := strings.ToLower(string(b[:min(3, len(b))]))
	return strings.HasPrefix(s, "o") || strings.HasPrefix(s, "ó") || strings.HasPrefix(s, "ho")
}
