package lexicon

// POS is a universal part of speech (universaldependencies.org/u/pos).
type POS uint8

// The parts of speech, in alphabetical order.
const (
	NoPOS POS = iota
	ADJ
	ADP
	ADV
	AUX
	CCONJ
	DET
	INTJ
	NOUN
	NUM
	PART
	PRON
	PROPN
	PUNCT
	SCONJ
	SYM
	VERB
	X
	// POSCount is how many values there are, NoPOS included.
	POSCount
)

var posNames = [...]string{"_", "ADJ", "ADP", "ADV", "AUX", "CCONJ", "DET", "INTJ", "NOUN", "NUM", "PART", "PRON", "PROPN", "PUNCT", "SCONJ", "SYM", "VERB", "X"}

// String is the tag's name in UD.
func (p POS) String() string {
	if int(p) < len(posNames) {
		return posNames[p]
	}
	return "_"
}

// ParsePOS returns the tag with this name, NoPOS if there is none.
func ParsePOS(name string) POS {
	for i, n := range posNames {
		if n == name {
			return POS(i)
		}
	}
	return NoPOS
}
