package source

import (
	"bytes"
	_ "embed"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net/url"
	"slices"
	"strings"
)

//go:embed definitions.json
var definitionsJSON []byte

// Definition says how one source is scraped. Definitions are data: nothing in the code knows a newspaper by its name.
type Definition struct {
	// ID names the source on the command line: el_tiempo.
	ID string `json:"id"`
	// Name is the catalogue's name, stored as the source of every article.
	Name string `json:"name"`
	// Aliases are other names people use for it.
	Aliases []string `json:"aliases,omitempty"`
	// BaseURL is the front page; its host (and the www or bare sibling) is the only one pages are fetched from.
	BaseURL string `json:"base_url"`
	// ExtraHosts are further hosts whose links count as the source's own: a domain that moved.
	ExtraHosts []string `json:"extra_hosts,omitempty"`
	// HostAliases rewrites a host seen in links (a CDN's, say) to the host that serves readers.
	HostAliases map[string]string `json:"host_aliases,omitempty"`
	// Language is the BCP 47 tag of pages that do not declare one.
	Language string `json:"language,omitempty"`
	// RequestsPerMinute bounds the pace towards the host; robots.txt may slow it further. 0 means 10.
	RequestsPerMinute float64 `json:"requests_per_minute,omitempty"`
	// Feeds are tried in order; one that is broken never hides the others.
	Feeds []Feed `json:"feeds"`
	// AllowLoopback lets the fetcher reach 127.0.0.0/8 and ::1 for this source: the demo newsroom. Nothing bundled sets it.
	AllowLoopback bool `json:"-"`
}

// Feed is the address of one RSS or Atom document.
type Feed struct {
	URL string `json:"url"`
	// Status says how sure the address is: measured_ok (fetched and counted by a public project in 2026) or
	// reported_ok (listed as working); empty where we serve it ourselves.
	Status string `json:"status,omitempty"`
}

const DefaultRequestsPerMinute = 10

func (d Definition) clone() Definition {
	d.Aliases = slices.Clone(d.Aliases)
	d.ExtraHosts = slices.Clone(d.ExtraHosts)
	d.HostAliases = maps.Clone(d.HostAliases)
	d.Feeds = slices.Clone(d.Feeds)
	return d
}

func (d Definition) validate() error {
	if Fold(d.ID) == "" || Fold(d.ID) != d.ID {
		return fmt.Errorf("definition id %q: lower-case letters, digits and underscores expected", d.ID)
	}
	if strings.TrimSpace(d.Name) == "" {
		return fmt.Errorf("definition %s: no name", d.ID)
	}
	base, err := url.Parse(d.BaseURL)
	if err != nil || base.Hostname() == "" || (base.Scheme != "http" && base.Scheme != "https") {
		return fmt.Errorf("definition %s: base_url %q is no absolute http(s) address", d.ID, d.BaseURL)
	}
	if d.RequestsPerMinute < 0 {
		return fmt.Errorf("definition %s: requests_per_minute %v is negative", d.ID, d.RequestsPerMinute)
	}
	if len(d.Feeds) == 0 {
		return fmt.Errorf("definition %s: no feeds", d.ID)
	}
	for _, f := range d.Feeds {
		u, err := url.Parse(f.URL)
		if err != nil || !d.Site().Accepts(u) {
			return fmt.Errorf("definition %s: feed %q is not on the source's host", d.ID, f.URL)
		}
	}
	return nil
}

// Definitions is an immutable set of scrape definitions, looked up by id, name or alias.
type Definitions struct {
	list   []Definition
	byName map[string]int
}

// NewDefinitions reads the bundled definitions and adds the given ones behind them.
func NewDefinitions(extra ...Definition) (*Definitions, error) {
	dec := json.NewDecoder(bytes.NewReader(definitionsJSON))
	dec.DisallowUnknownFields()
	var bundled []Definition
	if err := dec.Decode(&bundled); err != nil {
		return nil, fmt.Errorf("scraping: bundled definitions: %w", err)
	}
	return DefinitionsOf(append(bundled, extra...)...)
}

// DefinitionsOf is a set of the given definitions alone.
func DefinitionsOf(list ...Definition) (*Definitions, error) {
	d := &Definitions{byName: map[string]int{}}
	var errs []error
	for _, def := range list {
		if err := def.validate(); err != nil {
			errs = append(errs, err)
			continue
		}
		for _, name := range append([]string{def.ID, def.Name}, def.Aliases...) {
			key := Fold(name)
			if at, taken := d.byName[key]; taken && at != len(d.list) {
				errs = append(errs, fmt.Errorf("definition %s: the name %q belongs to %s", def.ID, name, d.list[at].ID))
				continue
			}
			d.byName[key] = len(d.list)
		}
		d.list = append(d.list, def.clone())
	}
	if err := errors.Join(errs...); err != nil {
		return nil, fmt.Errorf("scraping: definitions: %w", err)
	}
	return d, nil
}

// Find looks a definition up by id, name or alias, whatever the case and the accents.
func (d *Definitions) Find(name string) (Definition, bool) {
	i, ok := d.byName[Fold(name)]
	if !ok {
		return Definition{}, false
	}
	return d.list[i].clone(), true
}

// IDs lists the ids of every definition, in order: what `openlearn scrape` can be given.
func (d *Definitions) IDs() []string {
	out := make([]string, len(d.list))
	for i, def := range d.list {
		out[i] = def.ID
	}
	return out
}

// All lists every definition, in order.
func (d *Definitions) All() []Definition {
	out := make([]Definition, len(d.list))
	for i, def := range d.list {
		out[i] = def.clone()
	}
	return out
}
