package fanout

import (
	"sync"
	"time"
)

// LastKnownFor is how long the bus remembers a vehicle's last position. What must last longer is the store's.
const LastKnownFor = 300 * time.Second

// latest keeps the newest live message of each vehicle for LastKnownFor to twice that, in two generations: what was not renewed while a
// generation passed goes with it, so that nothing has to be searched for what is old.
type latest struct {
	mu          sync.Mutex
	young, old  map[string]*Message
	turned      time.Time
	limit       int
	dropped     func()
	generations time.Duration
}

func newLatest(limit int, dropped func()) *latest {
	return &latest{young: make(map[string]*Message), old: make(map[string]*Message), turned: time.Now(), limit: limit, dropped: dropped,
		generations: LastKnownFor}
}

// put keeps m if it is newer than what is known of its vehicle.
func (l *latest) put(m *Message) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.turn()
	known, ok := l.young[m.Vehicle]
	if !ok {
		known = l.old[m.Vehicle]
	}
	if known != nil && !newer(m, known) {
		return
	}
	if !ok && len(l.young) >= l.limit {
		l.dropped()
		return
	}
	l.young[m.Vehicle] = m
}

// get returns the newest of the vehicles, nil asking for all.
func (l *latest) get(vehicles []string) []*Message {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.turn()
	var out []*Message
	if vehicles == nil {
		out = make([]*Message, 0, len(l.young)+len(l.old))
		for _, m := range l.young {
			out = append(out, m)
		}
		for v, m := range l.old {
			if _, ok := l.young[v]; !ok {
				out = append(out, m)
			}
		}
		return out
	}
	for _, v := range vehicles {
		if m, ok := l.young[v]; ok {
			out = append(out, m)
		} else if m, ok := l.old[v]; ok {
			out = append(out, m)
		}
	}
	return out
}

func (l *latest) turn() {
	if now := time.Now(); now.Sub(l.turned) >= l.generations {
		if now.Sub(l.turned) >= 2*l.generations {
			clear(l.young)
		}
		l.old, l.young, l.turned = l.young, make(map[string]*Message), now
	}
}
