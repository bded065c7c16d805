package gateway

import (
	"net"
	"net/netip"
	"sync"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"go.uber.org/zap"
	"golang.org/x/time/rate"

	"github.com/trackgate/trackgate/protocols"
)

// core is what all sessions share.
type core struct {
	cfg       *Config
	protocols []*protocols.Protocol
	detector  *protocols.Detector
	registry  *Registry
	committer *committer
	budget    budget
	refusals  *refusals
	m         *metrics
	bytesIn   prometheus.Counter
	bytesOut  prometheus.Counter
	log       *zap.Logger

	sessions atomic.Uint64 // opened so far
	open     atomic.Int64
	most     int64
	others   func() int64 // files that the rest of the process has open, beyond those that are left for it

	rate    *rate.Limiter      // of new connections
	proxies protocols.Networks // whose connections begin with a PROXY header

	mu    sync.Mutex
	peers map[netip.Addr]*peerCount // by neighbourhood
}

// listener is a port that devices dial.
type listener struct {
	addr     string
	protocol *protocols.Protocol // nil: any
	datagram bool
	request  bool // its datagrams are HTTP requests: whoever sends them is there
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

// commit gives what w staged to the committer.
func (c *core) commit(w *worker, a ack) error {
	a.bytes = len(w.stage) + len(w.out)
	c.budget.uncommitted.Add(int64(a.bytes))
	err := c.committer.add(w, a)
	if err != nil {
		c.budget.uncommitted.Add(-int64(a.bytes))
	}
	return err
}

// detect recognises a protocol by the first bytes: nil, true while more may tell.
func (c *core) detect(first []byte, datagram, final bool) (*protocols.Protocol, bool) {
	return c.detector.Detect(first, datagram, final)
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
