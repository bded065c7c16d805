//go:build linux

package main

import (
	"fmt"
	"slices"
	"time"
)

// frames measures frames and their durable answers beside servers that keep nothing, and what a record costs as devices grow.
func (b *bench) frames() error {
	for _, protocol := range []string{"gt06", "teltonika"} {
		for _, n := range b.connections {
			if err := b.framesOf(protocol, n, b.flights); err != nil {
				return err
			}
		}
	}
	for _, n := range b.growth {
		if !slices.Contains(b.connections, n) {
			if err := b.framesOf("gt06", n, b.flights[:1]); err != nil {
				return err
			}
		}
	}
	b.growthRows()
	return nil
}

// The servers of a comparison, in the order of their rigs.
const (
	bareServer = iota
	netServer
	ourServer
	aloneServer
)

// startRigs starts the servers that are compared, each with as many connections.
func startRigs(protocol string, connections int, servers []serverOrder) (rigs []*rig, stop func(), err error) {
	stop = func() {
		for _, r := range rigs {
			r.stop()
		}
	}
	for _, o := range servers {
		o.Protocol = protocol
		r, err := startRig(rigOptions{name: o.Kind, serverOrder: o, records: 1, connections: connections})
		if err != nil {
			stop()
			return nil, nil, err
		}
		rigs = append(rigs, r)
	}
	return rigs, stop, nil
}

func (b *bench) framesOf(protocol string, connections int, flights []int) error {
	limited := slices.Contains(b.connections, connections)
	servers := []serverOrder{{Kind: "bare"}, {Kind: "net"}, {Kind: "gateway", Window: defaultWindow}}
	if limited {
		servers = append(servers, serverOrder{Kind: "gateway", Window: defaultWindow, Alone: true})
	}
	rigs, stop, err := startRigs(protocol, connections, servers)
	if err != nil {
		return err
	}
	defer stop()
	for _, flight := range flights {
		if _, err := turns(rigs, 1, order{Do: "closed", Flight: flight, Seconds: b.seconds / 4}); err != nil { // warm
			return err
		}
		m, err := turns(rigs, b.rounds, order{Do: "closed", Flight: flight, Seconds: b.seconds})
		if err != nil {
			return err
		}
		b.curves.noteFrames(protocol, connections, flight, m)
		b.ackRate[shape(protocol, connections, flight)] = m[ourServer].Rate
		if !limited {
			continue
		}
		want := 0.9
		if flight >= 64 {
			want = 0.75
		}
		alone, ours := m[aloneServer], m[ourServer]
		ratio := alone.Rate / m[bareServer].Rate
		wanted, met := atLeast(ratio, want)
		what := fmt.Sprintf("%s, %s connections, %d in flight", title(protocol), connectionsText(connections), flight)
		b.results.add(row{Group: "a", What: what, Limit: perSecond(m[bareServer].Rate), Ours: perSecond(alone.Rate), Ratio: ratio, Wanted: wanted,
			Met: met, Note: fmt.Sprintf("with both sinks %s, %.2f; net %s; CPU %s, with sinks %s, bare %s; p50 %s, p99 %s; %.3f allocations; %.0f a commit, %.0f bytes of journal each",
				perSecond(ours.Rate), ours.Rate/m[bareServer].Rate, perSecond(m[netServer].Rate), nanos(alone.CPU), nanos(ours.CPU),
				nanos(m[bareServer].CPU), nanos(alone.P50), nanos(alone.P99), alone.Mallocs, alone.Group, alone.Bytes)})
	}
	return nil
}

// defaultWindow is the default of gateway.commit_window.
const defaultWindow = time.Duration(0)

func nanos(ns float64) string { return short(time.Duration(ns)) }

func shape(protocol string, connections, flight int) string {
	return fmt.Sprint(protocol, connections, "x", flight)
}

// growthRows compare what a record costs as devices grow.
func (b *bench) growthRows() {
	base := b.curves.frame("gt06", b.growth[(len(b.growth)-1)/2], 1)
	if base == nil {
		return
	}
	for _, n := range b.growth {
		f := b.curves.frame("gt06", n, 1)
		if f == nil || n <= base.connections {
			continue
		}
		bare := f.runs[bareServer].CPU / base.runs[bareServer].CPU
		grown := f.runs[ourServer].CPU / base.runs[ourServer].CPU
		wanted, met := atMost(grown, 1.3)
		own := (f.runs[ourServer].CPU - f.runs[bareServer].CPU) / max(1, base.runs[ourServer].CPU-base.runs[bareServer].CPU)
		b.results.add(row{Group: "i", What: fmt.Sprintf("CPU of a record, %s devices beside %s", connectionsText(n), connectionsText(base.connections)),
			Limit: nanos(base.runs[ourServer].CPU), Ours: nanos(f.runs[ourServer].CPU), Ratio: grown, Wanted: wanted, Met: met,
			Note: fmt.Sprintf("the bare server's grows %.2f times; ours beyond the bare one's %.2f times", bare, own)})
	}
}
