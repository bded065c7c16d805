package persistence

import (
	"bytes"
	"net"
	"net/url"
	"sync"
	"testing"
)

// proxy stands between a store and its server, and can make the network fail.
type proxy struct {
	listener net.Listener
	server   string

	mu    sync.Mutex
	gate  chan struct{} // closed: bytes pass
	cutAt []byte        // the message after which the client hears no more
	conns []net.Conn
	lost  chan struct{} // closed when cutAt was seen and answered
}

// through starts a proxy and returns the URL that leads through it.
func through(t *testing.T, server string) (*proxy, string) {
	t.Helper()
	u, err := url.Parse(server)
	if err != nil {
		t.Fatal(err)
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	open := make(chan struct{})
	close(open)
	p := &proxy{listener: l, server: u.Host, gate: open}
	u.Host = l.Addr().String()
	go p.accept()
	t.Cleanup(func() {
		l.Close()
		p.resume()
		p.cut()
	})
	return p, u.String()
}

func (p *proxy) accept() {
	for {
		client, err := p.listener.Accept()
		if err != nil {
			return
		}
		server, err := net.Dial("tcp", p.server)
		if err != nil {
			client.Close()
			continue
		}
		p.mu.Lock()
		p.conns = append(p.conns, client, server)
		p.mu.Unlock()
		c := &connection{client: client, server: server}
		go p.pass(c, server, client)
		go p.pass(c, client, server)
	}
}

// connection is one pair of sockets.
type connection struct {
	client, server net.Conn
	deaf           chan struct{} // set: the server's next answer is lost, and with it the connection
}

// pass copies from one side to the other. Where the client's bytes have cutAt, they still reach the server, and its answer nobody.
func (p *proxy) pass(c *connection, to, from net.Conn) {
	defer to.Close()
	defer from.Close()
	buf := make([]byte, 64<<10)
	for {
		n, err := from.Read(buf)
		if err != nil {
			return
		}
		p.mu.Lock()
		gate := p.gate
		if from == c.client && p.cutAt != nil && bytes.Contains(buf[:n], p.cutAt) {
			c.deaf, p.cutAt = p.lost, nil
		}
		deaf := c.deaf
		p.mu.Unlock()
		<-gate
		if from == c.server && deaf != nil { // it has answered, so it has done it
			c.client.Close()
			close(deaf)
			return
		}
		if _, err := to.Write(buf[:n]); err != nil {
			return
		}
	}
}

// pause lets no byte pass until resume, as a stopped machine or a lost route does.
func (p *proxy) pause() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.gate = make(chan struct{})
}

func (p *proxy) resume() {
	p.mu.Lock()
	defer p.mu.Unlock()
	select {
	case <-p.gate:
	default:
		close(p.gate)
	}
}

// cutAfter loses the connection between a message and its answer. The channel is closed when that has happened.
func (p *proxy) cutAfter(message string) <-chan struct{} {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.cutAt, p.lost = []byte(message), make(chan struct{})
	return p.lost
}

// cut closes all connections.
func (p *proxy) cut() {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, c := range p.conns {
		c.Close()
	}
	p.conns = nil
}
