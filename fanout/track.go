package fanout

import (
	"time"

	"github.com/trackgate/trackgate/fanout/auth"
	"github.com/trackgate/trackgate/protocols"
)

// track adds vehicles to those that a client follows by name, held until their snapshot. It returns those that it need not be counted for:
// followed by name before, or left out because the limit was reached, which full says.
func (s *shard) track(c *client, ids []string, gap int64) (uncounted []string, full bool) {
	now := s.hub.now()
	for i, id := range ids {
		e := c.edges[id]
		if e != nil && e.named {
			uncounted = append(uncounted, id)
			e.gap, e.held = gap, true
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
			e = s.follow(c, v)
		}
		e.named, e.gap, e.held = true, gap, true
		c.named++
		if e.vehicle.named++; e.vehicle.named == 1 {
			s.hub.route(id, s.index, true)
		}
	}
	return uncounted, false
}

// untrack ends it and returns those that were followed by name.
func (s *shard) untrack(c *client, ids []string) (removed []string) {
	for _, id := range ids {
		e := c.edges[id]
		if e == nil || !e.named {
			continue
		}
		removed = append(removed, id)
		if c.fleetAt >= 0 {
			s.unname(e) // still one of all
		} else {
			s.unfollow(e)
		}
	}
	return removed
}

// joinFleet has the client follow everything that its token allows, held until the snapshot of it all.
func (s *shard) joinFleet(c *client) {
	if c.fleetAt >= 0 {
		s.leaveFleet(c)
	}
	c.fleetAt = len(s.fleet)
	c.fleetHeld = true
	s.fleet = append(s.fleet, c)
	s.hub.routeAll(s.index, true)
}

// leaveFleet ends it; what the client follows by name remains.
func (s *shard) leaveFleet(c *client) {
	if c.fleetAt < 0 {
		return
	}
	s.fleet[c.fleetAt] = nil
	c.fleetAt, c.fleetHeld = -1, false
	s.holes++
	for _, e := range c.edges {
		if !e.named {
			s.unfollow(e)
		}
	}
	if s.holes == len(s.fleet) {
		s.fleet, s.holes = nil, 0
		s.hub.routeAll(s.index, false)
		for id, v := range s.vehicles {
			v.joined = 0
			if len(v.edges) == 0 {
				delete(s.vehicles, id)
			}
		}
		return
	}
	if s.holes > 16+len(s.fleet)/2 {
		s.closeHoles()
	}
}

// closeHoles moves the fleet's clients together; every vehicle keeps its place among them.
func (s *shard) closeHoles() {
	before := make([]int, len(s.fleet)+1) // clients before that index
	kept := make([]*client, 0, len(s.fleet)-s.holes)
	for i, c := range s.fleet {
		before[i] = len(kept)
		if c != nil {
			c.fleetAt = len(kept)
			kept = append(kept, c)
		}
	}
	before[len(s.fleet)] = len(kept)
	for _, v := range s.vehicles {
		v.joined = before[v.joined]
	}
	s.fleet, s.holes = kept, 0
}

// regrant applies new claims: interests that they no longer allow end, and the client is told.
func (s *shard) regrant(c *client, claims *auth.Claims) (lost []string) {
	c.claims.Store(claims)
	for id, e := range c.edges {
		if s.hub.policy.Allow(claims, auth.Read, id) {
			continue
		}
		if e.named {
			lost = append(lost, id)
			c.putError("Unauthorized", id)
		}
		s.unfollow(e)
	}
	if c.fleetAt >= 0 { // what is new is asked about at its next message
		held := c.fleetHeld
		s.fleet[c.fleetAt] = nil
		s.holes++
		c.fleetAt = len(s.fleet)
		s.fleet = append(s.fleet, c)
		c.fleetHeld = held
		if s.holes > 16+len(s.fleet)/2 {
			s.closeHoles()
		}
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
		e := c.edges[id]
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
		if e := c.edges[id]; e != nil {
			e.release(now)
		}
	}
	c.releaseLate(now)
}

// fleetSnapshot queues a part of the snapshot of everything. The last part lets what follows through.
func (s *shard) fleetSnapshot(c *client, read []*Message, more bool) {
	if c.closing || c.fleetAt < 0 {
		return
	}
	now := s.hub.now()
	events := make([]*Message, 0, len(read))
	for _, m := range read {
		best := m
		v := s.vehicles[m.Vehicle]
		e := c.edges[m.Vehicle]
		if v != nil && v.latest != nil && better(v.latest, best) {
			best = v.latest // and all that comes is newer still
		} else if e == nil && m.Live && recent(m) {
			// What was read is ahead of what came: the client must not be taken back to that.
			if v = s.vehicle(m.Vehicle, now); v != nil {
				s.enlist(v)
				if e = c.edges[m.Vehicle]; e == nil {
					e = s.follow(c, v)
					e.held = c.fleetHeld
				}
			}
		}
		if e != nil {
			best = s.newest(e, best)
			e.inside = c.box != nil && c.box.contains(best)
		}
		if c.box == nil || c.box.contains(best) {
			events = append(events, best)
		}
	}
	c.putSnapshot(events, more)
	if more {
		return
	}
	c.fleetHeld = false
	for _, e := range c.edges {
		if e.held && !e.named {
			e.release(now)
		}
	}
	c.releaseLate(now)
}

// newest is the newest of what was read and what the shard has; it counts as shown.
func (s *shard) newest(e *edge, read *Message) *Message {
	best := read
	for _, m := range []*Message{e.vehicle.latest, e.pending, e.shown} {
		if m != nil && better(m, best) {
			best = m
		}
	}
	if best == nil || !best.Live {
		return best
	}
	if e.pending != nil && !newer(e.pending, best) {
		s.timers.drop(e)
		e.pending = nil
	}
	// Only this client has seen it. For the vehicle, what counts is what came: others may still be waiting for just that.
	e.shown = best
	return best
}

// recent says whether a position that was read may still be on its way over the bus.
func recent(m *Message) bool { return m.Time > protocols.At(time.Now().Add(-10*time.Minute)) }

// snapshotMessage is the JSON of a snapshot; more says that another part follows.
func snapshotMessage(events []*Message, more bool) []byte {
	size := 48
	for _, m := range events {
		size += len(m.body) + 1
	}
	b := append(make([]byte, 0, size), `{"type":"snapshot","events":[`...)
	for i, m := range events {
		if i > 0 {
			b = append(b, ',')
		}
		b = append(b, m.body...)
	}
	b = append(b, ']')
	if more {
		b = append(b, `,"more":true`...)
	}
	return append(b, '}')
}
