// Package coherence proves the cache's promise from outside, or finds where it breaks: once Invalidate has returned, no
// read on any instance returns a value whose fetch began before it was called. Everything is in its tests.
//
// The test binary starts itself again as several worker processes. Each has a cache of its own on the same Redis, reads
// random entries and invalidates random dependencies, while the parent evicts, flushes, stalls, kills, restarts with the
// last second lost, promotes and fences off the servers, and stops and kills the workers.
//
// How it judges (judge_test.go). One counter in memory that all processes share orders everything. A fetch draws its number
// before it does anything else, and the value carries it. An invalidation draws its number before it is called and, once it
// was acknowledged, raises its dependencies' floor to it. A read notes the floors before it begins; a value that carries
// a lower number than the floor of anything it depends on was fetched before an invalidation that had been acknowledged before
// the read began. So every read is judged when it ends, in memory that does not grow.
//
// A checker that cannot fail proves nothing: the same one must find violations in a plain cache-aside, in a plain singleflight by
// key, and in this cache when it is kept from seeing that Redis restarted (control_test.go).
package coherence
