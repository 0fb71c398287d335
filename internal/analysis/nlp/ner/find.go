package ner

import (
	"strings"
	"time"
	"unicode/utf8"

	"openlearn/internal/analysis/nlp/morph"
	"openlearn/internal/analysis/nlp/text"
)

// Entity is one mention of a named thing.
type Entity struct {
	Text        string
	Type        Type
	Start, End  int // code points in the original
	First, Last int // tokens
	Sentence    int
	Confidence  float64
	// Class is more specific, if it is known: municipality, department, institution, party, company, armed_group, official
	// …
	Class string
	// Code is the DIVIPOLA code of a municipality (5 digits) or department (2).
	Code string
	// Name is the full name if the lists or another mention give it, else Text.
	Name string
	// Role is the office or occupation that the text gives a person, as written there ("ministro de Salud").
	Role string
	// Chain groups the mentions of one entity: an index into Result.Chains.
	Chain int
}

// Chain is an entity with its mentions.
type Chain struct {
	Name  string
	Type  Type
	Class string
	Code  string
	Role  string
	// Mentions are indices into Result.Entities.
	Mentions []int
	// Nominal are mentions without a name ("el presidente"), as code points in the original.
	Nominal [][2]int
}

// Result is what was found in a text.
type Result struct {
	Entities []Entity
	Chains   []Chain
	Values   []Value
}

// Options of a search.
type Options struct {
	// Published is the day of the text; see Values. The offices of known persons are those of that day.
	Published time.Time
}

// Find finds names and values, classifies and links them. In sentences in capitals it changes the tokens' Norm, unless the
// caller has already recased them (see Casing).
func (m *Model) Find(d *text.Document, words *morph.Analysis, o Options) Result {
	var r Result
	r.Values = Values(d, o.Published)
	for _, s := range m.Spans(d, words) {
		if m.isNothing(d, s) || overlaps(d, s, r.Values) {
			continue
		}
		r.Entities = append(r.Entities, Entity{
			Text: d.Between(s.First, s.Last), Type: s.Type, Start: d.Tokens[s.First].Start, End: d.Tokens[s.Last-1].End,
			First: s.First, Last: s.Last, Confidence: s.Confidence,
		})
	}
	n := 0
	for i := range r.Entities {
		e := &r.Entities[i]
		for n < len(d.Sentences) && d.Sentences[n].Last <= e.First {
			n++
		}
		e.Sentence = n
		e.Name = e.Text
	}
	c := classifier{m: m, d: d, r: &r, o: o}
	c.persons()
	c.organisations()
	c.places()
	link(d, &r)
	return r
}

// isNothing says whether a span cannot be a name: a common acronym, a month, a single initial.
func (m *Model) isNothing(d *text.Document, s Span) bool {
	if s.Last != s.First+1 {
		return false
	}
	t := &d.Tokens[s.First]
	if m.triggers[t.Norm]&nothing != 0 || monthNames[t.Lower] > 0 {
		return true
	}
	if _, ok := weekdays[t.Lower]; ok {
		return true
	}
	return utf8.RuneCountInString(t.Norm) == 1 && s.Confidence < 0.9
}

func overlaps(d *text.Document, s Span, values []Value) bool {
	from, to := d.Tokens[s.First].Start, d.Tokens[s.Last-1].End
	for _, v := range values {
		if v.Start < to && from < v.End {
			return true
		}
		if v.Start >= to {
			break
		}
	}
	return false
}

type classifier struct {
	m *Model
	d *text.Document
	r *Result
	o Options
}

// key is the name as it is written in the lists.
func (c *classifier) key(e *Entity) string {
	words := make([]string, 0, e.Last-e.First)
	for _, t := range c.d.Tokens[e.First:e.Last] {
		words = append(words, t.Lower)
	}
	return strings.Join(words, " ")
}

func (c *classifier) entry(e *Entity, ok func(Class) bool) *Entry {
	list := c.m.lists.entries[c.key(e)]
	for i := range list {
		if ok(list[i].Class) {
			return &list[i]
		}
	}
	return nil
}

// persons finds the office given with a name: "la ministra de Salud, Carolina Corcho", "alcalde Galán", "Petro, presidente
// de Colombia,".
func (c *classifier) persons() {
	for i := range c.r.Entities {
		e := &c.r.Entities[i]
		if e.Type != PER {
			continue
		}
		if known := c.entry(e, func(k Class) bool { return k == Person }); known != nil {
			e.Name = known.Canonical
			if role := c.officeOf(c.key(e)); role != "" {
				e.Role, e.Class = role, "official"
			}
		}
		s := c.d.Sentences[e.Sentence]
		if role, office := c.roleBefore(e.First, s.First); role != "" {
			e.Role = role
			if office {
				e.Class = "official"
			}
		} else if role, office := c.roleAfter(e.Last, s.Last); role != "" {
			e.Role = role
			if office {
				e.Class = "official"
			}
		}
	}
}

// officeOf is the office that a known person held on the day of publication.
func (c *classifier) officeOf(key string) string {
	if c.o.Published.IsZero() {
		return ""
	}
	day := c.o.Published.Format(time.DateOnly)
	for _, e := range c.m.lists.entries[key] {
		f := strings.Split(e.Role, "|")
		if e.Class != Person || len(f) < 4 || f[2] == "" || f[2] > day || f[3] != "" && f[3] < day[:len(f[3])] {
			continue
		}
		return f[0]
	}
	return ""
}

// offices are the titles that are offices of the state; all others are occupations.
var offices = func() map[string]bool {
	m := map[string]bool{}
	for w := range strings.FieldsSeq(`presidente presidenta mandatario mandataria vicepresidente vicepresidenta ministro ministra viceministro viceministra canciller senador senadora representante
		congresista parlamentario diputado diputada concejal concejala alcalde alcaldesa gobernador gobernadora fiscal procurador procuradora contralor contralora defensor defensora personero
		personera registrador registradora superintendente magistrado magistrada juez jueza secretario secretaria embajador embajadora cónsul comandante general coronel director directora`) {
		m[w] = true
	}
	return m
}()

// roleBefore looks back from a name for a title in its noun phrase.
func (c *classifier) roleBefore(first, limit int) (role string, office bool) {
	t := c.d.Tokens
	commas := 0
	for k := first - 1; k >= limit && k >= first-12; k-- {
		x := &t[k]
		if x.Text == "," {
			if commas++; commas > 1 || k < first-1 {
				return "", false
			}
			continue
		}
		if x.Kind == text.Punct && x.Text != "." || x.Kind == text.Symbol {
			return "", false
		}
		if c.m.triggers[x.Lower]&perBefore != 0 && x.Norm == x.Lower {
			end := first
			if end > k+1 && t[end-1].Text == "," {
				end--
			}
			return c.d.Between(k, end), offices[strings.TrimPrefix(x.Lower, "ex")]
		}
		// Only parts of the title may come in between: its place, its field.
		if x.Norm == x.Lower && !connector[x.Lower] && k < first-1 && len(c.m.lex.Readings(x.Lower)) > 0 && !c.modifier(x) {
			return "", false
		}
		if k == first-1 && x.Norm == x.Lower && c.m.triggers[x.Lower]&perBefore == 0 && !c.modifier(x) {
			return "", false
		}
	}
	return "", false
}

// modifier says whether a word can describe a title: "general", "departamental", "encargado".
func (c *classifier) modifier(x *text.Token) bool {
	for _, r := range c.m.lex.Readings(x.Lower) {
		if r.POS.String() == "ADJ" || r.POS.String() == "NOUN" {
			return true
		}
	}
	return false
}

// roleAfter reads an apposition: "Petro, presidente de Colombia, dijo".
func (c *classifier) roleAfter(last, limit int) (role string, office bool) {
	t := c.d.Tokens
	if last+1 >= limit || t[last].Text != "," {
		return "", false
	}
	k := last + 1
	for k < limit && (t[k].Lower == "el" || t[k].Lower == "la" || t[k].Lower == "actual") {
		k++
	}
	if k >= limit || c.m.triggers[t[k].Lower]&perBefore == 0 || t[k].Norm != t[k].Lower {
		return "", false
	}
	end := k + 1
	for end < limit && end < k+8 && t[end].Kind == text.Word {
		end++
	}
	if end < limit && (t[end].Text == "," || t[end].Text == "." || t[end].Text == ")") {
		return c.d.Between(k, end), offices[strings.TrimPrefix(t[k].Lower, "ex")]
	}
	return "", false
}

func (c *classifier) organisations() {
	for i := range c.r.Entities {
		e := &c.r.Entities[i]
		if e.Type != ORG {
			continue
		}
		if known := c.entry(e, func(k Class) bool { return k >= Institution && k <= Organisation }); known != nil {
			e.Name, e.Class = known.Canonical, known.Class.String()
			continue
		}
		e.Class = c.orgByForm(e)
	}
}

// orgByForm classifies an organisation by its head or its legal form.
func (c *classifier) orgByForm(e *Entity) string {
	t := c.d.Tokens
	switch head := t[e.First].Norm; head {
	case "Partido", "Movimiento", "Coalición", "Pacto":
		return Party.String()
	case "Frente", "Bloque", "Clan", "Cartel", "Banda", "Disidencias", "Autodefensas":
		return Armed.String()
	case "Universidad", "Institución", "Politécnico":
		return University.String()
	case "Banco", "Grupo", "Empresa", "Empresas", "Compañía", "Constructora", "Seguros", "Cementos", "Almacenes", "Aerolínea":
		return Company.String()
	case "Club", "Deportivo", "Deportes", "Atlético", "Independiente":
		return Club.String()
	case "Revista", "Diario", "Periódico", "Noticias", "Canal", "Emisora", "Radio":
		return Media.String()
	case "Ministerio", "Secretaría", "Superintendencia", "Alcaldía", "Gobernación", "Fiscalía", "Procuraduría", "Contraloría", "Personería", "Defensoría", "Registraduría", "Corte", "Tribunal",
		"Juzgado", "Senado", "Congreso", "Concejo", "Asamblea", "Policía", "Ejército", "Armada", "Gobierno", "Presidencia", "Cancillería", "Instituto", "Agencia", "Unidad", "Dirección",
		"Departamento", "Comisión", "Consejo", "Cámara", "Hospital", "Estado", "Fuerza", "Batallón", "Brigada", "Viceministerio", "Embajada":
		return Institution.String()
	}
	switch strings.TrimSuffix(t[e.Last-1].Norm, ".") {
	case "S.A.S", "S.A", "SAS", "SA", "Ltda", "S", "A", "Inc", "Corp", "LLC", "E.S.P", "ESP":
		return Company.String()
	}
	if s := c.d.Sentences[e.Sentence]; e.First > s.First {
		for k := e.First - 1; k >= s.First && k >= e.First-3; k-- {
			switch t[k].Lower {
			case "empresa", "compañía", "firma", "multinacional", "aerolínea", "petrolera", "constructora", "banco":
				return Company.String()
			case "partido", "movimiento", "colectividad":
				return Party.String()
			case "guerrilla", "disidencia", "disidencias", "cartel", "clan", "banda":
				return Armed.String()
			case "equipo", "club", "onceno":
				return Club.String()
			case "entidad", "ministerio", "secretaría":
				return Institution.String()
			}
		}
	}
	return ""
}
