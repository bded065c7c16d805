package load

import (
	"fmt"
	"math/rand/v2"
	"net"
	"sync"
	"time"

	"github.com/trackgate/trackgate/gateway/simulate"
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
