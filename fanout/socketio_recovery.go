package fanout

import (
	"context"
	"encoding/json"
	"slices"
	"sync"
	"time"

	"go.uber.org/zap"
)

// A Socket.IO client that lost its connection names, when it comes again, the pid that it was given before. Its tracks are then restored,
// if the subject is the same and still may see them: the usual dashboard never tracks again by itself, and would stay silent.

// recoveryFor is how long the tracks of a lost connection are kept.
const recoveryFor = 2 * time.Minute

// Limits of what a node keeps of lost connections; what is beyond them is not kept, and counted.
const (
	maxRecoveries        = 100_000
	maxRecoveredVehicles = 4_000_000 // in all of them
	maxPID               = 64
)

// lostSession is what is kept of a connection.
type lostSession struct {
	Subject  string   `json:"sub"`
	Vehicles []string `json:"vehicles"`
	until    time.Time
}

// keeper is a Bus that can keep a session where every node finds it.
type keeper interface {
	// keep stores the tracks of a living or lost session for the time to live; nil forgets them. owner names the connection: a stored
	// session of another one stays as it is.
	keep(ctx context.Context, pid, owner string, value []byte, ttl time.Duration) error
	// look returns who stored a session, and the session; nil if there is none.
	look(ctx context.Context, pid string) (owner string, value []byte, err error)
	forget(ctx context.Context, pid string) error
	// extend lets the sessions of living connections not expire.
	extend(ctx context.Context, pids []string, ttl time.Duration) error
}

// recoveries are the lost sessions of this node.
type recoveries struct {
	counters *Counters

	mu       sync.Mutex
	held     map[string]lostSession
	vehicles int
}

func newRecoveries(c *Counters) *recoveries {
	return &recoveries{counters: c, held: make(map[string]lostSession)}
}

func (r *recoveries) put(pid string, s lostSession) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.drop(pid)
	if len(r.held) >= maxRecoveries || r.vehicles+len(s.Vehicles) > maxRecoveredVehicles {
		r.sweep(time.Now())
	}
	if len(r.held) >= maxRecoveries || r.vehicles+len(s.Vehicles) > maxRecoveredVehicles {
		r.counters.RecoveryDropped.Add(1)
		return
	}
	r.held[pid] = s
	r.vehicles += len(s.Vehicles)
}

// take returns and forgets the session of a subject; one of another subject stays.
func (r *recoveries) take(pid, sub string) (lostSession, bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	s, ok := r.held[pid]
	if !ok || s.Subject != sub || !time.Now().Before(s.until) {
		return lostSession{}, false
	}
	r.drop(pid)
	return s, true
}

func (r *recoveries) drop(pid string) {
	r.vehicles -= len(r.held[pid].Vehicles)
	delete(r.held, pid)
}

// sweep forgets what is too old; mu is held.
func (r *recoveries) sweep(now time.Time) {
	for pid, s := range r.held {
		if !now.Before(s.until) {
			r.drop(pid)
		}
	}
}

// tracked is what a client follows now.
func (c *client) tracked() []string {
	var vehicles []string
	read := func() {
		vehicles = c.names()
		if c.star {
			vehicles = append(vehicles, "*")
		}
	}
	if !c.shard.do(read) {
		read() // the shard has ended: nobody else reads it
	}
	slices.Sort(vehicles)
	return vehicles
}

// part ends the client, and keeps its tracks for its return unless it left on purpose.
func (e *engine) part() {
	s := e.server
	vehicles := e.session.client.tracked()
	e.session.end()
	if s.engines.holder(e.pid) != e {
		return // taken over by a newer connection
	}
	lost := lostSession{Subject: e.session.user, Vehicles: vehicles, until: time.Now().Add(recoveryFor)}
	if e.bye {
		lost.Vehicles = nil
	}
	if len(lost.Vehicles) > 0 {
		s.recoveries.put(e.pid, lost)
	}
	s.keep(e, lost)
}

// keep stores a session where other nodes find it.
func (s *Server) keep(e *engine, lost lostSession) {
	k, ok := s.bus.(keeper)
	if !ok {
		return
	}
	var value []byte // nil: nothing to keep
	if len(lost.Vehicles) > 0 {
		value, _ = json.Marshal(lost)
	}
	ctx, cancel := context.WithTimeout(context.Background(), time.Second) // also while the server ends
	defer cancel()
	if err := k.keep(ctx, e.pid, e.sid, value, recoveryFor); err != nil {
		s.counters.RecoveryDropped.Add(1)
		s.log.Debug("keeping a session", zap.Error(err))
	}
}

// recall returns the tracks that belong to a pid and forgets them; nil if the pid is unknown, or another subject's.
func (s *Server) recall(pid, sub string) []string {
	if pid == "" || len(pid) > maxPID {
		return nil
	}
	lost, ok := s.recallShared(pid, sub)
	if !ok {
		s.counters.RecoveryUnknown.Add(1)
		return nil
	}
	s.counters.Recovered.Add(1)
	return lost.Vehicles
}

func (s *Server) recallShared(pid, sub string) (lost lostSession, ok bool) {
	k, shared := s.bus.(keeper)
	if !shared {
		return s.recallHere(pid, sub)
	}
	ctx, cancel := context.WithTimeout(s.ctx, 2*time.Second)
	defer cancel()
	owner, value, err := k.look(ctx, pid)
	if err != nil {
		s.log.Debug("recalling a session", zap.Error(err))
		return s.recallHere(pid, sub)
	}
	here := s.engines.holder(pid)
	if value == nil || here != nil && here.sid == owner {
		// A living session knows better than what it stored last. What this node keeps is good for nothing where Redis has nothing: the
		// client was elsewhere meanwhile.
		if here != nil {
			lost, ok = here.takeOver(sub)
		}
	} else if err := json.Unmarshal(value, &lost); err == nil {
		if ok = lost.Subject == sub && len(lost.Vehicles) > 0 && len(lost.Vehicles) <= s.hub.limits.Subscriptions+1; ok && here != nil {
			here.takeOver(sub)
		}
	}
	if ok {
		s.recoveries.take(pid, sub)
		if err := k.forget(ctx, pid); err != nil {
			s.log.Debug("forgetting a session", zap.Error(err))
		}
	}
	return lost, ok
}

func (s *Server) recallHere(pid, sub string) (lostSession, bool) {
	if here := s.engines.holder(pid); here != nil {
		if lost, ok := here.takeOver(sub); ok {
			return lost, true
		}
	}
	return s.recoveries.take(pid, sub)
}

// takeOver ends a session whose client has come again on another connection before this one was missed.
func (e *engine) takeOver(sub string) (lostSession, bool) {
	c := e.attached()
	if c == nil || c.claims.Load().Subject != sub {
		return lostSession{}, false
	}
	vehicles := c.tracked()
	if len(vehicles) == 0 { // or it has ended this moment
		return lostSession{}, false
	}
	e.server.engines.disown(e)
	c.shard.do(func() { c.shard.close(c, codeGoingAway, "connected again") })
	return lostSession{Subject: sub, Vehicles: vehicles}, true
}

// preserve stores what changed where other nodes find it, and keeps it from expiring.
func (s *Server) preserve(ctx context.Context) {
	k, shared := s.bus.(keeper)
	every := time.NewTicker(500 * time.Millisecond)
	defer every.Stop()
	minute := time.NewTicker(time.Minute)
	defer minute.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-every.C:
			for _, e := range s.engines.takeChanged() {
				if !shared {
					continue
				}
				e.work.Lock()
				if !e.ended && e.session != nil {
					s.keep(e, lostSession{Subject: e.session.user, Vehicles: e.session.client.tracked()})
				}
				e.work.Unlock()
			}
		case now := <-minute.C:
			s.recoveries.mu.Lock()
			s.recoveries.sweep(now)
			s.recoveries.mu.Unlock()
			if shared {
				if err := k.extend(ctx, s.engines.pids(), recoveryFor); err != nil {
					s.log.Debug("extending sessions", zap.Error(err))
				}
			}
		}
	}
}
