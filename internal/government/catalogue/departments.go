package catalogue

import (
	"strings"
	"unicode"

	"golang.org/x/text/runes"
	"golang.org/x/text/transform"
	"golang.org/x/text/unicode/norm"
)

// Department is a department of Colombia, as DIVIPOLA has it.
type Department struct {
	Code, Name string
	secop      string // as SECOP II writes it, where that differs
	aliases    []string
}

var departments = []Department{
	{"05", "Antioquia", "", nil},
	{"08", "Atlántico", "", nil},
	{"11", "Bogotá, D.C.", "Distrito Capital de Bogotá", []string{"bogota", "bogota dc", "distrito capital"}},
	{"13", "Bolívar", "", nil},
	{"15", "Boyacá", "", nil},
	{"17", "Caldas", "", nil},
	{"18", "Caquetá", "", nil},
	{"19", "Cauca", "", nil},
	{"20", "Cesar", "", nil},
	{"23", "Córdoba", "", nil},
	{"25", "Cundinamarca", "", nil},
	{"27", "Chocó", "", nil},
	{"41", "Huila", "", nil},
	{"44", "La Guajira", "", []string{"guajira"}},
	{"47", "Magdalena", "", nil},
	{"50", "Meta", "", nil},
	{"52", "Nariño", "", nil},
	{"54", "Norte de Santander", "", nil},
	{"63", "Quindío", "", nil},
	{"66", "Risaralda", "", nil},
	{"68", "Santander", "", nil},
	{"70", "Sucre", "", nil},
	{"73", "Tolima", "", nil},
	{"76", "Valle del Cauca", "", []string{"valle"}},
	{"81", "Arauca", "", nil},
	{"85", "Casanare", "", nil},
	{"86", "Putumayo", "", nil},
	{
		"88", "Archipiélago de San Andrés, Providencia y Santa Catalina", "San Andrés, Providencia y Santa Catalina",
		[]string{"san andres", "san andres y providencia", "san andres providencia y santa catalina"},
	},
	{"91", "Amazonas", "", nil},
	{"94", "Guainía", "", nil},
	{"95", "Guaviare", "", nil},
	{"97", "Vaupés", "", nil},
	{"99", "Vichada", "", nil},
}

// Departments lists them by code.
func Departments() []Department { return append([]Department{}, departments...) }

// Fold is a name without accents, case and punctuation.
func Fold(s string) string {
	plain, _, err := transform.String(transform.Chain(norm.NFD, runes.Remove(runes.In(unicode.Mn)), norm.NFC), s)
	if err != nil {
		plain = s
	}
	words := strings.FieldsFunc(strings.ToLower(plain), func(r rune) bool { return !unicode.IsLetter(r) && !unicode.IsDigit(r) && r != '.' })
	return strings.ReplaceAll(strings.Join(words, " "), ".", "")
}

// FindDepartment is the department that a code or a name in any spelling means.
func FindDepartment(s string) (Department, bool) {
	s = strings.TrimSpace(s)
	folded := Fold(s)
	for _, d := range departments {
		if s == d.Code || folded == Fold(d.Name) || folded == Fold(d.secop) && d.secop != "" {
			return d, true
		}
		for _, a := range d.aliases {
			if folded == a {
				return d, true
			}
		}
	}
	return Department{}, false
}

// Spelled are the ways in which a dataset may write the department. Several, since registers are not of one mind on accents.
func (d Department) Spelled(s Spelling) []string {
	if s == Secop {
		if d.secop != "" {
			return []string{d.secop}
		}
		return []string{d.Name}
	}
	upper := strings.ToUpper(d.Name)
	out := []string{upper}
	switch d.Code {
	case "11":
		out = append(out, "BOGOTÁ", "BOGOTA", "BOGOTÁ D.C.", "BOGOTA D.C.", "BOGOTÁ, D. C.")
	case "88":
		out = append(out, "SAN ANDRÉS PROVIDENCIA", "SAN ANDRES", "SAN ANDRÉS, PROVIDENCIA Y SANTA CATALINA")
	}
	return Variants(out...)
}

// Variants are texts together with themselves without accents.
func Variants(texts ...string) (out []string) {
	seen := map[string]bool{}
	for _, t := range texts {
		plain, _, err := transform.String(transform.Chain(norm.NFD, runes.Remove(runes.Predicate(func(r rune) bool { return r == '\u0301' || r == '\u0300' || r == '\u0308' })), norm.NFC), t)
		if err != nil {
			plain = t
		}
		for _, v := range []string{t, plain} {
			if v != "" && !seen[v] {
				seen[v] = true
				out = append(out, v)
			}
		}
	}
	return out
}

// modalities are those of SECOP II, as it writes them.
var modalities = []string{
	"Contratación directa", "Contratación directa (con ofertas)", "Contratación régimen especial", "Contratación régimen especial (con ofertas)", "Mínima cuantía",
	"Licitación pública", "Licitación pública Obra Publica", "Selección Abreviada de Menor Cuantía", "Selección abreviada subasta inversa",
	"Seleccion Abreviada Menor Cuantia Sin Manifestacion Interes", "Concurso de méritos abierto", "Concurso de méritos con precalificación",
	"Enajenación de bienes con subasta", "Enajenación de bienes con sobre cerrado", "Solicitud de información a los Proveedores", "Licitación Pública Acuerdo Marco de Precios",
}

// Modality is the modality of procurement that a text in any spelling means; one that is not known stays as it is.
func Modality(s string) string {
	for _, m := range modalities {
		if Fold(m) == Fold(s) {
			return m
		}
	}
	return s
}
