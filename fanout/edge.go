package fanout

import (
	"cmp"
	"slices"
	"time"
)

// edge is one client's interest in one vehicle: by name, or because it is in the client's part of the map. A dashboard has hundreds and a node millions,
// so it is 40 bytes: there is nothing in it that can be had from the vehicle, and times are in ms.
type edge struct {
	client  *client
	vehicle *vehicle
	shown   *Message // newest position that was queued for the client
	at      int32    // index in vehicle.edges, -1: it has ended
	wait
	rate   uint8 // index of its least time between two positions in client.rates
	role   sight
	hold   hold
	behind bool // the vehicle has a position that waits for the client's rate or its snapshot
}

// sight is how the client comes to see the vehicle.
type sight uint8

const (
	outside sight = iota // the vehicle is not in the client's part of the map
	inside               // the client was shown it there
	byName
)

// hold says whether something has to be queued before the edge's messages.
type hold uint8

const (
	free     hold = iota
	held          // a snapshot is on its way
	resuming      // what the client missed is; positions that come meanwhile all count, not the newest alone
)

func (e *edge) named() bool { return e.role == byName }

func (v *vehicle) link(e *edge) {
	e.at = int32(len(v.edges))
	if n := len(v.edges); n == cap(v.edges) { // append would double it
		v.edges = append(make([]*edge, 0, n+max(1, n/8)), v.edges...)
	}
	v.edges = append(v.edges, e)
}

func (v *vehicle) unlink(e *edge) {
	last := len(v.edges) - 1
	v.edges[e.at] = v.edges[last]
	v.edges[e.at].at = e.at
	v.edges[last] = nil
	v.edges = v.edges[:last]
	e.at = -1
}

// slab is how many edges are allocated together: one alone would take 48 bytes. A client that gives back all but one of each keeps a few hundred bytes for
// each vehicle that it follows, no more.
const slab = 16

// newEdges makes edges, ready to be followed by.
func newEdges(n int) []edge { return make([]edge, min(n, slab)) }

// find returns the client's edge to a vehicle; nil if there is none.
func (c *client) find(v *vehicle) *edge {
	if v == nil {
		return nil
	}
	i, ok := c.place(v)
	if !ok {
		return nil
	}
	return c.edges[i]
}

func (c *client) place(v *vehicle) (int, bool) {
	return slices.BinarySearchFunc(c.edges, v.serial, func(e *edge, serial uint32) int { return cmp.Compare(e.vehicle.serial, serial) })
}

func (c *client) insert(e *edge) {
	i, _ := c.place(e.vehicle)
	c.edges = slices.Insert(c.edges, i, e)
}

func (c *client) delete(e *edge) {
	if i, ok := c.place(e.vehicle); ok {
		c.edges = slices.Delete(c.edges, i, i+1)
	}
}

// names are the vehicles that the client follows by name.
func (c *client) names() []string {
	names := make([]string, 0, c.named)
	for _, e := range c.edges {
		if e.named() {
			names = append(names, e.vehicle.id)
		}
	}
	return names
}

// maxRates is how many different rates the edges of one client may have; a further one becomes the last of these.
const maxRates = 255

// rateOf is the index of a gap in c.rates.
func (c *client) rateOf(gap int64) uint8 {
	ms := uint32((time.Duration(gap) + time.Millisecond - 1) / time.Millisecond) // no more often than asked for
	if i := slices.Index(c.rates, ms); i >= 0 {
		return uint8(i)
	}
	if len(c.rates) == maxRates {
		c.rates[maxRates-1] = ms
		return maxRates - 1
	}
	c.rates = append(c.rates, ms)
	return uint8(len(c.rates) - 1)
}

// position takes a vehicle's new position on behalf of one client. It returns false for an edge of no further use: the vehicle is away.
func (e *edge) position(m *Message, now int64) bool {
	c := e.client
	if c.replayed.has(m) {
		return true
	}
	if e.hold == resuming {
		c.delay(item{edge: e, msg: m})
		return true
	}
	if e.shown != nil && !newer(m, e.shown) {
		if m.Alarm {
			e.event(m)
		}
		return true
	}
	if !e.named() {
		// The first position outside is delivered too, so that the vehicle is seen leaving.
		if c.box != nil && c.box.contains(m) {
			e.role = inside
		} else if e.role == outside && !m.Alarm {
			return e.behind || c.head < len(c.queue) // what is queued may be its last position
		} else {
			e.role = outside
		}
	}
	if m.Alarm && e.hold == free {
		e.send(m, now) // not kept back by the client's rate, and none to replace it
		return true
	}
	if m.Alarm {
		e.event(m)
	}
	if e.hold != free || e.early(c.rates[e.rate], now) {
		if e.behind {
			c.hub.counters.Conflated.Add(1)
		}
		e.behind = true
		if e.hold == free {
			c.shard.timers.set(e)
		}
		return true
	}
	e.send(m, now)
	return true
}

// send queues a position; what waited is no longer of interest.
func (e *edge) send(m *Message, now int64) {
	c := e.client
	if e.behind {
		e.behind = false
		c.hub.counters.Conflated.Add(1)
	}
	c.shard.timers.drop(e)
	e.shown = m
	e.next(c.rates[e.rate], now)
	c.put(item{edge: e, msg: m})
}

// fire sends the position that waited: the vehicle's newest.
func (e *edge) fire(now int64) {
	if m := e.vehicle.latest; e.behind && e.hold == free && m != nil {
		e.behind = false
		e.send(m, now)
	}
}

// event takes an event that is not the vehicle's new position.
func (e *edge) event(m *Message) {
	c := e.client
	if c.replayed.has(m) || e.role == outside && (c.box == nil || !c.box.contains(m)) {
		return
	}
	c.event(item{edge: e, msg: m, event: true}, e.hold != free)
}

// release lets an edge's messages through once its snapshot is queued.
func (e *edge) release(now int64) {
	e.hold = free
	if !e.behind {
		return
	}
	e.behind = false
	if m := e.vehicle.latest; m != nil && (e.shown == nil || newer(m, e.shown)) {
		e.send(m, now)
	}
}
