// Package address reads e-mail addresses: it accepts what can be delivered, gives each one spelling, and refuses look-alikes.
package address

import (
	"net/mail"
	"strings"

	"golang.org/x/net/idna"
	"golang.org/x/text/unicode/norm"
)

// Longest is the longest address that SMTP carries (RFC 5321 §4.5.3.1.3, without the brackets).
const Longest = 254

// Problem says what is wrong with an address, in the words of the original.
type Problem string

func (p Problem) Error() string { return string(p) }

const (
	noAt      = Problem("An email address must have an @-sign.")
	tooLong   = Problem("The email address is too long.")
	badForm   = Problem("The email address is not valid.")
	lookAlike = Problem("The email address has letters that can be taken for others: only ASCII is accepted there.")
)

// Parse gives an address the spelling that is stored and written to: compatibility characters are replaced (NFKC), the domain is
// in ASCII and in lower case. The part before the @ has to be ASCII then, and labels of the domain may have the Latin letters of
// the languages around us, and no others: what looks like a letter and is another one makes two addresses look alike.
func Parse(given string) (string, error) {
	s := norm.NFKC.String(strings.TrimSpace(given))
	at := strings.LastIndexByte(s, '@')
	if at < 0 {
		return "", noAt
	}
	if len(s) > Longest {
		return "", tooLong
	}
	local, domain := s[:at], strings.TrimSuffix(s[at+1:], ".")
	if local == "" || len(local) > 64 || domain == "" || strings.ContainsAny(s, "\r\n\t \x00\"<>(),:;\\[]") {
		return "", badForm
	}
	for _, c := range local {
		if c > '~' {
			return "", lookAlike
		}
	}
	ascii, err := asciiDomain(domain)
	if err != nil {
		return "", err
	}
	out := local + "@" + ascii
	if parsed, err := mail.ParseAddress(out); err != nil || parsed.Address != out {
		return "", badForm
	}
	return out, nil
}

// Key is what two spellings of one address have in common. The database computes the same of what it stores (users.email_key).
func Key(parsed string) string { return strings.ToLower(parsed) }

func asciiDomain(domain string) (string, error) {
	ascii, err := idna.Lookup.ToASCII(domain)
	if err != nil || !strings.Contains(ascii, ".") || len(ascii) > 253 || strings.Contains(ascii, "..") {
		return "", badForm
	}
	shown, err := idna.Lookup.ToUnicode(ascii)
	if err != nil {
		return "", badForm
	}
	for _, c := range shown {
		if c > '~' && !strings.ContainsRune(latin, c) {
			return "", lookAlike
		}
	}
	return ascii, nil
}

// latin are the letters beyond ASCII that domains may have.
const latin = "áàâäãåéèêëíìîïóòôöõúùûüñçýÿæœøß"
