package coherence

import (
	"fmt"
	"os"
	"sync/atomic"
	"syscall"
	"unsafe"
)

const (
	mostWorkers = 4
	snapshots   = 512  // of the floors, one every snapshotEvery
	remembered  = 4096 // operations of each worker, for the report
)

// memory is shared by the parent and its workers: a file that each of them maps. It survives the death of any of them.
type memory struct {
	Seq   atomic.Int64 // the one linearizable counter
	Stop  atomic.Bool  // workers finish
	Shut  [mostWorkers]atomic.Bool
	Port  atomic.Int64 // of the current primary, where there is just one
	Now   atomic.Int64 // the parent's monotonic clock in ns, as last published
	Ticks atomic.Int64 // snapshots taken
	First atomic.Int64 // the number of the first read that was a violation

	Floors [maxNames]atomic.Int64
	Before [snapshots]snapshot

	InLoad   [mostWorkers]atomic.Int64
	Counters [counters]atomic.Int64
	Rings    [mostWorkers]ring
}

// snapshot is the floors at one time: bounded reads are judged by them.
type snapshot struct {
	At     atomic.Int64
	Floors [maxNames]atomic.Int64
}

// ring remembers a worker's last operations, even if it was killed.
type ring struct {
	Next    atomic.Int64
	Records [remembered]record
}

// record is one operation: its begin and end by the counter, its subject, and what it returned.
type record struct{ Begin, End, Kind, Subject, Stamp, Source, Failed atomic.Int64 }

const (
	opRead = iota + 1
	opInvalidate
)

// raise lifts a floor to n, unless it is higher already.
func raise(floor *atomic.Int64, n int64) {
	for {
		have := floor.Load()
		if have >= n || floor.CompareAndSwap(have, n) {
			return
		}
	}
}

func (r *ring) note(begin, end int64, kind, subject int, stamp, source int64, failed bool) {
	c := &r.Records[(r.Next.Add(1)-1)%remembered]
	c.Begin.Store(begin)
	c.End.Store(end)
	c.Kind.Store(int64(kind))
	c.Subject.Store(int64(subject))
	c.Stamp.Store(stamp)
	c.Source.Store(source)
	c.Failed.Store(0)
	if failed {
		c.Failed.Store(1)
	}
}

// mapMemory maps the file at path, which it creates and sizes if needed.
func mapMemory(path string) (m *memory, unmap func() error, err error) {
	size := int(unsafe.Sizeof(memory{}))
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, nil, fmt.Errorf("shared memory: %w", err)
	}
	defer f.Close() // the mapping stays
	if err := f.Truncate(int64(size)); err != nil {
		return nil, nil, fmt.Errorf("shared memory: %w", err)
	}
	b, err := syscall.Mmap(int(f.Fd()), 0, size, syscall.PROT_READ|syscall.PROT_WRITE, syscall.MAP_SHARED)
	if err != nil {
		return nil, nil, fmt.Errorf("shared memory: %w", err)
	}
	return (*memory)(unsafe.Pointer(unsafe.SliceData(b))), func() error { return syscall.Munmap(b) }, nil
}

// What is counted, over all workers.
const (
	nReads = iota
	nErrors
	nJudged
	nBoundedJudged
	nNested
	nNegative
	nStale
	nBatches
	nTickets
	nFromSource
	nFromRedis
	nFromNear
	nFromBypass
	nLoads
	nAcked
	nRefused
	nOwnWrites
	nViolations
	counters
)

var counterNames = [counters]string{
	"reads", "errors", "judged", "bounded", "nested", "negative", "stale", "batches", "tickets", "source", "redis", "near",
	"bypass", "loads", "acked", "refused", "reread", "violations",
}

func (m *memory) count(what int, n int) { m.Counters[what].Add(int64(n)) }
