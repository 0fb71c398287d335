package cache

import (
	"cmp"
	"slices"
	"time"
)

// TopKey is one of the most asked keys of this process.
type TopKey struct {
	Layer, ID string
	// AtLeast and AtMost enclose how often it was asked.
	AtLeast, AtMost uint64
}

// TopKeys lists the most asked keys of a layer ("" = of all) in this process, the
// most asked first, and since when they were counted: five to ten minutes ago,
// or the start.
func (c *Cache) TopKeys(layer string, most int) ([]TopKey, time.Time, error) {
	if layer != "" {
		if _, err := c.layer(layer); err != nil {
			return nil, time.Time{}, err
		}
	}
	var out []TopKey
	keys, since := c.topKeys.Top(c.mono())
	for _, k := range keys {
		l := c.layerOf(k.Key)
		if l != nil && (layer == "" || layer == l.Name) {
			out = append(out, TopKey{Layer: l.Name, ID: k.Key[len(l.keyPrefix):], AtLeast: k.AtLeast, AtMost: k.AtMost})
		}
	}
	slices.SortFunc(out, func(a, b TopKey) int {
		return cmp.Or(cmp.Compare(b.AtLeast, a.AtLeast), cmp.Compare(b.AtMost, a.AtMost), cmp.Compare(a.Layer, b.Layer), cmp.Compare(a.ID, b.ID))
	})
	return out[:min(len(out), max(most, 0))], c.born.Add(time.Duration(since)), nil
}
