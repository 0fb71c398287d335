package readability

import (
	"math"
	"strings"

	"openlearn/internal/analysis/nlp/lexicon"
	"openlearn/internal/analysis/nlp/spoken"
	"openlearn/internal/analysis/nlp/text"
)

// The features of the calibrated score. Each grows with difficulty or has a negative weight.
const (
	sentenceLength = iota // logarithm of words per sentence
	wordLength            // syllables per word
	meanZipf              // of content words
	rareShare             // of words rarer than Zipf 4
	veryRareShare         // of words rarer than Zipf 3
	subordination         // conjunctions and relatives per sentence
	subjunctive           // verb forms of the subjunctive, conditional and compound tenses, per verb
	past                  // preterite, imperfect and future forms per verb
	diversity             // share of different words in a moving window of 50 (MATTR)
	present               // present forms of the first and second person, per word
	longSentences         // share of sentences over 20 words
	connectives           // connectives of written argument per 100 words
	spokenRank            // mean logarithm of the rank of content words in speech
	unspoken              // share of content words that are not among the 5,000 most common in speech
	featureCount
)

// FeatureNames name the features in their order.
var FeatureNames = [featureCount]string{
	"sentence length", "word length", "mean Zipf", "rare", "very rare", "subordination", "subjunctive", "past", "diversity", "dialogue", "long sentences", "connectives", "spoken rank", "unspoken",
}

type vector [featureCount]float64

func set(s string) map[string]bool {
	m := map[string]bool{}
	for _, w := range strings.Fields(s) {
		m[w] = true
	}
	return m
}

var (
	subordinators = set("que porque cuando si aunque mientras donde quien quienes cuyo cuya cuyos cuyas como cual cuales conforme según pues sino")
	argument      = set(`embargo obstante además asimismo mediante tanto ello dicho dicha dichos dichas cuyo cuya ante respecto través sino ende puesto dado cabe pese
		incluso salvo excepto tampoco aun siquiera respectivamente mismo misma dicho dicha`)
)

// unknownZipf is the frequency assumed for names, numbers in letters and words outside the lexicon.
const unknownZipf = 3

// features measures a document. Words that begin with a capital inside a sentence are names, which do not make a text
// harder.
func features(d *text.Document, c Counts) vector {
	var f vector
	if c.Words == 0 {
		return f
	}
	known := map[string]word{} // words are repeated
	logRank, outside := 0.0, 0
	content, zipfSum, rare, veryRare, subs, connect := 0, 0.0, 0, 0, 0, 0
	verbs, irrealis, pasts, dialogue, long := 0, 0, 0, 0, 0
	var window [mattr]string
	seen := map[string]int{}
	at, full, kinds := 0, 0, 0.0
	for _, s := range d.Sentences {
		tokens := d.In(s)
		words := 0
		for i := range tokens {
			t := &tokens[i]
			if t.Kind != text.Word || len(t.Lower) > maxWord {
				continue
			}
			words++
			w := t.Lower
			if at >= mattr {
				if old := window[at%mattr]; seen[old] == 1 {
					delete(seen, old)
				} else {
					seen[old]--
				}
			}
			window[at%mattr] = w
			seen[w]++
			if at++; at >= mattr {
				full++
				kinds += float64(len(seen)) / mattr
			}
			if subordinators[w] {
				subs++
			}
			if argument[w] || strings.HasSuffix(w, "mente") {
				connect++
			}
			if words > 1 && t.Norm != w {
				continue // a name
			}
			x, ok := known[w]
			if !ok {
				x = look(w)
				known[w] = x
			}
			z := x.zipf
			if x.verb {
				verbs++
				if x.irrealis {
					irrealis++
				}
				if x.past {
					pasts++
				}
				if x.dialogue {
					dialogue++
				}
			}
			if z >= 6 || len(w) <= 3 {
				continue // function words
			}
			content++
			logRank += x.logRank
			if x.unspoken {
				outside++
			}
			zipfSum += z
			if z < 4 {
				rare++
			}
			if z < 3 {
				veryRare++
			}
		}
		if words > 20 {
			long++
		}
	}
	n, sentences := float64(c.Words), float64(c.Sentences)
	f[sentenceLength] = math.Log(n / sentences)
	f[wordLength] = float64(c.Syllables) / n
	f[meanZipf], f[spokenRank] = 4.8, 7
	if content > 0 {
		k := float64(content)
		f[meanZipf], f[rareShare], f[veryRareShare] = zipfSum/k, float64(rare)/k, float64(veryRare)/k
		f[spokenRank], f[unspoken] = logRank/k, float64(outside)/k
	}
	f[subordination] = float64(subs) / sentences
	if verbs > 0 {
		v := float64(verbs)
		f[subjunctive], f[past], f[present] = float64(irrealis)/v, float64(pasts)/v, float64(dialogue)/v
	}
	f[diversity] = 0.8
	if full > 0 {
		f[diversity] = kinds / float64(full)
	}
	f[longSentences] = float64(long) / sentences
	f[connectives] = 100 * float64(connect) / n
	return f
}

const mattr = 50

// word is what the lists know about a form.
type word struct {
	zipf, logRank                            float64
	verb, irrealis, past, dialogue, unspoken bool
}

// look looks a word up in the lists.
func look(w string) word {
	var x word
	lex := lexicon.Default()
	var buffer [8]lexicon.Reading
	readings := lex.Append(buffer[:0], w)
	x.irrealis, x.past, x.dialogue = true, true, true
	for _, r := range readings {
		if x.verb = r.POS == lexicon.VERB || r.POS == lexicon.AUX; !x.verb {
			break
		}
		for code := range strings.SplitSeq(r.Codes, "|") {
			if len(code) < 3 {
				x.irrealis, x.past, x.dialogue = false, false, false
				continue
			}
			x.irrealis = x.irrealis && (code[0] == 'S' || code[0] == 'C')
			x.past = x.past && code[0] == 'I' && (code[1] == 'S' || code[1] == 'I' || code[1] == 'F')
			x.dialogue = x.dialogue && (code[2] == '1' || code[2] == '2')
		}
	}
	if x.zipf = lex.Zipf(w); x.zipf == 0 {
		x.zipf = 1.5
		if len(readings) == 0 {
			x.zipf = unknownZipf
		}
	}
	rank := spoken.Default().Form(w)
	if rank == 0 {
		rank = 50_000
	}
	x.logRank, x.unspoken = math.Log(float64(rank)), rank > 5000
	return x
}
