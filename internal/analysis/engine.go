package analysis

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"sync"
	"time"

	"openlearn/internal/admission"
	"openlearn/internal/analysis/nlp"
	"openlearn/internal/cache"
)

// Part is a part of an analysis that a caller may ask for.
type Part string

// The parts.
const (
	PartSentiment  Part = "sentiment"
	PartEntities   Part = "entities"
	PartTopics     Part = "topics"
	PartDifficulty Part = "difficulty"
	PartSummary    Part = "summary"
	PartVocabulary Part = "vocabulary"
)

// AllParts are all parts, in the order in which they are computed.
var AllParts = []Part{PartSentiment, PartEntities, PartTopics, PartDifficulty, PartSummary, PartVocabulary}

// stages lists what the engine must compute for a part.
var stages = map[Part]nlp.Parts{
	PartSentiment:  nlp.Sentiment,
	PartEntities:   nlp.Entities | nlp.Sentiment, // how each entity fares
	PartTopics:     nlp.Topics,
	PartDifficulty: nlp.Difficulty,
	PartSummary:    nlp.Summary | nlp.KeyPhrases,
	PartVocabulary: nlp.Vocabulary,
	partLanguage:   0,
}

// errBusy is the error if all slots of the engine are taken for too long.
var errBusy = fmt.Errorf("analysis: %w", admission.ErrShed)

// engineWait bounds how long a text waits for a slot.
const engineWait = 10 * time.Second

// engine runs texts through the NLP engine, as many at once as there are processors: more would only make each slower.
type engine struct {
	places  chan struct{}
	metrics *Metrics
}

func newEngine(m *Metrics) *engine {
	return &engine{places: make(chan struct{}, runtime.GOMAXPROCS(0)), metrics: m}
}

// subject is one text on its way through the engine. Parts share what they have in common.
type subject struct {
	hash string // of the text and the models
	e    *engine

	mu   sync.Mutex
	run  *nlp.Run
	read bool
}

func (e *engine) subject(text string) *subject {
	return &subject{hash: cache.Hash(nlp.ModelVersion(), text), e: e, run: nlp.NewRun(text, nlp.Request{})}
}

// do computes a part as soon as a slot is free.
func (s *subject) do(ctx context.Context, p Part) (*nlp.Analysis, error) {
	release, err := s.e.enter(ctx)
	if err != nil {
		return nil, err
	}
	defer release()
	s.mu.Lock()
	defer s.mu.Unlock()
	start := time.Now()
	if !s.read {
		s.read = true
		s.e.metrics.text(s.e.stage(s.run, "text", 0).Document.Words)
	}
	a := s.e.stage(s.run, string(p), stages[p])
	s.e.metrics.busy.Add(time.Since(start).Seconds())
	return a, nil
}

// enter waits for a slot.
func (e *engine) enter(ctx context.Context) (release func(), err error) {
	release = func() { <-e.places }
	select {
	case e.places <- struct{}{}:
		return release, nil
	default:
	}
	wait, cancel := context.WithTimeoutCause(ctx, engineWait, errBusy)
	defer cancel()
	select {
	case e.places <- struct{}{}:
		return release, nil
	case <-wait.Done():
		if errors.Is(context.Cause(wait), errBusy) {
			return nil, errBusy
		}
		return nil, ctx.Err()
	}
}
