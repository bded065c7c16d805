package load

import (
	"net"
	"time"
)

// Heartbeats go out when nothing else did for so long.
const heartbeat = 3 * time.Minute

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
