package load

import (
	"bytes"
	"errors"
	"net"
	"os"
	"time"
)

// misdeed is what a device does wrong on one connection. Those without a step that ends the connection behave well afterwards, for a few seconds.
type misdeed struct {
	name        string
	instead     func(*tracker) error           // of any conversation
	beforeLogin func(*tracker, net.Conn) error // it sends the login, if the conversation goes on
	afterLogin  func(*tracker, net.Conn) error
}

var misdeeds = []misdeed{
	{name: "garbage instead of a login", beforeLogin: garbage},
	{name: "garbage after the login", afterLogin: garbage},
	{name: "slow login", beforeLogin: slowLogin},
	{name: "bad checksum", afterLogin: badChecksum},
	{name: "half a frame", afterLogin: halfFrame},
	{name: "never reads", afterLogin: neverReads},
	{name: "storm of connections", instead: storm},
	{name: "silence", instead: silence},
	{name: "repeats what was acknowledged", afterLogin: repeat},
	{name: "clock in the future", afterLogin: future},
	{name: "clock in the past", afterLogin: past},
}

// choose picks the misdeed of the next connection; nil: none.
func (t *tracker) choose() *misdeed {
	t.skew = 0
	if !t.misbehaves || t.fleet.over(time.Now()) {
		return nil
	}
	if name := t.fleet.options.Misdeed; name != "" {
		return misdeedNamed(name)
	}
	return &misdeeds[t.random.IntN(len(misdeeds))]
}

func misdeedNamed(name string) *misdeed {
	for i := range misdeeds {
		if misdeeds[i].name == name {
			return &misdeeds[i]
		}
	}
	return nil
}

// Misdeeds are the names of what devices can do wrong.
func Misdeeds() []string {
	var names []string
	for _, m := range misdeeds {
		names = append(names, m.name)
	}
	return names
}

// linger reads and forgets until the peer closes or so long has passed.
func (t *tracker) linger(conn net.Conn, d time.Duration, heard func([]byte)) error {
	conn.SetReadDeadline(time.Now().Add(d))
	var b [256]byte
	for {
		n, err := conn.Read(b[:])
		if heard != nil {
			heard(b[:n])
		}
		if errors.Is(err, os.ErrDeadlineExceeded) {
			return errLeft
		}
		if err != nil {
			return err
		}
	}
}

func garbage(t *tracker, conn net.Conn) error {
	b := make([]byte, 16+t.random.IntN(2000))
	for i := range b {
		b[i] = byte(t.random.Uint32())
	}
	if err := t.write(conn, b); err != nil {
		return err
	}
	return t.linger(conn, time.Second, nil)
}

// slowLogin sends the login byte by byte.
func slowLogin(t *tracker, conn net.Conn) error {
	for _, b := range t.wire.Login(nil) {
		if err := t.write(conn, []byte{b}); err != nil {
			return err
		}
		if !t.fleet.sleep(time.Duration(50+t.random.IntN(200)) * time.Millisecond) {
			return net.ErrClosed
		}
	}
	return nil
}

// some are the records at the head of the queue that fit one message; the device makes one if it has none.
func (t *tracker) some() []record {
	if t.waiting() == 0 {
		t.make(time.Now())
	}
	return t.queue[t.head : t.head+min(t.waiting(), t.batch())]
}

// badChecksum flips a bit behind the length of a message. An answer that acknowledges it is the gateway's fault.
func badChecksum(t *tracker, conn net.Conn) error {
	list := t.some()
	d := clean()
	defer desks.Put(d)
	t.encode(d, list, time.Now())
	from, to := 8, len(d.out)
	if t.window != teltonikaWindow {
		from, to = 4, len(d.out)-2
	}
	bit := t.random.IntN((to - from) * 8)
	d.out[from+bit/8] ^= 1 << (bit % 8)
	if err := t.write(conn, d.out); err != nil {
		return err
	}
	var answer []byte
	err := t.linger(conn, time.Second, func(b []byte) { answer = append(answer, b...) })
	if bytes.ContainsFunc(answer, func(r rune) bool { return r != 0 }) { // a Teltonika may be told that 0 records were taken
		t.fleet.count.refusedAcked.Add(1)
	}
	return err
}

// halfFrame cuts a message and hangs up, resets the connection, or sends the rest after a while.
func halfFrame(t *tracker, conn net.Conn) error {
	list := t.some()
	d := clean()
	defer desks.Put(d)
	now := time.Now()
	serial := t.encode(d, list, now)
	at := 1 + t.random.IntN(len(d.out)-1)
	if err := t.write(conn, d.out[:at]); err != nil {
		return err
	}
	switch t.random.IntN(3) {
	case 0:
		return errLeft
	case 1:
		reset(conn)
		return errLeft
	}
	if !t.fleet.sleep(time.Duration(500+t.random.IntN(1500)) * time.Millisecond) {
		return net.ErrClosed
	}
	t.flight = append(t.flight, message{records: len(list), serial: serial, at: now, attempts: 1})
	t.sent, t.tried = len(list), max(t.tried, len(list))
	return t.write(conn, d.out[at:])
}

// reset makes Close send RST.
func reset(conn net.Conn) {
	if c, ok := conn.(*net.TCPConn); ok {
		c.SetLinger(0)
	}
}

// neverReads sends the same records over and over and leaves the answers.
func neverReads(t *tracker, conn net.Conn) error {
	if c, ok := conn.(*net.TCPConn); ok {
		c.SetReadBuffer(4096)
	}
	list := t.some()
	d := clean()
	defer desks.Put(d)
	for until := time.Now().Add(3 * time.Second); time.Now().Before(until); {
		d.out = t.wire.Heartbeat(d.out[:0], true)
		for range 20 {
			t.encode(d, list, time.Now())
		}
		if err := t.write(conn, d.out); err != nil {
			return err
		}
		t.tried = max(t.tried, len(list))
		if !t.fleet.sleep(100 * time.Millisecond) {
			return net.ErrClosed
		}
	}
	return errLeft
}

// storm connects again and again without waiting for anything.
func storm(t *tracker) error {
	for range 10 + t.random.IntN(20) {
		conn, err := t.fleet.dial(t)
		if err != nil {
			return err
		}
		if t.random.IntN(2) == 0 {
			t.write(conn, t.wire.Login(nil))
		}
		if t.random.IntN(2) == 0 {
			reset(conn)
		}
		conn.Close()
		if t.fleet.isCut() {
			return net.ErrClosed
		}
	}
	return errLeft
}

// silence connects and says nothing until the gateway has had enough of it.
func silence(t *tracker) error {
	conn, err := t.fleet.dial(t)
	if err != nil {
		return err
	}
	defer conn.Close()
	for !t.fleet.over(time.Now()) && !t.fleet.isCut() {
		if err := t.linger(conn, time.Second, nil); !errors.Is(err, errLeft) {
			return err
		}
	}
	return errLeft
}

// repeat sends records that were acknowledged once more; they are owed an answer, and no second row.
func repeat(t *tracker, conn net.Conn) error {
	list := t.last
	if len(list) == 0 {
		return nil
	}
	d := clean()
	defer desks.Put(d)
	now := time.Now()
	serial := t.encode(d, list, now)
	t.flight = append(t.flight, message{records: len(list), serial: serial, at: now, attempts: 1, repeated: true})
	t.fleet.count.resent.Add(int64(len(list)))
	return t.write(conn, d.out)
}

const (
	minute = 60_000
	day    = 24 * 60 * minute
)

// future and past set the clock wrong for what is recorded on this connection: far beyond what the gateway tolerates, and short of the 1024 weeks
// that it takes for a rollover of the receiver's week number.
func future(t *tracker, _ net.Conn) error {
	t.skew = 20*minute + t.random.Int64N(3*365*day)
	return nil
}

func past(t *tracker, _ net.Conn) error {
	t.skew = -(40*day + t.random.Int64N(3*365*day))
	return nil
}
