package gt06

import "github.com/trackgate/trackgate/protocols"

// clockUnset is 2010-01-01: what is older comes from a device whose clock was not set yet.
const clockUnset protocols.Millis = 1262304000_000

// near is how far apart the fix and its receipt may be when they decide how dates are to be read.
const near protocols.Millis = 10 * 60_000

// plausibleDate tells whether b starts with a date: year-2000, month, day, hour, minute, second.
func plausibleDate(b []byte) bool {
	_, ok := civil(b)
	return ok
}

// civil is the date read as UTC.
func civil(b []byte) (protocols.Millis, bool) {
	_ = b[5]
	return protocols.Civil(2000+int(b[0]), int(b[1]), int(b[2]), int(b[3]), int(b[4]), int(b[5]), protocols.Zone{})
}

// setTime gives the record its time. Without a usable one it is left to the caller, and the record says so.
func (c *call) setTime(e *protocols.Event) {
	var t protocols.Millis
	switch {
	case c.date != nil:
		local, ok := civil(c.date)
		if ok {
			t = c.utc(e, local)
		}
	default:
		t = c.at
	}
	if c.fix && t != 0 {
		if later, rolled := protocols.Rollover(t, c.received); rolled {
			t = later
			e.Bool("rollover", true)
		}
	}
	if t >= clockUnset {
		e.Time = t
		return
	}
	e.Text("time_source", "server")
	if c.date != nil && !allZero(c.date) {
		e.Text("device_date", hexText(c.date))
	}
}

// utc reads a date in the device's zone: the operator's word counts; else what the connection's first real-time fix showed; else
// the zone of the login; else UTC.
func (c *call) utc(e *protocols.Event, local protocols.Millis) protocols.Millis {
	if z := c.s.Options.Zone; z.Set {
		return local - protocols.Millis(z.Seconds)*1000
	}
	read := zoneRead(c.s.State)
	if read == 'u' {
		return local
	}
	seconds, ok := loginZone(c.s.State)
	if !ok || seconds == 0 {
		return local
	}
	shifted := local - protocols.Millis(seconds)*1000
	if read == '-' && c.fix && !e.Stored {
		switch {
		case c.now(local):
			set(c.s, atZone, "u")
			return local
		case c.now(shifted):
			set(c.s, atZone, "l")
		}
	}
	return shifted
}

// now tells whether a fix of time t can be one of the moment.
func (c *call) now(t protocols.Millis) bool {
	t, _ = protocols.Rollover(t, c.received)
	d := c.received - t
	return -near <= d && d <= near
}

func allZero(b []byte) bool {
	for _, x := range b {
		if x != 0 {
			return false
		}
	}
	return true
}
