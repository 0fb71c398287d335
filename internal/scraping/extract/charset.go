package extract

import (
	"strings"
	"unicode/utf8"

	"openlearn/internal/scraping/source"

	"golang.org/x/net/html/charset"
	"golang.org/x/text/encoding/charmap"
)

// Decode turns a page's bytes into UTF-8. The bytes themselves count more than what the server declares: text that is valid
// UTF-8 beyond ASCII is UTF-8 whatever is declared, and a page that is declared UTF-8 but mostly is not valid is read as
// its meta tag says, or as windows-1252. The rest follows the HTML standard's order: byte order mark, Content-Type, meta.
//
// Letters that were encoded as UTF-8 twice ("CafÃ©") are repaired.
func Decode(body []byte, contentType string) string {
	return mendTwice(decode(body, contentType))
}

func decode(body []byte, contentType string) string {
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

// mendBytes reads UTF-8 into which single bytes of windows-1252 were pasted: an invalid byte between valid characters is a
// letter of that encoding. Anything else that is invalid becomes U+FFFD.
func mendBytes(body []byte) string {
	var out strings.Builder
	out.Grow(len(body) + 16)
	lone := true // the byte before is not invalid
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

// mendTwice repairs UTF-8 that was read as windows-1252 and then encoded again: the letters of Spanish (Â¿, Ã±) and general
// punctuation (â€œ). No word of any language contains these sequences, so each is judged on its own.
func mendTwice(s string) string {
	if !strings.ContainsAny(s, "ÃÂ") && !strings.Contains(s, "â€") {
		return s
	}
	var out strings.Builder
	out.Grow(len(s))
	for len(s) > 0 {
		at := strings.IndexAny(s, "ÂÃâ")
		if at < 0 {
			break
		}
		out.WriteString(s[:at])
		s = s[at:]
		meant, size := twice(s)
		out.WriteString(meant)
		s = s[size:]
	}
	out.WriteString(s)
	return out.String()
}

// twice decodes the doubly encoded character at the beginning of s, and gives its length in s; if there is none it gives
// the first character.
func twice(s string) (meant string, size int) {
	lead, size := utf8.DecodeRuneInString(s)
	more := 1
	if lead == 'â' {
		more = 2
	}
	narrow := []byte{byte(lead)}
	for range more {
		r, n := utf8.DecodeRuneInString(s[size:])
		b, ok := charmap.Windows1252.EncodeRune(r)
		if r >= 0x80 && r <= 0x9f { // the five that windows-1252 lacks are kept as controls
			b, ok = byte(r), true
		}
		if !ok || b < 0x80 || b > 0xbf {
			break
		}
		narrow, size = append(narrow, b), size+n
	}
	if r, n := utf8.DecodeRune(narrow); n == more+1 && (more == 1 || r >= 0x2000 && r < 0x2100) {
		return string(r), size
	}
	return string(lead), utf8.RuneLen(lead)
}

// pasted are the characters that Spanish and its neighbours write beyond ASCII.
const pasted = "áéíóúñüÁÉÍÓÚÑÜ¿¡«»ºª°àèìòùçÇêôõäöëï“”‘’–—…·€"
