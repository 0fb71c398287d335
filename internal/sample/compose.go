package sample

import (
	"bytes"
	"unicode/utf8"
)

// Bounds of a text's length, in words.
const (
	minWords = 120
	maxWords = 900
)

// generalNeeds are the banks that the code names, in general.txt.
var generalNeeds = []string{
	"nombref", "nombrem", "apellido", "conector", "segun", "cola", "informe", "union", "verbo", "hecho", "cita1", "cita2",
	"cita3", "cierre", "puente", "resumio", "funcionario", "redaccion",
}

// content writes the text: the story's first sentence, then facts and quotes, then an end.
func (w *writer) content(s *story) {
	words := 125 + w.skewed(680)
	w.begin()
	w.buf = w.render(w.buf, &s.lead)
	w.end(0, s.tone)
	w.paragraph()
	inParagraph, lastQuote := 0, false
	bridge := 0 // words after which the second topic comes in
	if w.second != nil {
		bridge = words * 7 / 10
	}
	for w.words < words {
		switch {
		case bridge > 0 && w.words >= bridge:
			bridge = 0
			w.aside()
			lastQuote = false
		case !lastQuote && w.sentences > 1 && w.rng.chance(38):
			w.quote()
			lastQuote = true
		case w.rng.chance(24):
			w.fact(w.g.grammar.general["hecho"], -1)
			lastQuote = false
		default:
			w.fact(w.topic.fact, 0)
			lastQuote = false
		}
		inParagraph++
		if inParagraph >= 2 && w.rng.chance(60) || inParagraph == 4 {
			w.paragraph()
			inParagraph = 0
		}
	}
	w.begin()
	if w.rng.chance(70) {
		t := w.matching(w.topic.close)
		w.buf = w.render(w.buf, t)
		w.end(0, t.tone)
	} else {
		t := w.matching(w.g.grammar.general["cierre"])
		w.buf = w.render(w.buf, t)
		w.end(-1, t.tone)
	}
	w.buf = bytes.TrimRight(w.buf, " \n")
}

// paragraph ends one, if one has begun.
func (w *writer) paragraph() { w.buf = append(bytes.TrimRight(w.buf, " \n"), "\n\n"...) }

// skewed gives 0 ≤ x ≤ most, short ones more often than long ones.
func (w *writer) skewed(most int) int {
	a, b := w.rng.below(most+1), w.rng.below(most+1)
	return min(a, b)
}

// begin marks where a sentence starts, end makes it one.
func (w *writer) begin() { w.start = len(w.buf) }

// end finishes the sentence begun: capital, full stop, counts. about is 0 for the topic, 1 for the second one, −1 for
// neither.
func (w *writer) end(about int, tone int8) {
	s := w.buf[w.start:]
	capitalise(s)
	if last, _ := utf8.DecodeLastRune(s); last != '.' && last != '?' && last != '!' && last != '…' {
		if !bytes.HasSuffix(s, []byte(".”")) {
			w.buf = append(w.buf, '.')
		}
	}
	w.sentences++
	if w.sentences == 2 {
		w.summary = len(w.buf)
	}
	if about >= 0 {
		w.topical[about]++
	}
	if tone > 0 {
		w.toned[0]++
	} else if tone < 0 {
		w.toned[1]++
	}
	w.buf = append(w.buf, ' ')
	w.words += bytes.Count(w.buf[w.start:], []byte{' '})
}

// matching takes an alternative whose tone goes with the article's. Every bank it is used on has neutral ones; a few
// of the other tone slip in where the walk finds no other.
func (w *writer) matching(id int) *template {
	t := w.pick(id)
	for try := 0; try < 6 && t.tone != 0 && t.tone != w.tone; try++ {
		t = w.pick(id)
	}
	return t
}

// styled is matching with an eye to length: plain texts take the shorter of two, dense ones the longer.
func (w *writer) styled(id int) *template {
	t := w.matching(id)
	if w.style == 1 || len(w.g.grammar.banks[id].items) < 12 {
		return t
	}
	if u := w.matching(id); (u.words > t.words) == (w.style == 2) {
		return u
	}
	return t
}

// Shares, in percent, of the ways to dress a fact: after a connective, with its source before or behind, reported, two
// joined. What is left stands alone.
var dressing = [3][5]int{
	{18, 7, 8, 7, 0},
	{18, 14, 14, 12, 8},
	{12, 12, 18, 18, 30},
}

// fact writes one or two statements of a bank.
func (w *writer) fact(id, about int) {
	w.begin()
	t := w.styled(id)
	if t.raw {
		w.buf = w.render(w.buf, t)
		w.end(about, t.tone)
		return
	}
	g := w.g.grammar.general
	d, x := &dressing[w.style], w.rng.below(100)
	way := 0
	for way < len(d) && x >= d[way] {
		x -= d[way]
		way++
	}
	if t.names && way >= 1 && way <= 3 {
		way = 5 // "según el Ministerio, el Ministerio…"
	}
	switch way {
	case 0:
		if w.buf = w.render(w.buf, w.pick(g["conector"])); !bytes.HasSuffix(w.buf, []byte(" que")) {
			w.buf = append(w.buf, ',')
		}
		w.buf = append(w.buf, ' ')
	case 1:
		w.buf = append(w.render(w.buf, w.pick(g["segun"])), ", "...)
	case 3:
		w.buf = append(w.render(w.buf, w.pick(g["informe"])), " que "...)
	}
	w.buf = w.render(w.buf, t)
	tone := t.tone
	switch way {
	case 2:
		w.buf = w.render(append(w.buf, ", "...), w.pick(g["cola"]))
	case 4:
		if u := w.matching(id); !u.raw && u.tone*t.tone >= 0 {
			w.buf = append(w.render(w.buf, w.pick(g["union"])), ' ')
			w.buf = w.render(w.buf, u)
			if tone == 0 {
				tone = u.tone
			}
		}
	}
	w.end(about, tone)
}

// quote lets one of the three speak.
func (w *writer) quote() {
	k := [...]int{0, 0, 0, 1, 1, 2, 2}[w.rng.below(7)]
	p := &w.persons[k]
	bank, about := w.topic.quotes[k], 0
	g := w.g.grammar.general
	if w.rng.chance(30) {
		bank, about = g[[...]string{"cita1", "cita2", "cita3"}[k]], -1
	}
	t := w.styled(bank)
	w.begin()
	way := w.rng.below(10)
	switch {
	case !p.known && way < 5: // “…”, dijo Ana Ruiz, alcaldesa de Pasto
		w.speech(t, true, "”, ")
		w.buf = append(w.render(w.buf, w.pick(g["verbo"])), ' ')
		w.buf = append(append(append(w.buf, p.name...), ", "...), withoutArticle(p.role)...)
	case !p.known && way < 7: // para Ana Ruiz, alcaldesa de Pasto, “…”
		w.buf = append(append(append(append(w.buf, "para "...), p.name...), ", "...), withoutArticle(p.role)...)
		w.buf = append(w.buf, ", "...)
		w.speech(t, false, "”.")
	case !p.known: // la alcaldesa de Pasto, Ana Ruiz, lo resumió así: “…”
		w.buf = append(append(append(w.buf, p.role...), ", "...), p.name...)
		w.buf = append(w.render(append(w.buf, ", "...), w.pick(g["resumio"])), ": "...)
		w.speech(t, true, "”.")
	case way < 5:
		w.speech(t, true, "”, ")
		w.buf = append(w.render(w.buf, w.pick(g["verbo"])), ' ')
		if k == 0 && way < 2 {
			w.cast[castPerson].feat = p.feat
			w.buf = w.render(w.buf, w.pick(g["funcionario"]))
		} else {
			w.buf = append(w.buf, p.surname...)
		}
	case way < 8:
		w.buf = append(append(w.buf, p.surname...), ' ')
		w.buf = append(w.render(w.buf, w.pick(g["resumio"])), ": "...)
		w.speech(t, true, "”.")
	default:
		w.buf = append(append(append(w.buf, "según "...), p.surname...), ", "...)
		w.speech(t, false, "”.")
	}
	w.introduce(p)
	w.end(about, t.tone)
}

// speech writes what is said between quotation marks.
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
	w.buf = w.render(w.buf, w.pick(w.g.grammar.general["puente"]))
	w.end(1, 0)
	for range w.rng.between(2, 4) {
		w.fact(w.second.fact, 1)
	}
	w.paragraph()
}
