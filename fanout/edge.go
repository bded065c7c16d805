package fanout

import (
	"cmp"
	"slices"
	"time"
)

// edge is one client's interest in one vehicle: by name, or because it is in the client's part of the map. A dashboard has hundreds and a node millions,
// so it is 28 bytes: there is nothing in it that can be had from the client or the vehicle, and times are in ms.
type edge struct {
	client  uint32 // number in shard.seats
	vehicle uint32 // number in shard.known
	at      int32  // index in vehicle.edges, -1: it has ended
	wait
	rate   uint8 // index of its least time between two positions in client.rates
	role   sight
	hold   hold
	behind bool  // the vehicle has a position that waits for the client's rate or its snapshot
	ahead  uint8 // index in vehicle.ahead, plus one, of what the client was shown; 0: no more than the bus has brought
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

// stale says that the item came by an edge that has ended since, whoever has its room now.
func (i *item) stale(c *client) bool {
	e := i.edge
	return e != nil && (e.at < 0 || e.client != c.seat || c.shard.known.at(e.vehicle).id != i.msg.Vehicle)
}

// follow makes an edge. The client has none to that vehicle.
func (s *shard) follow(c *client, v *vehicle, rate uint8) *edge {
	if c.seat == 0 {
		c.seat = s.seats.enter(c)
	}
	id, e := s.edges.take()
	*e = edge{client: c.seat, vehicle: v.number, at: int32(len(v.edges)), rate: rate}
	i, _ := c.place(v)
	c.edges = slices.Insert(c.edges, i, id)
	if n := len(v.edges); n == cap(v.edges) { // append would double it
		v.edges = append(make([]edgeID, 0, n+max(1, n/8)), v.edges...)
	}
	v.edges = append(v.edges, id)
	s.hub.counters.Subscriptions.Add(1)
	return e
}

// unfollow ends it.
func (s *shard) unfollow(e *edge) {
	c, v := s.seats.at(e.client), s.known.at(e.vehicle)
	s.timers.drop(e)
	if e.named() {
		s.unname(e)
	}
	if i, ok := c.place(v); ok {
		c.edges = slices.Delete(c.edges, i, i+1)
	}
	id, last := v.edges[e.at], len(v.edges)-1
	v.edges[e.at] = v.edges[last]
	s.edges.at(v.edges[e.at]).at = e.at
	v.edges = v.edges[:last]
	e.at = -1
	s.edges.give(id)
	s.hub.counters.Subscriptions.Add(-1)
	if len(v.edges) == 0 && !s.listens() {
		s.forget(v)
	}
}

// find returns the client's edge to a vehicle; nil if there is none.
func (c *client) find(v *vehicle) *edge {
	if v == nil || len(c.edges) == 0 {
		return nil
	}
	i, ok := c.place(v)
	if !ok {
		return nil
	}
	return c.shard.edges.at(c.edges[i])
}

// place is where the client's edge to a vehicle is, or would be, in its list.
func (c *client) place(v *vehicle) (int, bool) {
	all := &c.shard.edges
	return slices.BinarySearchFunc(c.edges, v.number, func(id edgeID, number uint32) int { return cmp.Compare(all.at(id).vehicle, number) })
}

// names are the vehicles that the client follows by name.
func (c *client) names() []string {
	names := make([]string, 0, c.named)
	for _, id := range c.edges {
		if e := c.shard.edges.at(id); e.named() {
			names = append(names, c.shard.known.at(e.vehicle).id)
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
func (s *shard) position(e *edge, m *Message, now int64) bool {
	c := s.seats.at(e.client)
	if c.replayed.has(m) {
		return true
	}
	if e.hold == resuming {
		c.delay(item{edge: e, msg: m})
		return true
	}
	if e.ahead != 0 { // not newer than what was shown: see settle
		if m.Alarm {
			s.event(e, m)
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
		s.send(e, c, m, now) // not kept back by the client's rate, and none to replace it
		return true
	}
	if m.Alarm {
		s.event(e, m)
	}
	if e.hold != free || e.early(c.rates[e.rate], now) {
		if e.behind {
			s.hub.counters.Conflated.Add(1)
		}
		e.behind = true
		if e.hold == free {
			s.timers.set(e)
		}
		return true
	}
	s.send(e, c, m, now)
	return true
}

// send queues a position; what waited is no longer of interest.
func (s *shard) send(e *edge, c *client, m *Message, now int64) {
	if e.behind {
		e.behind = false
		s.hub.counters.Conflated.Add(1)
	}
	s.timers.drop(e)
	e.next(c.rates[e.rate], now)
	c.put(item{edge: e, msg: m})
}

// fire sends the position that waited: the vehicle's newest.
func (e *edge) fire(s *shard, now int64) {
	if m := s.known.at(e.vehicle).latest; e.behind && e.hold == free && m != nil {
		e.behind = false
		s.send(e, s.seats.at(e.client), m, now)
	}
}

// event takes an event that is not the vehicle's new position.
func (s *shard) event(e *edge, m *Message) {
	c := s.seats.at(e.client)
	if c.replayed.has(m) || e.role == outside && (c.box == nil || !c.box.contains(m)) {
		return
	}
	c.event(item{edge: e, msg: m, event: true}, e.hold != free)
}

// release lets an edge's messages through once its snapshot is queued.
func (s *shard) release(e *edge, now int64) {
	e.hold = free
	if !e.behind {
		return
	}
	e.behind = false
	c, m := s.seats.at(e.client), s.known.at(e.vehicle).latest
	if m != nil && newer(m, s.shown(e)) && !c.replayed.has(m) {
		s.send(e, c, m, now)
	}
}
