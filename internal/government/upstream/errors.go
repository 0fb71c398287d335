package upstream

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// Kind is why an upstream gave no data: the label of errors in metrics.
type Kind string

// The kinds there are.
const (
	Network   Kind = "network"    // no connection, or it broke
	Timeout   Kind = "timeout"    // no whole answer within the budget
	Throttled Kind = "throttled"  // it asks to be left alone, or our own limit does
	Status    Kind = "status"     // a status that is no answer, such as 500
	NotData   Kind = "not_data"   // a page where data should be, such as a bot manager's with status 200
	Malformed Kind = "malformed"  // data that ends too soon or does not have its shape
	Reported  Kind = "reported"   // an error in its own form, inside of a 200
	Refused   Kind = "refused"    // it answers that the query is wrong
	Vanished  Kind = "vanished"   // an empty list where there was one
	TooLarge  Kind = "too_large"  // more than MaxBytes
	Open      Kind = "open"       // it failed so often that it is not asked for a while
	Denied    Kind = "denied"     // it does not accept our token
	Late      Kind = "unfinished" // it is still working at the query after all our patience (202)
)

// Kinds lists them all.
func Kinds() []Kind {
	return []Kind{Network, Timeout, Throttled, Status, NotData, Malformed, Reported, Refused, Vanished, TooLarge, Open, Denied, Late}
}

// Error is a request that brought no data.
type Error struct {
	Upstream string
	Kind     Kind
	Status   int           // of the answer, 0 without one
	After    time.Duration // when trying again may help; 0 = not known
	Err      error
}

func (e *Error) Error() string {
	if e.Status != 0 {
		return fmt.Sprintf("%s: %s (status %d): %v", e.Upstream, e.Kind, e.Status, e.Err)
	}
	return fmt.Sprintf("%s: %s: %v", e.Upstream, e.Kind, e.Err)
}

// Unwrap is the cause.
func (e *Error) Unwrap() error { return e.Err }

// healthy reports whether an upstream that answers so is in order: it is we who asked for the wrong thing.
func healthy(err error) bool {
	if err == nil {
		return true
	}
	e, ok := errors.AsType[*Error](err)
	return ok && (e.Kind == Refused || e.Kind == Denied)
}

// saysNothing reports whether an error says nothing of the upstream's health: the caller left, or a limit was reached.
func saysNothing(err error) bool {
	e, ok := errors.AsType[*Error](err)
	return errors.Is(err, context.Canceled) || ok && e.Kind == Throttled
}

// Fail makes an error of what a decoder finds wrong with an answer.
func Fail(kind Kind, format string, args ...any) *Error {
	return &Error{Kind: kind, Err: fmt.Errorf(format, args...)}
}
