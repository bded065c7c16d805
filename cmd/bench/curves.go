//go:build linux

package main

// curves are the measurements that plots are made of.
type curves struct {
	frames  []framePoint
	memory  []memoryPoint
	stores  []storeCurve
	latency []latencyPoint
}

// latencyPoint is the latency at a rate: of the bare server, and of the gateway without and with the default window.
type latencyPoint struct {
	rate float64
	runs []run
}

// framePoint is one shape of run, for each kind of server.
type framePoint struct {
	protocol    string
	connections int
	flight      int
	runs        []run
}

// memoryPoint is the memory of an idle connection in bytes, for each kind of server.
type memoryPoint struct {
	connections int
	bytes       [3]float64
}

func (c *curves) noteFrames(protocol string, connections, flight int, runs []run) {
	c.frames = append(c.frames, framePoint{protocol, connections, flight, runs})
}

func (c *curves) frame(protocol string, connections, flight int) *framePoint {
	for i := range c.frames {
		if f := &c.frames[i]; f.protocol == protocol && f.connections == connections && f.flight == flight {
			return f
		}
	}
	return nil
}
