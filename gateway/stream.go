package gateway

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"go.uber.org/zap"
)

// TLSConfig is the `tls` section: a port for devices that encrypt.
type TLSConfig struct {
	Addr     string `mapstructure:"addr"`      // empty: none
	Cert     string `mapstructure:"cert"`      // PEM file
	Key      string `mapstructure:"key"`       // PEM file
	ClientCA string `mapstructure:"client_ca"` // PEM file; set: devices must show a certificate of this authority
	Identity string `mapstructure:"identity"`  // "cn": a device may only log in with the id that is its certificate's common name
}

// load reads the files.
func (c *TLSConfig) load() (*tls.Config, error) {
	pair, err := tls.LoadX509KeyPair(c.Cert, c.Key)
	if err != nil {
		return nil, fmt.Errorf("gateway.tls: %w", err)
	}
	t := &tls.Config{Certificates: []tls.Certificate{pair}, MinVersion: tls.VersionTLS12}
	if c.ClientCA == "" {
		return t, nil
	}
	pem, err := os.ReadFile(c.ClientCA)
	if err != nil {
		return nil, fmt.Errorf("gateway.tls.client_ca: %w", err)
	}
	t.ClientCAs, t.ClientAuth = x509.NewCertPool(), tls.RequireAndVerifyClientCert
	if !t.ClientCAs.AppendCertsFromPEM(pem) {
		return nil, fmt.Errorf("gateway.tls.client_ca: %s holds no certificate", c.ClientCA)
	}
	return t, nil
}

// streamServer serves devices over TLS, which the event loops can not: two goroutines a connection, and the same sessions.
type streamServer struct {
	core     *core
	listener *listener
	tls      *tls.Config
	ln       net.Listener
	draining atomic.Bool
	wg       sync.WaitGroup

	mu    sync.Mutex
	conns map[*streamConn]struct{}
}

// streamConn is one connection. mu guards the session: its reader, the committer that hands out replies, and the sweep take turns.
type streamConn struct {
	server *streamServer
	conn   net.Conn // TLS
	raw    net.Conn // below it
	mustBe string   // the only device that may log in here; empty: any

	mu     sync.Mutex
	s      *session
	worker *worker
	buf    []byte // the reader's own

	outMu  sync.Mutex
	out    []byte // replies that wait for the peer to read
	wake   chan struct{}
	done   chan struct{} // closed with the connection
	closed atomic.Bool
}

// write queues a reply; it never blocks.
func (c *streamConn) write(b []byte) error {
	c.outMu.Lock()
	defer c.outMu.Unlock()
	if len(c.out)+len(b) > c.server.core.cfg.Outbound {
		return errOutbound
	}
	c.out = append(c.out, b...)
	select {
	case c.wake <- struct{}{}:
	default:
	}
	return nil
}

func (c *streamConn) close(string) {
	if c.closed.CompareAndSwap(false, true) {
		c.conn.Close()
		close(c.done)
	}
}

// probe asks the peer with TCP's own means.
func (c *streamConn) probe() {
	raw, ok := c.raw.(syscall.Conn)
	if !ok {
		return
	}
	if rc, err := raw.SyscallConn(); err == nil {
		_ = rc.Control(func(fd uintptr) { probeSocket(int(fd)) }) // fails for a socket that is gone
	}
}

func newStreamServer(c *core, l *listener, t *tls.Config) (*streamServer, error) {
	ln, err := net.Listen("tcp", l.addr)
	if err != nil {
		return nil, err
	}
	return &streamServer{core: c, listener: l, tls: t, ln: ln, conns: make(map[*streamConn]struct{})}, nil
}

// run serves until stop.
func (t *streamServer) run() error {
	stopSweep := make(chan struct{})
	t.wg.Add(1)
	go t.sweep(stopSweep)
	defer t.wg.Wait()
	defer close(stopSweep)
	for {
		conn, err := t.ln.Accept()
		if errors.Is(err, net.ErrClosed) {
			return nil
		}
		if err != nil {
			t.core.m.accepts.WithLabelValues("error").Inc()
			t.core.log.Warn("tls connection not accepted", zap.Error(err))
			time.Sleep(50 * time.Millisecond) // out of files, most likely
			continue
		}
		remote := addrPort(conn.RemoteAddr())
		if t.draining.Load() || !t.core.admit(remote.Addr()) {
			conn.Close()
			continue
		}
		t.wg.Add(1)
		go t.serve(conn, remote)
	}
}

// stop closes the listener and all connections.
func (t *streamServer) stop() {
	t.ln.Close()
	t.mu.Lock()
	defer t.mu.Unlock()
	for c := range t.conns {
		c.close("stop")
	}
}

// serve is the life of one connection.
func (t *streamServer) serve(raw net.Conn, remote netip.AddrPort) {
	defer t.wg.Done()
	defer raw.Close()
	socket := raw
	admitted := remote.Addr()
	defer func() { t.core.leave(admitted) }()
	raw.SetDeadline(time.Now().Add(t.core.cfg.FirstByte)) // for whatever comes before the session
	if t.core.proxies.Contains(remote.Addr()) {
		source, rest, err := readProxy(raw)
		if err != nil {
			t.core.m.closes.WithLabelValues("proxy").Inc()
			return
		}
		raw = &prefixed{Conn: raw, rest: rest}
		if source.IsValid() {
			if !t.core.move(admitted, source.Addr()) {
				return
			}
			remote, admitted = source, source.Addr()
		}
	}
	secure := tls.Server(raw, t.tls)
	if err := secure.Handshake(); err != nil {
		t.core.m.closes.WithLabelValues("tls").Inc()
		return
	}
	raw.SetDeadline(time.Time{})
	c := &streamConn{server: t, conn: secure, raw: socket, worker: newWorker(-1), wake: make(chan struct{}, 1), done: make(chan struct{})}
	c.s = t.core.newSession(t.listener, remote, clock())
	c.s.transport = c
	if t.core.cfg.TLS.Identity == "cn" {
		if peers := secure.ConnectionState().PeerCertificates; len(peers) > 0 {
			c.mustBe = peers[0].Subject.CommonName
		}
	}
	t.mu.Lock()
	t.conns[c] = struct{}{}
	t.mu.Unlock()
	t.core.m.accepts.WithLabelValues("ok").Inc()
	t.core.m.connections.WithLabelValues("tls").Inc()
	var writer sync.WaitGroup
	writer.Add(1)
	go func() { defer writer.Done(); c.send() }()
	reason := c.read()
	c.close(reason)
	writer.Wait()
	c.mu.Lock()
	c.s.closed = true
	c.s.leaveDevice()
	t.core.budget.hold(c.s, 0)
	c.mu.Unlock()
	t.mu.Lock()
	delete(t.conns, c)
	t.mu.Unlock()
	t.core.m.connections.WithLabelValues("tls").Dec()
	if !c.s.deaf {
		t.core.m.closes.WithLabelValues(reason).Inc()
	}
}

// read feeds the session until the connection ends, and says why it did.
func (c *streamConn) read() string {
	t := c.server
	part := make([]byte, 4<<10)
	for {
		n, err := c.conn.Read(part)
		if n > 0 {
			t.core.bytesIn.Add(float64(n))
			if reason := c.take(part[:n]); reason != "" {
				return reason
			}
		}
		if err != nil {
			return "peer"
		}
	}
}

// take feeds the session with what was read; it waits while the journal can not take it, or the peer is too fast.
func (c *streamConn) take(b []byte) string {
	t := c.server
	c.buf = append(c.buf, b...)
	c.mu.Lock()
	c.s.spoke = true
	c.s.bytes += int32(len(b))
	c.mu.Unlock()
	for len(c.buf) > 0 && !t.draining.Load() {
		for c.hurried() {
			select {
			case <-c.done:
				return "peer"
			case <-time.After(20 * time.Millisecond):
			}
		}
		c.mu.Lock()
		used, reason := c.s.feed(c.worker, c.buf, clock(), false)
		c.mu.Unlock()
		c.buf = c.buf[:copy(c.buf, c.buf[used:])]
		if reason != "" {
			return reason
		}
		if used == 0 {
			break
		}
	}
	c.mu.Lock()
	t.core.budget.hold(c.s, len(c.buf))
	c.mu.Unlock()
	for len(c.buf) > 0 && t.core.budget.exceeds(len(c.buf), t.core.open.Load()) { // the frame deadline goes on
		select {
		case <-c.done:
			return "peer"
		case <-time.After(20 * time.Millisecond):
		}
	}
	return ""
}

// hurried says that the connection has used up what it may send in this second, or waits for too many replies.
func (c *streamConn) hurried() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	cfg := c.server.core.cfg
	limit, wait := c.server.core.mustWait(c.s)
	if wait && !c.s.paused {
		c.server.core.m.limits.WithLabelValues(limit).Inc()
	}
	c.s.paused = wait || int(c.s.frames) >= cfg.FramesPerSecond || int(c.s.bytes) >= cfg.BytesPerSecond
	return c.s.paused
}

// send writes replies until the connection ends.
func (c *streamConn) send() {
	var b []byte
	for {
		select {
		case <-c.wake:
		case <-c.done:
			return
		}
		c.outMu.Lock()
		b, c.out = c.out, b[:0]
		c.outMu.Unlock()
		c.conn.SetWriteDeadline(time.Now().Add(30 * time.Second))
		if _, err := c.conn.Write(b); err != nil {
			c.close("write")
			return
		}
	}
}

// sweep watches the deadlines.
func (t *streamServer) sweep(stop <-chan struct{}) {
	defer t.wg.Done()
	every := time.NewTicker(tick)
	defer every.Stop()
	for {
		select {
		case <-stop:
			return
		case <-every.C:
		}
		now := clock()
		t.mu.Lock()
		for c := range t.conns {
			c.mu.Lock()
			c.s.frames, c.s.bytes = 0, 0
			if c.s.paused || t.core.committer.stalled() || (c.s.pending.Load() > 0 && c.s.hangUpAt == 0) {
				c.s.rest(now)
			} else if reason := c.s.overdue(now); reason != "" {
				t.core.m.closes.WithLabelValues(reason).Inc()
				c.close(reason)
			}
			c.mu.Unlock()
		}
		t.mu.Unlock()
	}
}

// hand gives the session its reply on behalf of the committer.
func (c *streamConn) hand(a *ack, g *group) {
	c.mu.Lock()
	defer c.mu.Unlock()
	a.hand(g)
}

// readProxy reads the PROXY header of a connection that must have one, and what came behind it.
func readProxy(conn net.Conn) (source netip.AddrPort, rest []byte, err error) {
	var b []byte
	part := make([]byte, 512)
	for {
		n, err := conn.Read(part)
		if err != nil {
			return source, nil, err
		}
		b = append(b, part[:n]...)
		used, source, err := proxyHeader(b)
		if err != nil || used > 0 {
			return source, b[used:], err
		}
	}
}

// prefixed is a connection some of whose bytes were read already.
type prefixed struct {
	net.Conn
	rest []byte
}

func (p *prefixed) Read(b []byte) (int, error) {
	if len(p.rest) > 0 {
		n := copy(b, p.rest)
		p.rest = p.rest[n:]
		return n, nil
	}
	return p.Conn.Read(b)
}
