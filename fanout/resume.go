package fanout

import (
	"context"
	"slices"
	"time"

	"go.uber.org/zap"

	"github.com/trackgate/trackgate/protocols"
)

// resumePart is the most vehicles whose windows are read at once.
const resumePart = 32

// resume follows vehicles again for a client that says what it saw last of each, and first of all sends what it missed. Where the window
// does not reach back so far the client is told to resync, and gets what is known last.
func (s *session) resume(ctx context.Context, r *request) {
	vehicles := make([]string, 0, len(r.Resume))
	for v := range r.Resume {
		vehicles = append(vehicles, v)
	}
	slices.Sort(vehicles)
	vehicles = s.allowed(vehicles)
	s.server.counters.ResumeRefused.Add(uint64(len(r.Resume) - len(vehicles)))
	gap := s.gap(r)
	for len(vehicles) > 0 {
		n := min(len(vehicles), resumePart)
		s.resumePart(ctx, vehicles[:n], r.Resume, gap, n < len(vehicles))
		vehicles = vehicles[n:]
	}
}

func (s *session) resumePart(ctx context.Context, vehicles []string, seqs map[string]string, gap int64, more bool) {
	c := s.client
	ctx, cancel := context.WithTimeout(ctx, s.server.hub.limits.SnapshotWithin)
	defer cancel()
	s.join(ctx, vehicles, gap, true)
	asked := make(map[string]string, len(vehicles))
	for _, v := range vehicles {
		asked[v] = seqs[v]
	}
	tails, err := s.server.bus.Since(ctx, asked)
	if err != nil {
		s.server.log.Debug("reading what a client missed", zap.Error(err))
	}
	read := s.server.lastKnown(ctx, vehicles)
	complete, followed := 0, 0
	c.shard.do(func() { complete, followed = c.shard.replay(c, vehicles, seqs, tails, read, more) })
	s.server.counters.ResumeComplete.Add(uint64(complete))
	s.server.counters.ResumeResync.Add(uint64(followed - complete))
	s.server.counters.ResumeRefused.Add(uint64(len(vehicles) - followed))
	s.wait()
}

// replay queues what a client missed of vehicles that are held for it, each vehicle's events in the order in which they were published, then
// the last known of those of which that cannot be told, and lets what follows through. It returns how many there were of the first, and of both.
func (s *shard) replay(c *client, ids []string, seqs map[string]string, tails map[string]tail, read map[string]*Message, more bool) (complete, followed int) {
	if c.closing {
		return 0, 0
	}
	now := s.hub.now()
	var edges []*edge
	for _, id := range ids {
		e := c.find(s.vehicles[id])
		if e == nil {
			continue // untracked, or refused, in the meantime
		}
		edges = append(edges, e)
		// A vehicle whose window is empty, and of which the client saw nothing, has nothing to say.
		if _, ok := tails[id]; ok && !(seqs[id] == "" && read[id] != nil) {
			complete++
		} else {
			delete(tails, id)
		}
	}
	if complete < len(edges) {
		s.resync(c)
	}
	if c.replayed == nil {
		c.replayed = &replayed{seen: make(map[voyage]uint32)}
	}
	c.replayed.until = now + int64(replayedFor)
	var known []*Message
	shown := make(map[*edge]*Message, len(edges))
	for _, e := range edges {
		id := s.known.at(e.vehicle).id
		m := (*Message)(nil)
		if t, ok := tails[id]; ok {
			m, shown[e] = s.redeliver(e, seqs[id], t, read[id], now)
			s.saw(e, shown[e])
		} else if m = s.newest(e, read[id]); m != nil && m.Live {
			shown[e] = m
		}
		if m != nil {
			known = append(known, m)
		}
	}
	c.putSnapshot(known, more)
	for _, e := range edges {
		s.release(e, now)
	}
	c.releaseLate(shown, now)
	return complete, len(edges)
}

// redeliver queues the missed events of one vehicle. It returns the vehicle's newest position if that is neither among them nor what the
// client named: it may have been waiting for the client's rate when a later event went out. And it returns what the client then was shown last.
func (s *shard) redeliver(e *edge, seq string, t tail, read *Message, now int64) (known, shown *Message) {
	c, id := s.seats.at(e.client), s.known.at(e.vehicle).id
	for _, p := range t.seen {
		c.replayed.add(id, p.session, p.counter)
	}
	if session, counter, ok := protocols.ParseSeq(seq); ok {
		c.replayed.add(id, session, counter)
	}
	shown = s.shown(e)
	if t.shown != nil && newer(t.shown, shown) {
		shown = t.shown
	}
	moved := false
	for _, m := range t.missed {
		switch {
		case m.Live && newer(m, shown):
			shown, moved = m, true
			c.put(item{edge: e, msg: m, again: true})
		case !m.Live || m.Alarm:
			c.put(item{edge: e, msg: m, event: true, again: true})
		}
	}
	if moved {
		e.next(c.rates[e.rate], now)
		return nil, shown
	}
	best := shown
	// What was read and is ahead of the window comes by itself, and something before it may.
	if read != nil && (read.Seq == "" || c.replayed.has(read)) && better(read, best) {
		best = read
	}
	if best == nil || best.Seq != "" && best.Seq == seq {
		return nil, shown
	}
	if best.Live {
		shown = best
	}
	return best, shown
}

// voyage is a session of a device on a vehicle.
type voyage struct {
	vehicle string
	session protocols.Millis
}

// replayed are the events that a client was sent late, or had before: up to which counter in which session. They may come once more over the bus.
type replayed struct {
	seen  map[voyage]uint32
	until int64 // hub time
}

// replayedFor is how long after it was sent late an event may still come over the bus.
const replayedFor = time.Minute

func (r *replayed) add(vehicle string, session protocols.Millis, counter uint32) {
	p := voyage{vehicle, session}
	if c, ok := r.seen[p]; !ok || c < counter {
		r.seen[p] = counter
	}
}

func (r *replayed) has(m *Message) bool {
	if r == nil {
		return false
	}
	session, counter, ok := protocols.ParseSeq(m.Seq)
	if !ok {
		return false
	}
	top, ok := r.seen[voyage{m.Vehicle, session}]
	return ok && counter <= top
}

// after is r, or nil when its time is over.
func (r *replayed) after(now int64) *replayed {
	if r == nil || now > r.until {
		return nil
	}
	return r
}
