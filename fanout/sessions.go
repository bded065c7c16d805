package fanout

import "sync"

// sessions are those of all clients, whatever they came by. A map under a lock takes a fifth of what a sync.Map takes for each, and is locked for a moment
// at a client's beginning and end.
type sessions struct {
	mu  sync.Mutex
	all map[*session]struct{}
}

func (s *sessions) add(one *session) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.all == nil {
		s.all = make(map[*session]struct{})
	}
	s.all[one] = struct{}{}
}

func (s *sessions) remove(one *session) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.all, one)
}

// those are the sessions of this moment that wanted says yes to, in no order. It is called under the lock.
func (s *sessions) those(wanted func(*session) bool) (list []*session) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for one := range s.all {
		if wanted(one) {
			list = append(list, one)
		}
	}
	return list
}

func everySession(*session) bool { return true }
