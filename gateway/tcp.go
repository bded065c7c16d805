package gateway

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"sync/atomic"
	"time"

	"github.com/panjf2000/gnet/v2"
	"go.uber.org/zap"

	"github.com/trackgate/trackgate/internal/rawio"
	"github.com/trackgate/trackgate/protocols"
)

// tcpServer serves device connections on gnet's event loops. A session lives in one loop, so its state needs no lock; whatever touches it
// from elsewhere goes through the loop's queue.
type tcpServer struct {
	gnet.BuiltinEventEngine
	core      *core
	listeners map[netip.AddrPort]*listener // by the address they are bound to
	engine    gnet.Engine
	booted    chan struct{}
	loops     []*loop
	claimed   atomic.Int32 // loops known so far
	draining  atomic.Bool
}

// loop is what belongs to one event loop; touched only there, but for gnet's queue.
type loop struct {
	worker   *worker
	events   atomic.Pointer[gnet.EventLoop] // set when the loop's first connection opens
	sessions []*session
	outbound int // most bytes that may wait for one peer to read
}

// tcpConn is a session's way out through gnet.
type tcpConn struct {
	conn gnet.Conn
	loop *loop
}

var errOutbound = errors.New("peer does not read")

// write sends an answer, past gnet's buffer where that is empty and the socket takes it at once, which is nearly always. It is called in the connection's loop,
// before its end: the descriptor is the connection's own.
func (t *tcpConn) write(b []byte) error {
	waiting := t.conn.OutboundBuffered()
	if waiting+len(b) > t.loop.outbound {
		return errOutbound
	}
	if waiting == 0 {
		n, _ := rawio.Write(t.conn.Fd(), b) // what is wrong with the connection gnet finds as well
		if b = b[n:]; len(b) == 0 {
			return nil
		}
	}
	_, err := t.conn.Write(b)
	return err
}

func (t *tcpConn) close(string) { _ = t.conn.Close() }

// probe goes through the loop, where the descriptor is that of the connection or closed is set.
func (t *tcpConn) probe() {
	t.loop.execute(func() {
		if s, ok := t.conn.Context().(*session); ok && !s.closed {
			probeSocket(t.conn.Fd())
		}
	})
}

func newTCPServer(c *core, listeners map[netip.AddrPort]*listener, loops int) *tcpServer {
	t := &tcpServer{core: c, listeners: listeners, booted: make(chan struct{})}
	for i := range loops {
		t.loops = append(t.loops, &loop{worker: newWorker(i), outbound: c.cfg.Outbound})
	}
	return t
}

// run serves until stop; a return without stop is an error: gnet ends the engine when accepting fails for want of files, and says nothing.
func (t *tcpServer) run(addrs []string) error {
	err := gnet.Rotate(t, addrs,
		gnet.WithNumEventLoop(len(t.loops)),
		gnet.WithLoadBalancing(gnet.LeastConnections),
		gnet.WithReuseAddr(true), // a restart must not wait for old connections to time out
		gnet.WithTCPKeepAlive(5*time.Minute),
		gnet.WithTicker(true),
		gnet.WithLogger(t.core.log.Named("gnet").Sugar()),
	)
	if err == nil && !t.draining.Load() {
		err = errors.New("the event loops ended by themselves; is the limit of open files used up?")
	}
	if err != nil {
		return fmt.Errorf("device listeners: %w", err)
	}
	return nil
}

// OnBoot says that all listeners are open.
func (t *tcpServer) OnBoot(e gnet.Engine) gnet.Action {
	t.engine = e
	close(t.booted)
	return gnet.None
}

// OnOpen admits a connection or closes it again.
func (t *tcpServer) OnOpen(conn gnet.Conn) ([]byte, gnet.Action) {
	remote := addrPort(conn.RemoteAddr())
	if t.draining.Load() || !t.core.admit(remote.Addr()) {
		return nil, gnet.Close
	}
	local := addrPort(conn.LocalAddr())
	l := t.listeners[local]
	if l == nil {
		l = t.listeners[netip.AddrPortFrom(unspecified(local.Addr()), local.Port())]
	}
	if l == nil {
		l = t.listeners[netip.AddrPortFrom(netip.IPv6Unspecified(), local.Port())]
	}
	if l == nil {
		t.core.log.Error("connection on no listener", zap.Stringer("local", local))
		t.core.leave(remote.Addr())
		return nil, gnet.Close
	}
	lp := t.loopOf(conn.EventLoop())
	s := t.core.newSession(l, remote, clock())
	s.transport = &tcpConn{conn: conn, loop: lp}
	s.proxied = t.core.proxies.Contains(remote.Addr())
	s.place = int32(len(lp.sessions))
	lp.sessions = append(lp.sessions, s)
	conn.SetContext(s)
	t.core.m.accepts.WithLabelValues("ok").Inc()
	t.core.m.connections.WithLabelValues(l.name()).Inc()
	return nil, gnet.None
}

// loopOf finds the state of an event loop; each loop claims one at its first connection.
func (t *tcpServer) loopOf(e gnet.EventLoop) *loop {
	for {
		n := int(t.claimed.Load())
		for _, l := range t.loops[:n] {
			if p := l.events.Load(); p != nil && *p == e {
				return l
			}
		}
		// Only this loop looks for itself, so nobody else can claim for it in between; another loop may take the slot.
		if l := t.loops[n]; l.events.CompareAndSwap(nil, &e) {
			t.claimed.Add(1)
			return l
		}
	}
}

// OnTraffic reads what is there.
func (t *tcpServer) OnTraffic(conn gnet.Conn) gnet.Action {
	s, ok := conn.Context().(*session)
	if !ok {
		return gnet.Close
	}
	if t.draining.Load() {
		return gnet.None // what is not journaled yet stays with the device
	}
	return t.read(conn, s, clock(), false)
}

// read feeds the session with what is buffered, and pauses it where it keeps more than its share.
func (t *tcpServer) read(conn gnet.Conn, s *session, now protocols.Millis, final bool) gnet.Action {
	action := t.take(conn, s, now, final)
	if s.closed || action == gnet.Close {
		return action
	}
	b := &t.core.budget
	if b.hold(s, conn.InboundBuffered()); s.held > 0 && b.exceeds(int(s.held), t.core.open.Load()) {
		if !s.paused {
			t.core.m.limits.WithLabelValues("memory").Inc()
			t.pause(conn, s)
			s.greedy = true
		}
	}
	return action
}

// take feeds the session with what is buffered. Nothing is decoded while the journal can not take it.
func (t *tcpServer) take(conn gnet.Conn, s *session, now protocols.Millis, final bool) gnet.Action {
	for !s.closed {
		buf, _ := conn.Peek(-1)
		if len(buf) == 0 {
			return gnet.None
		}
		s.spoke = true
		if s.proxied {
			if why := t.unwrap(conn, s, buf); why != "" {
				return t.end(s, why)
			}
			if s.proxied {
				return gnet.None
			}
			continue
		}
		if limit, wait := t.core.mustWait(s); wait {
			if !s.paused {
				t.core.m.limits.WithLabelValues(limit).Inc()
			}
			t.pause(conn, s)
			if len(buf) > maxPaused {
				return t.end(s, "flood")
			}
			return gnet.None
		}
		if int(s.frames) >= t.core.cfg.FramesPerSecond || int(s.bytes) >= t.core.cfg.BytesPerSecond {
			t.core.m.limits.WithLabelValues("connection_rate").Inc()
			t.pause(conn, s) // until the next tick
			if len(buf) > maxPaused {
				return t.end(s, "flood")
			}
			return gnet.None
		}
		used, reason := s.feed(s.transport.(*tcpConn).loop.worker, buf, now, final)
		if s.closed {
			return gnet.None // a failed write closed it within the call
		}
		if used > 0 {
			t.core.bytesIn.Add(float64(used))
			s.bytes += int32(used)
			conn.Discard(used)
		}
		if reason != "" {
			return t.end(s, reason)
		}
		if used == 0 || used == len(buf) {
			return gnet.None
		}
		final = false
	}
	return gnet.None
}

// unwrap reads the PROXY header of a balancer's connection and makes the session that of who is behind it.
func (t *tcpServer) unwrap(conn gnet.Conn, s *session, buf []byte) (reason string) {
	n, source, err := proxyHeader(buf)
	if err != nil {
		s.refuse(buf, err, "proxy")
		return "proxy"
	}
	if n == 0 {
		return ""
	}
	conn.Discard(n)
	s.proxied = false
	if !source.IsValid() {
		return ""
	}
	if !t.core.move(s.remote.Addr(), source.Addr()) {
		return "limit"
	}
	s.remote = source
	return ""
}

const (
	// maxPaused is how much a peer may send while it is told to wait. One that waits for its acknowledgements never comes near.
	maxPaused = 256 << 10
	// maxPending is how many reads of one session may wait for the disk.
	maxPending = 1024
	// sleepy is the number of waiting bytes below which a paused socket raises no event.
	sleepy = 64 << 10
)

// end closes a session for a reason that is its peer's fault.
func (t *tcpServer) end(s *session, reason string) gnet.Action {
	t.core.m.closes.WithLabelValues(reason).Inc()
	s.hangUpAt = s.lastRead
	return gnet.Close
}

// pause lets the bytes wait in the kernel, so that the device keeps its data: gnet can not stop reading, but a socket with a high low-water
// mark raises no event. Deadlines rest while we are the cause.
func (t *tcpServer) pause(conn gnet.Conn, s *session) {
	if s.paused {
		return
	}
	s.paused = true
	setLowWater(conn.Fd(), sleepy)
}

// unpause is the inverse of pause.
func (t *tcpServer) unpause(conn gnet.Conn, s *session) {
	s.paused, s.greedy = false, false
	setLowWater(conn.Fd(), 1)
}

// resume wakes all paused sessions; safe from any goroutine.
func (t *tcpServer) resume() {
	for _, lp := range t.loops {
		lp.execute(func() {
			now := clock()
			for i := len(lp.sessions) - 1; i >= 0; i-- {
				if i >= len(lp.sessions) || !lp.sessions[i].paused || lp.sessions[i].greedy {
					continue // closing one moves the last into its place
				}
				s := lp.sessions[i]
				conn := s.transport.(*tcpConn).conn
				t.unpause(conn, s)
				s.rest(now)
				if t.read(conn, s, now, false) == gnet.Close {
					_ = conn.Close()
				}
			}
		})
	}
}

// execute runs f in the loop; false when it serves no connection, or the engine is gone.
func (lp *loop) execute(f func()) bool {
	e := lp.events.Load()
	if e == nil {
		return false
	}
	return (*e).Execute(context.Background(), gnet.RunnableFunc(func(context.Context) error { f(); return nil })) == nil
}

// OnClose forgets the session.
func (t *tcpServer) OnClose(conn gnet.Conn, err error) gnet.Action {
	s, ok := conn.Context().(*session)
	if !ok || s.closed {
		return gnet.None // was never admitted
	}
	s.closed = true
	s.leaveDevice()
	t.core.budget.hold(s, 0)
	lp := s.transport.(*tcpConn).loop
	last := len(lp.sessions) - 1
	lp.sessions[s.place] = lp.sessions[last]
	lp.sessions[s.place].place = s.place
	lp.sessions[last] = nil
	lp.sessions = lp.sessions[:last]
	t.core.leave(s.remote.Addr())
	t.core.m.connections.WithLabelValues(s.listener.name()).Dec()
	if s.hangUpAt == 0 {
		t.core.m.closes.WithLabelValues("peer").Inc()
	}
	return gnet.None
}

// OnTick watches the deadlines, which gnet does not have. It runs outside the loops.
func (t *tcpServer) OnTick() (time.Duration, gnet.Action) {
	for _, lp := range t.loops {
		lp.execute(func() { t.sweep(lp, clock()) })
	}
	t.core.forget(clock())
	return tick, gnet.None
}

const (
	tick = time.Second
	// stall is how long the start of a frame waits before it is tried as all there is: some firmware announces more than it sends.
	stall = 2 * time.Second
)

func (t *tcpServer) sweep(lp *loop, now protocols.Millis) {
	for i := len(lp.sessions) - 1; i >= 0; i-- {
		if i >= len(lp.sessions) {
			continue // closing one moves the last into its place
		}
		s := lp.sessions[i]
		s.frames, s.bytes = 0, 0
		conn := s.transport.(*tcpConn).conn
		if s.paused && !(s.greedy && t.core.budget.exceeds(int(s.held), t.core.open.Load())) {
			if _, wait := t.core.mustWait(s); !wait && int(s.pending.Load()) < maxPending/2 {
				t.unpause(conn, s)
				_ = conn.Wake(nil)
			}
			continue
		}
		if t.core.committer.stalled() || (s.pending.Load() > 0 && s.hangUpAt == 0) {
			s.rest(now)
			continue
		}
		if reason := s.overdue(now); reason != "" {
			if s.hangUpAt == 0 {
				t.end(s, reason)
			}
			_ = conn.Close()
			continue
		}
		if s.partialSince != 0 && !s.stalledTry && now-s.lastRead > protocols.Millis(stall/time.Millisecond) && !t.draining.Load() {
			t.tryFinal(conn, s, now)
		}
	}
}

// tryFinal offers what waits as the last of its stream, and forgets the attempt unless it gives a frame.
func (t *tcpServer) tryFinal(conn gnet.Conn, s *session, now protocols.Millis) {
	s.stalledTry = true
	buf, _ := conn.Peek(-1)
	if len(buf) == 0 || t.core.committer.stalled() {
		return
	}
	if s.protocol == nil {
		if s.protocol, _ = t.core.detect(buf, false, true); s.protocol == nil {
			return
		}
	}
	w := s.transport.(*tcpConn).loop.worker
	state := s.state
	w.frame.Reset()
	n, err := protocols.Next(s.protocol, &state, protocols.Input{Bytes: buf, Received: now, Final: true}, &w.frame)
	if n == 0 || err != nil {
		return
	}
	lastRead := s.lastRead
	if t.read(conn, s, now, true) == gnet.Close {
		_ = conn.Close()
	}
	s.lastRead = lastRead
}

// deliver sends the replies of a committed group: one visit to each loop that has some.
func (t *tcpServer) deliver(g *group) {
	var visits [maxLoops]bool
	n := int32(1) // the visit of this function itself
	for i := range g.acks {
		if c, ok := g.acks[i].s.transport.(*tcpConn); ok && !visits[c.loop.worker.loop] {
			visits[c.loop.worker.loop] = true
			n++
		}
	}
	g.parts.Store(n)
	for i, lp := range t.loops {
		if visits[i] && !lp.execute(func() { t.hand(g, lp) }) {
			g.done()
		}
	}
	for i := range g.acks {
		switch c := g.acks[i].s.transport.(type) {
		case *tcpConn: // in its loop
		case *streamConn:
			c.hand(&g.acks[i], g)
		default:
			g.acks[i].hand(g)
		}
	}
	g.done()
}

// maxLoops is the most event loops.
const maxLoops = 256

// hand gives a loop's sessions their replies.
func (t *tcpServer) hand(g *group, lp *loop) {
	for i := range g.acks {
		if c, ok := g.acks[i].s.transport.(*tcpConn); ok && c.loop == lp {
			g.acks[i].hand(g)
		}
	}
	g.done()
}

// hand gives one session its reply.
func (a *ack) hand(g *group) {
	if a.done != nil {
		close(a.done)
		return
	}
	a.s.pending.Add(-a.frames)
	if a.n > 0 {
		a.s.send(g.out[a.off : a.off+a.n])
	}
	if a.hangUp {
		a.s.hangUpAt = a.s.lastRead
	}
}

// stop ends the engine; everything that was journaled has been answered before.
func (t *tcpServer) stop(ctx context.Context) error {
	select {
	case <-t.booted:
		return t.engine.Stop(ctx)
	default:
		return nil
	}
}
