package fetch

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"net/url"
	"strings"

	"golang.org/x/net/html"
)

var errTooLarge = errors.New("too many bytes")

// noted records how its reader ended and how much it read.
type noted struct {
	r   io.Reader
	n   int64
	err error
}

func (n *noted) Read(b []byte) (int, error) {
	got, err := n.r.Read(b)
	n.n += int64(got)
	n.err = err
	return got, err
}

// readBody reads at most limit bytes, both as sent and after decompression. Whether the body is gzip is judged by its
// bytes, whatever the label says. A decompression bomb is not read to its end. Truncated compressed data yield what could
// be decompressed; a broken connection is an error.
func readBody(from io.Reader, limit int64) ([]byte, error) {
	raw := &noted{r: io.LimitReader(from, limit+1)}
	in := bufio.NewReader(raw)
	head, err := in.Peek(3)
	if err != nil && !errors.Is(err, io.EOF) {
		return nil, err
	}
	plain := io.Reader(in)
	zipped := bytes.Equal(head, []byte{0x1f, 0x8b, 8})
	if zipped {
		if plain, err = gzip.NewReader(in); err != nil {
			return nil, fmt.Errorf("gzip: %w", err)
		}
	}
	body, err := io.ReadAll(io.LimitReader(plain, limit+1))
	switch {
	case int64(len(body)) > limit:
		return body[:limit], errTooLarge
	case raw.n > limit:
		return body, errTooLarge
	case raw.err != nil && !errors.Is(raw.err, io.EOF):
		return nil, raw.err
	case err != nil && (!zipped || len(body) == 0):
		return nil, err
	}
	return body, nil
}

// maxRefreshPage is the largest size of a page that only redirects; a larger one has content of its own.
const maxRefreshPage = 16 << 10

// refreshOf is where a page redirects its readers at once (<meta http-equiv=refresh>), nil if it does not.
func refreshOf(doc *Document) *url.URL {
	if len(doc.Body) > maxRefreshPage || doc.NotModified {
		return nil
	}
	base := doc.URL
	z := html.NewTokenizer(bytes.NewReader(doc.Body))
	for {
		switch z.Next() {
		case html.ErrorToken:
			return nil
		case html.StartTagToken, html.SelfClosingTagToken:
			name, more := z.TagName()
			if tag := string(name); tag == "body" || tag == "noscript" || tag == "article" {
				return nil // the rest is not for every reader
			} else if tag != "meta" {
				continue
			}
			attrs := map[string]string{}
			for more {
				var k, v []byte
				k, v, more = z.TagAttr()
				attrs[string(k)] = string(v)
			}
			if !strings.EqualFold(strings.TrimSpace(attrs["http-equiv"]), "refresh") {
				continue
			}
			wait, target, ok := strings.Cut(attrs["content"], ";")
			if !ok {
				wait, target, ok = strings.Cut(attrs["content"], ",")
			}
			wait = strings.TrimSpace(wait)
			if !ok || len(wait) != 1 || wait[0] > '5' { // a longer wait is not a redirect: the page reloads itself
				return nil
			}
			target = strings.TrimSpace(target)
			if len(target) >= 4 && strings.EqualFold(target[:3], "url") {
				target = strings.TrimSpace(strings.TrimPrefix(strings.TrimSpace(target[3:]), "="))
			}
			target = strings.Trim(target, `"' `)
			next, err := base.Parse(target)
			if err != nil || target == "" || next.String() == base.String() {
				return nil
			}
			return next
		}
	}
}
