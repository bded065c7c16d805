//go:build linux

package main

import (
	"fmt"
	"os"
	"slices"
	"time"

	"golang.org/x/sys/unix"

	"github.com/trackgate/trackgate/gateway/simulate/load"
)

// latency measures durable answers at half of what the gateway can answer, beside the bare server at the same rate and a sync of the same bytes.
func (b *bench) latency() error {
	connections := slices.Max(b.connections)
	var rigs []*rig
	defer func() {
		for _, r := range rigs {
			r.stop()
		}
	}()
	windows := []time.Duration{defaultWindow, time.Millisecond}
	kinds := []serverOrder{{Kind: "bare", Protocol: "gt06"}}
	for _, w := range windows {
		kinds = append(kinds, serverOrder{Kind: "gateway", Protocol: "gt06", Window: w})
	}
	for _, k := range kinds {
		r, err := startRig(rigOptions{name: k.Kind, serverOrder: k, records: 1, connections: connections})
		if err != nil {
			return err
		}
		rigs = append(rigs, r)
	}
	most := b.ackRate[shape("gt06", connections, 1)]
	if most == 0 {
		m, err := turns(rigs[1:2], 1, order{Do: "closed", Flight: 1, Seconds: b.seconds})
		if err != nil {
			return err
		}
		most = m[0].Rate
	}
	for _, part := range []float64{0.1, 0.5, 0.75} {
		m, err := turns(rigs, b.rounds, order{Do: "open", Rate: most * part, Seconds: 1.5 * b.seconds})
		if err != nil {
			return err
		}
		b.curves.latency = append(b.curves.latency, latencyPoint{rate: most * part, runs: m})
		if part != 0.5 {
			continue
		}
		for i, w := range windows {
			ours := m[i+1]
			p50, p99, err := syncs(int(ours.Group*ours.Bytes+0.5), b.decode*5)
			if err != nil {
				return err
			}
			b.latencyRows(connections, most*part, w, m[0], ours, p50, p99)
		}
	}
	return nil
}

func (b *bench) latencyRows(connections int, rate float64, window time.Duration, bare, ours run, sync50, sync99 time.Duration) {
	for _, q := range []struct {
		name             string
		bare, sync, ours float64
		want             float64
	}{{"p50", bare.P50, float64(sync50), ours.P50, 1.5}, {"p99", bare.P99, float64(sync99), ours.P99, 2}} {
		limit := q.bare + q.sync
		ratio := q.ours / limit
		wanted, met := "", true
		if window == defaultWindow {
			wanted, met = atMost(ratio, q.want)
		}
		b.results.add(row{Group: "b", What: fmt.Sprintf("durable answer %s, %s connections, %s, window %v", q.name, connectionsText(connections), perSecond(rate), window),
			Limit: nanos(limit), Ours: nanos(q.ours), Ratio: ratio, Wanted: wanted, Met: met,
			Note: fmt.Sprintf("bare %s + sync %s; %.0f frames a commit; CPU of a record %s", nanos(q.bare), nanos(q.sync), ours.Group, nanos(ours.CPU))})
	}
}

// syncs writes so many bytes and makes them durable, again and again, in a file filled beforehand: the least that the disk can do.
func syncs(size int, length time.Duration) (p50, p99 time.Duration, err error) {
	const file = 64 << 20
	f, err := os.CreateTemp("", "trackgate-bench")
	if err != nil {
		return 0, 0, err
	}
	defer os.Remove(f.Name())
	defer f.Close()
	fill := make([]byte, 1<<20)
	for at := int64(0); at < file; at += int64(len(fill)) {
		if _, err := f.WriteAt(fill, at); err != nil {
			return 0, 0, err
		}
	}
	if err := f.Sync(); err != nil {
		return 0, 0, err
	}
	size = min(max(size, 1), len(fill))
	h, at := new(load.Histogram), int64(0)
	for end := time.Now().Add(length); time.Now().Before(end); {
		begun := time.Now()
		if _, err := f.WriteAt(fill[:size], at); err != nil {
			return 0, 0, err
		}
		if err := unix.Fdatasync(int(f.Fd())); err != nil {
			return 0, 0, err
		}
		h.Add(time.Since(begun), 1)
		if at += int64(size); at+int64(size) > file {
			at = 0
		}
	}
	return h.Quantile(0.5), h.Quantile(0.99), nil
}
