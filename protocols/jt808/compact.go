package jt808

import (
	"encoding/binary"
	"encoding/hex"

	"github.com/trackgate/trackgate/protocols"
)

// compactSize is the size of messages 0x5501 and 0x5502 without items.
const compactSize = 35

// Products that send compact messages.
const productLock = 3

// compact reads messages 0x5501 and 0x5502, where numbers are BCD up to the speed and the time is UTC:
//
//	DD MM YY hh mm ss 6 | latitude 4 | longitude 4.5 | flags 0.5 | speed 1, knots | course 1, 2 degrees | signal 1 | satellites 1 |
//	odometer 4, km | battery 1 | cell 4 | LAC 2 | product 1 | status 2 | alarms 2 | items
func (c *call) compact() {
	b := c.body
	if len(b) < compactSize {
		c.unread(b)
		return
	}
	e := c.f.Add(protocols.Position)
	e.FP = protocols.Fingerprint([]byte{byte(c.id)}, b)
	c.compactTime(e, b)
	c.compactPlace(e, b)
	if knots := bcd(b[15]); knots >= 0 {
		e.SetSpeed(float64(knots) * 1.852)
	}
	e.SetCourse(2 * float64(b[16]))
	e.Int("rssi", int64(b[17]))
	e.SetSats(b[18])
	e.Int("odometer_m", int64(binary.BigEndian.Uint32(b[19:]))*1000)
	if b[23] == 0xaa || b[23] == 0xab {
		e.Bool("charging", true)
	} else {
		percent(e, b[23])
	}
	cell, lac := binary.BigEndian.Uint32(b[24:]), binary.BigEndian.Uint16(b[28:])
	product := b[30]
	e.Int("product", int64(product))
	status, alarms := binary.BigEndian.Uint16(b[31:]), binary.BigEndian.Uint16(b[33:])
	e.Int("status", int64(status))
	if product == productLock {
		e.Bool("lock", status>>5&1 != 0)
	}
	if alarms != 0 {
		e.Int("alarm_bits", int64(alarms))
		raise(e, compactAlarm(product, alarms))
	}
	if c.id == msgCompactStored {
		e.Stored = true
		e.Bool("archive", true)
	}
	c.compactItems(e, b[compactSize:], cell, lac)
	settle(e)
}

// compactTime reads the time, which is UTC whatever the zone of the device.
func (c *call) compactTime(e *protocols.Event, b []byte) {
	if t, ok := civil([]byte{b[2], b[1], b[0], b[3], b[4], b[5]}); ok {
		e.Time = t
		return
	}
	e.Text("time_source", "server")
	if !allZero(b[:6]) {
		e.Text("device_date", hex.EncodeToString(b[:6]))
	}
}

// compactPlace reads latitude DDMMmmmm, longitude DDDMMmmmm and the flags in the last half byte: 1 fixed, 2 north, 4 east.
func (c *call) compactPlace(e *protocols.Event, b []byte) {
	var d [17]int64
	for i := range d {
		x := b[6+i/2]
		if i%2 == 0 {
			x >>= 4
		}
		if d[i] = int64(x & 15); d[i] > 9 {
			return
		}
	}
	join := func(digits []int64) (n int64) {
		for _, x := range digits {
			n = n*10 + x
		}
		return n
	}
	flags := b[14] & 15
	lat := float64(join(d[:2])) + float64(join(d[2:8]))/600000
	lng := float64(join(d[8:11])) + float64(join(d[11:17]))/600000
	if flags&2 == 0 {
		lat = -lat
	}
	if flags&4 == 0 {
		lng = -lng
	}
	e.SetFix(lat, lng, flags&1 != 0 && c.id != msgCompactStored)
}

// compactAlarm is the alarm of the first bit that has a name.
func compactAlarm(product byte, alarms uint16) string {
	if product != productLock {
		if alarms&1 != 0 {
			return "low_power"
		}
		return ""
	}
	for _, a := range [...]struct {
		bit  int
		name string
	}{{2, "vibration"}, {5, "geofence_enter"}, {6, "geofence_exit"}, {0, "overspeed"}, {1, "low_power"}, {3, "low_battery"}} {
		if alarms>>a.bit&1 != 0 {
			return a.name
		}
	}
	return ""
}

// compactItems reads items of id 1, length 1, value, and adds the serving cell, whose network is one of them.
func (c *call) compactItems(e *protocols.Event, b []byte, cell uint32, lac uint16) {
	var mcc, mnc uint16
	c.record = items{}
	for len(b) >= 2 && int(b[1]) <= len(b)-2 {
		id, v := b[0], b[2:2+int(b[1])]
		first := len(e.Attrs)
		switch {
		case c.record.again(id):
			c.record.rest = append(c.record.rest, b[:2+len(v)]...)
		case id == 0x0a && len(v) == 3:
			mcc, mnc = binary.BigEndian.Uint16(v), uint16(v[2])
		case !compactItem(e, id, v) || clash(e, first):
			e.Attrs = e.Attrs[:first]
			keep(e, id, v)
		}
		b = b[2+len(v):]
	}
	if cell != 0 || lac != 0 {
		e.Cell(mcc, mnc, uint32(lac), uint64(cell))
	}
	if rest := append(c.record.rest, b...); len(rest) > 0 {
		hexText(e, "raw", rest)
	}
}

func compactItem(e *protocols.Event, id byte, v []byte) bool {
	switch {
	case id == 0x02 && len(v) == 2:
		e.SetAlt(float64(int16(binary.BigEndian.Uint16(v))))
	case id == 0x0b:
		return lockEvent(e, v)
	case id == 0x0c && len(v) == 6:
		l := newList()
		for i := range 3 {
			l.open()
			l.num("", int64(int16(binary.BigEndian.Uint16(v[2*i:]))))
		}
		l.add(e, "tilt")
	case id == 0x10 && len(v) == 1:
		e.Int("wake_source", int64(v[0]))
	case id == 0xfc && len(v) == 1:
		e.Int("geofence", int64(v[0]))
	default:
		return false
	}
	return true
}
