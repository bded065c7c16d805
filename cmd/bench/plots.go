//go:build linux

package main

import (
	"fmt"
	"slices"
)

// plots draws what was measured, against the number of connections and of records.
func (c *curves) plots() []plot {
	var out []plot
	for _, p := range []plot{c.throughput(), c.waiting(), c.idle(), c.answers(), c.filling(), c.stored()} {
		if len(p.Series) > 0 {
			out = append(out, p)
		}
	}
	return out
}

var serverNames = [...]string{"bare gnet", "bare net", "Trackgate"}

// connectionsOf are the numbers of connections at which a shape was measured.
func (c *curves) connectionsOf(protocol string, flight int) (out []int) {
	for _, f := range c.frames {
		if f.protocol == protocol && f.flight == flight {
			out = append(out, f.connections)
		}
	}
	slices.Sort(out)
	return out
}

// lines makes a series of each kind of server.
func (c *curves) lines(flight int, suffix string, dash int, kinds []int, value func(m *run) float64) (out []series) {
	for _, kind := range kinds {
		s := series{Name: serverNames[kind] + suffix, Color: kind, Dash: dash}
		for _, n := range c.connectionsOf("gt06", flight) {
			s.Points = append(s.Points, [2]float64{float64(n), value(&c.frame("gt06", n, flight).runs[kind])})
		}
		if len(s.Points) > 0 {
			out = append(out, s)
		}
	}
	return out
}

func (c *curves) throughput() plot {
	p := plot{Name: "throughput-connections", Title: "GT06 frames answered", X: "connections", Y: "frames/s", LogX: true, LogY: true}
	for dash, flight := range []int{1, 8, 64} {
		p.Series = append(p.Series, c.lines(flight, fmt.Sprintf(", %d in flight", flight), dash, []int{bareServer, netServer, ourServer}, func(m *run) float64 { return m.Rate })...)
	}
	return p
}

func (c *curves) waiting() plot {
	p := plot{Name: "latency-connections", Title: "Answers at saturation, 1 in flight", X: "connections", Y: "ms", LogX: true, LogY: true}
	kinds := []int{bareServer, netServer, ourServer}
	p.Series = append(c.lines(1, ", p50", 1, kinds, func(m *run) float64 { return m.P50 / 1e6 }), c.lines(1, ", p99", 0, kinds, func(m *run) float64 { return m.P99 / 1e6 })...)
	return p
}

func (c *curves) idle() plot {
	p := plot{Name: "memory-connections", Title: "Resident memory of an idle connection", X: "connections", Y: "bytes", LogX: true, LogY: true}
	if len(c.memory) == 0 {
		return p
	}
	for kind, name := range serverNames {
		s := series{Name: name, Color: kind}
		for _, m := range c.memory {
			if m.bytes[kind] > 0 {
				s.Points = append(s.Points, [2]float64{float64(m.connections), m.bytes[kind]})
			}
		}
		p.Series = append(p.Series, s)
	}
	return p
}

func (c *curves) answers() plot {
	p := plot{Name: "latency-records", Title: "Answers below saturation", X: "records/s", Y: "ms", LogY: true}
	if len(c.latency) == 0 {
		return p
	}
	for kind, name := range []string{"bare gnet", "no window", "window 1 ms"} {
		for dash, q := range []struct {
			name  string
			value func(m *run) float64
		}{{"p99", func(m *run) float64 { return m.P99 / 1e6 }}, {"p50", func(m *run) float64 { return m.P50 / 1e6 }}} {
			s := series{Name: name + ", " + q.name, Color: kind, Dash: dash}
			for _, l := range c.latency {
				s.Points = append(s.Points, [2]float64{l.rate, q.value(&l.runs[kind])})
			}
			p.Series = append(p.Series, s)
		}
	}
	return p
}

// filling is the memory of a node as its store fills.
func (c *curves) filling() plot {
	p := plot{Name: "memory-records", Title: "Memory of a node as records are stored", X: "records stored", Y: "MiB resident"}
	for i, s := range c.stores {
		line := series{Name: s.name(), Color: i % 4}
		for _, v := range s.points {
			line.Points = append(line.Points, [2]float64{v.records, v.resident / (1 << 20)})
		}
		if len(line.Points) > 0 {
			p.Series = append(p.Series, line)
		}
	}
	return p
}

// stored is the rate into the store as it fills: the flood, catching up, and what it sustains.
func (c *curves) stored() plot {
	const spans = 8
	p := plot{Name: "throughput-records", Title: "Records into the store as it fills", X: "records stored", Y: "records/s"}
	for i, s := range c.stores {
		line := series{Name: s.name(), Color: i % 4}
		for from, k := 0, 0; k < len(s.points); k++ {
			a, b := s.points[from], s.points[k]
			if b.records-a.records < s.points[len(s.points)-1].records/spans || b.at <= a.at {
				continue
			}
			line.Points = append(line.Points, [2]float64{b.records, (b.records - a.records) / (b.at - a.at).Seconds()})
			from = k
		}
		if len(line.Points) > 0 {
			p.Series = append(p.Series, line)
		}
	}
	return p
}

func (s *storeCurve) name() string { return fmt.Sprintf("%s %s", title(s.wire.protocol), s.into) }
