package ner

import "strings"

// Words before a name: municipal ones make it a municipality, departmental ones a department, natural ones a river or a
// region.
var (
	municipal    = wordSet(`municipio alcalde alcaldesa alcaldía exalcalde exalcaldesa concejal concejales población pueblo localidad barrio vereda corregimiento casco ciudad capital vecinos habitantes personero`)
	departmental = wordSet(`departamento gobernador gobernadora gobernación exgobernador asamblea diputado diputados`)
	natural      = wordSet(`río ríos quebrada caño laguna ciénaga embalse represa lago mar golfo cañón valle cordillera serranía nevado páramo parque estadio`)
)

func wordSet(words string) map[string]bool {
	m := map[string]bool{}
	for w := range strings.FieldsSeq(words) {
		m[w] = true
	}
	return m
}

// places tells municipalities from departments and rivers, and among municipalities of one name chooses the one whose
// department the text names.
func (c *classifier) places() {
	mentioned := map[string]int{}
	for i := range c.r.Entities {
		e := &c.r.Entities[i]
		if e.Type != LOC {
			continue
		}
		for _, k := range c.m.lists.entries[c.key(e)] {
			if k.Class == Department {
				mentioned[k.Code]++
			}
		}
	}
	for i := range c.r.Entities {
		e := &c.r.Entities[i]
		if e.Type == LOC {
			c.place(i, e, mentioned)
		}
	}
}

func (c *classifier) place(i int, e *Entity, mentioned map[string]int) {
	list := c.m.lists.entries[c.key(e)]
	if len(list) == 0 {
		return
	}
	var department, other *Entry
	var municipalities []*Entry
	for k := range list {
		switch x := &list[k]; x.Class {
		case Department:
			department = x
		case Municipality:
			municipalities = append(municipalities, x)
		case Place, Country:
			if other == nil {
				other = x
			}
		}
	}
	isMunicipality, isDepartment, isNatural := c.context(e)
	// "Nariño, Antioquia" and "Granada (Meta)": a department after a name shows that the name is a municipality.
	behind := c.departmentBehind(i, e)
	if isNatural && other != nil {
		e.Class = Place.String()
		return
	}
	if isNatural {
		return
	}
	if department != nil && behind == "" && (!isMunicipality || isDepartment || len(municipalities) == 0) {
		e.Class, e.Code, e.Name = Department.String(), department.Code, department.Canonical
		return
	}
	if m := pick(municipalities, behind, mentioned); m != nil {
		e.Class, e.Code, e.Name = Municipality.String(), m.Code, m.Canonical
		return
	}
	switch {
	case len(municipalities) > 0 && other == nil:
		e.Class = Municipality.String() // it is not known which of several
	case other != nil:
		e.Class, e.Name = other.Class.String(), other.Canonical
	}
}

// context looks at the words before a name.
func (c *classifier) context(e *Entity) (isMunicipality, isDepartment, isNatural bool) {
	t := c.d.Tokens
	s := c.d.Sentences[e.Sentence]
	for k := e.First - 1; k >= s.First && k >= e.First-4; k-- {
		w := t[k].Lower
		switch {
		case municipal[w]:
			return true, false, false
		case departmental[w]:
			return false, true, false
		case natural[w]:
			return false, false, true
		case connector[w] || t[k].Text == ",":
		default:
			return false, false, false
		}
	}
	return false, false, false
}

// departmentBehind is the code of a department that follows a name after a comma or in brackets.
func (c *classifier) departmentBehind(i int, e *Entity) string {
	if i+1 >= len(c.r.Entities) {
		return ""
	}
	next := &c.r.Entities[i+1]
	if next.Type != LOC || next.First != e.Last+1 || next.Sentence != e.Sentence {
		return ""
	}
	if x := c.d.Tokens[e.Last].Text; x != "," && x != "(" {
		return ""
	}
	for _, k := range c.m.lists.entries[c.key(next)] {
		if k.Class != Department {
			continue
		}
		for _, m := range c.m.lists.entries[c.key(e)] {
			if m.Class == Municipality && m.Role == k.Code {
				return k.Code
			}
		}
	}
	return ""
}

// pick chooses the municipality in the department named after it, or in one that the text mentions, or the only one, or a
// capital.
func pick(list []*Entry, behind string, mentioned map[string]int) *Entry {
	if len(list) == 0 {
		return nil
	}
	if behind != "" {
		for _, m := range list {
			if m.Role == behind {
				return m
			}
		}
	}
	if len(list) == 1 {
		return list[0]
	}
	var found *Entry
	for _, m := range list {
		if mentioned[m.Role] > 0 {
			if found != nil {
				found = nil
				break
			}
			found = m
		}
	}
	if found != nil {
		return found
	}
	for _, m := range list {
		if strings.HasSuffix(m.Code, "001") {
			return m
		}
	}
	return nil
}
