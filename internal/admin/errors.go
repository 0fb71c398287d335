package admin

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"unicode/utf8"

	"openlearn/internal/cache"
)

// Kind is why an operation was not done.
type Kind int

// The kinds there are.
const (
	Invalid      Kind = iota // a field of the input is wrong
	UnknownLayer             // the field names a layer that does not exist
	Missing                  // what the input names does not exist
	Forbidden                // this is never done
	Busy                     // another one is running
	Unavailable              // the cache cannot do it now, and nothing is promised: try again
	TooSlow                  // it took longer than allowed
)

// Error says why an operation was not done, in words that an operator may read. jsonapi and console give it their form.
type Error struct {
	Kind  Kind
	Field string // the part of the input concerned, "" if none or all of it
	Text  string
	Input any // what was given for the field

	cause error
}

func (e *Error) Error() string {
	text := e.Text
	if e.Field != "" {
		text = e.Field + ": " + text
	}
	if e.cause != nil {
		text += ": " + e.cause.Error()
	}
	return text
}

// Unwrap returns the cause, which is for the log only.
func (e *Error) Unwrap() error { return e.cause }

func invalid(field, text string, input any) *Error {
	return &Error{Kind: Invalid, Field: field, Text: text, Input: input}
}

// checkText refuses text that no key and no column could hold.
func checkText(value, field string) error {
	if strings.ContainsRune(value, 0) || !utf8.ValidString(value) {
		return invalid(field, "text must be valid UTF-8 without NUL characters", strings.ToValidUTF8(value, "\uFFFD"))
	}
	return nil
}

// checkName refuses names that are empty, too long or not text.
func checkName(value, field string, most int) error {
	if n := utf8.RuneCountInString(value); n == 0 || n > most {
		return invalid(field, fmt.Sprintf("a name of 1 to %d characters is needed", most), value)
	}
	return checkText(value, field)
}

// layer finds a layer by name.
func (a *Admin) layer(name, field string) (cache.Layer, error) {
	var names []string
	for _, l := range a.cache.LayerTable() {
		if l.Name == name {
			return l, nil
		}
		names = append(names, l.Name)
	}
	return cache.Layer{}, &Error{Kind: UnknownLayer, Field: field, Text: "unknown cache layer; there are " + strings.Join(names, ", "), Input: name}
}

// sealed reports whether nobody may read or write the layer's values from outside: credentials, and bodies that go to
// browsers as they are.
func (a *Admin) sealed(l cache.Layer) bool { return l.Credential || l.Name == a.opt.Layers.Responses }

// refused words the cache's errors. What Redis could not do was not done and may be tried again.
func (a *Admin) refused(err error, field string) error {
	var said *Error
	switch {
	case err == nil || errors.As(err, &said) || errors.Is(err, context.Canceled):
		return err
	case errors.Is(err, cache.ErrInvalidKey):
		return invalid(field, plain(err), nil)
	}
	a.log.Warn("the cache could not do what an operator asked", "error", err)
	text := "The cache cannot be reached: nothing is promised. Try again."
	if errors.Is(err, cache.ErrBypass) {
		text = "The cache is out of use: Redis does not answer, or invalidations are pending. Try again."
	}
	return &Error{Kind: Unavailable, Text: text, cause: err}
}

// plain returns the text of a cache error without the package's name.
func plain(err error) string { return strings.ReplaceAll(err.Error(), "cache: ", "") }
