// Package httpcache is a shared HTTP cache (RFC 9111) on the engine of internal/cache.
//
// It has two configurations. Proxy stands in front of any handler and does what the RFC describes: freshness from the
// response's own fields, Vary, validation, ranges, invalidation by unsafe methods. Service stands in front of our own
// routes and takes lifetimes and dependencies from a table, so that invalidating a dependency takes effect on HTTP
// responses at once, on every instance; clients are told to ask each time and are answered with 304.
//
// The rules are pure functions, in files named after what they decide: directives, date, structured, policy, freshness
// (with Age), storable, vary, conditional, ranges, cachestatus. proxy*.go and service*.go apply them.
package httpcache
