// Package importer reads articles from JSON Lines, cleans them and passes them in batches to a Sink.
//
// A line is one object: {source, title, text, category, date, url, author, country}, all strings or null, or an article as the
// API gives it (content, source_url, published_date, subtitle, tags, colombian_entities and more). Other fields are left out, and
// that is told. The input may be compressed with gzip, begin with a UTF-8 byte order mark and end its lines with CRLF. A bad
// line does not affect others: it is counted, and reported with its number and the reason.
package importer

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"
)

// Record is one article, fit for the articles table: valid UTF-8 in NFC, no control characters except newline and tab,
// every field within its column's limit.
type Record struct {
	Source      string
	URL         string // http(s), or urn:sha256:<hex of Content> if the line has no URL that can be stored
	Title       string
	Content     string
	Category    *string
	Author      *string
	Country     *string // as in the line, usually ISO 3166-1 alpha-2; there is no column for it
	PublishedAt *time.Time
	ModifiedAt  *time.Time // by the newspaper
	StoredAt    *time.Time // in the archive that the line comes from
	Subtitle    *string
	Image       *string
	Language    *string
	Tags        []string
	Difficulty  *float64
	IsPaywall   *bool
	Entities    json.RawMessage // any JSON that the database can store; nil if there is none
	Metadata    json.RawMessage // the same
	ContentHash string          // SHA-256 of Content, 64 hex digits
	WordCount   int             // runs of non-space characters in Content
}

// Sink stores batches. It is an interface because the reader must not know the database; the articles store implements it.
// Save is called by one goroutine at a time, with a batch that it may keep; inserted says of each record of the batch whether it
// was new (an article that already exists is not an error). An error ends the import.
type Sink interface {
	Save(ctx context.Context, batch []Record) (inserted []bool, err error)
}

// Options tune an import; the zero value is what the command uses.
type Options struct {
	BatchSize int              // records per Save; 500 when 0
	MaxLine   int              // bytes; longer lines are rejected; 4 MiB when 0
	Workers   int              // decoding goroutines; one per CPU, at most 4, when 0
	TotalSize int64            // size of the input in bytes as stored (compressed or not), for the progress; 0 when unknown
	Progress  func(Progress)   // called after every batch, by one goroutine at a time; may be nil
	Issue     func(Issue)      // called for every rejected line, in the order of the lines; may be nil
	Now       func() time.Time // clock for rates; time.Now when nil
}

const (
	defaultBatch   = 500
	defaultMaxLine = 4 << 20
	maxWorkers     = 4
)

// Progress is how far an import has come.
type Progress struct {
	BytesRead, BytesTotal int64 // of the input as stored; BytesTotal is 0 when unknown
	Lines                 int   // lines decoded, blank ones not counted
	Records               int   // records that the sink has taken
	Inserted              int   // of those, new ones
	Rejected              int   // lines that gave no record, including duplicates within the file
	Elapsed               time.Duration
}

// Rate is records per second since the start; 0 before any time has passed.
func (p Progress) Rate() float64 {
	if p.Elapsed <= 0 {
		return 0
	}
	return float64(p.Records) / p.Elapsed.Seconds()
}

// Summary is the result of an import. Lines = Records + the sum of Rejected.
type Summary struct {
	Progress
	Rejects  map[Reason]int
	Warnings map[Reason]int // lines whose record was new and had to be changed; a line that changed nothing here warns of nothing
}

// Existing is how many records the sink already had.
func (s Summary) Existing() int { return s.Records - s.Inserted }

// Issue is a problem with one line.
type Issue struct {
	Line     int // from 1, counting blank lines
	Reason   Reason
	Detail   string // for people; may be empty
	Rejected bool   // false: a warning
}

func (i Issue) String() string {
	verb := "warning"
	if i.Rejected {
		verb = "rejected"
	}
	if i.Detail == "" {
		return fmt.Sprintf("line %d: %s: %s", i.Line, verb, i.Reason)
	}
	return fmt.Sprintf("line %d: %s: %s: %s", i.Line, verb, i.Reason, i.Detail)
}

// Reason says why a line was rejected, or what had to be changed in it.
type Reason string

// Reasons for which a line gives no record.
const (
	LineTooLong   Reason = "line too long"
	Truncated     Reason = "input ends within the line"
	BadJSON       Reason = "not JSON"
	NotObject     Reason = "not a JSON object"
	WrongType     Reason = "field of the wrong type"
	NoSource      Reason = "no source"
	NoTitle       Reason = "no title"
	NoText        Reason = "no text"
	TextTooLong   Reason = "text too long"
	SourceTooLong Reason = "source too long"
	DuplicateText Reason = "text of this newspaper seen before in this file"
	DuplicateURL  Reason = "URL seen before in this file"
)

// Changes in a line that still gives a record.
const (
	BadDate         Reason = "date not understood, left empty"
	BadURL          Reason = "URL not http(s), replaced"
	URLTooLong      Reason = "URL too long, replaced"
	TitleCut        Reason = "title too long, cut"
	AuthorCut       Reason = "author too long, cut"
	SubtitleCut     Reason = "subtitle too long, cut"
	TagsLeftOut     Reason = "tags too many or too long, left out"
	FieldEmptied    Reason = "field not understood, left empty"
	UnknownField    Reason = "unknown field, left out"
	CategoryTooLong Reason = "category too long, left empty"
	InvalidUTF8     Reason = "invalid UTF-8, replaced"
	ControlChars    Reason = "control characters removed"
)

// ErrUTF16 is returned for input that begins with a UTF-16 byte order mark.
var ErrUTF16 = errors.New("input is UTF-16; convert it to UTF-8 first")

func (o Options) withDefaults() Options {
	if o.BatchSize <= 0 {
		o.BatchSize = defaultBatch
	}
	if o.MaxLine <= 0 {
		o.MaxLine = defaultMaxLine
	}
	if o.Workers <= 0 {
		o.Workers = defaultWorkers()
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	return o
}
