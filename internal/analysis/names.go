package analysis

import (
	"context"
	"encoding/json"
	"fmt"
	"math"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"

	"gorm.io/gorm"
)

// What articles are about, and what is derived from that: related articles, how often something is in the news, which names
// occur.

// Mark is one name, topic or term of an article.
type Mark struct {
	Type string `json:"type"`
	Key  string `json:"key"`
	Name string `json:"name"`
}

// Marks returns the marks of an article in their order, none if it is not analysed.
func (s *Store) Marks(ctx context.Context, article int64) ([]Mark, error) {
	out := []Mark{}
	err := s.db.WithContext(ctx).Raw("SELECT type, key, name FROM article_names WHERE content_id = ? AND key = entity ORDER BY type, key", article).Scan(&out).Error
	if err != nil {
		return nil, fmt.Errorf("names of article %d: %w", article, err)
	}
	return out, nil
}

// relatedQuery asks for the articles that share names with an article, given that article's marks.
type relatedQuery struct {
	Article int64
	Marks   []Mark
	Limit   int
}

func (q relatedQuery) params() url.Values {
	v := url.Values{"article": {strconv.FormatInt(q.Article, 10)}, "limit": {strconv.Itoa(q.Limit)}}
	for _, m := range q.Marks {
		v.Add("mark", m.Type+"\x00"+m.Key)
	}
	return v
}

func (q relatedQuery) deps() []string {
	deps := []string{NamesTable}
	for _, m := range q.Marks {
		if d := nameDep(m.Key); m.Type != typeTopic && !slices.Contains(deps, d) {
			deps = append(deps, d)
		}
	}
	return deps
}

// Relative is a related article and what relates it.
type Relative struct {
	ID     int64    `json:"id"`
	Score  float64  `json:"score"`
	Shared []string `json:"shared"`
	Topics []string `json:"topics"`
}

// The bounds of a search for related articles: how many of the latest articles are considered for each name, and how many
// of those found are ranked.
const (
	latestOfName = 200
	mostFound    = 100
)

// related finds the articles that share the marks. Each mark counts by its rarity: a name that few articles have counts
// more, and a term counts half. A name counts once per article, however often it occurs there.
const related = `
WITH mine AS (
    SELECT m.type, m.key, n.name, CASE m.type WHEN 'term' THEN 0.5 ELSE 1 END / ln(1 + n.articles) AS weight
    FROM json_to_recordset(?::json) AS m(type text, key text) JOIN analysis_names AS n ON n.type = m.type AND n.key = m.key
    WHERE m.type <> 'topic' AND n.articles > 1
), found AS (
    SELECT other.content_id, sum(mine.weight) AS score, array_to_json(array_agg(mine.name ORDER BY mine.weight DESC, mine.name)) AS shared
    FROM mine CROSS JOIN LATERAL (
        SELECT a.content_id FROM article_names AS a WHERE a.key = mine.key AND a.type = mine.type AND a.content_id <> ?
        ORDER BY a.day DESC NULLS LAST, a.content_id DESC LIMIT ?
    ) AS other
    GROUP BY other.content_id ORDER BY score DESC, other.content_id DESC LIMIT ?
)
SELECT f.content_id AS id, f.score, f.shared::text AS shared,
    coalesce((SELECT json_agg(t.key ORDER BY t.key) FROM article_names AS t WHERE t.content_id = f.content_id AND t.type = 'topic'), '[]')::text AS topics
FROM found AS f`

// sameTopic is the factor by which a common topic raises an article's score.
const sameTopic = 1.3

// Related finds the articles that are related to one, the closest first.
func (s *Store) Related(ctx context.Context, q relatedQuery) ([]Relative, error) {
	list, err := json.Marshal(q.Marks)
	if err != nil {
		return nil, err
	}
	var rows []struct {
		ID             int64
		Score          float64
		Shared, Topics string
	}
	if err := s.relatedQuery(ctx, string(list), q.Article).Scan(&rows).Error; err != nil {
		return nil, fmt.Errorf("articles related to %d: %w", q.Article, err)
	}
	out := make([]Relative, 0, len(rows))
	for _, row := range rows {
		r := Relative{ID: row.ID, Score: row.Score}
		if err := json.Unmarshal([]byte(row.Shared), &r.Shared); err != nil {
			return nil, fmt.Errorf("articles related to %d: %w", q.Article, err)
		}
		var topics []string
		if err := json.Unmarshal([]byte(row.Topics), &topics); err != nil {
			return nil, fmt.Errorf("articles related to %d: %w", q.Article, err)
		}
		r.Topics = []string{}
		for _, t := range topics {
			if slices.ContainsFunc(q.Marks, func(m Mark) bool { return m.Type == typeTopic && m.Key == t }) {
				r.Topics = append(r.Topics, t)
			}
		}
		if len(r.Topics) > 0 {
			r.Score *= sameTopic
		}
		r.Score = round(r.Score, 4)
		out = append(out, r)
	}
	slices.SortStableFunc(out, func(x, y Relative) int {
		switch {
		case x.Score > y.Score:
			return -1
		case x.Score < y.Score:
			return 1
		}
		return 0
	})
	return out[:min(len(out), q.Limit)], nil
}

func (s *Store) relatedQuery(ctx context.Context, marks string, article int64) *gorm.DB {
	return s.db.WithContext(ctx).Raw(related, marks, article, latestOfName, mostFound)
}

// trendQuery asks how often something is in the news, by day.
type trendQuery struct {
	Topic    bool
	Key      string
	Type     string // of an entity; "" = any
	From, To string // days, To inclusive
}

func (q trendQuery) params() url.Values {
	return url.Values{"topic": {strconv.FormatBool(q.Topic)}, "key": {q.Key}, "type": {q.Type}, "from": {q.From}, "to": {q.To}}
}

// TrendDay is one day of a trend.
type TrendDay struct {
	Day      string   `json:"day" doc:"In Colombia"`
	Articles int64    `json:"articles"`
	Mentions int64    `json:"mentions"`
	Polarity *float64 `json:"polarity" doc:"How it fares that day, -1 to 1"`
}

// Trend counts by day the articles that have a name or topic; days without one are left out.
func (s *Store) Trend(ctx context.Context, q trendQuery) ([]TrendDay, error) {
	out := []TrendDay{}
	if err := s.trendQuery(ctx, q).Scan(&out).Error; err != nil {
		return nil, fmt.Errorf("trend of %q: %w", q.Key, err)
	}
	return out, nil
}

func (s *Store) trendQuery(ctx context.Context, q trendQuery) *gorm.DB {
	db := s.db.WithContext(ctx).Table(NamesTable).
		Select("day::text AS day, count(DISTINCT content_id) AS articles, sum(mentions) AS mentions, round(avg(polarity)::numeric, 4)::float8 AS polarity").
		Where("key = ? AND day BETWEEN ?::date AND ?::date", q.Key, q.From, q.To)
	switch {
	case q.Topic:
		db = db.Where("type = ?", typeTopic)
	case q.Type != "":
		db = db.Where("type = ?", q.Type)
	default:
		db = db.Where("type NOT IN ?", []string{typeTopic, typeTerm})
	}
	return db.Group("article_names.day").Order("article_names.day")
}

// namesQuery looks for entities by the beginning of a word of their names.
type namesQuery struct {
	Prefix string
	Type   string
	Limit  int
}

func (q namesQuery) params() url.Values {
	return url.Values{"q": {q.Prefix}, "type": {q.Type}, "limit": {strconv.Itoa(q.Limit)}}
}

// NameCount is an entity and the number of articles that name it.
type NameCount struct {
	Name     string  `json:"name"`
	Type     string  `json:"type" doc:"PER, LOC, ORG or MISC"`
	Class    *string `json:"class"`
	Articles int64   `json:"articles"`
	Mentions int64   `json:"mentions"`
}

// Names lists the entities whose names have these words, of which the last may be the beginning of one, the most frequent first.
func (s *Store) Names(ctx context.Context, q namesQuery) ([]NameCount, error) {
	out := []NameCount{}
	if err := s.namesQuery(ctx, q).Scan(&out).Error; err != nil {
		return nil, fmt.Errorf("entities that begin with %q: %w", q.Prefix, err)
	}
	return out, nil
}

func (s *Store) namesQuery(ctx context.Context, q namesQuery) *gorm.DB {
	db := s.db.WithContext(ctx).Table("analysis_names").Select("name, type, class, articles, mentions").
		Where("key = entity AND articles > 0 AND type NOT IN ?", []string{typeTopic, typeTerm})
	if words := prefixSearch(q.Prefix); words != "" {
		matches := s.db.WithContext(ctx).Table("analysis_names").Select("type, entity").Where("to_tsvector('simple'::regconfig, key) @@ to_tsquery('simple', ?)", words)
		db = db.Where("(type, key) IN (?)", matches)
	} else if q.Prefix != "" {
		db = db.Where("false") // no name begins with punctuation alone
	}
	if q.Type != "" {
		db = db.Where("type = ?", q.Type)
	}
	return db.Order("articles DESC, mentions DESC, key").Limit(q.Limit)
}

// prefixSearch is a tsquery of the words of s, the last one as a prefix; "" for none.
func prefixSearch(s string) string {
	words := strings.FieldsFunc(s, func(r rune) bool { return !unicode.IsLetter(r) && !unicode.IsDigit(r) })
	if len(words) == 0 {
		return ""
	}
	return strings.Join(words[:min(len(words), mostPrefixWords)], " & ") + ":*"
}

const mostPrefixWords = 10

// vocabularyQuery asks for the words of a level.
type vocabularyQuery struct {
	Level         string // "" = all
	Colombian     bool   // only words of Colombian Spanish
	Offset, Limit int
}

func (q vocabularyQuery) params() url.Values {
	return url.Values{"level": {q.Level}, "colombian": {strconv.FormatBool(q.Colombian)}, "offset": {strconv.Itoa(q.Offset)}, "limit": {strconv.Itoa(q.Limit)}}
}

// VocabularyWord is a word of the archive's articles for learners.
type VocabularyWord struct {
	Lemma     string  `json:"lemma"`
	UPOS      string  `json:"upos" gorm:"column:upos" doc:"NOUN, VERB, ADJ or ADV"`
	Level     string  `json:"level"`
	Band      int     `json:"band" doc:"1: among the 1,000 most common words, 2: the next 1,000 … 11: rarer than 10,000"`
	Colombian bool    `json:"colombian"`
	Meaning   *string `json:"meaning"`
	Example   *string `json:"example" doc:"A sentence of an article"`
	ContentID *int64  `json:"content_id" doc:"The example's article"`
	Articles  int64   `json:"articles" doc:"How many articles have it among their words for learners"`
}

// VocabularyPage is a page of them.
type VocabularyPage struct {
	Words []VocabularyWord `json:"words"`
	Total int64            `json:"total"`
}

// Vocabulary lists words, those of the most articles first.
func (s *Store) Vocabulary(ctx context.Context, q vocabularyQuery) (out VocabularyPage, err error) {
	db := s.db.WithContext(ctx).Table("vocabulary_words").Where("articles > 0")
	if q.Level != "" {
		db = db.Where("level = ?", q.Level)
	}
	if q.Colombian {
		db = db.Where("colombian")
	}
	if err := db.Count(&out.Total).Error; err != nil {
		return out, fmt.Errorf("count words: %w", err)
	}
	out.Words = []VocabularyWord{}
	err = db.Select("lemma, upos, level, band, colombian, meaning, example, content_id, articles").Order("articles DESC, word").
		Offset(q.Offset).Limit(q.Limit).Scan(&out.Words).Error
	if err != nil {
		return out, fmt.Errorf("list words: %w", err)
	}
	return out, nil
}

// between completes the bounds of a trend: by default the last 90 days. ok is false if there are too many days or none.
func between(from, to *time.Time, now time.Time) (first, last string, ok bool) {
	end := now.In(bogota)
	if to != nil {
		end = *to
	}
	start := end.AddDate(0, 0, 1-usualDays)
	if from != nil {
		start = *from
	}
	if days := end.Sub(start).Hours() / 24; days < 0 || days > math.MaxInt16 {
		return "", "", false
	}
	return start.Format(time.DateOnly), end.Format(time.DateOnly), true
}

const usualDays = 90
