package fanout

import (
	"container/heap"
	"context"
	"sync"
	"time"

	"github.com/trackgate/trackgate/fanout/auth"
)

// shard is one goroutine with its clients. All that follows the inbox is touched by that goroutine only.
type shard struct {
	hub   *Hub
	index int

	mu       sync.Mutex
	jobs     []func()
	messages []*Message
	lost     bool // a message found no room
	wake     chan struct{}
	stopped  chan struct{}

	clients            map[*client]struct{}
	vehicles           map[string]*vehicle
	known              numbers[*vehicle] // the same by number
	seats              numbers[*client]  // clients that follow vehicles, by number
	edges              edges
	cohorts            map[cohortKey]*cohort // of the clients that follow everything
	fleet              []*cohort             // the same in the order in which they came; nil: has ended
	holes              int
	tiles              tiles // of the clients that follow a part of the map
	away               []edgeID
	timers             timers
	dirty              []*client
	scratch            []byte
	spares             [][]item // queues that ran empty, for the next client that needs one: an idle client has none
	unneeded           int      // how many of those nobody has needed since thin
	pingEvery, silence int64
}

// maxInbox bounds the messages that wait for a shard.
const maxInbox = 1 << 16

// idleVehicle is how long a shard remembers a vehicle that nobody follows by name and that sends nothing.
const idleVehicle = 10 * time.Minute

func newShard(h *Hub, index int) *shard {
	return &shard{hub: h, index: index, wake: make(chan struct{}, 1), stopped: make(chan struct{}),
		clients: make(map[*client]struct{}), vehicles: make(map[string]*vehicle), cohorts: make(map[cohortKey]*cohort)}
}

// take puts a message into the inbox. A shard that cannot keep up loses positions that a newer one follows, then the rest.
func (s *shard) take(m *Message) {
	s.mu.Lock()
	if len(s.messages) >= maxInbox {
		s.messages = s.conflate(s.messages)
	}
	if len(s.messages) < maxInbox || m.Alarm && len(s.messages) < 2*maxInbox {
		s.messages = append(s.messages, m)
	} else {
		s.hub.counters.ReceivedDropped.Add(1)
		s.lost = true
	}
	s.mu.Unlock()
	s.rouse()
}

func (s *shard) conflate(messages []*Message) []*Message {
	newest := make(map[string]int, len(messages)/4)
	for i, m := range messages {
		if m.Live {
			newest[m.Vehicle] = i
		}
	}
	kept := messages[:0]
	for i, m := range messages {
		if m.Live && !m.Alarm && newest[m.Vehicle] != i {
			s.hub.counters.Conflated.Add(1)
			continue
		}
		kept = append(kept, m)
	}
	clear(messages[len(kept):])
	return kept
}

func (s *shard) rouse() {
	select {
	case s.wake <- struct{}{}:
	default:
	}
}

// post has the shard run f. Those who post often bound it themselves: a client's reader waits for its last request.
func (s *shard) post(f func()) {
	s.mu.Lock()
	s.jobs = append(s.jobs, f)
	s.mu.Unlock()
	s.rouse()
}

// do has the shard run f and waits for it; false if the shard has ended.
func (s *shard) do(f func()) bool {
	done := make(chan struct{})
	s.post(func() {
		f()
		close(done)
	})
	select {
	case <-done:
		return true
	case <-s.stopped:
		return false
	}
}

func (s *shard) run(ctx context.Context) {
	defer close(s.stopped)
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	timer := time.NewTimer(time.Hour)
	defer timer.Stop()
	var jobs []func()
	var messages []*Message
	for ticks := 0; ; {
		select {
		case <-ctx.Done():
			for c := range s.clients {
				s.close(c, codeGoingAway, "the gateway is restarting")
			}
			return
		case <-s.wake:
		case <-timer.C:
		case <-tick.C:
			ticks++
			s.sweep(ticks)
		}
		s.mu.Lock()
		jobs, s.jobs = s.jobs, jobs[:0]
		messages, s.messages = s.messages, messages[:0]
		lost := s.lost
		s.lost = false
		s.mu.Unlock()
		now := s.hub.now()
		for i, m := range messages {
			s.deliver(m, now)
			messages[i] = nil
		}
		for i, f := range jobs {
			f()
			jobs[i] = nil
		}
		if cap(messages) > 4096 {
			messages = nil
		}
		if cap(jobs) > 4096 {
			jobs = nil
		}
		if lost {
			s.gap(nil)
		}
		s.expire(now)
		for i := 0; i < len(s.dirty); i++ {
			c := s.dirty[i]
			c.dirty = false
			c.flush()
		}
		clear(s.dirty)
		s.dirty = s.dirty[:0]
		if left, ok := s.timers.left(s.hub.now()); ok {
			timer.Reset(max(0, left))
		} else {
			timer.Reset(time.Hour)
		}
	}
}

// maxSpare bounds the spare queues, maxSpareItems the room in one: those that grew longer while their client was behind go at once. Most of those that were
// not needed for a second go too: see thin.
const (
	maxSpare      = 1024
	maxSpareItems = 64
)

func (s *shard) spare() []item {
	if n := len(s.spares); n > 0 {
		q := s.spares[n-1]
		s.spares = s.spares[:n-1]
		s.unneeded = min(s.unneeded, n-1)
		return q
	}
	return nil
}

// keep takes an empty queue, every item of which was cleared.
func (s *shard) keep(q []item) {
	if len(s.spares) < maxSpare && cap(q) <= maxSpareItems {
		s.spares = append(s.spares, q[:0])
	}
}

// thin lets half of the queues go that nobody has needed since it was called last.
func (s *shard) thin() {
	keep := len(s.spares) - (s.unneeded+1)/2
	clear(s.spares[keep:])
	s.spares = s.spares[:keep]
	s.unneeded = keep
}

func (s *shard) dirt(c *client) {
	if !c.dirty {
		c.dirty = true
		s.dirty = append(s.dirty, c)
	}
}

// deliver brings a message to every client that follows its vehicle.
func (s *shard) deliver(m *Message, now int64) {
	v := s.vehicles[m.Vehicle]
	if v == nil {
		if v = s.vehicle(m.Vehicle, now); v == nil {
			return
		}
	}
	v.used = now
	s.enlist(v)
	s.show(v, m)
	if (!m.Live || m.Alarm) && v.repeated(m.Seq) {
		return
	}
	if !m.Live || v.latest != nil && !newer(m, v.latest) {
		if !m.Live || m.Alarm {
			for _, id := range v.edges {
				s.event(s.edges.at(id), m)
			}
			for _, l := range v.lanes {
				l.event(m)
			}
		}
		return
	}
	v.latest = m
	s.settle(v, m)
	for _, id := range v.edges {
		if !s.position(s.edges.at(id), m, now) {
			s.away = append(s.away, id)
		}
	}
	for _, l := range v.lanes {
		l.position(m, now)
	}
	for _, id := range s.away {
		s.unfollow(s.edges.at(id))
	}
	s.away = s.away[:0]
}

// show gives an edge to those who look at the tile where the vehicle is now, and have none.
func (s *shard) show(v *vehicle, m *Message) {
	if !m.HasFix {
		return
	}
	s.tiles.viewers(m.Lat, m.Lng, func(c *client) {
		if c.box.contains(m) && c.find(v) == nil && c.among(v.id) && s.hub.policy.Allow(c.claims.Load(), auth.Read, v.id) {
			if e := s.follow(c, v, c.rateOf(c.gap)); c.fleetHeld {
				e.hold = held
			}
		}
	})
}

// vehicle returns the entry of a vehicle, a new one if need be; nil if there are too many.
func (s *shard) vehicle(id string, now int64) *vehicle {
	v := s.vehicles[id]
	if v == nil && len(s.vehicles) < maxVehicles {
		v = &vehicle{id: id, used: now}
		v.number = s.known.enter(v)
		s.vehicles[id] = v
	}
	return v
}

// forget ends the entry of a vehicle that nobody has an edge or a lane to.
func (s *shard) forget(v *vehicle) {
	delete(s.vehicles, v.id)
	s.known.leave(v.number)
}

// listens says whether some client follows everything, or a part of the map.
func (s *shard) listens() bool { return len(s.cohorts) > 0 || len(s.tiles.at) > 0 }

// listen asks the hub for all messages, or for no more of them than are followed by name.
func (s *shard) listen() {
	s.hub.routeAll(s.index, s.listens())
	if s.listens() {
		return
	}
	s.fleet, s.holes = nil, 0
	for _, v := range s.vehicles {
		v.joined = 0
		if len(v.edges) == 0 {
			s.forget(v)
		}
	}
}

// unname ends an edge's being named, without ending the edge.
func (s *shard) unname(e *edge) {
	e.role = outside
	s.seats.at(e.client).named--
	v := s.known.at(e.vehicle)
	if v.named--; v.named == 0 {
		s.hub.route(v.id, s.index, false)
	}
}

// expire sends the positions whose waiting is over.
func (s *shard) expire(now int64) {
	for {
		if left, ok := s.timers.left(now); !ok || left > 0 {
			return
		}
		heap.Pop(&s.timers).(waiter).fire(s, now)
	}
}

func (s *shard) add(c *client) {
	if c.closing {
		return
	}
	s.clients[c] = struct{}{}
	s.hub.counters.Clients.Add(1)
	c.nextPing = s.hub.now() + s.pingEvery
	if s.pingEvery > 0 { // spread, so that a thousand clients that came together are not pinged together
		c.nextPing -= int64(len(s.clients)) * 7919 * 1e6 % s.pingEvery
	}
}

// remove ends all of a client's interests and returns the vehicles that it followed by name, and whether it followed everything.
func (s *shard) remove(c *client) (named []string, fleet bool) {
	named, fleet = c.names(), c.fleet()
	s.leaveFleet(c)
	for len(c.edges) > 0 {
		s.unfollow(s.edges.at(c.edges[len(c.edges)-1]))
	}
	if c.seat != 0 {
		s.seats.leave(c.seat)
		c.seat = 0
	}
	if _, ok := s.clients[c]; ok {
		delete(s.clients, c)
		s.hub.counters.Clients.Add(-1)
	}
	c.closing = true
	c.queue, c.head, c.late = nil, 0, nil
	return named, fleet
}

// close ends the connection; its reader then detaches the client.
func (s *shard) close(c *client, code int, reason string) {
	if c.closing {
		return
	}
	if !c.busy {
		c.flush()
	}
	c.closing = true
	c.queue, c.head = nil, 0
	c.link.close(code, reason)
}

// gap tells clients that they may have missed something.
func (s *shard) gap(vehicles []string) {
	if vehicles == nil {
		for c := range s.clients {
			if len(c.edges) > 0 || c.fleet() {
				s.resync(c)
			}
		}
		return
	}
	for _, id := range vehicles {
		if v := s.vehicles[id]; v != nil {
			for _, id := range v.edges {
				s.resync(s.seats.at(s.edges.at(id).client))
			}
			for _, l := range v.lanes {
				for _, c := range l.cohort.members {
					s.resync(c)
				}
			}
		}
	}
}

// resync tells a client that it may have missed something, once until it has gone out.
func (s *shard) resync(c *client) {
	if !c.resync && !c.closing {
		c.resync = true
		c.putJSON([]byte(resyncMessage))
	}
}

// pinger is a link that keeps its connection alive with frames of its own.
type pinger interface{ ping() []byte }

// sweep looks once a second at what no message brings up.
func (s *shard) sweep(ticks int) {
	now, clock := s.hub.now(), time.Now()
	s.thin()
	for _, k := range s.cohorts {
		k.ahead.expire(now)
	}
	for c := range s.clients {
		c.replayed = c.replayed.after(now)
		claims := c.claims.Load()
		switch {
		case c.closing:
		case c.busy && now-c.link.progress() > int64(s.hub.limits.Stall):
			s.hub.counters.SlowDisconnects.Add(1)
			s.close(c, CodeSlow, "too slow")
		case !clock.Before(claims.Expires):
			s.close(c, CodeUnauthorized, "the token has expired")
		case s.silence > 0 && now-c.heard.Load() > s.silence:
			s.close(c, codeGoingAway, "no sign of life")
		case s.pingEvery > 0 && now >= c.nextPing:
			c.nextPing = now + s.pingEvery
			if p, ok := c.link.(pinger); ok {
				c.put(frameItem(p.ping()))
			}
		}
	}
	if ticks%60 == 0 {
		for _, v := range s.vehicles {
			if now-v.used < int64(idleVehicle) || v.named > 0 {
				continue
			}
			for len(v.edges) > 0 {
				s.unfollow(s.edges.at(v.edges[len(v.edges)-1]))
			}
			for len(v.lanes) > 0 {
				s.unlane(v.lanes[len(v.lanes)-1])
			}
			if s.vehicles[v.id] != nil { // its last edge may have taken it along
				s.forget(v)
			}
		}
	}
}
