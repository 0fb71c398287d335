package analysis

import (
	"fmt"
	"math"
	"runtime/debug"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"

	"openlearn/internal/analysis/nlp"
	"openlearn/internal/analysis/nlp/lexicon"
	"openlearn/internal/analysis/nlp/ner"
	"openlearn/internal/cache"
)

// findings are the results of an article's analysis that are stored.
type findings struct {
	ContentID int64
	Mark      int64 // of the pending row that led to it
	Hash      string
	Language  string
	Preview   string
	Spanish   bool // otherwise only the language is known
	Sentiment Sentiment
	Entities  []Entity
	Topics    []Topic
	Hard      Difficulty
	Gist      Gist
	Words     []Word
	Names     []nameRow
	Found     Found
	Took      time.Duration
}

// nameRow is a row of article_names.
type nameRow struct {
	ContentID int64    `json:"content_id"`
	Type      string   `json:"type"`
	Key       string   `json:"key"`
	Entity    string   `json:"entity"` // the entity's key in all articles; if Key differs, it is a name that this text uses
	Name      string   `json:"name"`
	Class     *string  `json:"class"`
	Mentions  int      `json:"mentions"`
	Weight    *float64 `json:"weight"`
	Polarity  *float64 `json:"polarity"`
	Day       *string  `json:"day"`
}

// Bounds on what is stored for an article.
const (
	mostEntities = 50
	mostNames    = 25
	mostAliases  = 2 // of each
	mostTopics   = 3
	mostTerms    = 5
	mostWords    = 30
	mostTags     = 3
	longestName  = 200 // characters
	longestWord  = 50
)

// typeTopic and typeTerm are the types in article_names that are not types of entities.
const (
	typeTopic = "topic"
	typeTerm  = "term"
)

// hashOf identifies the input of an article's analysis.
func hashOf(t *Text) string {
	published := ""
	if t.Published != nil {
		published = t.Published.UTC().Format(time.RFC3339Nano)
	}
	return cache.Hash(t.Title, t.Content, published)
}

// bogota is where days of Colombian news begin and end: UTC-5 all year round.
var bogota = time.FixedZone("America/Bogota", -5*60*60)

// find analyses an article. A panic in the engine, which is a defect, fails only this article's analysis.
func (e *engine) find(t *Text) (f findings, err error) {
	defer func() {
		if v := recover(); v != nil {
			err = fmt.Errorf("analysis of article %d: panic: %v\n%s", t.ID, v, debug.Stack())
		}
	}()
	start := time.Now()
	run := e.read(t)
	a := run.Do(0)
	f = findings{ContentID: t.ID, Hash: hashOf(t), Language: a.Document.Language.Code, Preview: cut(t.Content, previewRunes+1)}
	if f.Spanish = spanish(a); f.Spanish {
		e.everything(run)
		f.fill(a)
		f.names(a, t)
		f.own()
	}
	f.Took = time.Since(start)
	e.metrics.article(f.Took, a.Document.Words)
	return f, nil
}

// read begins the analysis of an article.
func (e *engine) read(t *Text) *nlp.Run {
	request := nlp.Request{Title: t.Title}
	if t.Published != nil {
		request.Published = t.Published.In(bogota)
	}
	run := nlp.NewRun(t.Content, request)
	e.stage(run, "text", 0)
	return run
}

// everything makes the run compute all parts.
func (e *engine) everything(run *nlp.Run) {
	e.stage(run, "words", nlp.Morphology)
	for _, p := range AllParts {
		e.stage(run, string(p), stages[p])
	}
}

// stage makes the run compute further parts, and measures the time.
func (e *engine) stage(run *nlp.Run, name string, parts nlp.Parts) *nlp.Analysis {
	start := time.Now()
	a := run.Do(parts)
	e.metrics.stage(name, time.Since(start))
	return a
}

// sureOfLanguage is how sure a guess at another language must be for a text not to be analysed as Spanish.
const sureOfLanguage = 0.5

func spanish(a *nlp.Analysis) bool {
	l := a.Document.Language
	return l.Code == "es" || l.Code == "und" || l.Confidence < sureOfLanguage
}

func (f *findings) fill(a *nlp.Analysis) {
	f.Sentiment, f.Topics, f.Hard, f.Gist = sentimentOf(a), topicsOf(a), difficultyOf(a), gistOf(a)
	f.Words = wordsOf(a)
	f.Words = slices.DeleteFunc(f.Words, func(w Word) bool {
		return utf8.RuneCountInString(w.Lemma) > longestWord || strings.Contains(w.Lemma, "/")
	})
	f.Words = f.Words[:min(len(f.Words), mostWords)]
	f.Entities = entitiesOf(a)
}

// entitiesOf lists the text's entities, each once, the most often named first.
func entitiesOf(a *nlp.Analysis) []Entity {
	out := make([]Entity, 0, len(a.Names.Chains))
	for i := range a.Names.Chains {
		c := &a.Names.Chains[i]
		e := Entity{
			Name: cut(c.Name, longestName), Type: c.Type.String(), Class: c.Class, Divipola: c.Code, Role: cut(c.Role, longestName),
			Mentions: len(c.Mentions) + len(c.Nominal), aliases: calledIn(a, c),
		}
		e.Text = e.Name
		if len(e.aliases) > 0 {
			e.Text = e.aliases[0]
		}
		confidence, polarity := 0.0, 0.0
		for _, m := range c.Mentions {
			confidence = max(confidence, a.Names.Entities[m].Confidence)
			if m < len(a.Targets) {
				polarity += a.Targets[m].Polarity
			}
		}
		if n := float64(len(c.Mentions)); n > 0 {
			e.Confidence, e.Polarity = ref(round(confidence, 3)), ref(round(polarity/n, 4))
		}
		out = append(out, e)
	}
	slices.SortStableFunc(out, func(x, y Entity) int { return y.Mentions - x.Mentions })
	return out[:min(len(out), mostEntities)]
}

// calledIn lists the names that the text uses for an entity, the longest first.
func calledIn(a *nlp.Analysis, c *ner.Chain) []string {
	var forms []string
	for _, m := range c.Mentions {
		if form := strings.Join(strings.Fields(cut(a.Names.Entities[m].Text, longestName)), " "); form != "" && !slices.Contains(forms, form) && len(forms) < mostForms {
			forms = append(forms, form)
		}
	}
	slices.SortStableFunc(forms, func(x, y string) int { return len(y) - len(x) })
	return forms
}

const mostForms = 20 // looked at

// names fills in the article's rows of article_names.
func (f *findings) names(a *nlp.Analysis, t *Text) {
	var day *string
	if t.Published != nil {
		day = ref(t.Published.In(bogota).Format(time.DateOnly))
	}
	seen := map[[2]string]int{}
	add := func(r nameRow) {
		if r.Key == "" {
			return
		}
		k := [2]string{r.Type, r.Key}
		if at, ok := seen[k]; ok { // homonyms of one type
			f.Names[at].Mentions += r.Mentions
			return
		}
		seen[k] = len(f.Names)
		r.ContentID, r.Day = t.ID, day
		f.Names = append(f.Names, r)
	}
	for i := range f.Entities[:min(len(f.Entities), mostNames)] {
		e := &f.Entities[i]
		r := nameRow{Type: e.Type, Key: Fold(e.Name), Entity: Fold(e.Name), Name: e.Name, Mentions: e.Mentions, Polarity: e.Polarity}
		if e.Class != "" {
			r.Class = &e.Class
		}
		if r.Entity == "" {
			continue
		}
		add(r)
		aliases := 0
		for _, form := range e.aliases {
			if r.Key = Fold(form); r.Key != r.Entity && aliases < mostAliases {
				aliases++
				add(r)
			}
		}
	}
	for _, topic := range f.Topics[:min(len(f.Topics), mostTopics)] {
		add(nameRow{Type: typeTopic, Key: topic.Topic, Entity: topic.Topic, Name: topic.Topic, Mentions: 1, Weight: ref(topic.Confidence), Polarity: ref(f.Sentiment.Polarity)})
	}
	for _, term := range termsOf(a) {
		add(nameRow{Type: typeTerm, Key: term, Entity: term, Name: term, Mentions: 1})
	}
}

// termsOf lists the words that best distinguish the text from others: frequent in it, rare elsewhere.
func termsOf(a *nlp.Analysis) []string {
	counts := map[string]int{}
	for i := range a.Words.Words {
		w := &a.Words.Words[i]
		if w.POS != lexicon.NOUN && w.POS != lexicon.ADJ {
			continue
		}
		if n := utf8.RuneCountInString(w.Lemma); n < 4 || n > longestWord || strings.ContainsAny(w.Lemma, ".-0123456789/@#") {
			continue
		}
		counts[w.Lemma]++
	}
	type term struct {
		lemma string
		score float64
	}
	terms := make([]term, 0, len(counts))
	for lemma, n := range counts {
		zipf := lexicon.Default().Zipf(lemma)
		if zipf == 0 || zipf > commonest {
			continue
		}
		terms = append(terms, term{lemma, (1 + math.Log(float64(n))) * (commonest + 0.5 - zipf)})
	}
	slices.SortFunc(terms, func(x, y term) int {
		if x.score != y.score {
			if x.score > y.score {
				return -1
			}
			return 1
		}
		return strings.Compare(x.lemma, y.lemma)
	})
	out := make([]string, 0, mostTerms)
	for _, t := range terms[:min(len(terms), mostTerms)] {
		out = append(out, t.lemma)
	}
	return out
}

// commonest is the frequency (Zipf scale) from which a word no longer distinguishes texts.
const commonest = 5.0

// own fills in the values for the article's own columns.
func (f *findings) own() {
	f.Found.Difficulty = &f.Hard.Score
	f.Found.Entities = map[string][]string{}
	for i := range f.Entities {
		e := &f.Entities[i]
		if kind := kindOf(e); !slices.Contains(f.Found.Entities[kind], e.Text) {
			f.Found.Entities[kind] = append(f.Found.Entities[kind], e.Text)
		}
	}
	f.Found.Tags = []string{}
	for _, t := range f.Topics[:min(len(f.Topics), mostTags)] {
		f.Found.Tags = append(f.Found.Tags, t.Topic)
	}
}

// kindOf is the kind of an entity as colombian_entities names it.
func kindOf(e *Entity) string {
	switch {
	case e.Type == "PER":
		return "people"
	case e.Type == "LOC":
		return "locations"
	case e.Type == "ORG" && e.Class == "institution":
		return "institutions"
	case e.Type == "ORG":
		return "organizations"
	}
	return "other"
}

// Fold gives the form in which a name is looked up: in lower case, without accents, with single spaces.
func Fold(s string) string {
	var b strings.Builder
	for _, r := range norm.NFD.String(strings.ToLower(cut(s, longestName))) {
		switch {
		case r >= 0x300 && r <= 0x36f:
		case r < ' ' || r == 0x7f:
			b.WriteByte(' ')
		default:
			b.WriteRune(r)
		}
	}
	return cut(strings.Join(strings.Fields(b.String()), " "), longestName)
}

// cut is the first n code points of s.
func cut(s string, n int) string {
	if len(s) <= n {
		return s
	}
	for i := range s {
		if n == 0 {
			return s[:i]
		}
		n--
	}
	return s
}
