package gateway

import (
	"net"
	"net/netip"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"go.uber.org/zap"

	"github.com/trackgate/trackgate/protocols"
)

// core is what all sessions share.
type core struct {
	cfg       *Config
	protocols []*protocols.Protocol
	registry  *Registry
	committer *committer
	refusals  *refusals
	m         *metrics
	bytesIn   prometheus.Counter
	bytesOut  prometheus.Counter
	log       *zap.Logger

	sessions atomic.Uint64 // opened so far
	open     atomic.Int64
	most     int64

	mu    sync.Mutex
	peers map[netip.Addr]int // connections by address
}

// listener is a port that devices dial.
type listener struct {
	addr     string
	protocol *protocols.Protocol // nil: any
	datagram bool
	replay   bool // shifts old captures to now
}

// name labels the listener's connections in metrics.
func (l *listener) name() string {
	switch {
	case l.replay:
		return "replay"
	case l.protocol == nil:
		return "any"
	}
	return l.protocol.Name
}

// clock is the time of the gateway.
func clock() protocols.Millis { return protocols.At(time.Now()) }

func (c *core) newSession(l *listener, remote netip.AddrPort, now protocols.Millis) *session {
	return &session{core: c, listener: l, protocol: l.protocol, remote: remote, number: c.sessions.Add(1), started: now, opened: now, lastRead: now}
}

// detect recognises a protocol by the first bytes: nil, true while more may tell.
func (c *core) detect(first []byte, datagram, final bool) (*protocols.Protocol, bool) {
	return protocols.Detect(c.protocols, first, datagram, final)
}

// admit counts a connection in, unless there are too many. Loopback has no limit of its own: balancers and replays dial from there.
func (c *core) admit(a netip.Addr) bool {
	if c.open.Add(1) > c.most {
		c.open.Add(-1)
		c.refuseConnection("connections")
		return false
	}
	if a.IsLoopback() {
		return true
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.peers[a] >= c.cfg.ConnectionsPerAddress {
		c.open.Add(-1)
		c.refuseConnection("connections_per_address")
		return false
	}
	c.peers[a]++
	return true
}

func (c *core) refuseConnection(limit string) {
	c.m.limits.WithLabelValues(limit).Inc()
	c.m.accepts.WithLabelValues("refused").Inc()
}

// leave counts a connection out that admit let in.
func (c *core) leave(a netip.Addr) {
	c.open.Add(-1)
	if a.IsLoopback() {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.peers[a]--; c.peers[a] <= 0 {
		delete(c.peers, a)
	}
}

// mostConnections is how many connections fit into the limit of open files, with a tenth left for everything else.
func mostConnections(configured int) int64 {
	var r syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &r); err != nil {
		return int64(max(configured, 1000))
	}
	most := int64(r.Cur) / 10 * 9
	if configured > 0 {
		most = min(most, int64(configured))
	}
	return most
}

func addrPort(a net.Addr) netip.AddrPort {
	var ap netip.AddrPort
	switch a := a.(type) {
	case *net.TCPAddr:
		ap = a.AddrPort()
	case *net.UDPAddr:
		ap = a.AddrPort()
	}
	return netip.AddrPortFrom(ap.Addr().Unmap().WithZone(""), ap.Port())
}

func unspecified(a netip.Addr) netip.Addr {
	if a.Is4() {
		return netip.IPv4Unspecified()
	}
	return netip.IPv6Unspecified()
}
