// Package cache keeps what a slow source of truth answers, in Redis and in
// process memory, with a promise: once Invalidate has returned, no read on any
// instance returns a value whose fetch began before it was called.
//
// # The idea
//
// Every value depends on named things: "article:42", "articles",
// "source:El Tiempo". Each name has a version in Redis, a random 128-bit nonce. A
// value is stored together with the versions that were current before its fetch
// began, and is served only while all of them still are. To invalidate is to give
// a name a new version: nothing is searched for, nothing has to be deleted, and a
// slow fetch can never overwrite a newer invalidation. A version that is lost
// (evicted, expired) costs a miss and nothing else.
//
// # Using it
//
// A Layer is a class of entries: where their keys are and how long they live.
// New makes a Cache from a table of layers and a Redis client; Start begins its
// background work and Close ends it. Wrap caches a function: a Spec gives the key
// of an argument and the names that its result depends on. Func.Get returns what
// is stored or loads it; Func.GetMany does so for several arguments, with one
// round trip and one load. After a write has been committed, Cache.Invalidate
// names what changed. An error from it means: nothing is promised, call it again.
//
// A load may read other cached functions. Such reads are strict, and the outer
// entry must declare everything that the inner ones depend on (Func.Deps), or it
// is not stored.
//
// # What a read does
//
// It looks in process memory, and checks the versions of what it finds there in
// one exchange that readers share (internal/versionbatch). Else it reads the entry and
// its versions from Redis in one round trip (redisread.go) and judges them
// (judge.go). What is missing is fetched once per key and versions: readers of a
// process share a flight (flight.go), processes share by a lock (lock.go,
// fill.go), and the result is written with the versions read before the fetch
// (writeback.go). Single reads (read.go) and batches (batch.go) take the same
// steps.
//
// An entry past its TTL may be served while one refresh runs behind the reader,
// or while the source fails, within the windows of its layer. An invalidated one
// never is.
//
// # When something is away
//
// If Redis does not answer, or not in time, a breaker sends reads to the source
// (breaker.go, pulse.go, bypass.go), one fetch per key and with bounded
// concurrency. If Redis restarts or fails over and brings back old values, every
// layer is invalidated before they are served (history.go). While Options.Gate
// says that invalidations are pending, reads go to the source.
//
// # Where things are
//
// This package is the protocol: what is read, judged, fetched, stored and
// invalidated, and what happens when Redis is away. What needs no Cache is below
// internal, each part by itself: the form of a stored entry (envelope), versions
// with their keys and marks (version), identifiers (names), fingerprints, the
// memory (near), shared exchanges (versionbatch, coalesce), patterns, the answer
// to MGET (resp) and the most asked keys (topkeys).
//
// docs/cache.md has the protocol, its edges and how it is proven.
package cache
