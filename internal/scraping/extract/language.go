package extract

import (
	"strings"
	"unicode"
)

// functionWords are the most common words of a language that related languages do not share.
var functionWords = map[string]map[string]bool{
	"es": wordSet("el los las del y en con para por una que su al es fue más pero como sus según también donde desde hasta sobre entre este esta"),
	"en": wordSet("the of and to in is that for it was with as on by at from are this be has have had which but not their will its"),
	"pt": wordSet("os das dos em um uma não com para ao pela pelo são foi mais seu sua também até mas isso ele ela nos na no"),
	"fr": wordSet("le les des du et en une est que pour dans qui sur pas plus par au avec ce sont cette mais ses aux ont été"),
	"de": wordSet("der die das und ist nicht mit den von zu dem ein eine für auf im sich auch als bei nach wird aus"),
	"it": wordSet("il gli della di che non per una con sono del nel anche più dei alla come ma questo delle è si le"),
}

const (
	wordsJudged  = 400 // from the beginning of the text
	wordsAtLeast = 20  // function words needed for a decision
)

// languageOf determines the language of a text by its function words, "" if they do not decide it.
func languageOf(text string) string {
	hits := map[string]int{}
	n := 0
	for word := range strings.FieldsFuncSeq(text, func(r rune) bool { return !unicode.IsLetter(r) }) {
		if n++; n > wordsJudged {
			break
		}
		word = strings.ToLower(word)
		for language, words := range functionWords {
			if words[word] {
				hits[language]++
			}
		}
	}
	best, second := "", 0
	for language, n := range hits {
		if best == "" || n > hits[best] || n == hits[best] && language < best {
			best = language
		}
	}
	for language, n := range hits {
		if language != best {
			second = max(second, n)
		}
	}
	if hits[best] < wordsAtLeast || hits[best] < 2*second {
		return ""
	}
	return best
}
