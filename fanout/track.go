package fanout

import (
	"slices"
	"time"

	"github.com/trackgate/trackgate/fanout/auth"
	"github.com/trackgate/trackgate/protocols"
)

// track adds vehicles to those that a client follows by name, held until their snapshot. It returns those that it need not be counted for:
// followed by name before, or left out because the limit was reached, which full says.
func (s *shard) track(c *client, ids []string, gap int64) (uncounted []string, full bool) {
	now := s.hub.now()
	rate := c.rateOf(gap)
	c.edges = slices.Grow(c.edges, min(len(ids), s.hub.limits.Subscriptions-c.named))
	for i, id := range ids {
		e := c.find(s.vehicles[id])
		if e != nil && e.named() {
			uncounted = append(uncounted, id)
			e.rate, e.hold = rate, held
			continue
		}
		if c.named >= s.hub.limits.Subscriptions {
			return append(uncounted, ids[i:]...), true
		}
		if e == nil {
			v := s.vehicle(id, now)
			if v == nil {
				return append(uncounted, ids[i:]...), true
			}
			e = s.follow(c, v, rate)
		}
		e.role, e.rate, e.hold = byName, rate, held
		c.named++
		v := s.known.at(e.vehicle)
		if v.named++; v.named == 1 {
			s.hub.route(id, s.index, true)
		}
	}
	return uncounted, false
}

// untrack ends it and returns those that were followed by name.
func (s *shard) untrack(c *client, ids []string) (removed []string) {
	for _, id := range ids {
		v := s.vehicles[id]
		e := c.find(v)
		if e == nil || !e.named() {
			continue
		}
		removed = append(removed, id)
		if c.box != nil && c.box.contains(v.latest) && c.among(id) {
			s.unname(e) // still in that part of the map
			e.role = inside
		} else {
			s.unfollow(e)
		}
	}
	return removed
}

// retime applies the client's rate to all that it follows.
func (s *shard) retime(c *client, gap int64) {
	c.gap = gap
	c.rates = c.rates[:0]
	rate := c.rateOf(gap)
	for _, id := range c.edges {
		s.edges.at(id).rate = rate
	}
	if c.cohort != nil {
		s.move(c, func() {})
	}
}

// joinFleet has the client follow everything that its token allows, or what of that is in its groups and its box, held until the snapshot of it all.
func (s *shard) joinFleet(c *client) {
	s.tiles.leave(c)
	if c.cohort != nil {
		s.dismiss(c)
	}
	c.fleetHeld, c.missed = true, nil
	if c.box == nil {
		s.endSights(c, func(*edge) bool { return false })
		s.enroll(c)
		return
	}
	s.tiles.enter(c)
	s.listen()
	s.endSights(c, func(e *edge) bool { // who waits for a position may have seen the vehicle in here
		v := s.known.at(e.vehicle)
		return c.among(v.id) && (e.behind || c.box.contains(v.latest) || c.box.contains(s.shown(e)))
	})
	for _, id := range c.edges {
		if e := s.edges.at(id); !e.named() {
			e.hold, e.rate = held, c.rateOf(c.gap)
		}
	}
}

// endSights ends the edges that are not by name, but for those to keep.
func (s *shard) endSights(c *client, keep func(*edge) bool) {
	for i := len(c.edges) - 1; i >= 0; i-- {
		if e := s.edges.at(c.edges[i]); !e.named() && !keep(e) {
			s.unfollow(e)
		}
	}
}

// leaveFleet ends it; what the client follows by name remains.
func (s *shard) leaveFleet(c *client) {
	if !c.fleet() {
		return
	}
	c.fleetHeld, c.missed = false, nil
	if c.cohort != nil {
		s.dismiss(c)
	}
	s.tiles.leave(c)
	s.endSights(c, func(*edge) bool { return false })
	s.listen()
}

// regrant applies new claims: interests that they no longer allow end, and the client is told.
func (s *shard) regrant(c *client, claims *auth.Claims) (lost []string) {
	allowed := func(id string) bool { return s.hub.policy.Allow(claims, auth.Read, id) }
	apply := func() { c.claims.Store(claims) }
	fleet := c.cohort != nil
	if fleet {
		s.move(c, apply)
	} else {
		apply()
	}
	for i := len(c.edges) - 1; i >= 0; i-- {
		e := s.edges.at(c.edges[i])
		id := s.known.at(e.vehicle).id
		if allowed(id) && (e.named() || c.among(id)) {
			continue
		}
		if e.named() {
			lost = append(lost, id)
			c.putError("Unauthorized", id)
		}
		s.unfollow(e)
	}
	if fleet { // what is new is asked about at its next message
		s.askAgain(c.cohort)
		c.forbid(allowed)
	}
	return lost
}

// snapshot queues the last known positions of vehicles that were tracked by name, newest of what was read and what came meanwhile, and
// lets what follows through.
func (s *shard) snapshot(c *client, ids []string, read map[string]*Message) {
	if c.closing {
		return
	}
	now := s.hub.now()
	events := make([]*Message, 0, len(read))
	for _, id := range ids {
		e := c.find(s.vehicles[id])
		if e == nil {
			continue // untracked, or refused, in the meantime
		}
		best := s.newest(e, read[id])
		if best != nil {
			events = append(events, best)
		}
	}
	c.putSnapshot(events, false)
	for _, id := range ids {
		if e := c.find(s.vehicles[id]); e != nil {
			s.release(e, now)
		}
	}
	c.releaseLate(nil, now)
}

// fleetSnapshot queues a part of the snapshot of everything. The last part lets what follows through.
func (s *shard) fleetSnapshot(c *client, read []*Message, more bool) {
	if c.closing || !c.fleet() {
		return
	}
	now := s.hub.now()
	s.hub.spent.Add(uint64(len(read) / perSpent))
	events := make([]*Message, 0, len(read))
	for _, m := range read {
		if best := s.best(c, m, now); c.box == nil || c.box.contains(best) {
			events = append(events, best)
		}
	}
	c.putSnapshot(events, more)
	if more {
		return
	}
	c.fleetHeld = false
	for v := range c.missed { // what was not read
		if v.latest != nil && c.find(v) == nil {
			c.fleetPosition(v, v.latest)
		}
	}
	c.missed = nil
	for _, id := range c.edges {
		if e := s.edges.at(id); e.hold != free && !e.named() {
			s.release(e, now)
		}
	}
	c.releaseLate(nil, now)
}

// best is the newest known position of a vehicle for a snapshot of everything, and what the client has seen from then on.
func (s *shard) best(c *client, read *Message, now int64) *Message {
	v := s.vehicles[read.Vehicle]
	e := c.find(v)
	if e == nil && c.box != nil && c.box.contains(read) && read.Live {
		if v = s.vehicle(read.Vehicle, now); v == nil {
			return read
		}
		e = s.follow(c, v, c.rateOf(c.gap))
		e.hold = held
	}
	if e != nil {
		best := s.newest(e, read)
		if !e.named() {
			e.role = outside
			if c.box != nil && c.box.contains(best) {
				e.role = inside
			}
		}
		return best
	}
	best := read
	if v != nil {
		delete(c.missed, v)
		if v.latest != nil && !better(read, v.latest) {
			best = v.latest
		}
		l := v.lane(c.cohort)
		if best == v.latest && (l == nil || !l.behind) {
			return best // and all that comes is newer still
		}
	}
	if c.box == nil && best.Live && recent(best) {
		// The bus may still bring this, or what is older, and the client must not be taken back to that.
		c.cohort.ahead.note(best, c.member, c.cohort.came, now)
	}
	return best
}

// newest is the newest of what was read and what the shard has; it counts as shown.
func (s *shard) newest(e *edge, read *Message) *Message {
	best, latest := read, s.known.at(e.vehicle).latest
	for _, m := range []*Message{latest, s.shown(e)} {
		if m != nil && better(m, best) {
			best = m
		}
	}
	if best == nil || !best.Live {
		return best
	}
	if e.behind && !newer(latest, best) {
		s.timers.drop(e)
		e.behind = false
	}
	s.saw(e, best)
	return best
}

// recent says whether a position that was read may still be on its way over the bus.
func recent(m *Message) bool { return m.Time > protocols.At(time.Now().Add(-10*time.Minute)) }

// snapshotMessage is the JSON of a snapshot; more says that another part follows.
func snapshotMessage(events []*Message, more bool) []byte {
	return appendSnapshot(make([]byte, 0, snapshotSize(events, more)), events, more)
}

const (
	snapshotBegin = `{"type":"snapshot","events":[`
	snapshotEnd   = `]}`
	snapshotMore  = `],"more":true}`
)

// snapshotSize is its length in bytes.
func snapshotSize(events []*Message, more bool) int {
	size := len(snapshotBegin) + max(0, len(events)-1) + len(snapshotEnd)
	if more {
		size += len(snapshotMore) - len(snapshotEnd)
	}
	for _, m := range events {
		size += len(m.body)
	}
	return size
}

func appendSnapshot(b []byte, events []*Message, more bool) []byte {
	b = append(b, snapshotBegin...)
	for i, m := range events {
		if i > 0 {
			b = append(b, ',')
		}
		b = append(b, m.body...)
	}
	if more {
		return append(b, snapshotMore...)
	}
	return append(b, snapshotEnd...)
}
