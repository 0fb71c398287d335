package app

import "errors"

// closers close what was started, the last first: later parts depend on earlier ones.
type closers []func() error

func (c *closers) add(end func() error) { *c = append(*c, end) }

// addFunc adds a closer that cannot fail.
func (c *closers) addFunc(end func()) { c.add(func() error { end(); return nil }) }

// close closes everything once, whatever fails.
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
