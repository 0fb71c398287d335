package nlp

// View is an analysis in the shape of its JSON.
type View struct {
	ModelVersion string           `json:"model_version"`
	Language     LanguageView     `json:"language"`
	WordCount    int              `json:"word_count"`
	Sentences    []SpanView       `json:"sentences"`
	Words        []WordView       `json:"words,omitempty"`
	Entities     []EntityView     `json:"entities,omitempty"`
	Chains       []ChainView      `json:"chains,omitempty"`
	Values       []ValueView      `json:"values,omitempty"`
	Sentiment    *SentimentView   `json:"sentiment,omitempty"`
	Difficulty   *DifficultyView  `json:"difficulty,omitempty"`
	Topics       []TopicView      `json:"topics,omitempty"`
	Summary      []string         `json:"summary,omitempty"`
	KeyPhrases   []string         `json:"key_phrases,omitempty"`
	Vocabulary   []VocabularyView `json:"vocabulary,omitempty"`
}

// TopicView is a topic with its weight.
type TopicView struct {
	Name   string  `json:"name"`
	Weight float64 `json:"weight"`
}

// VocabularyView is a word for learners.
type VocabularyView struct {
	Lemma   string `json:"lemma"`
	UPOS    string `json:"upos"`
	Count   int    `json:"count"`
	Band    int    `json:"band"`
	Level   string `json:"level"`
	Meaning string `json:"meaning,omitempty"`
	Example string `json:"example"`
	// Colombian is true for words of Colombian Spanish.
	Colombian bool `json:"colombian,omitempty"`
}

// LanguageView is the guessed language.
type LanguageView struct {
	Code       string  `json:"code"`
	Confidence float64 `json:"confidence"`
}

// SpanView is a range of the original, in code points.
type SpanView struct {
	Start int `json:"start"`
	End   int `json:"end"`
}

// WordView is a syntactic word.
type WordView struct {
	Form  string `json:"form"`
	Lemma string `json:"lemma"`
	UPOS  string `json:"upos"`
	Feats string `json:"feats,omitempty"`
	SpanView
}

// EntityView is a mention of a name.
type EntityView struct {
	Text string `json:"text"`
	Type string `json:"type"`
	SpanView
	Confidence float64  `json:"confidence"`
	Class      string   `json:"class,omitempty"`
	Code       string   `json:"divipola,omitempty"`
	Name       string   `json:"name"`
	Role       string   `json:"role,omitempty"`
	Chain      int      `json:"chain"`
	Polarity   *float64 `json:"polarity,omitempty"`
}

// ChainView is an entity with its mentions.
type ChainView struct {
	Name     string     `json:"name"`
	Type     string     `json:"type"`
	Class    string     `json:"class,omitempty"`
	Code     string     `json:"divipola,omitempty"`
	Role     string     `json:"role,omitempty"`
	Mentions []int      `json:"mentions"`
	Nominal  []SpanView `json:"nominal,omitempty"`
}

// ValueView is a date, an amount of money or a percentage.
type ValueView struct {
	Kind string `json:"kind"`
	Text string `json:"text"`
	SpanView
	Date     string   `json:"date,omitempty"`
	Currency string   `json:"currency,omitempty"`
	Amount   *float64 `json:"amount,omitempty"`
}

// SentimentView is the sentiment of the text.
type SentimentView struct {
	Class        string  `json:"class"`
	Polarity     float64 `json:"polarity"`
	Subjectivity float64 `json:"subjectivity"`
	Confidence   float64 `json:"confidence"`
}

// DifficultyView is how hard the text is to read.
type DifficultyView struct {
	Score   float64 `json:"score"`
	Level   string  `json:"level"`
	Seconds int     `json:"reading_seconds"`
}

// View is the analysis to print.
func (a *Analysis) View() View {
	d := &a.Document
	v := View{ModelVersion: a.ModelVersion, Language: LanguageView{d.Language.Code, d.Language.Confidence}, WordCount: d.Words, Sentences: make([]SpanView, len(d.Sentences))}
	for i, s := range d.Sentences {
		v.Sentences[i] = SpanView{s.Start, s.End}
	}
	if a.Words != nil {
		for i := range a.Words.Words {
			w := &a.Words.Words[i]
			t := &d.Tokens[w.Token]
			v.Words = append(v.Words, WordView{w.Form, w.Lemma, w.POS.String(), w.Feats(), SpanView{t.Start, t.End}})
		}
	}
	if a.Names != nil {
		a.names(&v)
	}
	if s := a.Sentiment; s != nil {
		v.Sentiment = &SentimentView{string(s.Class), s.Polarity, s.Subjectivity, s.Confidence}
	}
	if r := a.Difficulty; r != nil {
		v.Difficulty = &DifficultyView{r.Score, string(r.Level), r.Seconds}
	}
	for _, t := range a.Topics {
		v.Topics = append(v.Topics, TopicView(t))
	}
	for _, x := range a.Summary {
		v.Summary = append(v.Summary, x.Text)
	}
	for _, x := range a.Phrases {
		v.KeyPhrases = append(v.KeyPhrases, x.Text)
	}
	for _, w := range a.Vocabulary {
		view := VocabularyView{Lemma: w.Lemma, UPOS: w.POS.String(), Count: w.Count, Band: w.Band, Level: w.Level, Example: w.Example}
		if w.Colombianism != nil {
			view.Meaning, view.Colombian = w.Colombianism.Meaning, true
		}
		v.Vocabulary = append(v.Vocabulary, view)
	}
	return v
}

func (a *Analysis) names(v *View) {
	for i := range a.Names.Entities {
		e := &a.Names.Entities[i]
		view := EntityView{e.Text, e.Type.String(), SpanView{e.Start, e.End}, e.Confidence, e.Class, e.Code, e.Name, e.Role, e.Chain, nil}
		if i < len(a.Targets) {
			view.Polarity = &a.Targets[i].Polarity
		}
		v.Entities = append(v.Entities, view)
	}
	for i := range a.Names.Chains {
		c := &a.Names.Chains[i]
		view := ChainView{c.Name, c.Type.String(), c.Class, c.Code, c.Role, c.Mentions, nil}
		for _, n := range c.Nominal {
			view.Nominal = append(view.Nominal, SpanView{n[0], n[1]})
		}
		v.Chains = append(v.Chains, view)
	}
	for i := range a.Names.Values {
		x := &a.Names.Values[i]
		view := ValueView{Kind: x.Kind.String(), Text: x.Text, SpanView: SpanView{x.Start, x.End}, Date: x.Date, Currency: x.Currency}
		if x.Date == "" {
			view.Amount = &x.Amount
		}
		v.Values = append(v.Values, view)
	}
}
