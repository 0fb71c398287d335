package readability

import (
	"math"
	"slices"
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
	verse                 // function words that are capitalised inside sentences, per word: the lines of traditional verse
	archaic               // old forms and spellings per word: fué, díjole, otrora, vuestra merced
	turns                 // share of sentences that begin with a dash: dialogue
	shortSentences        // share of sentences up to 7 words
	remote                // forms of the imperfect and future subjunctive, conditional, future per verb
	clauses               // commas and semicolons per word
	semicolons            // per 100 words
	rankTail              // logarithm of the rank in speech that a tenth of the content words exceed
	longWords             // share of words of four or more syllables
	common                // share of content words among the 1,000 most common in speech
	pluperfect            // había hecho, hubiera hecho, habría hecho, per verb
	featureCount
)

// FeatureNames name the features in their order.
var FeatureNames = [featureCount]string{
	"sentence length", "word length", "mean Zipf", "rare", "very rare", "subordination", "subjunctive", "past", "diversity", "dialogue", "long sentences", "connectives", "spoken rank", "unspoken",
	"verse", "archaic", "turns", "short sentences", "remote", "clauses", "semicolons", "rank tail", "long words", "common", "pluperfect",
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
	pluperfects, late, verses, olds, dashes, short, commas, semis, longer, easy := 0, 0, 0, 0, 0, 0, 0, 0, 0, 0
	var ranks []float64
	var window [mattr]string
	seen := map[string]int{}
	at, full, kinds := 0, 0, 0.0
	for _, s := range joined(d) {
		tokens := d.In(s)
		words := 0
		if tokens[0].Norm == "-" {
			dashes++
		}
		for i := range tokens {
			t := &tokens[i]
			switch t.Norm {
			case ",":
				commas++
			case ";":
				semis++
			}
			if t.Kind != text.Word || len(t.Lower) > maxWord {
				continue
			}
			words++
			w := t.Lower
			if !s.Capitals && lineStart(tokens, i) {
				verses++
			}
			if old(w) {
				olds++
			}
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
			if has := haber[w]; has != 0 && i+1 < len(tokens) && participle(tokens[i+1].Lower) {
				verbs++
				if has == 1 {
					pasts++
				} else {
					pluperfects++
				}
			}
			z := x.zipf
			if x.syllables >= 4 {
				longer++
			}
			if x.verb {
				verbs++
				if x.remote {
					late++
				}
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
			ranks = append(ranks, x.logRank)
			if x.logRank <= logThousand {
				easy++
			}
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
		if words <= 7 {
			short++
		}
	}
	n, sentences := float64(c.Words), float64(c.Sentences)
	f[sentenceLength] = math.Log(n / sentences)
	f[wordLength] = float64(c.Syllables) / n
	f[meanZipf], f[spokenRank], f[rankTail], f[common] = 4.8, 7, 9, 0.4
	if content > 0 {
		k := float64(content)
		f[meanZipf], f[rareShare], f[veryRareShare] = zipfSum/k, float64(rare)/k, float64(veryRare)/k
		f[spokenRank], f[unspoken] = logRank/k, float64(outside)/k
		slices.Sort(ranks)
		f[rankTail], f[common] = ranks[len(ranks)*9/10], float64(easy)/k
	}
	f[subordination] = float64(subs) / sentences
	if verbs > 0 {
		v := float64(verbs)
		f[subjunctive], f[past], f[present] = float64(irrealis)/v, float64(pasts)/v, float64(dialogue)/v
		f[remote] = float64(late) / v
		f[pluperfect] = float64(pluperfects) / v
	}
	f[diversity] = 0.8
	if full > 0 {
		f[diversity] = kinds / float64(full)
	}
	f[longSentences] = float64(long) / sentences
	f[connectives] = 100 * float64(connect) / n
	f[verse] = math.Min(0.08, math.Max(0, float64(verses-1))/n) // one alone is a slip or a name
	f[archaic] = math.Min(0.05, float64(olds)/n)
	f[turns], f[shortSentences] = float64(dashes)/sentences, float64(short)/sentences
	f[clauses], f[semicolons] = float64(commas+semis)/n, math.Min(3, 100*float64(semis)/n)
	f[longWords] = float64(longer) / n
	return f
}

const mattr = 50

// word is what the lists know about a form.
type word struct {
	zipf, logRank                            float64
	verb, irrealis, past, dialogue, unspoken bool
	remote                                   bool
	syllables                                int
}

// look looks a word up in the lists.
func look(w string) word {
	var x word
	lex := lexicon.Default()
	var buffer [8]lexicon.Reading
	readings := lex.Append(buffer[:0], w)
	x.irrealis, x.past, x.dialogue, x.remote = true, true, true, true
	x.syllables = Syllables(w)
	for _, r := range readings {
		if x.verb = r.POS == lexicon.VERB || r.POS == lexicon.AUX; !x.verb {
			break
		}
		for code := range strings.SplitSeq(r.Codes, "|") {
			if len(code) < 3 {
				x.irrealis, x.past, x.dialogue, x.remote = false, false, false, false
				continue
			}
			x.irrealis = x.irrealis && (code[0] == 'S' || code[0] == 'C')
			x.past = x.past && code[0] == 'I' && (code[1] == 'S' || code[1] == 'I' || code[1] == 'F')
			x.remote = x.remote && (code[0] == 'C' || code[0] == 'S' && (code[1] == 'I' || code[1] == 'F') || code[0] == 'I' && code[1] == 'F')
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

var logThousand = math.Log(1000)

// haber are the forms of the auxiliary: 1 in the present perfect, 2 in the remote tenses.
var haber = map[string]int{
	"he": 1, "has": 1, "ha": 1, "hemos": 1, "habéis": 1, "han": 1,
	"había": 2, "habías": 2, "habíamos": 2, "habíais": 2, "habían": 2, "hubo": 2, "hube": 2, "hubieron": 2, "haya": 2, "hayas": 2, "hayamos": 2, "hayáis": 2, "hayan": 2,
	"hubiera": 2, "hubieras": 2, "hubiéramos": 2, "hubieran": 2, "hubiese": 2, "hubieses": 2, "hubiésemos": 2, "hubiesen": 2, "habría": 2, "habrías": 2, "habríamos": 2, "habrían": 2,
	"habré": 2, "habrás": 2, "habrá": 2, "habremos": 2, "habrán": 2,
}

var participles = set("hecho dicho visto puesto escrito abierto muerto vuelto roto cubierto descubierto resuelto devuelto impreso frito satisfecho ido")

func participle(w string) bool {
	return len(w) > 4 && (strings.HasSuffix(w, "ado") || strings.HasSuffix(w, "ido") || strings.HasSuffix(w, "ído")) || participles[w]
}
