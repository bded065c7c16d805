package persistence

import (
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promauto"
)

var (
	rowsTotal = promauto.NewCounterVec(prometheus.CounterOpts{
		Name: "trackgate_store_rows_total",
		Help: "Events by what became of them: stored, quarantined, duplicate, differing (stored under the next fingerprint, also counted as stored), dead.",
	}, []string{"result"})
	writeSeconds = promauto.NewHistogramVec(prometheus.HistogramOpts{
		Name:    "trackgate_store_write_seconds",
		Help:    "Time to store one batch, by the way taken: copy, staging, bisect, sqlite; failed ones as error.",
		Buckets: prometheus.ExponentialBuckets(0.001, 2, 16),
	}, []string{"mode"})
	retainedTotal = promauto.NewCounter(prometheus.CounterOpts{
		Name: "trackgate_store_deleted_total",
		Help: "Rows deleted because of their age by the gateway itself.",
	})
)

func observe(mode string, begun time.Time, r *Result, err error) {
	if err != nil {
		writeSeconds.WithLabelValues("error").Observe(time.Since(begun).Seconds())
		return
	}
	writeSeconds.WithLabelValues(mode).Observe(time.Since(begun).Seconds())
	rowsTotal.WithLabelValues("stored").Add(float64(r.Stored))
	rowsTotal.WithLabelValues("quarantined").Add(float64(r.Quarantined))
	rowsTotal.WithLabelValues("duplicate").Add(float64(r.Duplicates))
	rowsTotal.WithLabelValues("differing").Add(float64(r.Differing))
	rowsTotal.WithLabelValues("dead").Add(float64(r.Dead))
}
