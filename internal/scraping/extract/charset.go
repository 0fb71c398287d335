package extract

import (
	"strings"
	"unicode/utf8"

	"openlearn/internal/scraping/source"

	"golang.org/x/net/html/charset"
	"golang.org/x/text/encoding/charmap"
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
	if bad > 0 && good > bad && !source.HasUTF16BOM(body) {
		return mendBytes(source.TrimBOM(body))
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

// mendBytes reads UTF-8 into which single bytes of windows-1252 were pasted: a byte that is no UTF-8 between characters
// that are is a letter of that encoding. What is broken otherwise becomes U+FFFD.
func mendBytes(body []byte) string {
	var out strings.Builder
	out.Grow(len(body) + 16)
	lone := true // nothing broken stands right before
	for len(body) > 0 {
		r, size := utf8.DecodeRune(body)
		if r != utf8.RuneError || size > 1 {
			out.Write(body[:size])
			body, lone = body[size:], true
			continue
		}
		next, width := utf8.DecodeRune(body[1:])
		if meant := charmap.Windows1252.DecodeByte(body[0]); lone && (next != utf8.RuneError || width != 1) && strings.ContainsRune(pasted, meant) {
			out.WriteRune(meant)
		} else {
			out.WriteRune(utf8.RuneError)
		}
		body, lone = body[1:], false
	}
	return out.String()
}

// pasted are the characters that Spanish and its neighbours write beyond ASCII.
const pasted = "áéíóúñüÁÉÍÓÚÑÜ¿¡«»ºª°àèìòùçÇêôõäöëï“”‘’–—…·€"
