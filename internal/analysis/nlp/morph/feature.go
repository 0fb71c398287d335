package morph

import (
	"strings"
	"unicode"
	"unicode/utf8"

	"openlearn/internal/analysis/nlp/corpus"
	"openlearn/internal/analysis/nlp/lexicon"
	"openlearn/internal/analysis/nlp/seq"
)

// word is a syntactic word that is being tagged.
type word struct {
	norm, lower string
	part        corpus.Part
	shape       uint8
	hash        uint64
	ends        [5]uint64 // hashes of the last 1…5 letters
	begins      [3]uint64 // of the first 1…3
	tags        uint32    // bit set of the lexicon's readings and the training data's tags
	class       uint64    // the ambiguity class as a feature
	cluster     uint16
	hint        uint64 // its usual tag in other lists
	readings    []lexicon.Reading
}

// The shapes of words.
const (
	shapeLower uint8 = iota
	shapeCapital
	shapeUpper
	shapeMixed
	shapeDigits
	shapeDigitsAndLetters
	shapePunct
	shapeFirst // capital at the beginning of the sentence
)

func shapeOf(norm string) uint8 {
	upper, lower, digits, other := 0, 0, 0, 0
	first := true
	capital := false
	for _, r := range norm {
		switch {
		case r >= '0' && r <= '9':
			digits++
		case unicode.IsUpper(r):
			upper++
			if first {
				capital = true
			}
		case unicode.IsLetter(r):
			lower++
		default:
			other++
		}
		first = false
	}
	switch {
	case upper+lower+digits == 0:
		return shapePunct
	case digits > 0 && upper+lower == 0:
		return shapeDigits
	case digits > 0:
		return shapeDigitsAndLetters
	case upper == 0:
		return shapeLower
	case lower == 0 && upper > 1:
		return shapeUpper
	case capital && upper == 1:
		return shapeCapital
	}
	return shapeMixed
}

// maxForm bounds how many bytes of a word's form are used: anything longer is not a word.
const maxForm = 64

// prepare fills in the values from which a word's features are made.
func (m *Model) prepare(w *word, lex *lexicon.Lexicon) {
	form := w.lower
	if len(form) > maxForm {
		form = form[:maxForm]
	}
	w.shape = shapeOf(w.norm)
	w.hash = seq.Hash(form)
	at := len(form)
	for k := range w.ends {
		if at > 0 {
			_, size := utf8.DecodeLastRuneInString(form[:at])
			at -= size
		}
		w.ends[k] = seq.Hash(form[at:])
	}
	at = 0
	for k := range w.begins {
		if at < len(form) {
			_, size := utf8.DecodeRuneInString(form[at:])
			at += size
		}
		w.begins[k] = seq.Hash(form[:at])
	}
	w.tags = 0
	if w.shape != shapePunct && w.shape != shapeDigits {
		w.readings = lex.Append(w.readings[:0], w.lower)
		for _, r := range w.readings {
			w.tags |= 1 << r.POS
		}
	}
	known := m.dictionary[w.lower]
	w.class = uint64(w.tags)<<32 | uint64(known.tags)
	w.cluster = known.cluster
	w.hint = uint64(known.cluster)<<16 | uint64(w.tags&(1<<lexicon.NOUN|1<<lexicon.ADJ|1<<lexicon.VERB|1<<lexicon.ADV))
}

// features appends the features of position i: the forms and the possible tags of the word and its neighbours.
func features(words []word, i int, dst []uint64) []uint64 {
	var none word
	none.class = 1
	at := func(k int) *word {
		if k < 0 || k >= len(words) {
			return &none
		}
		return &words[k]
	}
	w, p, q, n, o := at(i), at(i-1), at(i-2), at(i+1), at(i+2)
	shape := uint64(w.shape)
	if i == 0 || i == 1 && p.shape == shapePunct {
		shape += 16
	}
	return append(dst,
		seq.Feature1(0, w.hash),
		seq.Feature1(1, p.hash),
		seq.Feature1(2, n.hash),
		seq.Feature1(3, q.hash),
		seq.Feature1(4, o.hash),
		seq.Feature2(5, p.hash, w.hash),
		seq.Feature2(6, w.hash, n.hash),
		seq.Feature1(7, w.ends[1]),
		seq.Feature1(8, w.ends[2]),
		seq.Feature1(9, w.ends[3]),
		seq.Feature1(10, w.ends[4]),
		seq.Feature1(11, w.begins[1]),
		seq.Feature1(12, w.begins[2]),
		seq.Feature2(13, shape, w.class),
		seq.Feature2(14, shape, w.ends[2]),
		seq.Feature1(15, w.class),
		seq.Feature1(16, p.class),
		seq.Feature1(17, n.class),
		seq.Feature2(18, p.class, w.class),
		seq.Feature2(19, w.class, n.class),
		seq.Feature(20, p.class, w.class, n.class),
		seq.Feature(21, w.class, n.class, o.class),
		seq.Feature1(22, n.ends[2]),
		seq.Feature1(23, p.ends[2]),
		seq.Feature2(24, uint64(w.part), w.ends[1]),
		seq.Feature2(25, p.hash, w.class),
		seq.Feature2(26, w.class, n.hash),
		seq.Feature2(27, w.hash, n.class),
		seq.Feature2(28, w.hash, p.class),
		seq.Feature(29, p.hash, w.class, n.hash),
		seq.Feature2(30, uint64(p.shape), uint64(shape)<<8|uint64(n.shape)),
		seq.Feature2(31, n.class, o.class),
		seq.Feature2(32, w.hash, o.class),
		seq.Feature2(33, q.class, p.class),
		seq.Feature2(34, w.ends[2], p.class),
		seq.Feature2(35, w.ends[2], n.class),
		seq.Feature1(36, w.hint),
		seq.Feature2(37, w.hint, p.hint),
		seq.Feature2(38, w.hint, n.hint),
		seq.Feature(39, p.hint, w.hint, n.hint),
		seq.Feature(40, q.hint, p.hint, w.hint),
		seq.Feature(41, q.hash, p.hash, w.class),
		seq.Feature2(42, w.hash, uint64(p.tags)<<16|n.hint),
		seq.Feature2(43, w.hash, p.ends[2]),
		seq.Feature(44, w.hash, n.class, o.class),
		seq.Feature(45, w.hint, n.hint, o.hint),
	)
}

// calendar are the names of days and months: not proper nouns in Spanish, even if capitalised.
var calendar = map[string]bool{
	"enero": true, "febrero": true, "marzo": true, "abril": true, "mayo": true, "junio": true, "julio": true, "agosto": true, "septiembre": true, "setiembre": true,
	"octubre": true, "noviembre": true, "diciembre": true, "lunes": true, "martes": true, "miércoles": true, "jueves": true, "viernes": true, "sábado": true, "domingo": true,
}

// candidates appends the tags that are possible for a word.
func (m *Model) candidates(w *word, dst []uint8) []uint8 {
	known := m.dictionary[w.lower]
	mask := known.tags
	switch {
	case known.sure:
	case w.shape == shapePunct && mask == 0:
		mask = 1<<lexicon.PUNCT | 1<<lexicon.SYM
	case w.shape == shapeDigits:
		if strings.HasSuffix(w.norm, "%") {
			return append(dst, uint8(lexicon.SYM))
		}
		mask = 1<<lexicon.NUM | 1<<lexicon.NOUN
	case mask == 0 && w.tags == 0:
		mask = 1<<lexicon.NOUN | 1<<lexicon.ADJ | 1<<lexicon.VERB | 1<<lexicon.ADV
		if w.shape == shapeDigitsAndLetters {
			mask |= 1 << lexicon.NUM
		}
	default:
		mask |= w.tags
		if known.tags == 0 && w.tags&^(1<<lexicon.VERB|1<<lexicon.ADJ|1<<lexicon.NOUN) == 0 {
			mask |= 1 << lexicon.NOUN
		}
		if mask&(1<<lexicon.ADJ) != 0 {
			mask |= 1 << lexicon.NOUN
		}
		if mask&(1<<lexicon.NOUN) != 0 && known.tags == 0 {
			mask |= 1 << lexicon.ADJ
		}
		for _, r := range w.readings {
			if r.POS == lexicon.VERB && len(r.Codes) > 2 && r.Codes[0] == 'P' { // participles
				mask |= 1 << lexicon.ADJ
			}
			switch r.Lemma {
			case "ser", "estar", "haber", "poder", "deber", "ir":
				mask |= 1 << lexicon.AUX
			}
		}
	}
	if calendar[w.lower] {
		return append(dst, uint8(lexicon.NOUN))
	}
	if w.shape == shapeCapital || w.shape == shapeUpper || w.shape == shapeMixed || w.shape == shapeDigitsAndLetters {
		mask |= 1 << lexicon.PROPN
	}
	if w.shape == shapeLower && mask&(1<<lexicon.PROPN) != 0 && mask != 1<<lexicon.PROPN {
		mask &^= 1 << lexicon.PROPN
	}
	if mask == 0 {
		mask = 1 << lexicon.X
	}
	for t := range uint8(lexicon.POSCount) {
		if mask&(1<<t) != 0 {
			dst = append(dst, t)
		}
	}
	return dst
}
