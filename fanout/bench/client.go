package main

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"strconv"
	"strings"
	"sync/atomic"
	"time"
)

// dialect is how a client asks for vehicles.
type dialect int

const (
	plain    dialect = iota // /ws
	socketIO                // /socket.io/ over WebSocket, one track:vehicle for each vehicle, as its clients do
)

// client is one connection of the load. It reads frames without keeping them: of each event it takes the stamp.
type client struct {
	conn   net.Conn
	speaks dialect
	buf    []byte
	r, w   int
	left   int       // bytes of a frame's payload that are to come
	took   time.Time // when the bytes in buf came

	first  int     // of the vehicles that it follows
	newest []int64 // stamps, one for each of those; nil: not checked
	heard  *heard
	err    atomic.Pointer[error]
}

// stampMark stands before an event's stamp: 16 digits of µs since the run began, a hyphen, 6 digits of the vehicle.
const (
	stampMark  = `"pub":"`
	stampBytes = 16 + 1 + 6
)

var errRefused = errors.New("refused")

// dial opens an authorised connection.
func dial(addr string, speaks dialect, token string, buffer int, h *heard) (*client, error) {
	conn, err := net.DialTimeout("tcp", addr, 30*time.Second)
	if err != nil {
		return nil, err
	}
	conn.(*net.TCPConn).SetLinger(0) //nolint:errcheck // else ten thousand ports wait after each scenario
	c := &client{conn: conn, speaks: speaks, buf: make([]byte, buffer), heard: h}
	conn.SetDeadline(time.Now().Add(60 * time.Second))
	if err := c.shake(addr, token); err != nil {
		conn.Close()
		return nil, err
	}
	return c, nil
}

func (c *client) shake(addr, token string) error {
	path, header := "/ws", "Authorization: Bearer "+token+"\r\n"
	if c.speaks == socketIO {
		path, header = "/socket.io/?EIO=4&transport=websocket", ""
	}
	fmt.Fprintf(c.conn, "GET %s HTTP/1.1\r\nHost: %s\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"+
		"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n%s\r\n", path, addr, header)
	for !bytes.Contains(c.buf[:c.w], []byte("\r\n\r\n")) {
		if err := c.fill(); err != nil {
			return err
		}
	}
	head, _, _ := strings.Cut(string(c.buf[:c.w]), "\r\n\r\n")
	if !strings.HasPrefix(head, "HTTP/1.1 101 ") {
		return fmt.Errorf("%w: %.60s", errRefused, head)
	}
	c.r = len(head) + 4
	if c.speaks == plain {
		return nil
	}
	if err := c.expect("0{"); err != nil {
		return err
	}
	if err := c.send(`40{"token":"` + token + `"}`); err != nil {
		return err
	}
	return c.expect("40{")
}

// track follows n vehicles from first on and returns when the server has confirmed it. A negative n is everything.
func (c *client) track(first, n int) error {
	c.first = first
	const call = 1000
	for at := first; at < first+n || n < 0; at += call {
		until := min(at+call, first+n)
		if err := c.trackCall(at, until, n < 0); err != nil || n < 0 {
			return err
		}
	}
	return nil
}

func (c *client) trackCall(at, until int, all bool) error {
	if c.speaks == socketIO {
		for v := at; v < until-1; v++ {
			if err := c.send(`42["track:vehicle","` + strconv.Itoa(v) + `"]`); err != nil {
				return err
			}
		}
		if err := c.send(`421["track:vehicle","` + strconv.Itoa(until-1) + `"]`); err != nil {
			return err
		}
		return c.expect("431")
	}
	b := []byte(`{"max_hz":0,"track":[`)
	if all {
		b = append(b, `"*",`...)
	}
	for v := at; v < until; v++ {
		b = append(strconv.AppendInt(append(b, '"'), int64(v), 10), `",`...)
	}
	if err := c.send(string(b[:len(b)-1]) + "]}"); err != nil {
		return err
	}
	return c.expect(`{"type":"snapshot"`)
}

// send writes one masked text frame; the mask is of zeros, so that it costs neither side more than it must.
func (c *client) send(text string) error {
	b := []byte{0x81}
	switch {
	case len(text) < 126:
		b = append(b, 0x80|byte(len(text)))
	case len(text) < 1<<16:
		b = binary.BigEndian.AppendUint16(append(b, 0x80|126), uint16(len(text)))
	default:
		b = binary.BigEndian.AppendUint64(append(b, 0x80|127), uint64(len(text)))
	}
	_, err := c.conn.Write(append(append(b, 0, 0, 0, 0), text...))
	return err
}

// expect reads frames up to one that begins with prefix; what stands between is answered if it is a ping, else dropped.
func (c *client) expect(prefix string) error {
	for {
		size, err := c.header()
		if err != nil {
			return err
		}
		begin := ""
		if size > 0 {
			if err := c.need(min(size, len(prefix))); err != nil {
				return err
			}
			begin = string(c.buf[c.r : c.r+min(size, len(prefix))])
		}
		for size > 0 {
			if c.r == c.w {
				if err := c.fill(); err != nil {
					return err
				}
			}
			k := min(size, c.w-c.r)
			c.r += k
			size -= k
		}
		if begin == prefix {
			return nil
		}
		if strings.HasPrefix(begin, "44") {
			return fmt.Errorf("%w: %s", errRefused, begin)
		}
	}
}

// read reads until the connection ends, or has nothing more for now: errLater. It goes on where it stopped.
func (c *client) read() error {
	for {
		if c.left == 0 {
			size, err := c.header()
			if err != nil {
				return err
			}
			c.left = size
		}
		for c.left > 0 {
			used := c.scan(c.buf[c.r:min(c.w, c.r+c.left)], c.left)
			c.r += used
			if c.left -= used; c.left > 0 {
				if err := c.fill(); err != nil {
					return err
				}
			}
		}
	}
}

// errLater says that a connection has nothing more to read for now.
var errLater = errors.New("nothing more for now")

// header reads up to the next data frame's payload and returns its length. Pings of either protocol are answered on the way. Nothing of a header, or of a
// control frame, is used up before all of it is there.
func (c *client) header() (size int, err error) {
	for {
		if err := c.need(2); err != nil {
			return 0, err
		}
		op, size, head := c.buf[c.r]&15, int(c.buf[c.r+1]), 2
		switch size {
		case 126:
			head = 4
		case 127:
			head = 10
		}
		if err := c.need(head); err != nil {
			return 0, err
		}
		switch head {
		case 4:
			size = int(binary.BigEndian.Uint16(c.buf[c.r+2:]))
		case 10:
			size = int(binary.BigEndian.Uint64(c.buf[c.r+2:]))
		}
		answer := op == 1 && size == 1 && c.speaks == socketIO
		if op == 8 || op == 9 || answer {
			if err := c.need(head + size); err != nil {
				return 0, err
			}
		}
		c.r += head
		payload := c.buf[c.r:min(c.w, c.r+size)]
		switch {
		case op == 8 && size < 2:
			return 0, io.EOF
		case op == 8:
			return 0, fmt.Errorf("closed with %d %s", binary.BigEndian.Uint16(payload), payload[2:])
		case op == 9:
			_, err = c.conn.Write([]byte{0x8a, 0x80, 0, 0, 0, 0})
		case answer:
			err = c.send("3")
		default:
			return size, nil
		}
		if err != nil {
			return 0, err
		}
		c.r += size
	}
}

// scan takes the stamps out of a part of a frame's payload, of which left bytes are to come with these, and returns how much it is done with.
func (c *client) scan(b []byte, left int) int {
	at := 0
	for {
		i := bytes.Index(b[at:], []byte(stampMark))
		if i < 0 {
			if len(b) == left {
				return left
			}
			return max(at, len(b)-len(stampMark)+1)
		}
		end := at + i + len(stampMark) + stampBytes
		if end > len(b) {
			if len(b) == left {
				return left
			}
			return at + i
		}
		c.event(b[end-stampBytes : end])
		at = end
	}
}

func (c *client) event(stamp []byte) {
	at, vehicle := int64(0), 0
	for _, d := range stamp[:16] {
		at = at*10 + int64(d-'0')
	}
	for _, d := range stamp[17:] {
		vehicle = vehicle*10 + int(d-'0')
	}
	h := c.heard
	if h == nil || !h.count(at, c.took) {
		return
	}
	if slot := vehicle - c.first; slot >= 0 && slot < len(c.newest) {
		if at < c.newest[slot] {
			h.backwards.Add(1)
			return
		}
		atomic.StoreInt64(&c.newest[slot], at) // counted by another goroutine in the end
	}
}

// need reads until n bytes are there.
func (c *client) need(n int) error {
	for c.w-c.r < n {
		if err := c.fill(); err != nil {
			return err
		}
	}
	return nil
}

func (c *client) fill() error {
	if c.r > 0 {
		c.w = copy(c.buf, c.buf[c.r:c.w])
		c.r = 0
	}
	n, err := c.conn.Read(c.buf[c.w:])
	c.w += n
	c.took = time.Now()
	if n > 0 {
		return nil
	}
	return err
}
