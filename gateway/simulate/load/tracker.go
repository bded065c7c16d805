package load

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"os"
	"slices"
	"sync"
	"syscall"
	"time"

	"github.com/trackgate/trackgate/gateway/simulate"
	"github.com/trackgate/trackgate/protocols"
)

// tracker is one device. It is a single goroutine that sleeps in Read: the deadline of the read is whatever is due next, so that
// tens of thousands cost a stack and a few hundred bytes each.
type tracker struct {
	fleet      *Fleet
	number     int // within all of the run
	imei       uint64
	wire       simulate.Wire
	window     int // messages that may wait for their answer
	scale      float64
	driver     *simulate.Driver
	random     *rand.Rand
	misbehaves bool

	// queue[head:] are the records that are not acknowledged, oldest first; sent of them are in flight on this connection, tried of them were
	// sent at least once.
	queue  []record
	head   int
	sent   int
	tried  int
	nextID uint32
	next   time.Time // when the next record is made
	beat   time.Time // when the next heartbeat is due
	flight []message
	last   []record // acknowledged before, to be repeated by a device that misbehaves
	skew   int64    // of the device's clock, ms

	in    [256]byte
	heard int  // bytes of in
	met   bool // logged in at least once

	mu      sync.Mutex
	conn    net.Conn
	hurried bool // the fleet asks the tracker to look at the clock
}

// message was sent and waits for its answer.
type message struct {
	records  int
	serial   uint16 // GT06
	at       time.Time
	attempts uint8
	acked    bool
	repeated bool // of records acknowledged before; not those of the queue
}

// Windows of messages in flight. A Teltonika waits for each answer; GT06 devices do not, but few have memory for many.
const (
	teltonikaWindow = 1
	gt06Window      = 10
)

// Heartbeats go out when nothing else did for so long.
const heartbeat = 3 * time.Minute

func (t *tracker) waiting() int { return len(t.queue) - t.head }

// run lives until the fleet's records are all made and acknowledged, or the fleet is cut.
func (t *tracker) run() {
	f := t.fleet
	t.restart(time.Now())
	backoff := f.options.Backoff
	for first := true; ; first = false {
		if t.done(time.Now()) {
			return
		}
		if !first {
			f.count.reconnects.Add(1)
		}
		online, err := t.dialAndTalk()
		if err == nil || f.isCut() {
			return
		}
		t.regret()
		if !t.misbehaves {
			f.count.left(reason(err))
		}
		if online {
			backoff = f.options.Backoff
		}
		if !f.sleep(backoff/2 + time.Duration(t.random.Int64N(int64(backoff)))) {
			return
		}
		backoff = min(2*backoff, mostBackoff)
	}
}

// mostBackoff is the longest wait between attempts to connect, give or take a half.
const mostBackoff = 20 * time.Second

// restart fills the memory with the backlog and sets the pace from now on.
func (t *tracker) restart(now time.Time) {
	o := &t.fleet.options
	t.nextID = t.fleet.firstID
	t.queue = make([]record, 0, o.Backlog+1)
	for i := range o.Backlog {
		t.make(now.Add(-time.Duration(o.Backlog-i) * o.Interval))
	}
	t.next = now.Add(time.Duration(t.random.Int64N(int64(o.Interval))))
}

// done says that nothing is left to do.
func (t *tracker) done(now time.Time) bool {
	t.produce(now)
	return t.fleet.over(now) && (t.waiting() == 0 || t.misbehaves)
}

// produce makes the records that are due, each with the time at which it was.
func (t *tracker) produce(now time.Time) {
	o := &t.fleet.options
	if end := t.fleet.endOr(now); end.Before(now) {
		now = end
	}
	for !t.next.After(now) {
		t.make(t.next)
		step := o.Interval
		if o.Jitter > 0 {
			step += time.Duration(t.random.Int64N(2*int64(o.Jitter))) - o.Jitter
		}
		t.next = t.next.Add(max(step, time.Millisecond))
	}
}

// longestDrive bounds the motion between two records: what a simulated vehicle costs grows with it.
const longestDrive = 2 * time.Second

func (t *tracker) make(at time.Time) {
	fix := t.driver.Drive(min(t.fleet.options.Interval, longestDrive), at.Add(time.Duration(t.skew)*time.Millisecond))
	if t.scale == gt06Scale {
		fix.Time = fix.Time.Truncate(time.Second)
	}
	t.fleet.count.records.Add(1)
	if t.waiting() >= t.fleet.options.memory() && t.sent == 0 { // the oldest is lost, as in a device's flash, but not one in flight
		t.drop(1)
		t.fleet.count.lost.Add(1)
		if !t.misbehaves {
			t.fleet.lostProper.Add(1)
		}
	}
	t.queue = append(t.queue, keep(&fix, t.scale, t.nextID))
	t.nextID++
}

// drop forgets the oldest n records.
func (t *tracker) drop(n int) {
	t.head += n
	t.sent = max(0, t.sent-n)
	t.tried = max(0, t.tried-n)
	if t.head == len(t.queue) {
		t.queue, t.head = t.queue[:0], 0
		if cap(t.queue) > 64 {
			t.queue = nil
		}
	} else if t.head > 64 && t.head > len(t.queue)/2 {
		t.queue = slices.Delete(t.queue, 0, t.head)
		t.head = 0
	}
}

// regret forgets what was in flight: it goes first on the next connection, but for what was answered out of turn.
func (t *tracker) regret() {
	at := t.head
	for _, m := range t.flight {
		switch {
		case m.repeated:
		case m.acked:
			t.queue = slices.Delete(t.queue, at, at+m.records)
			t.tried -= m.records
		default:
			at += m.records
		}
	}
	t.flight, t.sent, t.heard = t.flight[:0], 0, 0
}

// dialAndTalk is one connection. Without an error there is nothing left to do.
func (t *tracker) dialAndTalk() (online bool, err error) {
	f := t.fleet
	act := t.choose()
	if act != nil && act.instead != nil {
		f.count.did(act.name)
		return true, act.instead(t)
	}
	conn, err := t.open()
	if err != nil {
		return false, err
	}
	defer t.shut(conn)
	leave := time.Time{} // when a device that misbehaves goes on to the next misdeed
	if act != nil {
		f.count.did(act.name)
		leave = time.Now().Add(time.Duration(2+t.random.IntN(5)) * time.Second)
	}
	if act != nil && act.beforeLogin != nil {
		if err := act.beforeLogin(t, conn); err != nil {
			return true, err
		}
	} else if err := t.write(conn, t.wire.Login(nil)); err != nil {
		return false, fmt.Errorf("login: %w", err)
	}
	if err := t.loggedIn(conn); err != nil {
		return false, fmt.Errorf("login: %w", err)
	}
	t.met = true
	f.count.connected.Add(1)
	defer f.count.connected.Add(-1)
	if act != nil && act.afterLogin != nil {
		if err := act.afterLogin(t, conn); err != nil {
			return true, err
		}
	}
	return true, t.report(conn, leave)
}

// open dials, and lets the fleet reach the connection.
func (t *tracker) open() (net.Conn, error) {
	conn, err := t.fleet.dial(t.number)
	if err != nil {
		t.fleet.count.failedDials.Add(1)
		return nil, err
	}
	t.mu.Lock()
	t.conn = conn
	t.mu.Unlock()
	if t.fleet.isCut() {
		t.shut(conn)
		return nil, net.ErrClosed
	}
	return conn, nil
}

func (t *tracker) shut(conn net.Conn) {
	t.mu.Lock()
	t.conn = nil
	t.mu.Unlock()
	conn.Close()
}

// hurry wakes the tracker; cut closes its connection.
func (t *tracker) hurry(cut bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.conn == nil {
		return
	}
	if t.hurried = true; cut {
		t.conn.Close()
		return
	}
	t.conn.SetReadDeadline(time.Now())
}

// wait reads until something came or the deadline is there.
func (t *tracker) wait(conn net.Conn, deadline time.Time) (n int, err error) {
	t.mu.Lock()
	if t.hurried {
		t.hurried = false
		deadline = time.Now()
	}
	conn.SetReadDeadline(deadline)
	t.mu.Unlock()
	if t.heard == len(t.in) {
		return 0, errBabble
	}
	n, err = conn.Read(t.in[t.heard:])
	t.heard += n
	if errors.Is(err, os.ErrDeadlineExceeded) {
		return n, nil
	}
	if n > 0 {
		return n, nil
	}
	return n, err
}

func (t *tracker) write(conn net.Conn, b []byte) error {
	conn.SetWriteDeadline(time.Now().Add(t.fleet.options.Patience))
	_, err := conn.Write(b)
	return err
}

// What ends a connection of a device that behaves.
var (
	errBabble   = errors.New("the gateway says what is no answer")
	errNoAnswer = errors.New("no answer")
	errNoLogin  = errors.New("no answer to the login")
	errLeft     = errors.New("left") // only those that misbehave
)

// reason is a text for statistics.
func reason(err error) string {
	var op *net.OpError
	switch {
	case err == io.EOF || errors.Is(err, io.EOF):
		return "closed by the gateway"
	case errors.As(err, &op):
		var no syscall.Errno
		if errors.As(err, &no) {
			return op.Op + ": " + no.Error()
		}
		return op.Op + ": " + op.Err.Error()
	}
	return err.Error()
}

// loggedIn waits for the answer to the login.
func (t *tracker) loggedIn(conn net.Conn) error {
	deadline := time.Now().Add(t.fleet.options.Patience)
	for {
		used, ok, err := t.wire.Answer(t.in[:t.heard], 0)
		t.forget(used)
		if ok || err != nil {
			return err
		}
		if !time.Now().Before(deadline) {
			return errNoLogin
		}
		if _, err := t.wait(conn, deadline); err != nil {
			return err
		}
	}
}

// forget drops the first bytes heard.
func (t *tracker) forget(n int) {
	copy(t.in[:], t.in[n:t.heard])
	t.heard -= n
}

// report sends records and heartbeats and takes answers until the connection fails or nothing is left to do.
func (t *tracker) report(conn net.Conn, leave time.Time) error {
	patience := t.fleet.options.Patience
	t.beat = time.Now().Add(heartbeat)
	for {
		now := time.Now()
		if t.done(now) {
			return nil
		}
		if !leave.IsZero() && !now.Before(leave) {
			return errLeft
		}
		if err := t.overdue(conn, now, patience); err != nil {
			return err
		}
		if err := t.send(conn, now); err != nil {
			return err
		}
		if !now.Before(t.beat) {
			if err := t.write(conn, t.wire.Heartbeat(nil, true)); err != nil {
				return err
			}
			t.beat = now.Add(heartbeat)
		}
		due := t.due(patience, leave)
		if _, err := t.wait(conn, due); err != nil {
			return err
		}
		if err := t.listen(time.Now()); err != nil {
			return err
		}
	}
}

// due is when something is to be done even if nothing comes.
func (t *tracker) due(patience time.Duration, leave time.Time) time.Time {
	due := t.beat
	earlier := func(o time.Time) {
		if o.Before(due) {
			due = o
		}
	}
	if end, known := t.fleet.end(); !known || t.next.Before(end) {
		if len(t.flight) < t.window { // otherwise nothing new can be sent, and a deadline gone by would keep us from reading
			earlier(t.next)
		}
	} else if t.waiting() == 0 || t.misbehaves {
		earlier(end)
	}
	for i := range t.flight {
		if !t.flight[i].acked {
			earlier(t.flight[i].at.Add(patience))
			break
		}
	}
	if !leave.IsZero() {
		earlier(leave)
	}
	return due
}

// overdue deals with an answer that does not come. A GT06 says it once more on the same connection, under a new serial number; what a Teltonika
// does then, and a GT06 in the end, is to dial again.
func (t *tracker) overdue(conn net.Conn, now time.Time, patience time.Duration) error {
	if len(t.flight) == 0 {
		return nil
	}
	m := &t.flight[0]
	if now.Sub(m.at) < patience {
		return nil
	}
	if t.window == teltonikaWindow || m.attempts > 1 || m.repeated {
		return errNoAnswer
	}
	d := clean()
	defer desks.Put(d)
	m.serial, m.at = t.encode(d, t.queue[t.head:t.head+1], now), now
	m.attempts++
	t.fleet.count.resent.Add(1)
	return t.write(conn, d.out)
}

// send sends waiting records as far as the window allows.
func (t *tracker) send(conn net.Conn, now time.Time) error {
	if len(t.flight) == t.window || t.sent == t.waiting() {
		return nil
	}
	d := clean()
	defer desks.Put(d)
	for len(t.flight) < t.window && t.sent < t.waiting() {
		list := t.queue[t.head+t.sent:]
		list = list[:min(len(list), t.batch())]
		serial := t.encode(d, list, now)
		t.flight = append(t.flight, message{records: len(list), serial: serial, at: now, attempts: 1})
		t.sent += len(list)
		if again := min(len(list), t.tried-(t.sent-len(list))); again > 0 {
			t.fleet.count.resent.Add(int64(again))
		}
		t.tried = max(t.tried, t.sent)
	}
	t.beat = now.Add(heartbeat)
	return t.write(conn, d.out)
}

// batch is the most records of one message.
func (t *tracker) batch() int {
	if t.window == teltonikaWindow {
		return mostRecords
	}
	return 1
}

// desk is the space in which messages are made. Trackers share a few: most of the time a tracker has nothing to say.
type desk struct {
	fixes [mostRecords]simulate.Fix
	out   []byte
}

// mostRecords of one message.
const mostRecords = 20

var desks = sync.Pool{New: func() any { return new(desk) }}

// clean is a desk with nothing on it.
func clean() *desk {
	d := desks.Get().(*desk)
	d.out = d.out[:0]
	return d
}

// encode appends one message of all the records of list, at most batch, to the desk's.
func (t *tracker) encode(d *desk, list []record, now time.Time) (serial uint16) {
	for i := range list {
		d.fixes[i] = list[i].fix(t.scale)
	}
	// A device's own clock decides what is an upload of old records.
	b, _ := t.wire.Fixes(d.out, d.fixes[:len(list)], now.Add(time.Duration(t.skew)*time.Millisecond))
	d.out = b
	if t.window != teltonikaWindow {
		serial = binary.BigEndian.Uint16(b[len(b)-6:])
	}
	return serial
}

// listen takes what was heard for answers.
func (t *tracker) listen(now time.Time) error {
	if t.window == teltonikaWindow {
		return t.listenCount(now)
	}
	return t.listenSerials(now)
}

// listenCount reads a Teltonika's answer: the number of records.
func (t *tracker) listenCount(now time.Time) error {
	if t.heard == 0 {
		return nil
	}
	if len(t.flight) == 0 {
		return errBabble
	}
	used, ok, err := t.wire.Answer(t.in[:t.heard], t.flight[0].records)
	t.forget(used)
	if err != nil {
		t.fleet.count.wrongAcks.Add(1)
		return err
	}
	if ok {
		t.answered(0, now)
	}
	return nil
}

// listenSerials reads GT06 answers: the number and serial of the message.
func (t *tracker) listenSerials(now time.Time) error {
	for t.heard >= gt06Answer {
		b := t.in[:t.heard]
		if b[0] != 0x78 || b[1] != 0x78 || b[2] != gt06Answer-5 || binary.BigEndian.Uint16(b[6:]) != protocols.X25.Sum(b[2:6]) {
			return errBabble
		}
		serial := binary.BigEndian.Uint16(b[4:])
		number := b[3]
		t.forget(gt06Answer)
		if number != gt06Location {
			continue // a heartbeat's
		}
		for i := range t.flight {
			if m := &t.flight[i]; m.serial == serial && !m.acked {
				t.answered(i, now)
				break
			}
		}
	}
	return nil
}

const (
	gt06Answer   = 10 // bytes: 78 78 05 | number | serial 2 | CRC 2 | 0d 0a
	gt06Location = 0x22
)

// answered takes the records of a message as delivered.
func (t *tracker) answered(i int, now time.Time) {
	m := &t.flight[i]
	m.acked = true
	f := t.fleet
	if !m.repeated {
		at := t.head
		for _, before := range t.flight[:i] {
			if !before.repeated {
				at += before.records
			}
		}
		list := t.queue[at : at+m.records]
		for k := range list {
			e := list[k].entry(t.imei, t.scale)
			f.delivered(&e)
		}
		if t.misbehaves {
			t.last = append(t.last[:0], list...)
		}
		f.count.acked.Add(int64(m.records))
		if !t.misbehaves { // these keep themselves waiting
			f.count.latency.Add(now.Sub(m.at), m.records)
		}
	}
	for len(t.flight) > 0 && t.flight[0].acked {
		if m := &t.flight[0]; !m.repeated {
			t.drop(m.records)
		}
		t.flight = append(t.flight[:0], t.flight[1:]...)
	}
}
