package sentiment

import (
	"strings"

	"openlearn/internal/analysis/nlp/text"
)

// reporting are forms of verbs with which somebody reports what concerns others. Verbs that judge or accuse are not among them.
var reporting = reportingForms()

func reportingForms() map[string]bool {
	forms := set("dice dicen dijo dijeron dicho decía decían sostiene sostienen sostuvo sostuvieron advierte advierten advirtió advirtieron prevé prevén previó")
	for stem := range strings.FieldsSeq("inform anunci asegur afirm report señal indic revel confirm manifest agreg precis calcul estim detall aclar reiter consider expres comunic proyect asever declar") {
		for ending := range strings.FieldsSeq("a an ó aron ado aba aban") {
			forms[stem+ending] = true
		}
	}
	for form := range strings.FieldsSeq("explica explican explicó explicaron publica publicó publicaron concluye concluyen concluyó concluyeron cuenta cuentan contó contaron recuerda recuerdan recordó recordaron") {
		forms[form] = true
	}
	return forms
}

// reports says whether the mention tokens[first:last] is who reports: X informó que …; …, informó X; según X, …
func reports(tokens []text.Token, cells []cell, first, last int) bool {
	if introduces(tokens, cells, last) {
		return !governed(tokens, first)
	}
	k := first - 1
	for k >= 0 && articles[tokens[k].Lower] {
		k--
	}
	switch {
	case k < 0:
		return false
	case tokens[k].Lower == "según":
		return true
	}
	return k > 0 && reporting[tokens[k].Lower] && tokens[k-1].Kind == text.Punct
}

// introduces says whether what follows from token i on is a verb that reports, with its clause, before any other event.
func introduces(tokens []text.Token, cells []cell, i int) bool {
	for end := min(len(tokens), i+reach); i < end && !ends(tokens, cells, i); i++ {
		switch w := tokens[i].Lower; {
		case reporting[w]:
			for k := i + 1; k < len(tokens) && k <= i+2; k++ {
				if w := tokens[k].Lower; w == "que" || w == ":" {
					return true
				}
			}
			return false
		case w == "que", cells[i].role&parts != 0 && verbal(w):
			return false
		}
	}
	return false
}

var (
	articles     = set("el la los las")
	prepositions = set("a al de del con contra en por para ante frente")
)

// governed says that a preposition stands before the mention, so that it is no subject.
func governed(tokens []text.Token, first int) bool {
	k := first - 1
	for k >= 0 && articles[tokens[k].Lower] {
		k--
	}
	return k >= 0 && prepositions[tokens[k].Lower]
}
