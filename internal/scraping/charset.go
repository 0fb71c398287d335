package scraping

import (
	"strings"
	"unicode/utf8"

	"golang.org/x/net/html/charset"
)

// decodeHTML turns a page's bytes into UTF-8. What the bytes are beats what the server says they are: text that is
// valid UTF-8 beyond ASCII is UTF-8 whatever is declared, and a page declared UTF-8 whose bytes mostly are not is read
// as its meta tag says, or as windows-1252. The rest follows the HTML standard's order: byte order mark, Content-Type,
// meta.
func decodeHTML(body []byte, contentType string) string {
	good, bad := utf8Runs(body)
	if bad == 0 && good > 0 {
		return string(trimBOM(body))
	}
	if bad == 0 && !hasUTF16BOM(body) {
		// ASCII: only an escape-based or two-byte encoding could read it differently, and no newspaper uses one.
		return string(body)
	}
	enc, name, _ := charset.DetermineEncoding(body, contentType)
	if name == "utf-8" && bad > good {
		if enc, name, _ = charset.DetermineEncoding(body, ""); name == "utf-8" {
			enc, _ = charset.Lookup("windows-1252")
		}
	}
	out, err := enc.NewDecoder().Bytes(body)
	if err != nil {
		out = body
	}
	return strings.ToValidUTF8(string(trimBOM(out)), "\ufffd")
}

// utf8Runs counts the multi-byte characters that are valid UTF-8 and the bytes that are not.
func utf8Runs(b []byte) (good, bad int) {
	for len(b) > 0 {
		if b[0] < utf8.RuneSelf {
			b = b[1:]
			continue
		}
		r, n := utf8.DecodeRune(b)
		if r == utf8.RuneError && n == 1 {
			bad++
		} else {
			good++
		}
		b = b[n:]
	}
	return good, bad
}

func hasUTF16BOM(b []byte) bool {
	return len(b) >= 2 && (b[0] == 0xfe && b[1] == 0xff || b[0] == 0xff && b[1] == 0xfe)
}

func trimBOM(b []byte) []byte {
	if len(b) >= 3 && b[0] == 0xef && b[1] == 0xbb && b[2] == 0xbf {
		return b[3:]
	}
	return b
}
