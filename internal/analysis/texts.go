package analysis

import (
	"context"
	"fmt"
	"net/url"
	"runtime"
	"slices"
	"time"

	"golang.org/x/sync/errgroup"

	"openlearn/internal/analysis/nlp"
	"openlearn/internal/cache"
)

// partLanguage is part of every analysis.
const partLanguage Part = "language"

func languageOf(a *nlp.Analysis) Language {
	return Language{a.Document.Language.Code, round(a.Document.Language.Confidence, 3)}
}

// wrapPart caches a part under the hash of text and models; what names the entry in layers that have several for a text.
func wrapPart[T any](c *cache.Cache, layer, what string, p Part, of func(*nlp.Analysis) T) *cache.Func[*subject, T] {
	return cache.Wrap(c, cache.Spec[*subject]{
		Layer: layer,
		Key: func(s *subject) cache.Key {
			k := cache.Key{ID: s.hash}
			if what != "" {
				k.Params = url.Values{"part": {what}}
			}
			return k
		},
	}, func(ctx context.Context, s *subject) (T, error) {
		a, err := s.do(ctx, p)
		if err != nil {
			var none T
			return none, err
		}
		return of(a), nil
	})
}

// Result is an analysis as the API shows it.
type Result struct {
	ID          *int64      `json:"id" doc:"null: it is not stored"`
	ContentID   *int64      `json:"content_id" doc:"The article it is about, if it is about one"`
	TextPreview string      `json:"text_preview"`
	Language    *Language   `json:"language"`
	Sentiment   *Sentiment  `json:"sentiment"`
	Entities    []Entity    `json:"entities" doc:"Mentions in the order of the text; in stored analyses each entity once. null: not asked for"`
	Values      []Value     `json:"values" doc:"Dates, money and percentages, told with entities"`
	Topics      []Topic     `json:"topics"`
	Difficulty  *Difficulty `json:"difficulty"`
	Summary     *string     `json:"summary"`
	KeyPhrases  []string    `json:"key_phrases" doc:"Told with the summary"`
	Vocabulary  []Word      `json:"vocabulary"`
	Model       *string     `json:"model_version" doc:"Results of the same text and version are equal"`
	CreatedAt   *time.Time  `json:"created_at"`
}

// Analyze returns the requested parts of a text's analysis, computed or from the cache.
func (s *Service) Analyze(ctx context.Context, text string, wanted []Part) (Result, error) {
	sub := s.engine.subject(text)
	r := Result{TextPreview: preview(text), Model: ref(nlp.ModelVersion()), CreatedAt: ref(time.Now().UTC().Truncate(time.Microsecond))}
	p := &s.cached.parts
	language, err := p.language.Get(ctx, sub)
	if err != nil {
		return r, err
	}
	r.Language = &language
	for _, part := range AllParts {
		if !slices.Contains(wanted, part) {
			continue
		}
		if err := s.addPart(ctx, &r, sub, part); err != nil {
			return r, err
		}
	}
	return r, nil
}

func (s *Service) addPart(ctx context.Context, r *Result, sub *subject, part Part) error {
	p := &s.cached.parts
	switch part {
	case PartSentiment:
		v, err := p.sentiment.Get(ctx, sub)
		r.Sentiment = &v
		return err
	case PartEntities:
		v, err := p.entities.Get(ctx, sub)
		r.Entities, r.Values = v.Entities, v.Values
		return err
	case PartTopics:
		v, err := p.topics.Get(ctx, sub)
		r.Topics = v
		return err
	case PartDifficulty:
		v, err := p.difficulty.Get(ctx, sub)
		r.Difficulty = &v
		return err
	case PartSummary:
		v, err := p.gist.Get(ctx, sub)
		r.Summary, r.KeyPhrases = &v.Summary, v.KeyPhrases
		return err
	case PartVocabulary:
		v, err := p.words.Get(ctx, sub)
		r.Vocabulary = v
		return err
	}
	return nil
}

// AnalyzeAll is Analyze for several texts, in their order.
func (s *Service) AnalyzeAll(ctx context.Context, texts []string, wanted []Part) ([]Result, error) {
	out := make([]Result, len(texts))
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(runtime.GOMAXPROCS(0))
	for i, text := range texts {
		group.Go(func() (err error) {
			out[i], err = s.Analyze(ctx, text, wanted)
			return err
		})
	}
	return out, group.Wait()
}

// articleFrom returns a function that fully analyses an article in its current state.
func (e *engine) articleFrom(a Archive) func(context.Context, int64) (Result, error) {
	return func(ctx context.Context, id int64) (Result, error) {
		texts, err := a.Texts(ctx, []int64{id})
		if err != nil {
			return Result{}, err
		}
		if len(texts) == 0 {
			return Result{}, fmt.Errorf("article %d: %w", id, ErrNotFound)
		}
		release, err := e.enter(ctx)
		if err != nil {
			return Result{}, err
		}
		defer release()
		return e.article(&texts[0]), nil
	}
}

// article fully analyses an article, with offsets in its text.
func (e *engine) article(t *Text) Result {
	start := time.Now()
	a := e.read(t)
	r := Result{
		ContentID: &t.ID, TextPreview: preview(t.Content), Language: ref(languageOf(a.Do(0))),
		Model: ref(nlp.ModelVersion()), CreatedAt: ref(start.UTC().Truncate(time.Microsecond)),
	}
	if doc := a.Do(0); spanish(doc) {
		e.everything(a)
		named, gist := namedOf(doc), gistOf(doc)
		r.Sentiment, r.Entities, r.Values, r.Topics = ref(sentimentOf(doc)), named.Entities, named.Values, topicsOf(doc)
		r.Difficulty, r.Summary, r.KeyPhrases, r.Vocabulary = ref(difficultyOf(doc)), &gist.Summary, gist.KeyPhrases, wordsOf(doc)
	}
	e.metrics.article(time.Since(start), a.Do(0).Document.Words)
	return r
}
