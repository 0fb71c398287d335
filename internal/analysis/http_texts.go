package analysis

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"openlearn/internal/httpapi"
)

const (
	batchBytes      = 16 << 20
	mostCharacters  = 2_000_000 // of all texts of a batch
	batchTimeout    = 75 * time.Second
	analysisTimeout = 30 * time.Second
)

// usualParts are the parts for a request that names none, as in the original.
var usualParts = []Part{PartSentiment, PartEntities, PartTopics, PartDifficulty}

// wanted returns the parts with these names; unknown names are ignored, as in the original.
func wanted(names []string) []Part {
	if names == nil {
		return usualParts
	}
	out := make([]Part, 0, len(AllParts))
	for _, name := range names {
		if name == "all" {
			return AllParts
		}
		if p := Part(name); slices.Contains(AllParts, p) && !slices.Contains(out, p) {
			out = append(out, p)
		}
	}
	return out
}

// refuseLanguage returns an error for a request in a language other than Spanish.
func refuseLanguage(language string) error {
	base, _, _ := strings.Cut(strings.ToLower(strings.ReplaceAll(language, "_", "-")), "-")
	if base == "es" || base == "spa" {
		return nil
	}
	return httpapi.Value("only Spanish (es) can be analysed: the models know no other language", language, "body", "language")
}

// TextOptions are the options that both requests with texts share. (Exported because huma ignores unexported embedded
// structs.)
type TextOptions struct {
	Types    []string `json:"analysis_types,omitempty" maxItems:"20" doc:"sentiment, entities, topics, difficulty, summary, vocabulary or all; by default the first four. Unknown ones are passed over, as in the original: a list of nothing else gets an answer whose parts are null"`
	Language string   `json:"language,omitempty" default:"es" maxLength:"20" doc:"es, also es-CO and the like"`
}

type analyzeInput struct {
	Body struct {
		TextOptions
		Text string `json:"text" minLength:"10" maxLength:"50000" doc:"Plain text" example:"El presidente visitó Soacha y anunció una inversión de $2,3 billones."`
	}
}

func (h *handlers) analyze(ctx context.Context, in *analyzeInput) (*resultOutput, error) {
	if err := refuseLanguage(in.Body.Language); err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, analysisTimeout)
	defer cancel()
	r, err := h.s.Analyze(ctx, in.Body.Text, wanted(in.Body.Types))
	return &resultOutput{r}, err
}

type batchInput struct {
	Body struct {
		TextOptions
		Texts []string `json:"texts" minItems:"1" maxItems:"1000" doc:"Plain texts of 10 to 50,000 characters each, 2,000,000 together"`
	}
}

type batchOutput struct {
	Body struct {
		Results []Result `json:"results" nullable:"false" doc:"In the order of the texts"`
		Count   int      `json:"count"`
	}
}

const leastCharacters, mostOfText = 10, 50_000

func (h *handlers) batch(ctx context.Context, in *batchInput) (*batchOutput, error) {
	var problems []error
	total := 0
	for i, text := range in.Body.Texts {
		n := utf8.RuneCountInString(text)
		total += n
		where := fmt.Sprintf("body.texts[%d]", i)
		switch {
		case n < leastCharacters:
			problems = append(problems, &httpapi.Problem{Location: where, Message: fmt.Sprintf("expected length >= %d", leastCharacters), Value: text})
		case n > mostOfText:
			problems = append(problems, &httpapi.Problem{Location: where, Message: fmt.Sprintf("expected length <= %d", mostOfText), Value: cut(text, previewRunes)})
		}
	}
	if total > mostCharacters {
		problems = append(problems, &httpapi.Problem{Location: "body.texts", Message: fmt.Sprintf("the texts must have at most %d characters together, have %d", mostCharacters, total), Value: len(in.Body.Texts)})
	}
	if len(problems) > 0 {
		return nil, httpapi.Problems(problems)
	}
	if err := refuseLanguage(in.Body.Language); err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, batchTimeout)
	defer cancel()
	results, err := h.s.AnalyzeAll(ctx, in.Body.Texts, wanted(in.Body.Types))
	if err != nil {
		return nil, err
	}
	out := &batchOutput{}
	out.Body.Results, out.Body.Count = results, len(results)
	return out, nil
}

type articleInput struct {
	ID int64 `path:"id" doc:"The article's number" example:"42"`
}

func (h *handlers) article(ctx context.Context, in *articleInput) (*resultOutput, error) {
	r, err := h.s.cached.article.Get(ctx, in.ID)
	if errors.Is(err, ErrNotFound) {
		return nil, httpapi.NotFound("Article not found")
	}
	return &resultOutput{r}, err
}
