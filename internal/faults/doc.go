// Package faults subjects the service to the faults that services meet, and records what its clients see of them.
// Everything is in its tests.
//
// Two instances run as processes on a PostgreSQL and a Redis of their own. Between each instance and each server lies a
// proxy that delays, cuts or silences the connection. One driver reads and writes through both at bounded rates,
// another writes with SQL beside them. Each row (rows_*_test.go) is a fault: the service runs steadily, the fault is
// made, held and undone, and the time to the first whole second without an error is measured.
//
// How it judges (judge_test.go). Each article carries a counter, and only one write of it runs at a time. A write raises the
// article's floor once it is acknowledged; a read notes the floor before it is sent. An answer with a lower counter is stale.
// A commit made with SQL beside the service raises the floor a second later, as promised. A write without a clear answer
// may or may not be there: its article is not written again, and what a read shows of it counts like a commit made with SQL.
// At the end an article must have at least its last acknowledged counter in the database, or a write was lost.
//
// `make faults` runs all of it and writes docs/reliability.md; `go test` runs a few rows briefly.
package faults
