// Package forecast foretells what a cache will be asked for, and how long what it holds will stay true. It is pure: no
// clock, no I/O, no goroutines.
//
//   - Sketch counts accesses in bounded memory.
//   - Model learns from hourly counts and forecasts an hour's requests, key by key.
//   - Change learns how often a value changes from whether it had changed at each look, and Lifetimes makes a TTL of that.
//
// The tests in replay have the seeded traces and the simulated engine that they were measured on.
package forecast
