package sample

import (
	"bytes"
	"unicode/utf8"
)

// The bounds of a text's length, in words.
const (
	minWords = 120
	maxWords = 900
)

// content writes the text: the story's first sentence, then facts and quotes, then a closing sentence.
func (w *writer) content(s *story) {
	words := 125 + w.skewed(680)
	w.begin()
	w.buf = w.render(w.buf, &s.lead)
	w.end()
	w.paragraph()
	d := &densities[w.style]
	bridge := 0 // number of words after which the second topic begins
	if w.second != nil {
		bridge = words * 7 / 10
	}
	inParagraph, quoted, dry := 0, true, 0
	for w.words < words && dry < 8 { // dry: how often in a row nothing new was found
		var wrote bool
		switch {
		case bridge > 0 && w.words >= bridge:
			bridge = 0
			w.aside()
			wrote, quoted = true, false
		case !quoted && w.rng.chance(d.quotes):
			wrote = w.quote()
			quoted = true
		case w.rng.chance(22):
			wrote = w.fact(w.g.banks.hecho)
			quoted = false
		default:
			wrote = w.fact(w.topic.fact)
			quoted = false
		}
		if !wrote {
			dry++
			continue
		}
		dry = 0
		inParagraph++
		if inParagraph >= 2 && w.rng.chance(60) || inParagraph == 4 {
			w.paragraph()
			inParagraph = 0
		}
	}
	w.begin()
	id := w.topic.close
	if w.rng.chance(30) {
		id = w.g.banks.cierre
	}
	if t := w.fresh(id); t != nil {
		w.buf = w.render(w.buf, t)
		w.end()
	}
	w.buf = bytes.TrimRight(w.buf, " \n")
}

// paragraph ends a paragraph, if one has begun.
func (w *writer) paragraph() { w.buf = append(bytes.TrimRight(w.buf, " \n"), "\n\n"...) }

// skewed gives 0 ≤ x ≤ most, small numbers more often than large ones.
func (w *writer) skewed(most int) int {
	a, b := w.rng.below(most+1), w.rng.below(most+1)
	return min(a, b)
}

// begin marks where a sentence starts; end completes it.
func (w *writer) begin() { w.start = len(w.buf) }

// end completes the sentence: capital, full stop, counts.
func (w *writer) end() {
	s := w.buf[w.start:]
	capitalise(s)
	if last, _ := utf8.DecodeLastRune(s); last != '.' && last != '?' && last != '!' && last != '…' {
		if !bytes.HasSuffix(s, []byte(".”")) {
			w.buf = append(w.buf, '.')
		}
	}
	w.buf = append(w.buf, ' ')
	w.words += bytes.Count(w.buf[w.start:], []byte{' '})
}

// fresh takes an alternative that the article has not used and whose tone fits; nil when there is none.
func (w *writer) fresh(id int) *template {
	for n := len(w.g.grammar.banks[id].items); w.taken(id) < n; {
		if t := w.pick(id); t.tone == 0 || t.tone == w.tone {
			return t
		}
	}
	return nil
}

// taken is how many alternatives of a bank the article has used.
func (w *writer) taken(id int) int {
	if k := &w.walks[id]; k.epoch == w.epoch {
		return k.taken
	}
	return 0
}

// styled is fresh with regard to difficulty: from several alternatives it takes the one with the shortest sentences and
// words in a plain text, and the longest in a dense one.
func (w *writer) styled(id int) *template {
	k, d := &w.walks[id], &densities[w.style]
	if w.taken(id) == 0 {
		k.hand = k.hand[:0]
	}
	for len(k.hand) <= d.choice {
		t := w.fresh(id)
		if t == nil {
			break
		}
		k.hand = append(k.hand, t)
	}
	if len(k.hand) == 0 {
		return nil
	}
	best := 0
	for i, t := range k.hand {
		if d.long && t.load > k.hand[best].load || !d.long && t.load < k.hand[best].load {
			best = i
		}
	}
	t := k.hand[best]
	k.hand = append(k.hand[:best], k.hand[best+1:]...)
	return t
}

// density says how much sentences contain. The shares are in percent; the rest of the first three is a fact with nothing
// before it.
type density struct {
	choice                    int // alternatives to choose from, besides the first
	long                      bool
	connective, source, voice int // before the fact: "además", "según …", "… informó que"
	tail                      int // after it: "de acuerdo con …", unless there is an attribution before it
	join, joins               int // another fact joined to it, and at most how many
	quotes                    int // share of the sentences
}

var densities = [...]density{
	{choice: 9, connective: 3, quotes: 45},
	{choice: 3, connective: 16, source: 6, voice: 6, tail: 8, quotes: 40},
	{choice: 0, connective: 18, source: 14, voice: 12, tail: 15, join: 10, joins: 1, quotes: 36},
	{choice: 2, long: true, connective: 14, source: 20, voice: 20, tail: 30, join: 55, joins: 2, quotes: 26},
	{choice: 6, long: true, connective: 6, source: 38, voice: 38, tail: 80, join: 94, joins: 4, quotes: 9},
}

// fact writes a statement of a bank, or several in one sentence. It reports whether the bank had one left.
func (w *writer) fact(id int) bool {
	t := w.styled(id)
	if t == nil {
		return false
	}
	w.begin()
	if t.raw {
		w.buf = w.render(w.buf, t)
		w.end()
		return true
	}
	g, d := &w.g.banks, &densities[w.style]
	x := w.rng.below(100)
	attributed := t.names // no "según el Ministerio, el Ministerio…"
	switch {
	case x < d.connective:
		if w.buf = w.render(w.buf, w.pick(g.conector)); !bytes.HasSuffix(w.buf, []byte(" que")) {
			w.buf = append(w.buf, ',')
		}
		w.buf = append(w.buf, ' ')
	case t.names:
	case x < d.connective+d.source:
		w.buf = append(w.render(w.buf, w.pick(g.segun)), ", "...)
		attributed = true
	case x < d.connective+d.source+d.voice:
		w.buf = append(w.render(w.buf, w.pick(g.informe)), " que "...)
		attributed = true
	}
	w.buf = w.render(w.buf, t)
	for n := 0; n < d.joins && w.rng.chance(d.join); n++ {
		u := w.styled(id)
		if u == nil {
			break
		}
		if u.raw { // it must be a separate sentence: kept for later
			w.walks[id].hand = append(w.walks[id].hand, u)
			break
		}
		w.buf = append(w.render(w.buf, w.pick(g.union)), ' ')
		w.buf = w.render(w.buf, u)
		attributed = attributed || u.names
	}
	if !attributed && w.rng.chance(d.tail) {
		w.buf = w.render(append(w.buf, ", "...), w.pick(g.cola))
	}
	w.end()
	return true
}

// quote lets one of the three speak. It reports whether that speaker had anything left to say.
func (w *writer) quote() bool {
	k := [...]int{0, 0, 0, 1, 1, 2, 2}[w.rng.below(7)]
	p := &w.persons[k]
	g := &w.g.banks
	bank := w.topic.quotes[k]
	if w.rng.chance(30) {
		bank = g.quotes[k]
	}
	t := w.styled(bank)
	if t == nil {
		return false
	}
	w.begin()
	w.cast[castPerson].feat = p.feat
	way := w.rng.below(10)
	switch {
	case !p.known && way < 5: // “…”, dijo Ana Ruiz, alcaldesa de Pasto
		w.speech(t, true, "”, ")
		w.buf = append(w.render(w.buf, w.inTone(g.verbo, t.tone)), ' ')
		w.buf = append(append(append(w.buf, p.name...), ", "...), withoutArticle(p.role)...)
	case !p.known && (way < 7 || k == 1): // para Ana Ruiz, alcaldesa de Pasto, “…”
		w.buf = append(append(append(append(w.buf, "para "...), p.name...), ", "...), withoutArticle(p.role)...)
		w.buf = append(w.buf, ", "...)
		w.speech(t, false, "”.")
	case !p.known: // la alcaldesa de Pasto, Ana Ruiz, lo resumió así: “…”
		w.buf = append(append(append(w.buf, p.role...), ", "...), p.name...)
		w.buf = append(w.render(append(w.buf, ", "...), w.pick(g.resumio)), ": "...)
		w.speech(t, true, "”.")
	case way < 5:
		w.speech(t, true, "”, ")
		w.buf = append(w.render(w.buf, w.inTone(g.verbo, t.tone)), ' ')
		if p.key == political && way < 2 {
			w.buf = w.render(w.buf, w.pick(g.funcionario))
		} else {
			w.buf = append(w.buf, p.surname...)
		}
	case way < 8:
		w.buf = append(append(w.buf, p.surname...), ' ')
		w.buf = append(w.render(w.buf, w.pick(g.resumio)), ": "...)
		w.speech(t, true, "”.")
	default:
		w.buf = append(append(append(w.buf, "según "...), p.surname...), ", "...)
		w.speech(t, false, "”.")
	}
	w.introduce(p)
	w.end()
	return true
}

// inTone takes an alternative that is neutral or of the tone given.
func (w *writer) inTone(id int, tone int8) *template {
	for {
		if t := w.pick(id); t.tone == 0 || t.tone == tone {
			return t
		}
	}
}

// speech writes direct speech in quotation marks.
func (w *writer) speech(t *template, capital bool, closing string) {
	w.buf = append(w.buf, "“"...)
	from := len(w.buf)
	w.buf = w.render(w.buf, t)
	if capital {
		capitalise(w.buf[from:])
	}
	w.buf = append(w.buf, closing...)
}

// aside turns to the second topic for a few sentences.
func (w *writer) aside() {
	w.paragraph()
	w.cast[castOther] = w.decided(w.second.banks["TEMA"]).value
	w.begin()
	w.buf = w.render(w.buf, w.pick(w.g.banks.puente))
	w.end()
	for range w.rng.between(2, 4) {
		if !w.fact(w.second.fact) {
			break
		}
	}
	w.paragraph()
}
