package gateway

import (
	"sync"
	"time"

	"github.com/trackgate/trackgate/protocols"
)

// What becomes of a device that logs in while it is connected already. Mobile networks leave half-open connections behind, and trackers
// dial again without closing; but whoever knows an IMEI can claim to be the device.
const (
	takeoverNewest = "newest" // the newest connection stays, the older one is closed
	takeoverKeep   = "keep"   // the older one stays while it is alive
	takeoverBoth   = "both"   // all stay, up to gateway.connections_per_device
)

// tenants are the connections of one device that are open now. Where there is no room for another, the one that was silent for longest gives way
// once it was so for gateway.takeover_silence; until then the newcomer is refused, and TCP asks the peers of the others whether they are still
// there. So a half-open connection keeps its device out for a bounded time.
type tenants struct {
	mu   sync.Mutex
	list []*session // oldest first
}

// takeOver makes s a connection of the device, or returns false. Captures of one device may well be played at once, and datagrams are no
// connections: they are let in always.
func (s *session) takeOver(e *entry) bool {
	if s.listener.datagram || s.listener.replay {
		return true
	}
	cfg := s.core.cfg
	room := 1
	if cfg.Takeover == takeoverBoth {
		room = cfg.ConnectionsPerDevice
	}
	var out []*session
	e.open.mu.Lock()
	for len(e.open.list) >= room {
		i := 0
		if cfg.Takeover != takeoverNewest {
			if i = e.open.quietest(s.lastRead, cfg.TakeoverSilence); i < 0 {
				others := append([]*session(nil), e.open.list...)
				e.open.mu.Unlock()
				for _, o := range others {
					o.transport.probe()
				}
				s.core.m.limits.WithLabelValues("connections_per_device").Inc()
				return false
			}
		}
		out = append(out, e.open.list[i])
		e.open.list = append(e.open.list[:i], e.open.list[i+1:]...)
	}
	e.open.list = append(e.open.list, s)
	e.open.mu.Unlock()
	s.leaveDevice()
	for _, old := range out {
		old.transport.close("takeover")
		s.core.m.closes.WithLabelValues("takeover").Inc()
	}
	return true
}

// quietest is the connection that was silent for longest, -1 when none was for so long.
func (t *tenants) quietest(now protocols.Millis, silence time.Duration) int {
	found, since := -1, int64(now)-silence.Milliseconds()
	for i, s := range t.list {
		if heard := s.heard.Load(); heard < since || (heard == since && found < 0) {
			found, since = i, heard
		}
	}
	return found
}

// leaveDevice takes s out of the connections of its device.
func (s *session) leaveDevice() {
	if s.entry == nil {
		return
	}
	t := &s.entry.open
	t.mu.Lock()
	defer t.mu.Unlock()
	for i, o := range t.list {
		if o == s {
			t.list = append(t.list[:i], t.list[i+1:]...)
			return
		}
	}
}

// How TCP asks a peer whether it is still there: three times in all, and closes the connection when no answer came.
const (
	probeEvery = 5 * time.Second
	probeTimes = 3
)
