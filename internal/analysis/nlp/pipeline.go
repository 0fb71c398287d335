// Package nlp analyses Spanish news: sentences, words, names, values, sentiment, topics, summary, key
// phrases, difficulty and vocabulary. It is a library without I/O,
// deterministic, and safe for concurrent use; its models are in the binary and decoded when they are first needed.
package nlp

import (
	"crypto/sha256"
	"encoding/hex"
	"sync"
	"time"

	"openlearn/internal/analysis/nlp/morph"
	"openlearn/internal/analysis/nlp/ner"
	"openlearn/internal/analysis/nlp/phrases"
	"openlearn/internal/analysis/nlp/readability"
	"openlearn/internal/analysis/nlp/sentiment"
	"openlearn/internal/analysis/nlp/summary"
	"openlearn/internal/analysis/nlp/text"
	"openlearn/internal/analysis/nlp/topic"
	"openlearn/internal/analysis/nlp/vocabulary"
)

// Parts says what an analysis shall contain, as bits. What a part needs is computed for it, and nothing else.
type Parts uint16

// The parts.
const (
	Morphology Parts = 1 << iota
	Entities
	Sentiment
	Difficulty
	Topics
	Summary
	KeyPhrases
	Vocabulary
	All = Morphology | Entities | Sentiment | Difficulty | Topics | Summary | KeyPhrases | Vocabulary
)

// Request says what to analyse and how.
type Request struct {
	Parts Parts
	// Published is the day the text is from, for dates and offices; zero if it is not known.
	Published time.Time
}

// Analysis is what was asked for; the other fields are nil.
type Analysis struct {
	// ModelVersion names the models: results of the same text and version are equal.
	ModelVersion string
	Document     text.Document
	Words        *morph.Analysis
	Names        *ner.Result
	Sentiment    *sentiment.Result
	// Targets are one per entity of Names, if both were asked for.
	Targets    []sentiment.Target
	Difficulty *readability.Result
	Topics     []topic.Topic
	Summary    []summary.Sentence
	Phrases    []phrases.Phrase
	Vocabulary []vocabulary.Word
	// Colombianisms are told with Vocabulary.
	Colombianisms []vocabulary.Mention
}

// version is set by hand when code changes results; the models' bytes are part of the version anyway.
const version = "1"

// ModelVersion names the code and the models.
var ModelVersion = sync.OnceValue(func() string {
	h := sha256.New()
	for _, fingerprint := range []string{morph.Fingerprint(), ner.Fingerprint()} {
		h.Write([]byte(fingerprint))
	}
	return version + "-" + hex.EncodeToString(h.Sum(nil)[:5])
})

// Analyze analyses a text of any origin. It takes time and memory linear in the length of the text.
func Analyze(s string, r Request) Analysis {
	a := Analysis{ModelVersion: ModelVersion(), Document: text.Analyze(s)}
	d := &a.Document
	needsNames := r.Parts&Entities != 0
	if capitals(d) && r.Parts&(Morphology|Entities|Sentiment) != 0 {
		d.Recase(ner.Default().Casing)
	}
	if needsNames || r.Parts&(Morphology|KeyPhrases|Vocabulary) != 0 {
		words := morph.Default().Tag(d)
		a.Words = &words
	}
	if needsNames {
		found := ner.Default().Find(d, a.Words, ner.Options{Published: r.Published})
		a.Names = &found
	}
	if r.Parts&Sentiment != 0 {
		tone := sentiment.Analyze(d)
		a.Sentiment = &tone
		if a.Names != nil {
			spans := make([]sentiment.Span, len(a.Names.Entities))
			for i, e := range a.Names.Entities {
				spans[i] = sentiment.Span{First: e.First, Last: e.Last}
			}
			a.Targets = sentiment.Targets(d, spans)
		}
	}
	if r.Parts&Difficulty != 0 {
		hard := readability.Analyze(d)
		a.Difficulty = &hard
	}
	a.topical(r)
	if r.Parts&Morphology == 0 {
		a.Words = nil
	}
	return a
}

// mostPhrases is how many key phrases are told.
const mostPhrases = 10

func (a *Analysis) topical(r Request) {
	d := &a.Document
	if r.Parts&Topics != 0 {
		a.Topics = topic.Analyze(d)
	}
	if r.Parts&Summary != 0 {
		a.Summary = summary.Analyze(d, summary.Options{})
	}
	if r.Parts&KeyPhrases != 0 {
		a.Phrases = phrases.Analyze(d, a.Words, mostPhrases)
	}
	if r.Parts&Vocabulary != 0 {
		a.Vocabulary = vocabulary.Analyze(d, a.Words, vocabulary.Options{})
		a.Colombianisms = vocabulary.Colombianisms(d)
	}
}

// capitals says whether any sentence is in capitals throughout.
func capitals(d *text.Document) bool {
	for i := range d.Sentences {
		if d.Sentences[i].Capitals {
			return true
		}
	}
	return false
}
