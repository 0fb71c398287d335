package corpus

import (
	"io/fs"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"openlearn/internal/analysis/nlp/lexicon"
)

// Name is a token of CESS with its annotation as an entity.
type Name struct {
	Form string
	// Class is p, l, o, a (person, place, organisation, other), 0 if it is not a name, '?' for a name without class.
	Class byte
	// Joined is true for a token that CESS joins to the one before it.
	Joined bool
}

// CESSSentence is one sentence in two forms: as syntactic words following UD AnCora, and as tokens with their names.
type CESSSentence struct {
	Words []Word
	Names []Name
	Doc   string
}

// CESS reads CESS-ESP. split cuts a verb form with enclitic pronouns into its parts, nil if it has none.
func CESS(fsys fs.FS, name string, split func(lower string) []string) ([]CESSSentence, error) {
	var out []CESSSentence
	var rows [][]string
	doc := ""
	flush := func() {
		if len(rows) > 0 {
			s := convert(rows, split)
			s.Doc = doc
			out = append(out, s)
		}
		rows = nil
	}
	err := Lines(fsys, name, func(line string) error {
		if line == "" {
			flush()
			return nil
		}
		f := strings.Split(line, "\t")
		if strings.HasPrefix(line, "# ") {
			if d, ok := strings.CutPrefix(line, "# doc = "); ok {
				doc = d
			}
			return nil
		}
		if len(f) == 4 {
			rows = append(rows, f)
		}
		return nil
	})
	flush()
	return out, err
}

func convert(rows [][]string, split func(string) []string) CESSSentence {
	var s CESSSentence
	for i, f := range rows {
		form, tag, lemma := f[0], f[1], f[2]
		if form == "*0*" || form == "" {
			continue
		}
		parts := strings.Split(form, "_")
		parts = slices.DeleteFunc(parts, func(p string) bool { return p == "" })
		if len(parts) == 0 {
			parts = []string{form}
		}
		class := byte(0)
		if strings.HasPrefix(tag, "np") {
			class = '?'
			if len(tag) >= 7 && tag[6] != '0' {
				class = tag[6]
			}
		}
		for k, p := range parts {
			s.Names = append(s.Names, Name{p, class, k > 0})
		}
		if len(parts) > 1 {
			s.Words = append(s.Words, several(parts, tag)...)
			continue
		}
		s.Words = append(s.Words, single(form, tag, lemma, rows, i, split)...)
	}
	return s
}

// contraction splits del and al; of the case, the second word gets only that of the first letter.
func contraction(form string) []Word {
	switch strings.ToLower(form) {
	case "del":
		return []Word{{Form: form[:2], Lemma: "de", POS: lexicon.ADP, Part: Begin}, {Form: "e" + form[2:], Lemma: "el", POS: lexicon.DET, Part: Inner}}
	case "al":
		return []Word{{Form: form[:1], Lemma: "a", POS: lexicon.ADP, Part: Begin}, {Form: "e" + form[1:], Lemma: "el", POS: lexicon.DET, Part: Inner}}
	}
	return nil
}

func single(form, tag, lemma string, rows [][]string, i int, split func(string) []string) []Word {
	lower := strings.ToLower(form)
	if strings.HasPrefix(tag, "sp") {
		if c := contraction(form); c != nil {
			return c
		}
	}
	w := Word{Form: form, Lemma: lemma, POS: upos(tag, lower)}
	if strings.HasPrefix(tag, "W") || strings.HasPrefix(tag, "[") || strings.Contains(lemma, ":??") {
		w.Lemma = ""
	}
	switch tag[0] {
	case 'v':
		modal(&w, tag, lemma, rows, i)
		if parts := split(lower); len(parts) > 1 {
			w.Form, w.Part = cased(parts[0], form), Begin
			out := []Word{w}
			for _, p := range parts[1:] {
				out = append(out, Word{Form: p, Lemma: pronoun[p], POS: lexicon.PRON, Part: Inner})
			}
			return out
		}
	case 'd', 'p':
		if l, ok := pronoun[lower]; ok && tag[0] == 'p' {
			w.Lemma = l
		} else if l, ok := determiner[lower]; ok {
			w.Lemma = l
		} else {
			w.Lemma = strings.ToLower(lemma)
		}
		if tag == "da0ns0" {
			w.Lemma = "él"
		}
		if (lower == "unos" || lower == "unas") && i+1 < len(rows) && (rows[i+1][1][0] == 'Z' || strings.HasPrefix(rows[i+1][1], "dn")) {
			w.POS = lexicon.PRON // unos 50.000
		}
	case 'Z', 'W':
		w.Lemma = ""
		if strings.HasSuffix(form, "%") {
			w.POS = lexicon.SYM
		}
	case 'r':
		switch lower {
		case "muy":
			w.Lemma = "mucho"
		case "tan":
			w.Lemma = "tanto"
		case "sí":
			w.POS = lexicon.INTJ
		}
	case 'n':
		if tag[1] == 'p' {
			w.Lemma = form
			if utf8.RuneCountInString(form) > 2 && !hasUpper(form) {
				w.POS = lexicon.NoPOS // names of works in lower case
			}
		}
	case 'F', 'X', 'Y':
		w.Lemma = form
	}
	return []Word{w}
}

func hasUpper(s string) bool { return strings.IndexFunc(s, unicode.IsUpper) >= 0 }

func cased(part, form string) string {
	r, _ := utf8.DecodeRuneInString(form)
	if unicode.IsUpper(r) {
		first, size := utf8.DecodeRuneInString(part)
		return string(unicode.ToUpper(first)) + part[size:]
	}
	return part
}

// upos maps an EAGLES tag to a UD tag as in UD AnCora.
func upos(tag, lower string) lexicon.POS {
	switch tag[0] {
	case 'a':
		return lexicon.ADJ
	case 'n':
		if tag[1] == 'p' {
			return lexicon.PROPN
		}
		return lexicon.NOUN
	case 'v':
		if tag[1] == 's' || tag[1] == 'a' {
			return lexicon.AUX
		}
		return lexicon.VERB
	case 'd':
		if tag[1] == 'n' {
			return lexicon.NUM
		}
		if tag == "da0ns0" {
			return lexicon.PRON
		}
		return lexicon.DET
	case 'p':
		if tag[1] == 'n' && lower != "uno" && lower != "una" {
			return lexicon.NUM
		}
		return lexicon.PRON
	case 'r':
		return lexicon.ADV
	case 's':
		return lexicon.ADP
	case 'c':
		if len(tag) > 1 && tag[1] == 's' {
			return lexicon.SCONJ
		}
		return lexicon.CCONJ
	case 'i', 'I':
		return lexicon.INTJ
	case 'F':
		return lexicon.PUNCT
	case 'Z':
		if tag == "Zm" {
			return lexicon.NOUN
		}
		return lexicon.NUM
	case 'W':
		return lexicon.NOUN // days and months, and also years and hours on their own
	}
	return lexicon.NoPOS
}

// modal retags verbs that are main verbs in CESS but auxiliaries in UD AnCora.
func modal(w *Word, tag, lemma string, rows [][]string, i int) {
	if !strings.HasPrefix(tag, "vm") {
		return
	}
	next := func(k int) (form, tag string) {
		if i+k < len(rows) {
			return strings.ToLower(rows[i+k][0]), rows[i+k][1]
		}
		return "", "Fp"
	}
	switch lemma {
	case "poder":
		w.POS = lexicon.AUX
	case "deber":
		w.POS = lexicon.AUX
		f, t := next(1)
		if (f == "a" || f == "al") && !strings.HasPrefix(second(next(2)), "vmn") || strings.HasPrefix(t, "da") || strings.HasPrefix(t, "di") || strings.HasPrefix(t, "Z") || strings.HasPrefix(t, "nc") {
			w.POS = lexicon.VERB
		}
	case "ir":
		f, t := next(1)
		if f == "a" && isVerb(second(next(2)), 'n') || isVerb(t, 'g') {
			w.POS = lexicon.AUX
		} else if strings.HasPrefix(t, "F") || strings.HasPrefix(t, "r") {
			w.POS, w.Either = lexicon.NoPOS, []lexicon.POS{lexicon.AUX, lexicon.VERB}
		}
	case "estar":
		_, t := next(1)
		_, t2 := next(2)
		switch {
		case isVerb(t, 'g'), isVerb(t, 'p'), strings.HasPrefix(t, "aq"):
			w.POS = lexicon.AUX
		case strings.HasPrefix(t, "r") && (isVerb(t2, 'g') || isVerb(t2, 'p') || strings.HasPrefix(t2, "aq")):
			w.POS = lexicon.AUX
		case t == "sps00" && statePhrase[first(next(2))]:
			w.POS = lexicon.AUX
		default:
			w.POS = lexicon.VERB
		}
	}
}

func second(_, b string) string { return b }

func first(a, _ string) string { return a }

// statePhrase are nouns in phrases that express a state, like adjectives: estar en marcha, a punto, de acuerdo.
var statePhrase = map[string]bool{
	"marcha": true, "manos": true, "contra": true, "favor": true, "punto": true, "acuerdo": true, "fase": true, "peligro": true, "juego": true, "condiciones": true,
	"disposición": true, "proceso": true, "vigor": true, "crisis": true, "cuestión": true, "huelga": true, "paro": true, "duda": true, "moda": true, "vías": true,
}

func isVerb(tag string, form byte) bool { return len(tag) > 2 && tag[0] == 'v' && tag[2] == form }

// several tags the words that CESS joins into one token. Function words get their own tag; except in names, the tags of the
// others are left to the tagger.
func several(parts []string, tag string) []Word {
	var out []Word
	name := strings.HasPrefix(tag, "np")
	for k, p := range parts {
		lower := strings.ToLower(p)
		if c := contraction(p); c != nil {
			out = append(out, c...)
			continue
		}
		w := Word{Form: p}
		known, ok := function[lower]
		switch {
		case ok && (!name || lower == p || known.pos == lexicon.DET || known.pos == lexicon.ADP):
			w.POS, w.Lemma = known.pos, known.lemma
		case strings.IndexFunc(p, unicode.IsDigit) >= 0:
			w.POS = lexicon.NUM
			if name && hasUpper(p) {
				w.POS, w.Lemma = lexicon.PROPN, p
			}
			if strings.HasSuffix(p, "%") {
				w.POS = lexicon.SYM
			}
		case name && hasUpper(p):
			w.POS, w.Lemma = lexicon.PROPN, p
		case strings.IndexFunc(p, unicode.IsLetter) < 0:
			w.POS, w.Lemma = lexicon.PUNCT, p
		case k == 0 && tag[0] == 'v':
			w.POS = upos(tag, lower)
		case k == 0 && tag[0] == 'n' && !name:
			w.POS = lexicon.NOUN
		case tag[0] == 'Z' || tag[0] == 'W':
			switch {
			case months[lower]:
				w.POS, w.Lemma = lexicon.NOUN, lower
			case lower == "ciento":
				w.POS, w.Lemma = lexicon.NUM, lower
			case lower == "millones" || lower == "millón":
				w.POS, w.Lemma = lexicon.NOUN, "millón"
			}
		case k == 0 && tag == "cc" && lower == "mientras":
			w.POS, w.Lemma = lexicon.CCONJ, lower
		case phrase[lower] != lexicon.NoPOS:
			w.POS = phrase[lower]
		}
		out = append(out, w)
	}
	return out
}

type tagged struct {
	pos   lexicon.POS
	lemma string
}

// function lists the words that have the same tag in every phrase.
var function = map[string]tagged{
	"de": {lexicon.ADP, "de"}, "a": {lexicon.ADP, "a"}, "en": {lexicon.ADP, "en"}, "por": {lexicon.ADP, "por"}, "con": {lexicon.ADP, "con"},
	"sin": {lexicon.ADP, "sin"}, "para": {lexicon.ADP, "para"}, "desde": {lexicon.ADP, "desde"}, "hasta": {lexicon.ADP, "hasta"}, "entre": {lexicon.ADP, "entre"},
	"contra": {lexicon.ADP, "contra"}, "sobre": {lexicon.ADP, "sobre"}, "bajo": {lexicon.ADP, "bajo"}, "tras": {lexicon.ADP, "tras"},
	"el": {lexicon.DET, "el"}, "la": {lexicon.DET, "el"}, "los": {lexicon.DET, "el"}, "las": {lexicon.DET, "el"}, "un": {lexicon.DET, "uno"}, "una": {lexicon.DET, "uno"},
	"lo": {lexicon.PRON, "él"}, "se": {lexicon.PRON, "él"}, "que": {lexicon.SCONJ, "que"}, "y": {lexicon.CCONJ, "y"}, "e": {lexicon.CCONJ, "e"}, "o": {lexicon.CCONJ, "o"},
	"ni": {lexicon.CCONJ, "ni"}, "no": {lexicon.PART, "no"}, "más": {lexicon.ADV, "más"}, "menos": {lexicon.ADV, "menos"}, "ya": {lexicon.ADV, "ya"}, "así": {lexicon.ADV, "así"},
	"todo": {lexicon.PRON, "todo"}, "todos": {lexicon.DET, "todo"}, "su": {lexicon.DET, "su"},
}

// phrase lists words whose tag in fixed phrases follows from UD AnCora's convention of tagging the parts one by one.
var phrase = map[string]lexicon.POS{
	"frente": lexicon.NOUN, "pese": lexicon.NOUN, "respecto": lexicon.NOUN, "gracias": lexicon.NOUN, "junto": lexicon.ADJ, "debido": lexicon.ADJ,
	"además": lexicon.ADV, "dentro": lexicon.ADV, "embargo": lexicon.NOUN, "través": lexicon.NOUN, "partir": lexicon.NOUN, "tiempo": lexicon.NOUN,
	"ejemplo": lexicon.NOUN, "torno": lexicon.NOUN, "vez": lexicon.NOUN, "siquiera": lexicon.NOUN, "cambio": lexicon.NOUN, "menudo": lexicon.NOUN,
	"largo": lexicon.NOUN, "parte": lexicon.NOUN, "final": lexicon.NOUN, "fin": lexicon.NOUN, "último": lexicon.NOUN, "obstante": lexicon.NOUN,
	"sólo": lexicon.ADV, "también": lexicon.ADV, "mientras": lexicon.SCONJ, "como": lexicon.SCONJ, "sino": lexicon.CCONJ, "nuevo": lexicon.ADJ,
	"poco": lexicon.ADV, "tal": lexicon.NOUN, "hecho": lexicon.NOUN, "general": lexicon.NOUN, "pesar": lexicon.NOUN, "causa": lexicon.NOUN, "favor": lexicon.NOUN,
	"marcha": lexicon.NOUN, "cabo": lexicon.NOUN, "cuanto": lexicon.PRON, "puesto": lexicon.NOUN, "dado": lexicon.NOUN, "siempre": lexicon.ADV, "lugar": lexicon.NOUN,
	"supuesto": lexicon.NOUN, "realidad": lexicon.NOUN, "decir": lexicon.VERB, "es": lexicon.AUX, "muy": lexicon.ADV, "igual": lexicon.ADJ, "tanto": lexicon.NOUN,
	"bien": lexicon.ADV, "manera": lexicon.NOUN, "modo": lexicon.NOUN, "forma": lexicon.NOUN, "acuerdo": lexicon.NOUN, "medio": lexicon.NOUN, "base": lexicon.NOUN,
	"luego": lexicon.NOUN, "completo": lexicon.NOUN, "cierto": lexicon.NOUN,
}

var pronoun = map[string]string{
	"me": "yo", "nos": "yo", "yo": "yo", "mí": "yo", "conmigo": "yo", "nosotros": "yo", "nosotras": "yo", "te": "tú", "os": "tú", "tú": "tú", "ti": "tú", "contigo": "tú",
	"vosotros": "tú", "vosotras": "tú", "vos": "vos", "se": "él", "lo": "él", "la": "él", "los": "él", "las": "él", "le": "él", "les": "él", "él": "él", "ella": "él", "ello": "él",
	"ellos": "él", "ellas": "él", "sí": "él", "consigo": "él", "usted": "usted", "ustedes": "usted", "ésta": "este", "éste": "este", "éstos": "este", "éstas": "este",
	"esto": "este", "eso": "ese", "ésa": "ese", "ése": "ese", "ésos": "ese", "ésas": "ese", "aquello": "aquel", "aquél": "aquel", "aquélla": "aquel", "aquéllos": "aquel", "aquéllas": "aquel",
	"esta": "este", "este": "este", "estos": "este", "estas": "este", "esa": "ese", "ese": "ese", "esos": "ese", "esas": "ese", "aquel": "aquel", "aquella": "aquel", "aquellos": "aquel", "aquellas": "aquel",
	"quienes": "quien", "cuales": "cual", "cuáles": "cuál", "quiénes": "quién", "cuya": "cuyo", "cuyos": "cuyo", "cuyas": "cuyo", "unos": "uno", "una": "uno", "unas": "uno", "un": "uno",
}

var determiner = map[string]string{
	"el": "el", "la": "el", "los": "el", "las": "el", "un": "uno", "una": "uno", "unos": "uno", "unas": "uno", "su": "su", "sus": "su", "mi": "mi", "mis": "mi", "tu": "tu", "tus": "tu",
	"este": "este", "esta": "este", "estos": "este", "estas": "este", "ese": "ese", "esa": "ese", "esos": "ese", "esas": "ese", "aquella": "aquel", "aquellos": "aquel", "aquellas": "aquel",
	"otra": "otro", "otros": "otro", "otras": "otro", "toda": "todo", "todos": "todo", "todas": "todo", "algún": "alguno", "alguna": "alguno", "algunos": "alguno", "algunas": "alguno",
	"ningún": "ninguno", "ninguna": "ninguno", "nuestra": "nuestro", "nuestros": "nuestro", "nuestras": "nuestro", "cualquier": "cualquiera", "misma": "mismo", "mismos": "mismo", "mismas": "mismo",
	"propia": "propio", "propios": "propio", "propias": "propio", "mucha": "mucho", "muchos": "mucho", "muchas": "mucho", "poca": "poco", "pocos": "poco", "pocas": "poco", "varias": "varios",
}

var months = map[string]bool{
	"enero": true, "febrero": true, "marzo": true, "abril": true, "mayo": true, "junio": true, "julio": true, "agosto": true, "septiembre": true, "setiembre": true,
	"octubre": true, "noviembre": true, "diciembre": true, "lunes": true, "martes": true, "miércoles": true, "jueves": true, "viernes": true, "sábado": true, "domingo": true,
}
