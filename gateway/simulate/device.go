// Package simulate is trackers without hardware: the bytes of real protocols, sent along roads at the pace of traffic, with the patience of the
// real ones. A record counts as delivered when the gateway has answered for it; otherwise it is sent again.
package simulate

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"time"
)

// Wire is a tracker's protocol as the device speaks it. It belongs to one device.
type Wire interface {
	Name() string
	Login(b []byte) []byte
	// Fixes appends one message with the first fixes of list, which is not empty, and returns how many.
	Fixes(b []byte, list []Fix, now time.Time) ([]byte, int)
	Heartbeat(b []byte, ignition bool) []byte
	HeartbeatAcked() bool
	// Answer looks for the answer to the last message, of so many fixes, in what the gateway said. used bytes are done with.
	Answer(b []byte, fixes int) (used int, ok bool, err error)
}

// StoredAfter is how long a record may wait before the device marks it as a stored upload.
const StoredAfter = 10 * time.Second

// Limits of a device.
const (
	maxQueue   = 4096     // fixes that wait; beyond, the oldest is lost, as in a device's flash
	maxUnread  = 16 << 10 // bytes of the gateway that are no answer
	maxBackoff = time.Minute
)

// Device is one simulated tracker on a vehicle.
type Device struct {
	IMEI    string
	Wire    Wire
	Driver  *Driver
	Gateway string // host:port

	Every     time.Duration // between fixes; 0: 1 s
	Heartbeat time.Duration // 0: 3 min
	Patience  time.Duration // the wait for an answer; 0: 5 s
	Backoff   time.Duration // the first wait before another attempt to connect, doubled up to a minute; 0: 1 s
	Notice    func(Notice)  // told of what happens; may be nil

	queue []Fix
	count Counts
	buf   []byte
	heard []byte
}

// Counts are what a device did so far.
type Counts struct {
	Fixes, Acked, Resent, Lost, Logins int
}

// Add adds those of another device.
func (c *Counts) Add(o Counts) {
	c.Fixes += o.Fixes
	c.Acked += o.Acked
	c.Resent += o.Resent
	c.Lost += o.Lost
	c.Logins += o.Logins
}

// Waiting are the fixes that are neither acknowledged nor lost.
func (c *Counts) Waiting() int { return c.Fixes - c.Acked - c.Lost }

// Notice is something that a person may want to know of a device.
type Notice struct {
	Device *Device
	Online bool  // the gateway accepted the login; else the connection is gone
	Err    error // why it is gone
	Counts Counts
}

// Run drives and reports until ctx ends. It returns the counts; fixes that still wait are neither acked nor lost.
func (d *Device) Run(ctx context.Context) Counts {
	fixes := make(chan Fix, 16)
	done := make(chan struct{})
	go func() {
		defer close(done)
		d.drive(ctx, fixes)
	}()
	first := or(d.Backoff, time.Second)
	backoff := first
	for ctx.Err() == nil {
		online, err := d.connection(ctx, fixes)
		if ctx.Err() != nil {
			break
		}
		if online {
			backoff = first
		}
		d.notice(Notice{Err: err})
		if !d.collect(ctx, fixes, backoff) {
			break
		}
		backoff = min(2*backoff, maxBackoff)
	}
	<-done
	return d.count
}

func or(d, otherwise time.Duration) time.Duration {
	if d > 0 {
		return d
	}
	return otherwise
}

func (d *Device) notice(n Notice) {
	if d.Notice != nil {
		n.Device, n.Counts = d, d.count
		d.Notice(n)
	}
}

// drive makes a fix at each tick, connected or not. Times are whole seconds where fixes are: trackers count in seconds.
func (d *Device) drive(ctx context.Context, fixes chan<- Fix) {
	every := or(d.Every, time.Second)
	tick := time.NewTicker(every)
	defer tick.Stop()
	for {
		now := time.Now()
		if every >= time.Second {
			now = now.Round(time.Second)
		}
		select {
		case fixes <- d.Driver.Drive(every, now):
		case <-ctx.Done():
			return
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return
		}
	}
}

func (d *Device) keep(f Fix) {
	d.count.Fixes++
	if len(d.queue) == maxQueue {
		d.queue = append(d.queue[:0], d.queue[1:]...)
		d.count.Lost++
	}
	d.queue = append(d.queue, f)
}

// collect keeps fixes for so long; false when ctx ended.
func (d *Device) collect(ctx context.Context, fixes <-chan Fix, wait time.Duration) bool {
	t := time.NewTimer(wait)
	defer t.Stop()
	for {
		select {
		case f := <-fixes:
			d.keep(f)
		case <-t.C:
			return true
		case <-ctx.Done():
			return false
		}
	}
}

// connection logs in and sends until something fails. online says that the login was accepted.
func (d *Device) connection(ctx context.Context, fixes <-chan Fix) (online bool, err error) {
	dialer := net.Dialer{Timeout: 10 * time.Second}
	conn, err := dialer.DialContext(ctx, "tcp", d.Gateway)
	if err != nil {
		return false, err
	}
	defer conn.Close()
	stop := context.AfterFunc(ctx, func() { conn.Close() })
	defer stop()
	d.heard = d.heard[:0]

	d.buf = d.Wire.Login(d.buf[:0])
	if err := d.ask(conn, 0); err != nil {
		return false, fmt.Errorf("login: %w", err)
	}
	d.count.Logins++
	d.notice(Notice{Online: true})

	beat := time.NewTicker(or(d.Heartbeat, 3*time.Minute))
	defer beat.Stop()
	sent := 0 // fixes at the head of the queue that were sent on this connection and not answered
	for {
		select {
		case f := <-fixes:
			d.keep(f)
		case <-beat.C:
			d.buf = d.Wire.Heartbeat(d.buf[:0], true)
			if !d.Wire.HeartbeatAcked() {
				if _, err := conn.Write(d.buf); err != nil {
					return true, err
				}
			} else if err := d.ask(conn, 0); err != nil {
				return true, fmt.Errorf("heartbeat: %w", err)
			}
		case <-ctx.Done():
			return true, ctx.Err()
		}
		for len(d.queue) > 0 && ctx.Err() == nil {
			d.buf, sent = d.Wire.Fixes(d.buf[:0], d.queue, time.Now())
			if err := d.ask(conn, sent); err != nil {
				if ctx.Err() == nil {
					d.count.Resent += sent // the same records go first on the next connection
				}
				return true, err
			}
			d.count.Acked += sent
			d.queue = append(d.queue[:0], d.queue[sent:]...)
		}
	}
}

// errNoAnswer says that the gateway kept silent for as long as the device waits.
var errNoAnswer = errors.New("no answer")

// ask sends d.buf and waits for its answer.
func (d *Device) ask(conn net.Conn, fixes int) error {
	conn.SetDeadline(time.Now().Add(or(d.Patience, 5*time.Second)))
	if _, err := conn.Write(d.buf); err != nil {
		return err
	}
	var b [1024]byte
	for {
		used, ok, err := d.Wire.Answer(d.heard, fixes)
		d.heard = append(d.heard[:0], d.heard[used:]...)
		if ok || err != nil {
			return err
		}
		if len(d.heard) > maxUnread {
			return fmt.Errorf("the gateway sends %d bytes that are no answer", len(d.heard))
		}
		n, err := conn.Read(b[:])
		d.heard = append(d.heard, b[:n]...)
		var timeout net.Error
		switch {
		case n > 0:
		case errors.As(err, &timeout) && timeout.Timeout():
			return errNoAnswer
		case err == io.EOF:
			return errors.New("the gateway hung up")
		case err != nil:
			return err
		}
	}
}

// IMEI makes a valid IMEI for the n-th simulated device: a type allocation code of test devices, n, and the Luhn digit.
func IMEI(n int) string {
	digits := fmt.Sprintf("00101700%06d", n%1_000_000)
	sum := 0
	for i, c := range digits {
		v := int(c - '0')
		if i%2 == 1 {
			if v *= 2; v > 9 {
				v -= 9
			}
		}
		sum += v
	}
	return digits + string(rune('0'+(10-sum%10)%10))
}
