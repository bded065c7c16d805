package jt808

import (
	"encoding/binary"
	"encoding/hex"

	"github.com/trackgate/trackgate/protocols"
)

const (
	// standardZone is the zone in which the standard has times, in seconds.
	standardZone = 8 * 3600
	// near is how far apart a live fix and its receipt may be when they decide how times are to be read.
	near protocols.Millis = 10 * 60_000
	// clockUnset is 2005-01-01: what is older comes from a device whose clock was not set yet.
	clockUnset protocols.Millis = 1104537600_000
)

// bcd is the number of two digits; -1 when it is none.
func bcd(x byte) int {
	if x>>4 > 9 || x&15 > 9 {
		return -1
	}
	return int(x>>4)*10 + int(x&15)
}

// civil is the time in six bytes YY MM DD hh mm ss, read as UTC.
func civil(b []byte) (protocols.Millis, bool) {
	_ = b[5]
	year := bcd(b[0])
	if year < 0 {
		return 0, false
	}
	t, ok := protocols.Civil(2000+year, bcd(b[1]), bcd(b[2]), bcd(b[3]), bcd(b[4]), bcd(b[5]), protocols.Zone{})
	return t, ok && t >= clockUnset
}

// setTime gives the event the time in six bytes. live says that it is a fix of the moment, which can tell the zone of the device.
func (c *call) setTime(e *protocols.Event, b []byte, live bool) {
	t, ok := civil(b)
	if !ok {
		e.Text("time_source", "server")
		if !allZero(b[:6]) {
			e.Text("device_date", hex.EncodeToString(b[:6]))
		}
		return
	}
	e.Time = c.utc(t, live)
}

// utc reads a local time: the operator's word counts, else what the connection's first live fix showed, else the standard. Many
// exported trackers send UTC.
func (c *call) utc(local protocols.Millis, live bool) protocols.Millis {
	if z := c.s.Options.Zone; z.Set {
		return local - protocols.Millis(z.Seconds)*1000
	}
	shifted := local - standardZone*1000
	read := byte('-')
	if len(c.s.State) > atZone {
		read = c.s.State[atZone]
	}
	if read == '-' && live {
		switch {
		case c.now(shifted):
			setZone(c.s, 'l')
		case c.now(local):
			setZone(c.s, 'u')
			return local
		}
	}
	if read == 'u' {
		return local
	}
	return shifted
}

// now tells whether a fix of time t can be one of the moment.
func (c *call) now(t protocols.Millis) bool {
	d := c.received - t
	return -near <= d && d <= near
}

// appendBCD appends a UTC time as YY MM DD hh mm ss.
func appendBCD(b []byte, t protocols.Millis) []byte {
	y, mo, d := t.Time().Date()
	h, mi, s := t.Time().Clock()
	for _, v := range [...]int{y % 100, int(mo), d, h, mi, s} {
		b = append(b, byte(v/10<<4|v%10))
	}
	return b
}

// appendDate appends a UTC time as year 2, month, day, hour, minute, second.
func appendDate(b []byte, t protocols.Millis) []byte {
	y, mo, d := t.Time().Date()
	h, mi, s := t.Time().Clock()
	return append(binary.BigEndian.AppendUint16(b, uint16(y)), byte(mo), byte(d), byte(h), byte(mi), byte(s))
}

func allZero(b []byte) bool {
	for _, x := range b {
		if x != 0 {
			return false
		}
	}
	return true
}
