// Package forecast predicts what a cache will be asked for, and how long the values it holds will stay true. It is
// pure: no clock, no I/O, no goroutines.
//
//   - Sketch counts accesses in bounded memory.
//   - Model learns from hourly counts and forecasts an hour's requests, key by key.
//   - Change learns how often a value changes from whether it had changed at each look, and Lifetimes chooses a TTL from that.
//
// The tests in replay have the seeded traces and the simulated engine that these were measured on.
package forecast
