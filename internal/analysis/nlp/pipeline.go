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

// Parts says what an analysis should contain, as bits. Whatever a part needs is computed too, but nothing else.
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
	// Published is the day of the text, for dates and offices; zero if it is not known.
	Published time.Time
	// Title is the headline if it is separate from the text; it guides the summary.
	Title string
}

// Analysis holds the parts that were asked for; the other fields are nil.
type Analysis struct {
	// ModelVersion names the models: results of the same text and version are equal.
	ModelVersion string
	Document     text.Document
	Words        *morph.Analysis
	Names        *ner.Result
	Sentiment    *sentiment.Result
	// Targets has one item per entity of Names, if both were asked for.
	Targets    []sentiment.Target
	Difficulty *readability.Result
	Topics     []topic.Topic
	Summary    []summary.Sentence
	Phrases    []phrases.Phrase
	Vocabulary []vocabulary.Word
	// Colombianisms come with Vocabulary.
	Colombianisms []vocabulary.Mention
}

// version is raised by hand when a change of code changes results; the models' bytes are part of the version anyway.
const version = "2"

// ModelVersion identifies the code and the models.
var ModelVersion = sync.OnceValue(func() string {
	h := sha256.New()
	for _, fingerprint := range []string{morph.Fingerprint(), ner.Fingerprint()} {
		h.Write([]byte(fingerprint))
	}
	return version + "-" + hex.EncodeToString(h.Sum(nil)[:5])
})

// Analyze analyses a text of any origin. It takes time and memory linear in the length of the text.
func Analyze(s string, r Request) Analysis {
	a := *NewRun(s, r).Do(r.Parts)
	if r.Parts&Morphology == 0 {
		a.Words = nil
	}
	return a
}

// Run analyses one text part by part: what several parts need is computed once, and a part's result does not depend on
// which others were asked for before. A Run is for one goroutine at a time.
type Run struct {
	text    string
	request Request
	done    Parts
	read    bool
	a       Analysis
}

// NewRun prepares the analysis of a text; nothing is computed yet, and the request's Parts are ignored.
func NewRun(s string, r Request) *Run {
	return &Run{text: s, request: r, a: Analysis{ModelVersion: ModelVersion()}}
}

// Do computes the parts that are missing, and whatever they need. The analysis belongs to the Run: later calls add to it.
func (r *Run) Do(parts Parts) *Analysis {
	if !r.read {
		r.read = true
		r.a.Document = text.Analyze(r.text)
		if capitals(&r.a.Document) {
			r.a.Document.Recase(ner.Default().Casing)
		}
	}
	parts &^= r.done
	r.done |= parts
	a, d := &r.a, &r.a.Document
	if a.Words == nil && parts&(Morphology|Entities|KeyPhrases|Vocabulary) != 0 {
		words := morph.Default().Tag(d)
		a.Words = &words
	}
	if parts&Entities != 0 {
		found := ner.Default().Find(d, a.Words, ner.Options{Published: r.request.Published})
		a.Names = &found
	}
	if parts&Sentiment != 0 {
		tone := sentiment.Analyze(d)
		a.Sentiment = &tone
	}
	if a.Sentiment != nil && a.Names != nil && a.Targets == nil {
		spans := make([]sentiment.Span, len(a.Names.Entities))
		for i, e := range a.Names.Entities {
			spans[i] = sentiment.Span{First: e.First, Last: e.Last}
		}
		a.Targets = sentiment.Targets(d, spans)
	}
	if parts&Difficulty != 0 {
		hard := readability.Analyze(d)
		a.Difficulty = &hard
	}
	r.topical(parts)
	return a
}

// mostPhrases is the number of key phrases.
const mostPhrases = 10

func (r *Run) topical(parts Parts) {
	a, d := &r.a, &r.a.Document
	if parts&Topics != 0 {
		a.Topics = topic.Analyze(d)
	}
	if parts&Summary != 0 {
		var o summary.Options
		if r.request.Title != "" {
			title := text.Analyze(r.request.Title)
			o.Title = &title
		}
		a.Summary = summary.Analyze(d, o)
	}
	if parts&KeyPhrases != 0 {
		a.Phrases = phrases.Analyze(d, a.Words, mostPhrases)
	}
	if parts&Vocabulary != 0 {
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
