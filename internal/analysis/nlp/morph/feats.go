package morph

import (
	"strings"

	"openlearn/internal/analysis/nlp/lexicon"
)

// Feats are the word's features as UD writes them (Gender=Masc|Number=Sing), "" if none are known.
func (w *Word) Feats() string {
	c := w.Codes
	var f []string
	add := func(name, value string) {
		if value != "" {
			f = append(f, name+"="+value)
		}
	}
	gender := map[byte]string{'M': "Masc", 'F': "Fem"}
	number := map[byte]string{'S': "Sing", 'P': "Plur"}
	switch {
	case w.POS == lexicon.PRON || w.POS == lexicon.DET:
		return closed[w.Lower]
	case c == "":
		return ""
	case w.POS == lexicon.NOUN || w.POS == lexicon.ADJ:
		participle := len(c) == 3 && c[0] == 'P' && c[2] != 'A'
		if participle {
			c = c[1:]
		}
		if len(c) < 2 {
			return ""
		}
		if len(c) > 2 && c[2] == 'A' {
			add("Degree", "Abs")
		}
		add("Gender", gender[c[0]])
		add("Number", number[c[1]])
		if participle && w.POS == lexicon.ADJ {
			add("VerbForm", "Part")
		}
	case w.POS == lexicon.VERB || w.POS == lexicon.AUX:
		switch {
		case c == "N":
			add("VerbForm", "Inf")
		case c == "G":
			add("VerbForm", "Ger")
		case c[0] == 'P' && len(c) == 3:
			add("Gender", gender[c[1]])
			add("Number", number[c[2]])
			add("Tense", "Past")
			add("VerbForm", "Part")
		case len(c) >= 4:
			add("Mood", map[byte]string{'I': "Ind", 'S': "Sub", 'C': "Cnd", 'M': "Imp"}[c[0]])
			add("Number", number[c[3]])
			add("Person", string(c[2]))
			add("Tense", map[byte]string{'P': "Pres", 'I': "Imp", 'S': "Past", 'F': "Fut"}[c[1]])
			add("VerbForm", "Fin")
		}
	}
	return strings.Join(f, "|")
}

// closed are the features of pronouns and determiners by form.
var closed = map[string]string{
	"el": "Definite=Def|Gender=Masc|Number=Sing|PronType=Art", "la": "Definite=Def|Gender=Fem|Number=Sing|PronType=Art", "los": "Definite=Def|Gender=Masc|Number=Plur|PronType=Art",
	"las": "Definite=Def|Gender=Fem|Number=Plur|PronType=Art", "un": "Definite=Ind|Gender=Masc|Number=Sing|PronType=Art", "una": "Definite=Ind|Gender=Fem|Number=Sing|PronType=Art",
	"unos": "Definite=Ind|Gender=Masc|Number=Plur|PronType=Art", "unas": "Definite=Ind|Gender=Fem|Number=Plur|PronType=Art",
	"su": "Number=Sing|Person=3|Poss=Yes|PronType=Prs", "sus": "Number=Plur|Person=3|Poss=Yes|PronType=Prs", "mi": "Number=Sing|Person=1|Poss=Yes|PronType=Prs", "tu": "Number=Sing|Person=2|Poss=Yes|PronType=Prs",
	"este": "Gender=Masc|Number=Sing|PronType=Dem", "esta": "Gender=Fem|Number=Sing|PronType=Dem", "estos": "Gender=Masc|Number=Plur|PronType=Dem", "estas": "Gender=Fem|Number=Plur|PronType=Dem",
	"ese": "Gender=Masc|Number=Sing|PronType=Dem", "esa": "Gender=Fem|Number=Sing|PronType=Dem", "esos": "Gender=Masc|Number=Plur|PronType=Dem", "esas": "Gender=Fem|Number=Plur|PronType=Dem",
	"se": "Case=Acc|Person=3|PrepCase=Npr|PronType=Prs|Reflex=Yes", "me": "Case=Acc,Dat|Number=Sing|Person=1|PrepCase=Npr|PronType=Prs", "te": "Case=Acc,Dat|Number=Sing|Person=2|PrepCase=Npr|PronType=Prs",
	"nos": "Case=Acc,Dat|Number=Plur|Person=1|PrepCase=Npr|PronType=Prs", "le": "Case=Dat|Number=Sing|Person=3|PronType=Prs", "les": "Case=Dat|Number=Plur|Person=3|PronType=Prs",
	"lo": "Case=Acc|Gender=Masc|Number=Sing|Person=3|PrepCase=Npr|PronType=Prs", "él": "Case=Acc,Nom|Gender=Masc|Number=Sing|Person=3|PronType=Prs", "ella": "Case=Acc,Nom|Gender=Fem|Number=Sing|Person=3|PronType=Prs",
	"ellos": "Case=Acc,Nom|Gender=Masc|Number=Plur|Person=3|PronType=Prs", "ellas": "Case=Acc,Nom|Gender=Fem|Number=Plur|Person=3|PronType=Prs", "que": "PronType=Int,Rel", "quien": "Number=Sing|PronType=Int,Rel",
	"yo": "Case=Nom|Number=Sing|Person=1|PronType=Prs", "tú": "Case=Nom|Number=Sing|Person=2|PronType=Prs", "nosotros": "Case=Nom|Gender=Masc|Number=Plur|Person=1|PronType=Prs",
}
