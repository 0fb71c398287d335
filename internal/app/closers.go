package app

import "errors"

// closers end what was started, the last first: what is on top stands on what is below.
type closers []func() error

func (c *closers) add(end func() error) { *c = append(*c, end) }

// addFunc adds an end that cannot fail.
func (c *closers) addFunc(end func()) { c.add(func() error { end(); return nil }) }

// close ends everything, whatever fails, once.
func (c *closers) close() error {
	var errs []error
	for len(*c) > 0 {
		last := len(*c) - 1
		end := (*c)[last]
		*c = (*c)[:last]
		errs = append(errs, end())
	}
	return errors.Join(errs...)
}
