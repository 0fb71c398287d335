package importer

import (
	"bufio"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"runtime"
	"slices"
	"strings"
	"time"

	"golang.org/x/sync/errgroup"
)

const (
	chunkLines = 64 // lines per chunk: few enough to keep memory small, enough to make channels cheap
	chunksPer  = 2  // chunks in flight for every worker
)

func defaultWorkers() int { return min(runtime.GOMAXPROCS(0), maxWorkers) }

// chunk is a group of lines that one worker decodes. Results are collected in the order of the chunks, each when its out
// has arrived, so that issues are reported in the order of the lines, and of two duplicates the first stays.
type chunk struct {
	lines []line
	out   chan []decoded // receives once; has room, so a worker never waits on it
}

// batch is a group of records for the sink, with the counts at the time when it was full.
type batch struct {
	records []Record
	warned  map[int][]Issue // by the record's place
	sofar   Progress
}

// Run imports everything in r into sink.
//
// Lines are read by one goroutine, decoded by several, and saved by another while the next ones are decoded; memory is
// bounded except for 48 bytes per article, kept to find duplicates within the file. When it returns, all goroutines have
// ended, so it cannot return before a pending r.Read does: to interrupt a read of a pipe, close it.
//
// The summary is valid even if err is not nil. A truncated input (a truncated gzip file, say) is imported up to where it
// ends, and then gives an error.
func Run(ctx context.Context, r io.Reader, sink Sink, opts Options) (Summary, error) {
	opts = opts.withDefaults()
	in := &countingReader{r: r}
	text, err := open(in)
	if err != nil {
		return Summary{}, err
	}
	p := &pipeline{
		opts: opts, sink: sink, in: in, start: opts.Now(), decoder: newDecoder(),
		work:     make(chan chunk, opts.Workers*chunksPer),
		ordered:  make(chan chunk, opts.Workers*chunksPer),
		full:     make(chan batch, 1),
		seen:     make(map[[16]byte]struct{}),
		summary:  Summary{Rejects: map[Reason]int{}},
		warnings: map[Reason]int{},
	}
	g, ctx := errgroup.WithContext(ctx)
	var readErr error
	g.Go(func() (err error) { readErr, err = p.cut(ctx, text); return err })
	for range opts.Workers {
		g.Go(func() error { p.decode(); return nil })
	}
	g.Go(func() error { return p.collect(ctx) })
	g.Go(func() error { return p.save(ctx) })
	err = g.Wait()
	if err == nil {
		err = readErr
	}
	s := p.summary
	s.Records, s.Inserted, s.Warnings = p.saved, p.inserted, p.warnings
	s.BytesRead, s.BytesTotal, s.Elapsed = in.n.Load(), opts.TotalSize, opts.Now().Sub(p.start)
	return s, err
}

// pipeline is one run. Each field below the channels belongs to the one goroutine named, until all have ended.
type pipeline struct {
	opts    Options
	sink    Sink
	in      *countingReader
	start   time.Time
	decoder *decoder

	work    chan chunk // cut → decode
	ordered chan chunk // cut → collect
	full    chan batch // collect → save

	seen     map[[16]byte]struct{} // collect: digests of texts and URLs
	summary  Summary               // collect
	saved    int                   // save
	inserted int                   // save
	warnings map[Reason]int        // save
}

// cut reads lines and passes them on in chunks. A failed read must not lose the lines before it, so its error is separate
// from the one that ends the run at once.
func (p *pipeline) cut(ctx context.Context, text *bufio.Reader) (readErr, err error) {
	defer close(p.work)
	defer close(p.ordered)
	lines := &lineReader{r: text, limit: p.opts.MaxLine}
	for readErr == nil {
		c := chunk{lines: make([]line, 0, chunkLines), out: make(chan []decoded, 1)}
		for readErr == nil && len(c.lines) < chunkLines {
			var l line
			if l, readErr = lines.next(); l.number > 0 {
				c.lines = append(c.lines, l)
			}
		}
		if len(c.lines) == 0 {
			break
		}
		for _, ch := range []chan chunk{p.ordered, p.work} {
			select {
			case ch <- c:
			case <-ctx.Done():
				return nil, fmt.Errorf("import: %w", context.Cause(ctx))
			}
		}
	}
	if errors.Is(readErr, io.EOF) {
		readErr = nil
	}
	return readErr, nil
}

// decode works until cut closes the channel; it never blocks on anything else.
func (p *pipeline) decode() {
	for c := range p.work {
		out := make([]decoded, len(c.lines))
		for i, l := range c.lines {
			out[i] = p.decoder.decode(l)
		}
		c.out <- out
	}
}

// collect counts, drops duplicates within the file, and fills batches.
func (p *pipeline) collect(ctx context.Context) error {
	defer close(p.full)
	var records []Record
	warned := map[int][]Issue{}
	flush := func() error {
		b := batch{records: records, warned: warned, sofar: p.summary.Progress}
		b.sofar.BytesRead, b.sofar.BytesTotal = p.in.n.Load(), p.opts.TotalSize
		records, warned = nil, map[int][]Issue{}
		select {
		case p.full <- b:
			return nil
		case <-ctx.Done():
			return fmt.Errorf("import: %w", context.Cause(ctx))
		}
	}
	for c := range p.ordered {
		var lines []decoded
		select {
		case lines = <-c.out:
		case <-ctx.Done():
			return fmt.Errorf("import: %w", context.Cause(ctx))
		}
		for i, d := range lines {
			p.summary.Lines++
			if d.ok {
				d = p.once(c.lines[i], d)
			}
			if !d.ok {
				p.reject(d.issues)
				continue
			}
			if records == nil {
				records = make([]Record, 0, p.opts.BatchSize)
			}
			if len(d.issues) > 0 {
				warned[len(records)] = d.issues
			}
			if records = append(records, d.record); len(records) == p.opts.BatchSize {
				if err := flush(); err != nil {
					return err
				}
			}
		}
	}
	return flush() // even when empty: it carries the last counts
}

// once rejects a record whose URL has already occurred in the file, or its text from the same newspaper or without an address of
// its own: several newspapers print the text of one agency.
func (p *pipeline) once(l line, d decoded) decoded {
	own := digest("newspaper", d.record.Source+"\x00"+d.record.ContentHash)
	text, link := digest("text", d.record.ContentHash), digest("url", d.record.URL)
	_, again := p.seen[own]
	_, somewhere := p.seen[text]
	if again || somewhere && strings.HasPrefix(d.record.URL, hashURN) {
		return rejected(l, DuplicateText, d.record.Title)
	}
	if _, dup := p.seen[link]; dup {
		return rejected(l, DuplicateURL, d.record.URL)
	}
	p.seen[own], p.seen[text], p.seen[link] = struct{}{}, struct{}{}, struct{}{}
	return d
}

func digest(kind, s string) (d [16]byte) {
	sum := sha256.Sum256([]byte(kind + "\x00" + s))
	copy(d[:], sum[:])
	return d
}

// reject counts a line that gave no record.
func (p *pipeline) reject(issues []Issue) {
	for _, i := range issues {
		p.summary.Rejected++
		p.summary.Rejects[i.Reason]++
		if p.opts.Issue != nil {
			p.opts.Issue(i)
		}
	}
}

// warn counts a line whose record was new and had to be changed: once for each reason.
func (p *pipeline) warn(issues []Issue) {
	for at, i := range issues {
		if !slices.ContainsFunc(issues[:at], func(before Issue) bool { return before.Reason == i.Reason }) {
			p.warnings[i.Reason]++
		}
	}
}

// save passes batches to the sink and reports progress after each.
func (p *pipeline) save(ctx context.Context) error {
	for b := range p.full {
		if len(b.records) > 0 {
			inserted, err := p.sink.Save(ctx, b.records)
			if err != nil {
				return fmt.Errorf("save %d articles: %w", len(b.records), err)
			}
			p.saved += len(b.records)
			for i, is := range inserted {
				if is {
					p.inserted++
					p.warn(b.warned[i])
				}
			}
		}
		if p.opts.Progress != nil {
			now := b.sofar
			now.Records, now.Inserted, now.Elapsed = p.saved, p.inserted, p.opts.Now().Sub(p.start)
			p.opts.Progress(now)
		}
	}
	return nil
}
