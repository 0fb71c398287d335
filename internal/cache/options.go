package cache

import (
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"strings"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/redis/go-redis/v9"
)

// Options configures a Cache. Redis and Layers are required.
type Options struct {
	// Redis says where the cache lives: a *redis.Client (standalone or
	// Sentinel) or a *redis.ClusterClient. The cache derives a client of its
	// own from its options, since every connection must be checked for a
	// history that went backwards before it is used; it never closes this one.
	// Clients that read replicas are refused.
	Redis redis.UniversalClient
	// Layers is the table of layers.
	Layers []Layer
	// Version is the part of every entry's key that is raised to abandon all
	// entries; "" = "v1". Versions of dependencies are not under it: releases
	// that run side by side invalidate for each other.
	Version string
	// Registerer receives the metrics; nil = a private registry.
	Registerer prometheus.Registerer
	// Logger; nil = discard.
	Logger *slog.Logger
	// Gate reports whether entries may be served now; while it says false
	// every read goes to the source and nothing is stored. It must not block.
	// nil = always.
	Gate func() bool
	// Settled asks whether no invalidation is pending (the outbox is empty) at
	// the time of the call; the audit confirms mismatches only then. It may
	// block, for a bounded time. nil = Gate.
	Settled func() bool
	// Tracer is told of reads, loads and invalidations; nil = nobody.
	Tracer Tracer
	// Now is the clock; nil = time.Now.
	Now func() time.Time
	// Rand gives uniform numbers in [0, 1) for jitter, early refresh and
	// sampling; it must be safe for concurrent use. nil = math/rand/v2.
	Rand func() float64

	// MaxTTL is the longest lifetime accepted, stale windows included. 0 = 72 h.
	MaxTTL time.Duration
	// MaxValueBytes bounds an encoded value before compression. 0 = 8 MiB.
	MaxValueBytes int
	// CompressAbove is the encoded size from which payloads are compressed
	// with zstd. 0 = 1 KiB; negative = never.
	CompressAbove int
	// RedisTimeout bounds each exchange with Redis. 0 = 1 s.
	RedisTimeout time.Duration
	// LoadTimeout bounds one load of a layer without its own. 0 = 30 s.
	LoadTimeout time.Duration
	// Lease is how long a lock outlives a dead holder. 0 = 2 s.
	Lease time.Duration
	// LockWait bounds one wait for another process's fill. 0 = 10 s.
	LockWait time.Duration
	// SourceSlots is how many loads may run at once in this process while
	// Redis is out of use. 0 = 16.
	SourceSlots int
	// NearBytes bounds the in-process memory. 0 = 64 MiB; negative = none.
	NearBytes int64
	// Jitter is the largest share of the TTL that is taken off at random.
	// 0 = 0.1; negative = none.
	Jitter float64
	// EarlyRefresh is beta of XFetch (1 is the paper's choice). 0 = 1;
	// negative = off.
	EarlyRefresh float64
	// AuditRate is the share of hits on audited layers that is compared with
	// the source. 0 = none.
	AuditRate float64
	// BreakerFailures is how many failures of Redis in a row open the
	// breaker. 0 = 3.
	BreakerFailures int
	// BreakerProbe is how often an open breaker asks Redis again. 0 = 250 ms.
	BreakerProbe time.Duration
}

func orDefault[N int | int64 | float64 | time.Duration](v *N, d N) {
	if *v == 0 {
		*v = d
	}
}

// validate completes the options and refuses what cannot work.
func (o *Options) validate() error {
	if o.Redis == nil {
		return errors.New("cache: Options.Redis is needed")
	}
	if o.Version == "" {
		o.Version = "v1"
	}
	if strings.ContainsAny(o.Version, ":*?[]\\^{} \n") {
		return fmt.Errorf("cache: version %q has characters that keys cannot bear", o.Version)
	}
	if len(o.Layers) == 0 {
		return errors.New("cache: Options.Layers is needed")
	}
	if o.Registerer == nil {
		o.Registerer = prometheus.NewRegistry()
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	if o.Gate == nil {
		o.Gate = func() bool { return true }
	}
	if o.Settled == nil {
		o.Settled = o.Gate
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Rand == nil {
		o.Rand = rand.Float64
	}
	orDefault(&o.MaxTTL, 72*time.Hour)
	orDefault(&o.MaxValueBytes, 8<<20)
	orDefault(&o.CompressAbove, 1<<10)
	orDefault(&o.RedisTimeout, time.Second)
	orDefault(&o.LoadTimeout, 30*time.Second)
	orDefault(&o.Lease, 2*time.Second)
	orDefault(&o.LockWait, 10*time.Second)
	orDefault(&o.SourceSlots, 16)
	orDefault(&o.NearBytes, 64<<20)
	orDefault(&o.Jitter, 0.1)
	orDefault(&o.EarlyRefresh, 1)
	orDefault(&o.BreakerFailures, 3)
	orDefault(&o.BreakerProbe, 250*time.Millisecond)
	for name, d := range map[string]time.Duration{
		"MaxTTL": o.MaxTTL, "RedisTimeout": o.RedisTimeout, "LoadTimeout": o.LoadTimeout,
		"Lease": o.Lease, "LockWait": o.LockWait, "BreakerProbe": o.BreakerProbe,
	} {
		if d < time.Millisecond {
			return fmt.Errorf("cache: Options.%s = %v, want at least 1ms", name, d)
		}
	}
	switch {
	case o.MaxValueBytes < 0, o.SourceSlots < 0, o.BreakerFailures < 0:
		return errors.New("cache: MaxValueBytes, SourceSlots and BreakerFailures cannot be negative")
	case o.Jitter >= 1:
		return fmt.Errorf("cache: Options.Jitter = %v, want below 1", o.Jitter)
	case o.AuditRate < 0 || o.AuditRate > 1:
		return fmt.Errorf("cache: Options.AuditRate = %v, want 0 to 1", o.AuditRate)
	}
	return validateLayers(o.Layers, o.MaxTTL)
}
