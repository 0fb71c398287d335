package cache

import (
	"bytes"
	"context"
	"math"
	"strings"
)

// The coherence audit compares a sampled share of hits on audited layers with
// the source. A difference is confirmed only if the entry's versions are
// unchanged afterwards and no invalidation is known to be pending: then the
// cache served what the source no longer says, and nothing was in progress to
// change that. That is how the service knows how many nines of coherence it
// has.

const maxAudits = 2 // at once; beyond that a sample is skipped

// maybeAudit takes a sample, in the background of the read.
func (c *Cache) maybeAudit(q *request, ans *answer) {
	if !q.layer.Audit || q.volatile || c.opt.AuditRate <= 0 || ans.info.Stale || c.opt.Rand() >= c.opt.AuditRate {
		return
	}
	select {
	case c.audits <- struct{}{}:
	default:
		return
	}
	served, versions := *ans, ans.versions
	if !c.spawn(func() {
		defer func() { <-c.audits }()
		c.audit(q, &served, versions)
	}) {
		<-c.audits
	}
}

func (c *Cache) audit(q *request, served *answer, versions string) {
	lctx, cancel := c.loadContext(context.Background(), q.layer, []string{q.key}, false, nil)
	defer cancel()
	p := &c.callSource(lctx, one(q), []int{0}, false)[0]
	if p.err != nil && !p.negative || p.reject != rejectNone || p.ttl < 0 {
		return // the source could not be asked, or does not give the same answer twice
	}
	met := &q.layer.met
	met.auditChecks.inc()
	if p.negative == served.negative && (p.negative || bytes.Equal(p.payload, served.payload)) {
		return
	}
	// In this order: a change that the source already shows is either still pending now, or it has been applied and the
	// versions read after this say so.
	settled := c.opt.Settled()
	now, err := c.readKeys(lctx, "", q.vkeys)
	if err != nil || strings.Join(now, "") != versions || !settled {
		met.auditUnsettled.inc()
		return
	}
	met.auditMisses.inc()
	c.log.Error("cache audit: a hit differs from the source",
		"layer", q.layer.Name, "key", q.key, "dependencies", q.deps, "stored_at", served.info.StoredAt())
}

// AuditStats is what the audit has found.
type AuditStats struct {
	Checks     uint64 `json:"checks"`
	Mismatches uint64 `json:"mismatches"`
	// Unsettled are differences that an invalidation in progress explains.
	Unsettled uint64 `json:"unsettled"`
	// Nines is how many nines of coherence the checks support:
	// −log10((mismatches+1)/(checks+1)), so that no finding in n checks
	// claims no more than n checks can show. Never negative.
	Nines float64 `json:"nines"`
}

func nines(mismatches, checks uint64) float64 {
	return max(0, -math.Log10(float64(mismatches+1)/float64(checks+1)))
}
