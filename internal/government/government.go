// Package government shows Colombian open data: public procurement, the division of the country, the exchange rate, the weather,
// budgets, the central bank's series, indicators of the World Bank. What foreign services answer is kept for hours, and for days
// for when they do not.
//
// Below it: soql (the query language of Socrata), soda, sdmx and worldbank (clients), upstream (what they have in common: limits,
// breaker, guard), table (rows in one form), catalogue (the datasets that may be asked for), replay (servers for tests).
package government

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/redis/go-redis/v9"

	"openlearn/internal/cache"
	"openlearn/internal/government/sdmx"
	"openlearn/internal/government/soda"
	"openlearn/internal/government/soql"
	"openlearn/internal/government/table"
	"openlearn/internal/government/upstream"
	"openlearn/internal/government/worldbank"
)

// Datasets reads rows of Socrata's datasets. It is an interface because SODA 3 will replace SODA 2.1.
type Datasets interface {
	Rows(ctx context.Context, dataset string, q soql.Query, columns []table.Column, known upstream.Validators) (soda.Result, error)
}

// Options of a Service. Only Config is required.
type Options struct {
	Config Config
	// Cache is what answers are read through; nil = each question is asked anew, as commands do without Redis.
	Cache *cache.Cache
	// Redis is where instances share the rates of requests; nil = this process keeps them alone.
	Redis redis.Scripter
	// Store is this domain's tables; nil = there are none, and Sync and the routes of places are not to be used.
	Store *Store
	// Named says what articles name, for their context.
	Named Named
	// Registerer receives the metrics; nil = nobody.
	Registerer prometheus.Registerer
	// Logger; nil = discard.
	Logger *slog.Logger
	// Now is the clock; nil = time.Now.
	Now func() time.Time

	// Tune changes how upstreams are asked: for tests. Optional.
	Tune func(*upstream.Config)
	// Recess is how long a question that failed is not asked again. 0 = 30 s.
	Recess time.Duration
}

// Service answers questions about open data. It is safe for concurrent use; Close it.
type Service struct {
	o        Options
	log      *slog.Logger
	now      func() time.Time
	datasets Datasets
	soda     *soda.Client
	catalog  *soda.Catalog
	banrep   *sdmx.Client
	bank     *worldbank.Client

	upstreams []*upstream.Client // in the order of /api/government/apis
	datos     *upstream.Client
	catalogUp *upstream.Client
	banrepUp  *upstream.Client
	bankUp    *upstream.Client

	cached   *cache.Func[ask, kept]
	failures failures
}

// Names of the upstreams.
const (
	Datos     = "datos.gov.co"
	Catalog   = "catalog"
	Banrep    = "banrep"
	WorldBank = "worldbank"
)

// Requests a second, over all instances.
const (
	datosRate, datosRateAlone = 5, 2 // with a token, and without one
	banrepRate                = 1
	worldBankRate             = 2
	catalogRate               = 2
)

// NewService makes a Service. It asks nobody of its own accord.
func NewService(o Options) (*Service, error) {
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Recess == 0 {
		o.Recess = 30 * time.Second
	}
	if o.Registerer == nil {
		o.Registerer = prometheus.NewRegistry()
	}
	metrics, err := upstream.NewMetrics(o.Registerer)
	if err != nil {
		return nil, err
	}
	s := &Service{o: o, log: o.Logger, now: o.Now, failures: failures{now: o.Now, recess: o.Recess, byKey: map[string]failure{}}}
	rate := float64(datosRateAlone)
	if o.Config.AppToken != "" {
		rate = datosRate
	}
	for _, u := range []struct {
		name, base string
		rate       float64
		to         **upstream.Client
	}{
		{Datos, o.Config.DatosURL, rate, &s.datos},
		{Catalog, o.Config.CatalogURL, catalogRate, &s.catalogUp},
		{Banrep, o.Config.BanrepURL, banrepRate, &s.banrepUp},
		{WorldBank, o.Config.WorldBankURL, worldBankRate, &s.bankUp},
	} {
		cfg := upstream.Config{
			Name: u.name, Base: u.base, PerSecond: u.rate, UserAgent: o.Config.UserAgent, Allowed: o.Config.nets, Shared: o.Redis,
			Metrics: metrics, Logger: o.Logger, Now: o.Now,
		}
		if o.Tune != nil {
			o.Tune(&cfg)
		}
		if *u.to, err = upstream.New(cfg); err != nil {
			return nil, errors.Join(err, s.Close())
		}
		s.upstreams = append(s.upstreams, *u.to)
	}
	s.soda = soda.New(s.datos, o.Config.AppToken, o.Now)
	s.datasets, s.catalog = s.soda, soda.NewCatalog(s.catalogUp, "www.datos.gov.co")
	s.banrep, s.bank = sdmx.New(s.banrepUp), worldbank.New(s.bankUp)
	if o.Cache != nil {
		s.cached = s.newCached(o.Cache)
		if err := s.cached.Err(); err != nil {
			return nil, errors.Join(fmt.Errorf("government: %w", err), s.Close())
		}
	}
	return s, nil
}

// Close drops idle connections.
func (s *Service) Close() error {
	for _, u := range s.upstreams {
		u.Close()
	}
	return nil
}

// today is the day it is in Bogotá.
func (s *Service) today() time.Time {
	y, m, d := s.now().In(table.Bogota).Date()
	return time.Date(y, m, d, 0, 0, 0, 0, table.Bogota)
}
