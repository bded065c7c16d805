package persistence

import (
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

var (
	writeSeconds = prometheus.NewHistogramVec(prometheus.HistogramOpts{
		Name:    "trackgate_store_write_seconds",
		Help:    "Time to store one batch, by the way taken: copy, staging, bisect, sqlite; failed ones as error.",
		Buckets: prometheus.ExponentialBuckets(0.001, 2, 16),
	}, []string{"mode"})
	retainedTotal = prometheus.NewCounter(prometheus.CounterOpts{
		Name: "trackgate_store_deleted_total",
		Help: "Rows deleted because of their age by the gateway itself.",
	})
)

// Collectors are the package's metrics, for a registry. What became of a batch's events is in the Result of Write.
func Collectors() []prometheus.Collector { return []prometheus.Collector{writeSeconds, retainedTotal} }

func observe(mode string, begun time.Time, err error) {
	if err != nil {
		mode = "error"
	}
	writeSeconds.WithLabelValues(mode).Observe(time.Since(begun).Seconds())
}
