package cache

import (
	"errors"
	"fmt"
	"strings"
	"time"
)

// Tier groups layers by what feeds them: L1 our own database, L2 external APIs, L3 language analysis, L4 what belongs
// to one user.
type Tier string

// The four tiers.
const (
	L1 Tier = "L1"
	L2 Tier = "L2"
	L3 Tier = "L3"
	L4 Tier = "L4"
)

// NearMode says what the in-process memory of a layer may do.
type NearMode uint8

const (
	// NearStrict (the default) serves from memory after one check of the
	// versions alone; the promise of Invalidate still holds.
	NearStrict NearMode = iota
	// NearOff keeps nothing in process.
	NearOff
	// NearBounded serves without a round trip for at most Near.Staleness,
	// counted from the start of the last check.
	NearBounded
)

// Near is the in-process policy of a layer.
type Near struct {
	// Mode: strict, off or bounded.
	Mode NearMode
	// Staleness bounds how long a bounded read may be served after the
	// start of its last check. Needed for NearBounded, at most one minute.
	Staleness time.Duration
}

// Layer is one class of entries: where their keys live and how long they last.
type Layer struct {
	// Name is what callers use ("api_government") and the metrics' label.
	Name string
	// Namespace is the first part of the layer's keys ("api:gov").
	Namespace string
	// Tier is the layer's group.
	Tier Tier
	// TTL is the documented, soft lifetime; jitter only shortens it.
	TTL time.Duration
	// Description says in one sentence what is kept here.
	Description string

	// StaleWhileRevalidate is how long past the TTL a read is answered at
	// once with the expired value while one refresh runs behind it.
	StaleWhileRevalidate time.Duration
	// StaleIfError is how long past the TTL an expired value may stand in
	// for a source that fails. Invalidated values never do.
	StaleIfError time.Duration
	// NegativeTTL is how long "not found" is remembered; 0 = never.
	NegativeTTL time.Duration
	// Near is the in-process policy.
	Near Near
	// SoftTimeout is how long a read waits for the source when it could
	// serve an expired value instead; 0 = as long as HardTimeout.
	SoftTimeout time.Duration
	// HardTimeout bounds one load; 0 = Options.LoadTimeout.
	HardTimeout time.Duration
	// Credential marks layers whose values stand for a right (session,
	// token, preferences): never stale, never bounded.
	Credential bool
	// Audit lets the coherence audit compare sampled hits with the source:
	// for layers whose source is our own database.
	Audit bool
}

// Graced completes a layer with the usual windows around its TTL: an expired value is served for a tenth of the TTL
// while it is refreshed, and for as long as the TTL while the source fails; a read waits two seconds for the source when
// it could serve an expired value instead; "not found" is remembered for thirty seconds.
func Graced(l Layer) Layer {
	l.StaleWhileRevalidate = l.TTL / 10
	l.StaleIfError = l.TTL
	l.SoftTimeout = 2 * time.Second
	l.NegativeTTL = 30 * time.Second
	return l
}

// JoinLayers makes one table of several. Two of them may declare the same layer, which must then be the same in all.
func JoinLayers(tables ...[]Layer) ([]Layer, error) {
	var joined []Layer
	place := map[string]int{}
	for _, table := range tables {
		for _, l := range table {
			at, ok := place[l.Name]
			switch {
			case !ok:
				place[l.Name] = len(joined)
				joined = append(joined, l)
			case joined[at] != l:
				return nil, fmt.Errorf("cache: layer %s is declared twice, and differently: %+v, %+v", l.Name, joined[at], l)
			}
		}
	}
	return joined, nil
}

// hardWindow is how long past the soft expiry an entry may still be of use.
func (l *Layer) hardWindow() time.Duration {
	return max(l.StaleWhileRevalidate, l.StaleIfError, 0)
}

const maxStaleness = time.Minute

func (l *Layer) validate(maxTTL time.Duration) error {
	switch {
	case l.Name == "" || l.Namespace == "":
		return fmt.Errorf("cache: layer %q: name and namespace are needed", l.Name)
	case l.Name == "layer" || strings.ContainsAny(l.Name+l.Namespace, "*?[]\\{}"):
		return fmt.Errorf("cache: layer %q, namespace %q: not usable as a name", l.Name, l.Namespace)
	case l.TTL <= 0 || l.TTL > maxTTL:
		return fmt.Errorf("cache: layer %s: TTL %v is not in (0, %v]", l.Name, l.TTL, maxTTL)
	case l.StaleWhileRevalidate < 0 || l.StaleIfError < 0 || l.NegativeTTL < 0 || l.SoftTimeout < 0 || l.HardTimeout < 0:
		return fmt.Errorf("cache: layer %s: a duration is negative", l.Name)
	case l.TTL+l.hardWindow() > maxTTL:
		return fmt.Errorf("cache: layer %s: TTL and stale windows exceed %v", l.Name, maxTTL)
	case l.NegativeTTL > maxTTL:
		return fmt.Errorf("cache: layer %s: negative TTL exceeds %v", l.Name, maxTTL)
	case l.Near.Mode > NearBounded:
		return fmt.Errorf("cache: layer %s: unknown near mode %d", l.Name, l.Near.Mode)
	case l.Near.Mode == NearBounded && (l.Near.Staleness <= 0 || l.Near.Staleness > maxStaleness):
		return fmt.Errorf("cache: layer %s: bounded staleness %v is not in (0, %v]", l.Name, l.Near.Staleness, maxStaleness)
	case l.Credential && (l.hardWindow() > 0 || l.Near.Mode == NearBounded):
		return fmt.Errorf("cache: layer %s: credentials are served neither stale nor bounded", l.Name)
	}
	return nil
}

func validateLayers(layers []Layer, maxTTL time.Duration) error {
	var errs []error
	names, spaces := map[string]bool{}, map[string]bool{}
	for i := range layers {
		l := &layers[i]
		if err := l.validate(maxTTL); err != nil {
			errs = append(errs, err)
		}
		if names[l.Name] || spaces[l.Namespace] {
			errs = append(errs, fmt.Errorf("cache: layer %s: name or namespace %q used twice", l.Name, l.Namespace))
		}
		names[l.Name], spaces[l.Namespace] = true, true
	}
	return errors.Join(errs...)
}
