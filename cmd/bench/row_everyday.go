//go:build linux

package main

import (
	"fmt"
	"time"
)

// everySeconds is how often a tracker on the road usually says where it is.
const everySeconds = 10

// mostOnNode is how many devices one node gets here, well within the usual limit of open files.
const mostOnNode = 15_000

// everyday measures durable answers of nodes as they run without any configuration, store and all, while each device sends a record every ten seconds, beside
// a bare server with the same devices and a sync of what a record has in the journal.
func (b *bench) everyday() error {
	const recordBytes = 176 // in the journal, about
	for _, devices := range b.fleets {
		o := order{Do: "open", Rate: float64(devices) / everySeconds, Seconds: everySeconds * b.seconds}
		bare, err := startRig(rigOptions{name: "bare", serverOrder: serverOrder{Kind: "bare", Protocol: "gt06"}, records: 1, connections: devices})
		if err != nil {
			return err
		}
		limit, err := bare.drive(o)
		bare.stop()
		if err != nil {
			return err
		}
		sync50, sync99, err := syncs(recordBytes, b.decode*5)
		if err != nil {
			return err
		}
		s, err := b.startSite((devices + mostOnNode - 1) / mostOnNode)
		if err != nil {
			return err
		}
		ours, lag, err := s.everyday(devices, o)
		s.stop()
		if err != nil {
			return err
		}
		for _, q := range []struct {
			name string
			q    float64
			sync time.Duration
		}{{"p50", 0.5, sync50}, {"p99", 0.99, sync99}} {
			l, v := limit.Latency.Quantile(q.q)+q.sync, ours.Latency.Quantile(q.q)
			b.results.add(row{Group: "k", What: fmt.Sprintf("durable answer %s, %s devices, a record in %d s each", q.name, connectionsText(devices), everySeconds),
				Limit: short(l), Ours: short(v), Ratio: v.Seconds() / max(l, time.Microsecond).Seconds(),
				Note: fmt.Sprintf("%s, nodes: %d; longest %s; then %.0f records away from the store", perSecond(ours.rate()), len(s.nodes), short(ours.Latency.Max()), lag)})
		}
	}
	return nil
}

// everyday lets devices report at a pace; lag is what the store had not taken at the end.
func (s *site) everyday(devices int, o order) (out *outcome, lag float64, err error) {
	if err := s.connect("gt06", devices); err != nil {
		return nil, 0, fmt.Errorf("%w\n%s", err, s.said())
	}
	if out, err = s.drive(o); err != nil {
		return nil, 0, fmt.Errorf("%w\n%s", err, s.said())
	}
	lag, err = s.sum("sink_lag_records", `sink="store"`)
	return out, lag, err
}
