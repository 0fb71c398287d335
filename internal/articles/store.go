package articles

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5/pgconn"
	"gorm.io/gorm"
	"gorm.io/gorm/clause"

	"openlearn/internal/admission"
	"openlearn/internal/cache"
)

// Store holds every query on scraped_content.
type Store struct {
	db       *gorm.DB
	now      func() time.Time
	searches *admission.Class // nil = no limit

	searchTimeout time.Duration
}

// NewStore makes a Store on db.
func NewStore(db *gorm.DB) *Store { return &Store{db: db, now: time.Now, searchTimeout: searchTimeout} }

// Admit makes searches subject to class, and returns the store.
func (s *Store) Admit(searches *admission.Class) *Store {
	s.searches = searches
	return s
}

// in is the store inside a transaction.
func (s *Store) in(tx *gorm.DB) *Store {
	return &Store{db: tx, now: s.now, searches: s.searches, searchTimeout: s.searchTimeout}
}

// ArchiveID reads the archive's identifier, and makes it if there is none: a database that takes no writes may still be read.
func (s *Store) ArchiveID(ctx context.Context) (uuid.UUID, error) {
	read := func() (id string, err error) {
		err = s.db.WithContext(ctx).Table("archive_identity").Select("id").Scan(&id).Error
		return id, err
	}
	id, err := read()
	if err == nil && id == "" {
		if err = s.db.WithContext(ctx).Exec("INSERT INTO archive_identity DEFAULT VALUES ON CONFLICT DO NOTHING").Error; err == nil {
			id, err = read() // another instance's, perhaps
		}
	}
	if err != nil {
		return uuid.UUID{}, fmt.Errorf("the archive's identifier: %w", err)
	}
	return uuid.Parse(id)
}

// Get reads one article, ErrNotFound if there is none.
func (s *Store) Get(ctx context.Context, id int64) (Article, error) {
	return take(s.db.WithContext(ctx), id)
}

// eachByID reads several articles in one statement and returns them in the order of ids.
func (s *Store) eachByID(ctx context.Context, ids []int64) ([]cache.Loaded[Article], error) {
	var found []Article
	if err := s.db.WithContext(ctx).Where("id IN ?", ids).Find(&found).Error; err != nil {
		return nil, fmt.Errorf("get %d articles: %w", len(ids), err)
	}
	at := make(map[int64]int, len(found))
	for i := range found {
		at[found[i].ID] = i
	}
	out := make([]cache.Loaded[Article], len(ids))
	for i, id := range ids {
		if j, ok := at[id]; ok {
			out[i].Value = found[j]
		} else {
			out[i].Err = fmt.Errorf("get %d: %w", id, ErrNotFound)
		}
	}
	return out, nil
}

// getForUpdate reads one article and keeps others from changing it until the transaction ends: two concurrent edits of
// different fields must both survive.
func (s *Store) getForUpdate(ctx context.Context, id int64) (Article, error) {
	return take(s.db.WithContext(ctx).Clauses(clause.Locking{Strength: clause.LockingStrengthUpdate}), id)
}

func take(q *gorm.DB, id int64) (Article, error) {
	var a Article
	err := q.Where("id = ?", id).Take(&a).Error
	if errors.Is(err, gorm.ErrRecordNotFound) {
		return a, fmt.Errorf("get %d: %w", id, ErrNotFound)
	}
	if err != nil {
		return a, fmt.Errorf("get article %d: %w", id, err)
	}
	return a, nil
}

// listColumns are the columns that listings show: only the opening of the content, because whole texts would be fetched for
// nothing, and columns without a limit only up to a usual size. So the size of a page is bounded, whatever its articles
// hold.
const listColumns = "id, source, source_url, category, title, left(subtitle, 10000) AS subtitle, opening AS content, author, word_count, " +
	"published_date, scraped_at, updated_at, analysed_at, " + usualEntities + ", " + usualTags + ", difficulty_score, is_paywall, image, language, duplicate_group"

// Names of up to 16 KiB of JSON, and up to 100 tags (more than the service itself accepts), are shown in listings, larger
// ones only with their article. Values stored in less than a kilobyte (perhaps compressed) are not measured, because that
// would decompress them.
const (
	usualEntities = "CASE WHEN pg_column_size(colombian_entities) < 1000 OR octet_length(colombian_entities::text) <= 16384 THEN colombian_entities END AS colombian_entities"
	usualTags     = "CASE WHEN pg_column_size(tags) < 1000 OR octet_length(tags::text) <= 102400 THEN tags END AS tags"
)

// List reads up to limit articles after a position, with each content cut to cut+1 characters so that the caller can tell
// whether it was cut.
func (s *Store) List(ctx context.Context, f Filter, o Order, after *Position, limit, cut int) ([]Article, error) {
	var out []Article
	if err := s.listQuery(ctx, f, o, after, limit).Find(&out).Error; err != nil {
		return nil, fmt.Errorf("list articles (%+v, %s): %w", f, o, err)
	}
	cutContents(out, cut+1)
	return out, nil
}

// cutContents shortens openings to the length that a listing shows.
func cutContents(list []Article, n int) {
	for i := range list {
		list[i].Content = firstCharacters(list[i].Content, n)
	}
}

func (s *Store) listQuery(ctx context.Context, f Filter, o Order, after *Position, limit int) *gorm.DB {
	q := s.db.WithContext(ctx).Model(&Article{}).Select(listColumns)
	q = o.page(f.where(q, o), after)
	if f.onePlan() && slices.Contains(usualLimits, limit) {
		return q.Clauses(writtenLimit(limit))
	}
	return q.Limit(limit)
}

// usualLimits are the usual page sizes of clients, plus the one article that shows whether there is a next page.
var usualLimits = []int{10 + 1, 20 + 1, 25 + 1, 50 + 1, 100 + 1}

// writtenLimit is a LIMIT that is part of a statement's text. With a parameter PostgreSQL would never use one plan for all
// values, because it assumes that the limit might be a tenth of the table; and planning took a third of a listing's time.
type writtenLimit int

// Name implements clause.Interface.
func (writtenLimit) Name() string { return "LIMIT" }

// Build implements clause.Expression.
func (l writtenLimit) Build(b clause.Builder) {
	_, _ = b.WriteString("LIMIT " + strconv.Itoa(int(l))) // into memory
}

// MergeClause implements clause.Interface.
func (l writtenLimit) MergeClause(c *clause.Clause) { c.Name, c.Expression = "", l }

// Offset reads the page [offset, offset+limit) newest first, and the number of all articles.
func (s *Store) Offset(ctx context.Context, f Filter, offset int64, limit, cut int) (page []Article, total int64, err error) {
	if err := f.where(s.db.WithContext(ctx).Model(&Article{}), Newest).Count(&total).Error; err != nil {
		return nil, 0, fmt.Errorf("count articles: %w", err)
	}
	if limit == 0 || offset >= total {
		return nil, total, nil
	}
	if err := s.offsetQuery(ctx, f, offset, limit).Find(&page).Error; err != nil {
		return nil, 0, fmt.Errorf("list articles (offset %d, limit %d): %w", offset, limit, err)
	}
	cutContents(page, cut+1)
	return page, total, nil
}

func (s *Store) offsetQuery(ctx context.Context, f Filter, offset int64, limit int) *gorm.DB {
	// Skipped rows are read from the index only; just the rows shown are read in full.
	ids := Newest.page(f.where(s.db.Model(&Article{}).Select("id"), Newest), nil).Limit(limit).Offset(int(offset))
	q := s.db.WithContext(ctx).Model(&Article{}).Select(listColumns).Where("id IN (?)", ids)
	return Newest.page(q, nil)
}

// Counts are the archive's figures.
type Counts struct {
	Total      int64         `json:"total"`
	Recent     int64         `json:"recent"` // scraped since the given time
	LastScrape *time.Time    `json:"last_scrape"`
	BySource   []SourceCount `json:"by_source"` // largest first
}

// SourceCount is how many articles a source has.
type SourceCount struct {
	Source string `json:"source"`
	Count  int64  `json:"count"`
}

// Counts reads the archive's figures in one snapshot.
func (s *Store) Counts(ctx context.Context, since time.Time) (Counts, error) {
	var rows []struct {
		Source     string
		Count      int64
		Recent     int64
		LastScrape *time.Time
	}
	err := s.db.WithContext(ctx).Model(&Article{}).
		Select("source, count(*) AS count, count(*) FILTER (WHERE scraped_at >= ?) AS recent, max(scraped_at) AS last_scrape", since).
		Group("source").Order("count DESC, source").Scan(&rows).Error
	if err != nil {
		return Counts{}, fmt.Errorf("count articles by source: %w", err)
	}
	out := Counts{BySource: []SourceCount{}}
	for _, r := range rows {
		out.Total += r.Count
		out.Recent += r.Recent
		if r.LastScrape != nil && (out.LastScrape == nil || r.LastScrape.After(*out.LastScrape)) {
			out.LastScrape = r.LastScrape
		}
		out.BySource = append(out.BySource, SourceCount{r.Source, r.Count})
	}
	return out, nil
}

// Create stores one new article, and fills in its id and the fields derived from its text.
func (s *Store) Create(ctx context.Context, a *Article) error {
	if err := a.prepare(s.now()); err != nil {
		return err
	}
	rows, err := s.insert(ctx, []Article{*a})
	if err == nil && len(rows) == 0 {
		err = ErrDuplicate
	}
	if err == nil {
		*a = rows[0].Article
		a.DuplicateGroup, err = s.link(ctx, rows[0])
	}
	return storeError(err, "create article %q", a.SourceURL)
}

// Update replaces the article with a's id. The previous version is kept as a revision if the title, subtitle or text
// change.
func (s *Store) Update(ctx context.Context, a *Article) error {
	if err := a.prepare(s.now()); err != nil {
		return err
	}
	changed, err := s.keepRevision(ctx, a)
	if err != nil {
		return storeError(err, "keep revision %d of article %d", a.Revision, a.ID)
	}
	if changed {
		a.Revision++
	}
	res := s.db.WithContext(ctx).Model(&Article{}).Where("id = ?", a.ID).
		Select("source", "source_url", "category", "title", "subtitle", "content", "author", "word_count", "published_date", "updated_at",
			"content_hash", "colombian_entities", "tags", "extra_metadata", "difficulty_score", "is_paywall", "modified_date", "image", "language",
			"revision").Updates(a)
	if res.Error == nil && res.RowsAffected == 0 {
		return fmt.Errorf("update %d: %w", a.ID, ErrNotFound)
	}
	err = res.Error
	if err == nil && changed {
		err = s.relink(ctx, a)
	}
	return storeError(err, "update article %d", a.ID)
}

// Delete removes an article and, by the schema, its analyses.
func (s *Store) Delete(ctx context.Context, id int64) error {
	res := s.db.WithContext(ctx).Where("id = ?", id).Delete(&Article{})
	if res.Error != nil {
		return fmt.Errorf("delete article %d: %w", id, res.Error)
	}
	if res.RowsAffected == 0 {
		return fmt.Errorf("delete %d: %w", id, ErrNotFound)
	}
	return nil
}

// storeError translates refusals of the database: a duplicate, or a value that is valid JSON but cannot be stored (a NUL
// inside colombian_entities, a number beyond numeric's range).
func storeError(err error, format string, args ...any) error {
	var refused *pgconn.PgError
	switch {
	case err == nil:
		return nil
	case errors.Is(err, gorm.ErrDuplicatedKey):
		err = ErrDuplicate
	case errors.As(err, &refused) && (strings.HasPrefix(refused.Code, dataException) || strings.HasPrefix(refused.Code, limitExceeded)):
		err = &InvalidError{[]Problem{{Message: "a value cannot be stored: " + refused.Message}}}
	}
	return fmt.Errorf(format+": %w", append(args, err)...)
}

// The classes of SQLSTATEs that are the fault of the values: of the wrong kind, or too large.
const dataException, limitExceeded = "22", "54"

// Known returns those of the addresses whose articles are stored, and when each was last written.
func (s *Store) Known(ctx context.Context, urls []string) (map[string]time.Time, error) {
	if len(urls) == 0 {
		return nil, nil
	}
	var rows []struct {
		SourceURL string
		UpdatedAt *time.Time
	}
	if err := s.db.WithContext(ctx).Model(&Article{}).Select("source_url, updated_at").Where("source_url IN ?", urls).Scan(&rows).Error; err != nil {
		return nil, fmt.Errorf("look up %d addresses: %w", len(urls), err)
	}
	known := make(map[string]time.Time, len(rows))
	for _, r := range rows {
		known[r.SourceURL] = deref(r.UpdatedAt)
	}
	return known, nil
}
