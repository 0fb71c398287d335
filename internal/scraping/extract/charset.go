package extract

import (
	"strings"

	"openlearn/internal/scraping/source"

	"golang.org/x/net/html/charset"
)

// Decode turns a page's bytes into UTF-8. What the bytes are beats what the server says they are: text that is
// valid UTF-8 beyond ASCII is UTF-8 whatever is declared, and a page declared UTF-8 whose bytes mostly are not is read
// as its meta tag says, or as windows-1252. The rest follows the HTML standard's order: byte order mark, Content-Type,
// meta.
func Decode(body []byte, contentType string) string {
	good, bad := source.UTF8Runs(body)
	if bad == 0 && good > 0 {
		return string(source.TrimBOM(body))
	}
	if bad == 0 && !source.HasUTF16BOM(body) {
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
	return strings.ToValidUTF8(string(source.TrimBOM(out)), "\ufffd")
}
