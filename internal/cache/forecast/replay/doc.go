// Package replay has tests only. They measure what warming and learnt lifetimes achieve: on seeded traces, with an
// engine in virtual time that behaves as package cache does (one test compares it with the real one), for each policy
// in turn.
package replay
