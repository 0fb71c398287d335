package analysis

import (
	"math"
	"strings"

	"openlearn/internal/analysis/nlp"
)

// The parts of an analysis in the form in which they are cached and shown.

// Sentiment is how a text speaks about its subject.
type Sentiment struct {
	Polarity       float64  `json:"polarity" doc:"-1 (negative) to 1 (positive)"`
	Subjectivity   *float64 `json:"subjectivity" doc:"0 (reports) to 1 (evaluates); null where the analysis did not measure it"`
	Classification string   `json:"classification" doc:"positive, neutral or negative"`
	Confidence     *float64 `json:"confidence" doc:"That the classification is right"`
}

// Entity is something named in a text: a single mention, or in stored analyses all its mentions together.
type Entity struct {
	Text       string   `json:"text"`
	Type       string   `json:"type" doc:"PER, LOC, ORG or MISC"`
	Confidence *float64 `json:"confidence"`
	Start      *int     `json:"start,omitempty" doc:"Of a mention: where it begins in the text, in code points"`
	End        *int     `json:"end,omitempty"`
	Name       string   `json:"name,omitempty" doc:"The full name, where lists or another mention tell it"`
	Class      string   `json:"class,omitempty" doc:"municipality, department, institution, party, company, armed_group, official …"`
	Divipola   string   `json:"divipola,omitempty" doc:"Code of a municipality (5 digits) or department (2)"`
	Role       string   `json:"role,omitempty" doc:"Office or occupation that the text gives a person"`
	Chain      *int     `json:"chain,omitempty" doc:"Mentions of one entity share this number"`
	Mentions   int      `json:"mentions,omitempty" doc:"In stored analyses: how often the text names it"`
	Polarity   *float64 `json:"polarity,omitempty" doc:"How it fares in the text, -1 to 1"`

	aliases []string // the names that the text uses for it
}

// Value is a date, an amount of money or a percentage in a text.
type Value struct {
	Kind     string   `json:"kind" doc:"date, money or percent"`
	Text     string   `json:"text"`
	Start    int      `json:"start"`
	End      int      `json:"end"`
	Date     string   `json:"date,omitempty" doc:"ISO 8601"`
	Currency string   `json:"currency,omitempty" doc:"ISO 4217"`
	Amount   *float64 `json:"amount,omitempty"`
}

// Named holds everything that a text names.
type Named struct {
	Entities []Entity `json:"entities"`
	Values   []Value  `json:"values"`
}

// Topic is what a text is about.
type Topic struct {
	Topic      string  `json:"topic"`
	Confidence float64 `json:"confidence"`
}

// Difficulty is how hard a text is to read.
type Difficulty struct {
	Score       float64 `json:"score" doc:"1 (easy) to 5 (hard)"`
	Level       string  `json:"cefr_level" doc:"A1 to C2, rising with the score"`
	ReadingTime float64 `json:"reading_time" doc:"Minutes that an adult native reader takes"`
	Flesch      float64 `json:"flesch_score" doc:"Szigriszt-Pazos, the Spanish form of Flesch's: 100 is easy, 0 hard"`
}

// Gist is a summary of a text.
type Gist struct {
	Summary    string   `json:"summary"`
	KeyPhrases []string `json:"key_phrases"`
}

// Word is a word of a text for learners.
type Word struct {
	Lemma     string `json:"lemma"`
	UPOS      string `json:"upos" doc:"NOUN, VERB, ADJ or ADV"`
	Count     int    `json:"count"`
	Band      int    `json:"band" doc:"1: among the 1,000 most common words, 2: the next 1,000 … 11: rarer than 10,000"`
	Level     string `json:"level" doc:"CEFR level at which it is learnt: a guess from its frequency"`
	Colombian bool   `json:"colombian" doc:"A word, or a sense, of Colombian Spanish"`
	Meaning   string `json:"meaning,omitempty" doc:"Of Colombianisms, in general Spanish"`
	Example   string `json:"example" doc:"A sentence of the text"`
}

// Language is a guess at a text's language.
type Language struct {
	Code       string  `json:"code" doc:"ISO 639-1; und if nothing can be said"`
	Confidence float64 `json:"confidence"`
}

// mostMentions bounds how many mentions of names are shown for one text; no news text has that many.
const mostMentions = 2000

func sentimentOf(a *nlp.Analysis) Sentiment {
	s := a.Sentiment
	return Sentiment{round(s.Polarity, 4), ref(round(s.Subjectivity, 4)), string(s.Class), ref(round(s.Confidence, 4))}
}

func namedOf(a *nlp.Analysis) Named {
	n := a.Names
	out := Named{Entities: make([]Entity, 0, min(len(n.Entities), mostMentions)), Values: make([]Value, 0, min(len(n.Values), mostMentions))}
	for i := range n.Entities[:min(len(n.Entities), mostMentions)] {
		e := &n.Entities[i]
		shown := Entity{
			Text: e.Text, Type: e.Type.String(), Confidence: ref(round(e.Confidence, 3)), Start: &e.Start, End: &e.End,
			Name: e.Name, Class: e.Class, Divipola: e.Code, Role: e.Role, Chain: &e.Chain,
		}
		if e.Chain >= 0 && e.Chain < len(n.Chains) {
			c := &n.Chains[e.Chain]
			shown.Name = c.Name
			if shown.Role == "" {
				shown.Role = c.Role
			}
		}
		if i < len(a.Targets) {
			shown.Polarity = ref(round(a.Targets[i].Polarity, 4))
		}
		out.Entities = append(out.Entities, shown)
	}
	for i := range n.Values[:min(len(n.Values), mostMentions)] {
		v := &n.Values[i]
		shown := Value{Kind: v.Kind.String(), Text: v.Text, Start: v.Start, End: v.End, Date: v.Date, Currency: v.Currency}
		if v.Date == "" && !math.IsInf(v.Amount, 0) && !math.IsNaN(v.Amount) {
			shown.Amount = &v.Amount
		}
		out.Values = append(out.Values, shown)
	}
	return out
}

func topicsOf(a *nlp.Analysis) []Topic {
	out := make([]Topic, 0, len(a.Topics))
	for _, t := range a.Topics {
		out = append(out, Topic{t.Name, t.Weight})
	}
	return out
}

func difficultyOf(a *nlp.Analysis) Difficulty {
	d := a.Difficulty
	return Difficulty{d.Score, string(d.Level), math.Ceil(float64(d.Seconds)/6) / 10, round(d.Formulas.SzigrisztPazos, 2)}
}

func gistOf(a *nlp.Analysis) Gist {
	sentences := make([]string, 0, len(a.Summary))
	for _, s := range a.Summary {
		sentences = append(sentences, s.Text)
	}
	g := Gist{Summary: strings.Join(sentences, " "), KeyPhrases: make([]string, 0, len(a.Phrases))}
	for _, p := range a.Phrases {
		g.KeyPhrases = append(g.KeyPhrases, p.Text)
	}
	return g
}

func wordsOf(a *nlp.Analysis) []Word {
	out := make([]Word, 0, len(a.Vocabulary))
	for i := range a.Vocabulary {
		w := &a.Vocabulary[i]
		shown := Word{Lemma: w.Lemma, UPOS: w.POS.String(), Count: w.Count, Band: w.Band, Level: w.Level, Example: w.Example}
		if w.Colombianism != nil {
			shown.Colombian, shown.Meaning = true, w.Colombianism.Meaning
		}
		out = append(out, shown)
	}
	return out
}

func ref[T any](v T) *T { return &v }

func round(v float64, digits int) float64 {
	p := math.Pow10(digits)
	return math.Round(v*p) / p
}
