package app

import (
	"bytes"
	"compress/gzip"
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"strconv"
	"time"

	"github.com/labstack/echo/v4"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/common/expfmt"

	"openlearn/internal/admin"
	"openlearn/internal/cache/httpcache/rules"
)

// exposition is the content of /metrics, plain and compressed.
type exposition struct{ plain, zipped []byte }

// expose gathers and encodes once for all requests within a second: a scrape is 80 to 500 kB, and anybody may request it.
func expose(g prometheus.Gatherer) func(context.Context) (exposition, error) {
	return func(context.Context) (exposition, error) {
		found, err := g.Gather()
		if err != nil {
			return exposition{}, fmt.Errorf("gather metrics: %w", err)
		}
		var plain, zipped bytes.Buffer
		enc := expfmt.NewEncoder(&plain, textFormat)
		for _, f := range found {
			if err := enc.Encode(f); err != nil {
				return exposition{}, fmt.Errorf("encode metric %s: %w", f.GetName(), err)
			}
		}
		z := gzip.NewWriter(&zipped)
		if _, err := z.Write(plain.Bytes()); err != nil {
			return exposition{}, fmt.Errorf("compress metrics: %w", err)
		}
		if err := z.Close(); err != nil {
			return exposition{}, fmt.Errorf("compress metrics: %w", err)
		}
		return exposition{plain.Bytes(), zipped.Bytes()}, nil
	}
}

// gatheredAt says in each exposition when it was gathered, so that Prometheus knows how old the rest of it is.
func gatheredAt() prometheus.Collector {
	return prometheus.NewGaugeFunc(prometheus.GaugeOpts{
		Name: "metrics_gathered_timestamp_seconds", Help: "When these figures were gathered (Unix time): all who ask within a second are given the same.",
	}, func() float64 { return float64(time.Now().UnixNano()) / 1e9 })
}

var textFormat = expfmt.NewFormat(expfmt.TypeTextPlain)

// metricsPage answers Prometheus, in the text format that every version reads.
func metricsPage(figures *admin.Snapshot[exposition], log *slog.Logger) echo.HandlerFunc {
	return func(c echo.Context) error {
		e, at, err := figures.Get(c.Request().Context())
		if err != nil {
			log.Warn("metrics could not be gathered", "error", err)
			return echo.NewHTTPError(http.StatusInternalServerError, "metrics could not be gathered")
		}
		h, body := c.Response().Header(), e.plain
		h.Set("Vary", "Accept-Encoding")
		h.Set("Age", strconv.Itoa(int(time.Since(at).Seconds())))
		if rules.NegotiateAmong(c.Request().Header["Accept-Encoding"], rules.Gzipped) == rules.Gzipped {
			h.Set("Content-Encoding", "gzip")
			body = e.zipped
		}
		h.Set("Content-Length", strconv.Itoa(len(body)))
		return c.Blob(http.StatusOK, string(textFormat), body)
	}
}
