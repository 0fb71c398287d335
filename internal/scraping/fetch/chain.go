package fetch

import (
	"bytes"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"net/url"
	"strings"

	"golang.org/x/net/html"
)

// inflate takes gzip away that no header told of. One that breaks off yields what came before.
func inflate(body []byte, limit int64) ([]byte, error) {
	if !bytes.HasPrefix(body, []byte{0x1f, 0x8b, 8}) {
		return body, nil
	}
	z, err := gzip.NewReader(bytes.NewReader(body))
	if err != nil {
		return body, nil //nolint:nilerr // it only begins like gzip
	}
	out, err := io.ReadAll(io.LimitReader(z, limit+1))
	switch {
	case int64(len(out)) > limit:
		return nil, fmt.Errorf("more than %d bytes when decompressed", limit)
	case err != nil && len(out) == 0:
		return nil, errors.New("broken gzip")
	}
	return out, nil
}

// maxRefreshPage is the size of a page that only sends elsewhere; one that is larger has something to say itself.
const maxRefreshPage = 16 << 10

// refreshOf is where a page sends its readers at once (<meta http-equiv=refresh>), nil where it does not.
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
				return nil // what follows is not said to every reader
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
			if !ok || len(wait) != 1 || wait[0] > '5' { // one that waits is for those who stay: a page that reloads
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
