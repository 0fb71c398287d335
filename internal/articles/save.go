package articles

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"gorm.io/gorm/clause"
)

// Outcome says what Save did with an article.
type Outcome string

const (
	Stored    Outcome = "stored"    // it is new
	Revised   Outcome = "revised"   // it is known and has changed
	Duplicate Outcome = "duplicate" // it is known and has not changed
	Refused   Outcome = "refused"   // the columns cannot hold it
)

// Saved is the outcome for one article.
type Saved struct {
	Outcome        Outcome
	ID             int64  // 0 when refused
	DuplicateGroup *int64 // the group of those that tell the same story
	Reason         string // of a refusal
}

// saveLock serialises saves: two tellings of the same story that arrive at once must see each other.
const saveLock = 0x6f6c5f73617665

// Save stores the batch in the store's transaction: new articles, and changed ones as a new revision.
func (s *Store) Save(ctx context.Context, batch []Article) ([]Saved, error) {
	if err := s.db.WithContext(ctx).Exec("SELECT pg_advisory_xact_lock(?)", saveLock).Error; err != nil {
		return nil, fmt.Errorf("save %d articles: %w", len(batch), err)
	}
	out := make([]Saved, len(batch))
	fresh, at := make([]Article, 0, len(batch)), map[string]int{}
	for i := range batch {
		a := batch[i]
		var invalid *InvalidError
		if err := a.prepare(s.now()); errors.As(err, &invalid) {
			out[i] = Saved{Outcome: Refused, Reason: invalid.reason()}
			continue
		}
		if _, twice := at[a.SourceURL]; twice {
			out[i].Outcome = Duplicate
			continue
		}
		at[a.SourceURL] = i
		fresh = append(fresh, a)
	}
	known, err := s.byURL(ctx, slices.Collect(maps.Keys(at)))
	if err != nil {
		return nil, err
	}
	insert := fresh[:0]
	for _, a := range fresh {
		old, is := known[a.SourceURL]
		if !is {
			insert = append(insert, a)
			continue
		}
		if out[at[a.SourceURL]], err = s.revise(ctx, old, a); err != nil {
			return nil, err
		}
	}
	rows, err := s.insert(ctx, insert)
	if err != nil {
		return nil, storeError(err, "save %d articles", len(insert))
	}
	for _, a := range insert {
		out[at[a.SourceURL]].Outcome = Duplicate // another process was faster, unless it is among the rows
	}
	for _, r := range rows {
		group, err := s.link(ctx, r)
		if err != nil {
			return nil, err
		}
		out[at[r.SourceURL]] = Saved{Outcome: Stored, ID: r.ID, DuplicateGroup: group}
	}
	return out, nil
}

// revise stores the new version of an article if it differs from the old one.
func (s *Store) revise(ctx context.Context, old, a Article) (Saved, error) {
	same := Saved{Outcome: Duplicate, ID: old.ID, DuplicateGroup: old.DuplicateGroup}
	if old.Title == a.Title && deref(old.Subtitle) == deref(a.Subtitle) && deref(old.ContentHash) == deref(a.ContentHash) {
		return same, nil
	}
	a.ID, a.ScrapedAt, a.Revision = old.ID, old.ScrapedAt, old.Revision
	a.Entities, a.ExtraMetadata, a.DifficultyScore = old.Entities, old.ExtraMetadata, old.DifficultyScore
	for _, kept := range []struct{ now, before **string }{
		{&a.Category, &old.Category}, {&a.Author, &old.Author}, {&a.Image, &old.Image}, {&a.Language, &old.Language},
	} {
		if *kept.now == nil { // a value that is missing from the page has not changed
			*kept.now = *kept.before
		}
	}
	if a.PublishedDate == nil {
		a.PublishedDate = old.PublishedDate
	}
	if len(a.Tags) == 0 {
		a.Tags = old.Tags
	}
	if err := s.Update(ctx, &a); err != nil {
		return Saved{}, err
	}
	return Saved{Outcome: Revised, ID: a.ID, DuplicateGroup: a.DuplicateGroup}, nil
}

// byURL reads the articles of these addresses and keeps others from changing them until the transaction ends.
func (s *Store) byURL(ctx context.Context, urls []string) (map[string]Article, error) {
	out := map[string]Article{}
	if len(urls) == 0 {
		return out, nil
	}
	var found []Article
	err := s.db.WithContext(ctx).Clauses(clause.Locking{Strength: clause.LockingStrengthUpdate}).
		Where("source_url IN ?", urls).Order("id").Find(&found).Error
	if err != nil {
		return nil, fmt.Errorf("look up %d addresses: %w", len(urls), err)
	}
	for _, a := range found {
		out[a.SourceURL] = a
	}
	return out, nil
}

// Insert stores the new articles in one statement and skips those whose address is known: a duplicate never fails the rest
// of its batch. Articles with equal texts are linked; near duplicates are only looked for in what sources publish (Save).
// It returns the stored articles with their ids.
func (s *Store) Insert(ctx context.Context, batch []Article) ([]Article, error) {
	fresh := make([]Article, 0, len(batch))
	urls := map[string]bool{}
	for _, a := range batch {
		if a.prepare(s.now()) != nil || urls[a.SourceURL] {
			continue
		}
		urls[a.SourceURL] = true
		fresh = append(fresh, a)
	}
	rows, err := s.insert(ctx, fresh)
	if err != nil {
		return nil, fmt.Errorf("insert %d articles: %w", len(fresh), err)
	}
	if err := s.linkEqual(ctx, rows); err != nil {
		return nil, err
	}
	out := make([]Article, len(rows))
	for i := range rows {
		out[i] = rows[i].Article
	}
	return out, nil
}

// insertRow is an article as the INSERT statement takes it.
type insertRow struct {
	Article
	ContentHash *string `json:"content_hash"`
	MinHash     []int32 `json:"minhash"`
	Bands       []int32 `json:"minhash_bands"`
}

// insert stores those of the prepared articles whose address is new, each address once, and returns them with their ids.
func (s *Store) insert(ctx context.Context, fresh []Article) ([]insertRow, error) {
	if len(fresh) == 0 {
		return nil, nil
	}
	rows := make([]insertRow, len(fresh))
	for i, a := range fresh {
		rows[i] = insertRow{Article: a, ContentHash: a.ContentHash}
		rows[i].MinHash, rows[i].Bands = minhash(a.Content)
	}
	encoded, err := json.Marshal(rows)
	if err != nil {
		return nil, fmt.Errorf("encode %d articles: %w", len(fresh), err)
	}
	// One statement with one parameter, because its RETURNING tells which rows are new: gorm's batch create with ON
	// CONFLICT DO NOTHING assigns the ids to the wrong elements. Rows and not Scan, because Scan always builds the
	// statement's text with all parameters for a log.
	ids := make(map[string]int64, len(fresh))
	found, err := s.db.WithContext(ctx).Raw(insertNew, string(encoded)).Rows()
	if err != nil {
		return nil, err
	}
	for found.Next() {
		var id int64
		var url string
		if err := found.Scan(&id, &url); err != nil {
			return nil, errors.Join(err, found.Close())
		}
		ids[url] = id
	}
	if err := errors.Join(found.Err(), found.Close()); err != nil {
		return nil, err
	}
	stored := rows[:0]
	for _, r := range rows {
		if id, is := ids[r.SourceURL]; is {
			r.ID = id
			stored = append(stored, r)
		}
	}
	return stored, nil
}

const insertNew = `
INSERT INTO scraped_content (source, source_url, category, title, subtitle, content, author, word_count, published_date, scraped_at,
    updated_at, content_hash, colombian_entities, tags, extra_metadata, difficulty_score, is_paywall, modified_date, image, language,
    minhash, minhash_bands)
SELECT source, source_url, category, title, subtitle, content, author, word_count, published_date, scraped_at,
    updated_at, content_hash, colombian_entities, tags, extra_metadata, difficulty_score, is_paywall, modified_date, image, language,
    minhash, minhash_bands
FROM json_to_recordset(?::json) AS r(source text, source_url text, category text, title text, subtitle text, content text, author text,
    word_count integer, published_date timestamptz, scraped_at timestamptz, updated_at timestamptz, content_hash text,
    colombian_entities jsonb, tags jsonb, extra_metadata jsonb, difficulty_score float8, is_paywall boolean, modified_date timestamptz,
    image text, language text, minhash integer[], minhash_bands integer[])
-- ON CONFLICT alone would do, but computes the full-text columns of rows that it then drops.
WHERE NOT EXISTS (SELECT FROM scraped_content AS known WHERE known.source_url = r.source_url)
ON CONFLICT DO NOTHING
RETURNING id, source_url`

// member holds the fields of an article that grouping needs.
type member struct {
	ID             int64
	DuplicateGroup *int64
	ContentHash    string
	Minhash        *string // {1,2,…}
}

// link finds the articles that tell the same story as r, joins it to them, and returns their group, nil if there are none.
func (s *Store) link(ctx context.Context, r insertRow) (*int64, error) {
	var found []member
	q := s.db.WithContext(ctx).Model(&Article{}).Select("id, duplicate_group, content_hash, minhash::text AS minhash").Where("id <> ?", r.ID)
	if r.Bands == nil {
		q = q.Where("content_hash = ?", *r.ContentHash)
	} else {
		q = q.Where("content_hash = ? OR minhash_bands && ?::integer[]", *r.ContentHash, arrayOf(r.Bands))
	}
	if err := q.Limit(mostTwins).Scan(&found).Error; err != nil {
		return nil, fmt.Errorf("find duplicates of article %d: %w", r.ID, err)
	}
	twins := []member{{ID: r.ID}}
	for _, m := range found {
		if m.ContentHash == *r.ContentHash || similarity(r.MinHash, valuesOf(deref(m.Minhash))) >= nearDuplicate {
			twins = append(twins, m)
		}
	}
	return s.join(ctx, twins)
}

// mostTwins bounds with how many articles one is compared.
const mostTwins = 500

// relink regroups an article after its text has changed.
func (s *Store) relink(ctx context.Context, a *Article) error {
	r := insertRow{Article: *a, ContentHash: a.ContentHash}
	r.MinHash, r.Bands = minhash(a.Content)
	err := s.db.WithContext(ctx).Exec("UPDATE scraped_content SET minhash = ?::integer[], minhash_bands = ?::integer[], duplicate_group = NULL WHERE id = ?",
		arrayOf(r.MinHash), arrayOf(r.Bands), a.ID).Error
	if err != nil {
		return fmt.Errorf("group article %d anew: %w", a.ID, err)
	}
	a.DuplicateGroup, err = s.link(ctx, r)
	return err
}

// linkEqual joins the rows to the articles with the same text.
func (s *Store) linkEqual(ctx context.Context, rows []insertRow) error {
	if len(rows) == 0 {
		return nil
	}
	hashes := make([]string, len(rows))
	for i := range rows {
		hashes[i] = *rows[i].ContentHash
	}
	var found []member
	err := s.db.WithContext(ctx).Raw(`SELECT id, duplicate_group, content_hash FROM scraped_content WHERE content_hash IN
		(SELECT content_hash FROM scraped_content WHERE content_hash IN ? GROUP BY content_hash HAVING count(*) > 1) ORDER BY id`, hashes).Scan(&found).Error
	if err != nil {
		return fmt.Errorf("find duplicates of %d articles: %w", len(rows), err)
	}
	groups := map[string][]member{}
	for _, m := range found {
		groups[m.ContentHash] = append(groups[m.ContentHash], m)
	}
	for _, twins := range groups {
		if _, err := s.join(ctx, twins); err != nil {
			return err
		}
	}
	return nil
}

// join merges the members and their groups into one group, named after the lowest id among them.
func (s *Store) join(ctx context.Context, twins []member) (*int64, error) {
	if len(twins) < 2 {
		return nil, nil
	}
	group := twins[0].ID
	var ids, groups []int64
	for _, m := range twins {
		ids, group = append(ids, m.ID), min(group, m.ID)
		if m.DuplicateGroup != nil {
			groups, group = append(groups, *m.DuplicateGroup), min(group, *m.DuplicateGroup)
		}
	}
	q := s.db.WithContext(ctx).Model(&Article{}).Where("duplicate_group IS DISTINCT FROM ?", group)
	if len(groups) > 0 {
		q = q.Where("id IN ? OR duplicate_group IN ?", ids, groups)
	} else {
		q = q.Where("id IN ?", ids)
	}
	if err := q.UpdateColumn("duplicate_group", group).Error; err != nil {
		return nil, fmt.Errorf("join %d articles that tell one story: %w", len(ids), err)
	}
	return &group, nil
}

// arrayOf writes an array as PostgreSQL reads it, nil for none.
func arrayOf(values []int32) *string {
	if values == nil {
		return nil
	}
	s := "{" + strings.Trim(strings.ReplaceAll(fmt.Sprint(values), " ", ","), "[]") + "}"
	return &s
}

func valuesOf(array string) []int32 {
	var out []int32
	for v := range strings.SplitSeq(strings.Trim(array, "{}"), ",") {
		var n int32
		if _, err := fmt.Sscan(v, &n); err != nil {
			return nil
		}
		out = append(out, n)
	}
	return out
}

// Revision is an earlier version of an article.
type Revision struct {
	Revision      int        `json:"revision"`
	Title         string     `json:"title"`
	Subtitle      *string    `json:"subtitle"`
	Content       string     `json:"content"`
	Author        *string    `json:"author"`
	PublishedDate *time.Time `json:"published_date"`
	ModifiedDate  *time.Time `json:"modified_date"`
	UpdatedAt     *time.Time `json:"updated_at" doc:"When the archive learnt of it"`
}

const revisionColumns = "revision, title, subtitle, content, author, published_date, modified_date, updated_at"

// keepRevision stores the current version of the article with a's id as a revision if a differs from it.
func (s *Store) keepRevision(ctx context.Context, a *Article) (changed bool, err error) {
	res := s.db.WithContext(ctx).Exec(`INSERT INTO article_revisions (article_id, content_hash, `+revisionColumns+`)
		SELECT id, content_hash, `+revisionColumns+` FROM scraped_content
		WHERE id = ? AND (title, coalesce(subtitle, ''), content) IS DISTINCT FROM (?::text, ?::text, ?::text)
		ON CONFLICT DO NOTHING`, a.ID, a.Title, deref(a.Subtitle), a.Content)
	return res.RowsAffected > 0, res.Error
}

// mostRevisions bounds how many one answer lists.
const mostRevisions = 100

// Revisions lists the earlier versions of an article, the newest first; ErrNotFound if there is no such article.
func (s *Store) Revisions(ctx context.Context, id int64) ([]Revision, error) {
	var out []Revision
	err := s.db.WithContext(ctx).Raw(`SELECT `+revisionColumns+` FROM scraped_content WHERE id = ?
		UNION ALL SELECT `+revisionColumns+` FROM article_revisions WHERE article_id = ? ORDER BY revision DESC LIMIT ?`, id, id, mostRevisions).Scan(&out).Error
	if err != nil {
		return nil, fmt.Errorf("revisions of article %d: %w", id, err)
	}
	if len(out) == 0 {
		return nil, fmt.Errorf("revisions of %d: %w", id, ErrNotFound)
	}
	return out, nil
}
