package gateway

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"sync/atomic"

	"go.uber.org/zap"

	"github.com/trackgate/trackgate/protocols"
)

// udpServer serves one UDP port with one goroutine on a plain socket, which is faster here than the event loops and allocates nothing.
// What a peer taught is kept by its address; the number of peers is bounded, and those silent for long are forgotten.
type udpServer struct {
	core     *core
	listener *listener
	conn     *net.UDPConn
	peers    map[netip.AddrPort]*session
	worker   *worker
	swept    protocols.Millis
	draining atomic.Bool
}

// udpPeer is a session's way out of a UDP port. An answer is never larger than what was asked: the address may be forged.
type udpPeer struct {
	server *udpServer
	remote netip.AddrPort
	credit atomic.Int64 // bytes received and not yet answered
}

var errAmplify = errors.New("answer larger than the datagrams it answers")

func (p *udpPeer) write(b []byte) error {
	if p.credit.Add(-int64(len(b))) < 0 {
		p.credit.Add(int64(len(b)))
		p.server.core.m.limits.WithLabelValues("udp_answer").Inc()
		return errAmplify
	}
	_, err := p.server.conn.WriteToUDPAddrPort(b, p.remote)
	return err
}

func (p *udpPeer) close(string) {}

func (p *udpPeer) probe() {}

func newUDPServer(c *core, l *listener, addr netip.AddrPort) (*udpServer, error) {
	network := "udp"
	if addr.Addr().Is4() {
		network = "udp4" // else 0.0.0.0 is both
	}
	conn, err := net.ListenUDP(network, net.UDPAddrFromAddrPort(addr))
	if err != nil {
		return nil, err
	}
	_ = conn.SetReadBuffer(4 << 20) // as much of it as the system grants
	return &udpServer{core: c, listener: l, conn: conn, peers: make(map[netip.AddrPort]*session), worker: newWorker(-1)}, nil
}

// run serves until the socket is closed.
func (u *udpServer) run() error {
	buf := make([]byte, 64<<10)
	for {
		n, remote, err := u.conn.ReadFromUDPAddrPort(buf)
		if errors.Is(err, net.ErrClosed) {
			return nil
		}
		if err != nil {
			return fmt.Errorf("udp %s: %w", u.listener.addr, err)
		}
		u.datagram(buf[:n], netip.AddrPortFrom(remote.Addr().Unmap(), remote.Port()), clock())
	}
}

// datagram feeds the session of the peer. What can not be taken now is not answered, so that the device sends it again.
func (u *udpServer) datagram(b []byte, remote netip.AddrPort, now protocols.Millis) {
	u.core.bytesIn.Add(float64(len(b)))
	if u.draining.Load() {
		return
	}
	if u.core.committer.stalled() || u.core.budget.full() {
		u.core.m.limits.WithLabelValues("udp_stalled").Inc()
		return
	}
	if now-u.swept > udpSweep {
		u.sweep(now)
	}
	s := u.peers[remote]
	if s == nil {
		if len(u.peers) >= u.core.cfg.UDPPeers {
			u.core.m.limits.WithLabelValues("udp_peers").Inc()
			return
		}
		s = u.core.newSession(u.listener, remote, now)
		s.transport = &udpPeer{server: u, remote: remote}
	}
	if int(s.pending.Load()) >= maxPending {
		u.core.m.limits.WithLabelValues("udp_pending").Inc()
		return
	}
	peer := s.transport.(*udpPeer)
	peer.credit.Store(int64(len(b)) + max(0, peer.credit.Load()))
	for len(b) > 0 {
		used, reason := s.feed(u.worker, b, now, true)
		if reason != "" || used == 0 {
			s.protocol = u.listener.protocol // the next datagram may be of another kind
			break
		}
		b = b[used:]
	}
	if s.hangUpAt != 0 { // refused: the next datagram is judged afresh
		u.forget(remote)
		return
	}
	if s.state.Device != "" {
		if u.peers[remote] == nil {
			u.core.m.connections.WithLabelValues(u.listener.name()).Inc()
		}
		u.peers[remote] = s // a peer that never said who it is leaves nothing behind
	}
	if s.protocol != nil && s.state.Device == "" && u.listener.protocol == nil {
		s.protocol = nil
	}
}

const udpSweep = protocols.Millis(60_000)

// sweep forgets the peers that were silent for long.
func (u *udpServer) sweep(now protocols.Millis) {
	u.swept = now
	idle := protocols.Millis(u.core.cfg.Idle.Milliseconds())
	for a, s := range u.peers {
		if now-s.lastRead > idle && s.pending.Load() == 0 {
			u.forget(a)
		}
	}
}

// forget drops what a peer taught.
func (u *udpServer) forget(a netip.AddrPort) {
	if u.peers[a] != nil {
		delete(u.peers, a)
		u.core.m.connections.WithLabelValues(u.listener.name()).Dec()
	}
}

// stop closes the socket.
func (u *udpServer) stop() {
	if err := u.conn.Close(); err != nil {
		u.core.log.Warn("udp listener not closed", zap.Error(err))
	}
}
