package password

import (
	_ "embed"
	"errors"
	"fmt"
	"strings"
	"sync"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"
)

// Bounds of a password, in characters. Nothing is cut: a longer one is refused.
const (
	Shortest = 8
	Longest  = 256
)

// commonList has a password a line, in lower case: the commonest ones of at least eight characters, from zxcvbn's frequency list
// (MIT licence, see NOTICE), and some that readers of Spanish choose.
//
//go:embed common.txt
var commonList string

var common = sync.OnceValue(func() map[string]bool {
	lines := strings.Fields(commonList)
	all := make(map[string]bool, len(lines))
	for _, l := range lines {
		all[l] = true
	}
	return all
})

// ErrCommon: the password is among the commonest, which are tried first.
var ErrCommon = errors.New("this password is one of the commonest: choose another")

// Normalise gives a password the one spelling that is hashed: keyboards differ in how they compose an accented letter
// (NIST SP 800-63B §5.1.1.2).
func Normalise(password string) string { return norm.NFC.String(password) }

// Check says why a password, as it was given, cannot be taken; nil if it can. There are no rules of composition. about are the
// owner's name and address, which must not be the password.
func Check(password string, about ...string) error {
	password = Normalise(password)
	if !LengthOK(password) {
		return fmt.Errorf("must have %d to %d characters", Shortest, Longest)
	}
	lower := strings.ToLower(password)
	if common()[lower] || isOneCharacter(lower) {
		return ErrCommon
	}
	for _, a := range about {
		if a != "" && strings.EqualFold(a, password) {
			return errors.New("the password must not be the name or the address of the account")
		}
	}
	return nil
}

// LengthOK reports whether a password has as many characters as it may.
func LengthOK(password string) bool {
	n := utf8.RuneCountInString(Normalise(password))
	return n >= Shortest && n <= Longest
}

// isOneCharacter reports whether a text is one character, again and again.
func isOneCharacter(s string) bool {
	first, _ := utf8.DecodeRuneInString(s)
	return strings.Trim(s, string(first)) == ""
}
