package gateway

import (
	"github.com/prometheus/client_golang/prometheus"

	"github.com/trackgate/trackgate/gateway/journal"
)

// metrics are the counters of the gateway. Labels come from fixed sets: protocols, messages, reasons; never a device or an address.
type metrics struct {
	connections   *prometheus.GaugeVec   // protocol
	accepts       *prometheus.CounterVec // result
	closes        *prometheus.CounterVec // reason
	bytes         *prometheus.CounterVec // dir
	frames        *prometheus.CounterVec // protocol, type, result
	records       *prometheus.CounterVec // protocol, quality
	limits        *prometheus.CounterVec // limit
	unknown       prometheus.Counter
	refusals      *prometheus.CounterVec // reason
	commitSeconds prometheus.Histogram
	commitRecords prometheus.Counter
	refusedLost   prometheus.Counter
	sinkEvents    *prometheus.CounterVec // sink
	sinkDead      *prometheus.CounterVec // sink
	sinkErrors    *prometheus.CounterVec // sink
	sinkSkipped   *prometheus.CounterVec // sink
	sinkSeconds   *prometheus.HistogramVec
	media         *prometheus.CounterVec // protocol

	kinds
}

func newMetrics(reg prometheus.Registerer) *metrics {
	counter := func(name, help string, labels ...string) *prometheus.CounterVec {
		return prometheus.NewCounterVec(prometheus.CounterOpts{Namespace: "trackgate", Name: name, Help: help}, labels)
	}
	one := func(name, help string) prometheus.Counter {
		return prometheus.NewCounter(prometheus.CounterOpts{Namespace: "trackgate", Name: name, Help: help})
	}
	gauge := func(name, help string, labels ...string) *prometheus.GaugeVec {
		return prometheus.NewGaugeVec(prometheus.GaugeOpts{Namespace: "trackgate", Name: name, Help: help}, labels)
	}
	m := &metrics{
		connections:   gauge("connections", "Device connections open now.", "protocol"),
		accepts:       counter("accepts_total", "Connections taken or refused.", "result"),
		closes:        counter("closes_total", "Connections closed, by reason.", "reason"),
		bytes:         counter("bytes_total", "Bytes from and to devices.", "dir"),
		frames:        counter("frames_total", "Frames by message and what became of them.", "protocol", "type", "result"),
		records:       counter("records_total", "Records by quality: live, late, invalid, status, apart (impossible times, devices in quarantine).", "protocol", "quality"),
		limits:        counter("limits_hit_total", "Times that a limit was hit.", "limit"),
		unknown:       one("unknown_devices_total", "Logins of ids that the registry refuses."),
		refusals:      counter("logins_refused_total", "Logins that were refused, by reason.", "reason"),
		commitSeconds: prometheus.NewHistogram(prometheus.HistogramOpts{Namespace: "trackgate", Name: "wal_fsync_seconds", Help: "Time of a journal commit.", Buckets: prometheus.ExponentialBuckets(0.0001, 2, 16)}),
		commitRecords: one("wal_records_total", "Records committed to the journal."),
		refusedLost:   one("refused_frames_lost_total", "Refused frames that were counted and not kept, because the file could not keep up."),
		sinkEvents:    counter("sink_events_total", "Events that a sink has taken.", "sink"),
		sinkDead:      counter("sink_dead_letters_total", "Records that a sink could not take as events.", "sink"),
		sinkErrors:    counter("sink_errors_total", "Failed attempts of a sink.", "sink"),
		sinkSkipped:   counter("sink_skipped_records_total", "Journal records that a sink could not read any more; each is the frames of one read.", "sink"),
		sinkSeconds:   prometheus.NewHistogramVec(prometheus.HistogramOpts{Namespace: "trackgate", Name: "sink_write_seconds", Help: "Time of one batch in a sink.", Buckets: prometheus.ExponentialBuckets(0.001, 2, 16)}, []string{"sink"}),
		media:         counter("media_dropped_bytes_total", "Bytes of photos and videos that devices sent, which are not kept.", "protocol"),
	}
	reg.MustRegister(m.connections, m.accepts, m.closes, m.bytes, m.frames, m.records, m.limits, m.unknown, m.refusals, m.commitSeconds, m.commitRecords, m.refusedLost,
		m.sinkEvents, m.sinkDead, m.sinkErrors, m.sinkSkipped, m.sinkSeconds, m.media)
	return m
}

// exportJournal registers the journal's own numbers.
func exportJournal(reg prometheus.Registerer, j *journal.Log, c *committer) {
	gauge := func(name, help string, read func(journal.Stats) float64) {
		reg.MustRegister(prometheus.NewGaugeFunc(prometheus.GaugeOpts{Namespace: "trackgate", Name: name, Help: help}, func() float64 { return read(j.Stats()) }))
	}
	gauge("wal_bytes", "Size of the journal.", func(s journal.Stats) float64 { return float64(s.Bytes) })
	gauge("wal_next", "Journal records so far.", func(s journal.Stats) float64 { return float64(s.Next) })
	gauge("wal_gaps", "Damaged places found in the journal, when it was opened or read.", func(s journal.Stats) float64 { return float64(s.Holes) })
	gauge("wal_write_failures", "Writes and syncs of the journal that failed.", func(s journal.Stats) float64 { return float64(s.WriteFailures) })
	reg.MustRegister(prometheus.NewGaugeFunc(prometheus.GaugeOpts{Namespace: "trackgate", Name: "stalled", Help: "1 while devices are told to wait because the journal can not take more."}, func() float64 {
		if c.stalled() {
			return 1
		}
		return 0
	}))
}

// exportLag registers how far a sink is behind the journal's end, as it is when asked: a sink that hangs in a write would not report it itself.
func exportLag(reg prometheus.Registerer, sink string, lag func() uint64) {
	reg.MustRegister(prometheus.NewGaugeFunc(prometheus.GaugeOpts{Namespace: "trackgate", Name: "sink_lag_records", Help: "Journal records that a sink has still to take; each is the frames of one read.",
		ConstLabels: prometheus.Labels{"sink": sink}}, func() float64 { return float64(lag()) }))
}
