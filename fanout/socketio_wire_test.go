package fanout

import (
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/gorilla/websocket"
)

// ioWire is a session as the packets on the wire, past the open packet.
type ioWire interface {
	send(packet string)
	next() string // pings excepted
	over() bool   // reads until the session ends
}

const ioPath = "/socket.io/?EIO=4&transport="

// ioSocket is one over a WebSocket.
type ioSocket struct {
	t    testing.TB
	conn *websocket.Conn
}

func (n *node) dialIO(t testing.TB) *ioSocket {
	t.Helper()
	s := n.dialEngine(t, "websocket")
	if p := s.next(); !strings.HasPrefix(p, `0{"sid":"`) {
		t.Fatalf("open packet %s", p)
	}
	return s
}

func (n *node) dialEngine(t testing.TB, query string) *ioSocket {
	t.Helper()
	c, _, err := websocket.DefaultDialer.Dial("ws"+strings.TrimPrefix(n.http.URL, "http")+ioPath+query, nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	return &ioSocket{t, c}
}

func (s *ioSocket) send(packet string) {
	s.t.Helper()
	if err := s.conn.WriteMessage(websocket.TextMessage, []byte(packet)); err != nil {
		s.t.Fatal(err)
	}
}

func (s *ioSocket) next() string {
	s.t.Helper()
	for {
		s.conn.SetReadDeadline(time.Now().Add(10 * time.Second))
		_, raw, err := s.conn.ReadMessage()
		if err != nil {
			s.t.Fatal(err)
		}
		if string(raw) != "2" {
			return string(raw)
		}
		s.send("3")
	}
}

func (s *ioSocket) over() bool { return s.code() != 0 }

// code reads until the WebSocket is closed; 0: it was not.
func (s *ioSocket) code() int {
	for {
		s.conn.SetReadDeadline(time.Now().Add(10 * time.Second))
		if _, _, err := s.conn.ReadMessage(); err != nil {
			if c, ok := err.(*websocket.CloseError); ok {
				return c.Code
			}
			return 0
		}
	}
}

// ioPoll is one over polling.
type ioPoll struct {
	t   testing.TB
	n   *node
	url string
	due []string
}

func (n *node) pollIO(t testing.TB) *ioPoll {
	t.Helper()
	p := &ioPoll{t: t, n: n, url: n.http.URL + ioPath + "polling"}
	open := p.next()
	_, sid, ok := strings.Cut(open, `"sid":"`)
	if !ok || open[0] != '0' {
		t.Fatalf("open packet %s", open)
	}
	sid, _, _ = strings.Cut(sid, `"`)
	p.url += "&sid=" + sid
	return p
}

func (p *ioPoll) post(body string) (int, string) {
	p.t.Helper()
	resp, err := p.n.http.Client().Post(p.url, "text/plain;charset=UTF-8", strings.NewReader(body))
	if err != nil {
		p.t.Fatal(err)
	}
	defer resp.Body.Close()
	b, _ := io.ReadAll(resp.Body)
	return resp.StatusCode, string(b)
}

func (p *ioPoll) get() (int, string) {
	p.t.Helper()
	resp, err := p.n.http.Client().Get(p.url)
	if err != nil {
		p.t.Fatal(err)
	}
	defer resp.Body.Close()
	b, _ := io.ReadAll(resp.Body)
	return resp.StatusCode, string(b)
}

func (p *ioPoll) send(packet string) { p.post(packet) }

func (p *ioPoll) next() string {
	p.t.Helper()
	for len(p.due) == 0 {
		status, body := p.get()
		if status != http.StatusOK {
			p.t.Fatalf("%d %s", status, body)
		}
		for _, packet := range strings.Split(body, "\x1e") {
			if packet == "2" {
				p.send("3")
			} else {
				p.due = append(p.due, packet)
			}
		}
	}
	packet := p.due[0]
	p.due = p.due[1:]
	return packet
}

func (p *ioPoll) over() bool {
	for {
		if status, _ := p.get(); status != http.StatusOK {
			return true
		}
	}
}
