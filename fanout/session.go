package fanout

import (
	"context"
	"slices"
	"sync/atomic"
	"time"

	"go.uber.org/zap"

	"github.com/trackgate/trackgate/fanout/auth"
)

// session is what reads one client's requests and carries them out, one after the other. It may block; its client's shard may not.
type session struct {
	server *Server
	client *client
	user   string

	grouped atomic.Bool // it has followed groups, whose vehicles may change

	refused []string // vehicles that the request being handled asked for in vain
	full    bool     // and whether it went beyond what a client may follow
}

// byGroup says whether what the client sees depends on groups.
func (s *session) byGroup() bool {
	return len(s.client.claims.Load().Grants.Groups) > 0 || s.grouped.Load()
}

// changeable says whether what the client may see can change while its token is valid.
func (s *session) changeable() bool { return s.client.claims.Load().LookedUp || s.byGroup() }

// handle carries out a request.
func (s *session) handle(ctx context.Context, r *request) {
	c := s.client
	s.refused, s.full = nil, false
	if r.unknown != "" {
		s.server.counters.refuse(refusedFrame)
		s.tell(unknownMessage(r.unknown))
	}
	if r.Auth != "" && !s.extend(ctx, r.Auth) {
		return
	}
	if r.MaxHz != nil && r.Track == nil && r.Resume == nil {
		c.shard.do(func() { c.shard.retime(c, int64(r.gap)) })
	}
	if r.Untrack != nil {
		s.untrack(r.Untrack)
	}
	if r.Track != nil || r.boxSet || r.inSet {
		s.track(ctx, r)
	}
	if len(r.Resume) > 0 {
		s.resume(ctx, r)
	}
	if r.Ping != nil {
		if len(r.Ping) > 64 {
			r.Ping = []byte("1")
		}
		s.tell(append(append([]byte(`{"type":"pong","pong":`), r.Ping...), '}'))
	}
}

// tell queues one of the server's own messages, and waits while too many of them are queued.
func (s *session) tell(raw []byte) {
	s.client.shard.do(func() { s.client.putJSON(raw) })
	s.wait()
}

// fail is tell for an error.
func (s *session) fail(text, vehicle string) {
	s.client.shard.do(func() { s.client.putError(text, vehicle) })
	s.wait()
}

// wait returns once the client has taken most of the snapshots and answers that it asked for: who asks without reading waits for himself.
func (s *session) wait() {
	c := s.client
	for {
		var full bool
		if !c.shard.do(func() {
			if full = c.rawBytes > highWater && !c.closing; full && c.drained == nil {
				c.drained = make(chan struct{}, 1)
			}
		}) || !full {
			return
		}
		select {
		case <-c.drained:
		case <-time.After(time.Second): // closing is not signalled
		}
	}
}

// allowed splits vehicles into those that the client may read, and tells it about the others.
func (s *session) allowed(vehicles []string) []string {
	claims := s.client.claims.Load()
	out := make([]string, 0, len(vehicles))
	for _, v := range vehicles {
		if s.server.authority.Allow(claims, auth.Read, v) {
			out = append(out, v)
			continue
		}
		s.server.counters.refuse(refusedVehicle)
		s.refused = append(s.refused, v)
		s.fail("Unauthorized", v)
	}
	return out
}

func (s *session) gap(r *request) int64 {
	if r.MaxHz != nil {
		return int64(r.gap)
	}
	var gap int64
	s.client.shard.do(func() { gap = s.client.gap })
	return gap
}

func (s *session) track(ctx context.Context, r *request) {
	c := s.client
	names := slices.DeleteFunc(slices.Clone([]string(r.Track)), func(v string) bool { return v == "*" })
	star := len(names) < len(r.Track)
	if len(names) > 0 {
		s.follow(ctx, s.allowed(names), s.gap(r))
	}
	if !star && !r.boxSet && !r.inSet {
		return
	}
	if !s.server.authority.Allow(c.claims.Load(), auth.Read, "") {
		s.fail("Unauthorized", "*")
		return
	}
	if r.in != nil {
		s.grouped.Store(true)
	}
	joins := star || r.box != nil || r.in != nil
	if joins { // before anything is read, as with names
		if err := s.server.hub.interest.acquireAll(ctx); err != nil {
			s.server.log.Debug("following all vehicles", zap.Error(err))
		}
	}
	was, is := false, false
	c.shard.do(func() {
		was = c.fleet()
		c.star = c.star || star
		if r.boxSet {
			c.box = r.box
		}
		if r.inSet {
			c.in = r.in
		}
		if r.MaxHz != nil {
			c.gap = int64(r.gap)
		}
		if is = c.wants(); is {
			c.shard.joinFleet(c)
		} else {
			c.shard.leaveFleet(c)
		}
	})
	s.releaseFleet(joins, was, is)
	if is {
		s.fleetSnapshot(ctx)
	}
}

// releaseFleet keeps one count for a client that follows everything, none for another.
func (s *session) releaseFleet(acquired, was, is bool) {
	n := 0
	if acquired {
		n++
	}
	if was {
		n++
	}
	if is {
		n--
	}
	for ; n > 0; n-- {
		s.server.hub.interest.releaseAll()
	}
}

// follow tracks vehicles by name and queues their snapshot: first the interest, then the reading, so that nothing falls between.
func (s *session) follow(ctx context.Context, vehicles []string, gap int64) {
	if len(vehicles) == 0 {
		return
	}
	c := s.client
	ctx, cancel := context.WithTimeout(ctx, s.server.hub.limits.SnapshotWithin)
	defer cancel()
	s.join(ctx, vehicles, gap, false)
	read := s.server.lastKnown(ctx, vehicles)
	c.shard.do(func() { c.shard.snapshot(c, vehicles, read) })
	s.wait()
}

// join tracks vehicles by name, held until what goes before is queued. resumes says that nothing that comes meanwhile may be left out.
func (s *session) join(ctx context.Context, vehicles []string, gap int64, resumes bool) {
	c, interest := s.client, s.server.hub.interest
	s.server.hub.spent.Add(uint64((len(vehicles) + perSpent - 1) / perSpent))
	if err := interest.acquire(ctx, vehicles); err != nil {
		s.server.log.Debug("following vehicles", zap.Error(err)) // they come after a gap, when the bus is back
	}
	var known []string // counted already
	var full bool
	c.shard.do(func() {
		known, full = c.shard.track(c, vehicles, gap)
		for _, v := range vehicles {
			if e := c.find(c.shard.vehicles[v]); e != nil && resumes {
				e.hold = resuming
			}
		}
	})
	interest.release(known)
	if full {
		s.server.counters.refuse(refusedSubscriptions)
		s.full = true
		s.fail("too many vehicles", "")
	}
}

func (s *session) untrack(vehicles []string) {
	c := s.client
	var removed []string
	var was, is bool
	c.shard.do(func() {
		removed = c.shard.untrack(c, vehicles)
		was = c.fleet()
		if slices.Contains(vehicles, "*") {
			c.star = false
		}
		if is = c.wants(); was && !is {
			c.shard.leaveFleet(c)
		}
	})
	s.server.hub.interest.release(removed)
	s.releaseFleet(false, was, is)
}

// snapshotPart is the most events in one part of a snapshot of everything: what a client has not taken yet is a part that is encoded for it alone.
const snapshotPart = 250

// fleetSnapshot queues the last known position of everything that the client may read, in parts, waiting for the client in between.
func (s *session) fleetSnapshot(ctx context.Context) {
	c := s.client
	ctx, cancel := context.WithTimeout(ctx, s.server.hub.limits.SnapshotWithin)
	defer cancel()
	part := make([]*Message, 0, snapshotPart)
	s.server.eachLastKnown(ctx, func(m *Message) bool {
		if !s.server.authority.Allow(c.claims.Load(), auth.Read, m.Vehicle) || !c.among(m.Vehicle) { // its groups change by its own requests only
			return true
		}
		if part = append(part, m); len(part) < snapshotPart {
			return true
		}
		ok := c.shard.do(func() { c.shard.fleetSnapshot(c, part, true) })
		s.wait()
		part = part[:0]
		return ok
	})
	c.shard.do(func() { c.shard.fleetSnapshot(c, part, false) })
	s.wait()
}

// extend replaces the client's token by a new one of the same subject.
func (s *session) extend(ctx context.Context, token string) bool {
	c := s.client
	claims, err := s.server.authority.Verify(ctx, token)
	if err != nil || claims.Subject != s.user || !s.server.authority.Allow(claims, auth.Read, "") {
		s.server.counters.refuse(refusedToken)
		c.shard.do(func() {
			c.putError("Unauthorized", "")
			c.shard.close(c, CodeUnauthorized, "token refused")
		})
		return false
	}
	s.regrant(claims)
	return true
}

// regrant applies new claims to what the client follows.
func (s *session) regrant(claims *auth.Claims) {
	c := s.client
	var lost []string
	c.shard.do(func() { lost = c.shard.regrant(c, claims) })
	s.server.hub.interest.release(lost)
}

// end takes the client away and returns what it followed: vehicles by name, and whether everything. Nothing, once its shard has ended.
func (s *session) end() (named []string, fleet bool) {
	c := s.client
	if !c.shard.do(func() { named, fleet = c.shard.remove(c) }) {
		return nil, false
	}
	s.server.hub.interest.release(named)
	if fleet {
		s.server.hub.interest.releaseAll()
	}
	return named, fleet
}
