// Package httpcache is an HTTP cache on the engine of the package cache. Its packages:
//
//   - rules: RFC 9111 and its neighbours, as pure functions.
//   - service: a cache for routes of our own, which takes lifetimes and dependencies from a table.
//   - proxy: a shared cache in front of any handler, governed by the responses' own fields.
//   - echocache: an adapter that puts a service into an Echo.
//   - cork: a listener that sends answers from memory in one system call.
//
// This package itself only has the layer in which responses are kept.
package httpcache
