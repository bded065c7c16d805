package jt808

import (
	"encoding/binary"

	"github.com/trackgate/trackgate/protocols"
)

// locationSize is the size of the fixed part of a location.
const locationSize = 28

// Bits of the status of a location.
const (
	statusIgnition = 1 << 0
	statusFixed    = 1 << 1
	statusSouth    = 1 << 2
	statusWest     = 1 << 3
	statusBlocked  = 1 << 10
	statusDoors    = 0x1f << 13
	statusMoving   = 1 << 22
	statusCharging = 1 << 26
)

// one reads a body that is one location. A shorter body is answered as wrong and tells nothing.
func (c *call) one(b []byte) *protocols.Event {
	if len(b) < locationSize {
		return nil
	}
	e := c.f.Add(protocols.Position)
	c.location(e, b, true)
	return e
}

// location reads
//
//	alarm 4 | status 4 | latitude 4, 1e-6 degrees | longitude 4 | altitude 2, m | speed 2, 0.1 km/h | course 2 | time 6 | items
//
// live says that the device sent it at once.
func (c *call) location(e *protocols.Event, b []byte, live bool) {
	alarms, status := binary.BigEndian.Uint32(b), binary.BigEndian.Uint32(b[4:])
	c.place(e, status, b[8:])
	e.SetAlt(float64(int16(binary.BigEndian.Uint16(b[16:]))))
	setSpeed(e, binary.BigEndian.Uint16(b[18:]))
	e.SetCourse(float64(binary.BigEndian.Uint16(b[20:])))
	c.setTime(e, b[22:], live && e.Has&protocols.HasFix != 0 && e.Valid)
	c.states(e, status)
	c.record = items{}
	if rest := b[locationSize:]; len(rest) == lockExtension && !listed(rest) {
		c.lockExtension(e, rest)
	} else {
		c.items(e, rest)
	}
	c.alarms(e, alarms)
	e.FP = protocols.Fingerprint(b)
	settle(e)
}

// settle makes the kind fit what was read.
func settle(e *protocols.Event) {
	switch {
	case e.Alarm != "":
		e.Kind = protocols.Alarm
	case e.Kind == protocols.Position && e.Has&protocols.HasFix == 0:
		e.Kind = protocols.Status
	}
}

// place reads latitude and longitude of four bytes each.
func (c *call) place(e *protocols.Event, status uint32, b []byte) {
	lat, lng := float64(binary.BigEndian.Uint32(b))/1e6, float64(binary.BigEndian.Uint32(b[4:]))/1e6
	if status&statusSouth != 0 {
		lat = -lat
	}
	west := status&statusWest != 0
	if c.s.Options.Extra != "" {
		if v, _ := c.s.Options.Get("east_bit"); v == "true" {
			west = !west
		}
	}
	if west {
		lng = -lng
	}
	e.SetFix(lat, lng, status&statusFixed != 0)
}

// setSpeed records a speed in 0.1 km/h.
func setSpeed(e *protocols.Event, v uint16) {
	if v != 0xffff {
		e.SetSpeed(float64(v) / 10)
	}
}

// states reads the status word.
func (c *call) states(e *protocols.Event, status uint32) {
	e.Bool("ignition", status&statusIgnition != 0)
	e.Bool("blocked", status&statusBlocked != 0)
	if status&statusDoors != 0 {
		e.Bool("door", true)
	}
	if c.is2019() {
		e.Bool("motion", status&statusMoving != 0)
	}
	if status&statusCharging != 0 {
		e.Bool("charging", true)
	}
	e.Int("status", int64(status))
}

// batch reads message 0x0704: count 2, type 1 (0 live, 1 stored), then locations with a length of two bytes before each. What can not
// be read is kept as it is.
func (c *call) batch() {
	b := c.body
	if len(b) < 3 {
		c.unread(b)
		return
	}
	count, stored := int(binary.BigEndian.Uint16(b)), b[2] == 1
	b = b[3:]
	for ; count > 0 && len(b) >= 2; count-- {
		n := int(binary.BigEndian.Uint16(b))
		if n < locationSize || n > len(b)-2 {
			break
		}
		c.stored(b[2:2+n], stored)
		b = b[2+n:]
	}
	if len(b) > 0 {
		c.unread(b)
	}
}

// brief reads message 0x0210: a battery report of seven bytes, or locations with a length of one byte before each.
func (c *call) brief() {
	b := c.body
	if len(b) == 7 {
		e := c.status()
		e.Int("battery_pct", int64(min(b[0], 100)))
		c.setTime(e, b[1:], false)
		return
	}
	for len(b) >= 1 {
		n := int(b[0])
		if n < locationSize || n > len(b)-1 {
			break
		}
		c.stored(b[1:1+n], false)
		b = b[1+n:]
	}
	if len(b) > 0 {
		c.unread(b)
	}
}

// stored adds a location of several in one message.
func (c *call) stored(b []byte, archive bool) {
	e := c.f.Add(protocols.Position)
	if archive {
		e.Stored = true
		e.Bool("archive", true)
	}
	c.location(e, b, false)
}

// unread keeps bytes that have no meaning here.
func (c *call) unread(b []byte) {
	e := c.status()
	hexText(e, "raw", b)
	e.FP = protocols.Fingerprint([]byte{byte(c.id >> 8), byte(c.id)}, b)
}
