package fanout

import (
	"crypto/rand"
	"maps"
	"slices"
	"sync"
)

// engines are the Engine.IO sessions of this node.
type engines struct {
	node string // in front of every sid, so that a proxy may route polling requests by it

	mu    sync.Mutex
	bySID map[string]*engine
	byPID map[string]*engine
	dirty map[*engine]struct{} // tracks that changed since they were stored
}

func newEngines() *engines {
	return &engines{node: rand.Text()[:6], bySID: make(map[string]*engine), byPID: make(map[string]*engine), dirty: make(map[*engine]struct{})}
}

// newSID makes the name of a session, which is also what a request of it proves itself with: 100 random bits.
func (s *engines) newSID() string { return s.node + "-" + rand.Text()[:20] }

func (s *engines) add(e *engine) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.bySID[e.sid] = e
}

// find returns a session; nil for one that is over, or another node's.
func (s *engines) find(sid string) *engine {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.bySID[sid]
}

func (s *engines) remove(e *engine) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.bySID, e.sid)
	delete(s.dirty, e)
	if s.byPID[e.pid] == e {
		delete(s.byPID, e.pid)
	}
}

// claim makes e the session of its pid.
func (s *engines) claim(e *engine) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.byPID[e.pid] = e
}

// disown ends e's being the session of its pid.
func (s *engines) disown(e *engine) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.byPID[e.pid] == e {
		delete(s.byPID, e.pid)
	}
}

// holder is the living session of a pid, if this node has it.
func (s *engines) holder(pid string) *engine {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.byPID[pid]
}

// changed notes that e's tracks are no longer those that were stored.
func (s *engines) changed(e *engine) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.dirty[e] = struct{}{}
}

func (s *engines) takeChanged() []*engine {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.dirty) == 0 {
		return nil
	}
	changed := slices.Collect(maps.Keys(s.dirty))
	clear(s.dirty)
	return changed
}

func (s *engines) pids() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Collect(maps.Keys(s.byPID))
}
