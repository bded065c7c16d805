//go:build linux

package main

import (
	"fmt"
	"slices"
	"time"
)

// idleConnections measures the memory of connections that have logged in and say nothing.
func (b *bench) idleConnections() error {
	most := slices.Max(b.idle)
	for _, n := range b.idle {
		var each [3]float64
		for i, kind := range []string{"bare", "net", "gateway"} {
			r, err := startRig(rigOptions{name: kind, serverOrder: serverOrder{Kind: kind, Protocol: "gt06", Window: defaultWindow}, records: 1, connections: n})
			if err != nil {
				return err
			}
			resident, err := r.settled()
			r.stop()
			if err != nil {
				return err
			}
			each[i] = resident / float64(n)
		}
		b.curves.memory = append(b.curves.memory, memoryPoint{n, each})
		if n != most {
			continue
		}
		ratio, own := each[ourServer]/each[bareServer], each[ourServer]-each[bareServer]
		wanted, met := atMost(ratio, 1.5)
		b.results.add(row{Group: "e", What: fmt.Sprintf("resident memory of an idle connection, %s", connectionsText(n)), Limit: fmt.Sprintf("%.0f B", each[bareServer]),
			Ours: fmt.Sprintf("%.0f B", each[ourServer]), Ratio: ratio, Wanted: wanted, Met: met, Note: fmt.Sprintf("net %.0f B", each[netServer])})
		wanted, met = "≤ 1536 B", own <= 1536
		b.results.add(row{Group: "e", What: "of that our own", Ours: fmt.Sprintf("%.0f B", own), Wanted: wanted, Met: met})
	}
	return nil
}

// settled is how much more memory the servers have than before the first connection, once that stays the same for a while.
func (r *rig) settled() (bytes float64, err error) {
	var last, at int64
	for range 20 {
		at = 0
		for _, p := range r.pairs {
			u, err := used(p.server.cmd.Process.Pid)
			if err != nil {
				return 0, err
			}
			at += u.Resident - p.empty.Resident
		}
		if at == last {
			break
		}
		last = at
		time.Sleep(100 * time.Millisecond)
	}
	return float64(at), nil
}
