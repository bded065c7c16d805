package jt808

import (
	"encoding/binary"

	"github.com/trackgate/trackgate/protocols"
)

// items is what the items of one location have in common.
type items struct {
	family family
	fence  uint8     // 1: a fence was entered, 2: it was left
	seen   [4]uint64 // ids that were there
	vendor bool      // an item of a vendor was among them
	cells  list      // from several items
	wifi   list      // likewise
	rest   []byte    // what has no meaning here and no name of its own
}

func (r *items) again(id byte) bool {
	bit := uint64(1) << (id & 63)
	was := r.seen[id>>6]&bit != 0
	r.seen[id>>6] |= bit
	return was
}

// listed tells whether b is a list of items that ends with b.
func listed(b []byte) bool {
	for len(b) >= 2 {
		if b[0] == 0 || int(b[1]) > len(b)-2 {
			return false
		}
		b = b[2+int(b[1]):]
	}
	return len(b) == 0
}

// items reads the items behind the fixed part: id 1, length 1, value.
func (c *call) items(e *protocols.Event, b []byte) {
	for len(b) >= 2 {
		id, n := b[0], int(b[1])
		if n > len(b)-2 {
			break
		}
		if id == 0x80 && n == 1 { // its parts follow it up to the end
			n = len(b) - 2
		}
		if c.f.Notes != nil {
			c.noteItem(b)
		}
		c.item(e, id, b[2:2+n], b[:2+n])
		b = b[2+n:]
	}
	c.record.rest = append(c.record.rest, b...)
	c.record.cells.add(e, "cells")
	c.record.wifi.add(e, "wifi")
	if len(c.record.rest) > 0 {
		hexText(e, "raw", c.record.rest)
	}
}

// item reads one item; whole is the item with id and length. A value that has no meaning here is kept under the item's number, and so is
// one whose attribute the record already has.
func (c *call) item(e *protocols.Event, id byte, v, whole []byte) {
	if c.record.again(id) {
		c.record.rest = append(c.record.rest, whole...)
		return
	}
	first := len(e.Attrs)
	if c.standard(e, id, v) {
		// The standard's own items have a name each; only a vendor's can have taken it.
		if !c.record.vendor || !clash(e, first) {
			return
		}
	} else {
		c.record.vendor = true
		if c.vendor(e, id, v) && !clash(e, first) {
			return
		}
	}
	e.Attrs = e.Attrs[:first]
	keep(e, id, v)
}

// clash tells whether one of the attributes from first on was there before.
func clash(e *protocols.Event, first int) bool {
	for i := first; i < len(e.Attrs); i++ {
		for k := range i {
			if e.Attrs[k].Name == e.Attrs[i].Name {
				return true
			}
		}
	}
	return false
}

// keep keeps a value under the item's number: up to seven bytes as a number, text as text, else in hex.
func keep(e *protocols.Event, id byte, v []byte) {
	name := protocols.IOKey(uint16(id))
	switch {
	case len(v) == 0:
		e.Bool(name, true)
	case len(v) <= 7:
		e.Int(name, int64(number(v)))
	case printable(v):
		e.Text(name, string(v))
	default:
		hexText(e, name, v)
	}
}

// number is the unsigned number in v, of at most eight bytes.
func number(v []byte) (n uint64) {
	for _, x := range v {
		n = n<<8 | uint64(x)
	}
	return n
}

// standard reads an item of the standard. False: it is none, or has another length.
func (c *call) standard(e *protocols.Event, id byte, v []byte) bool {
	switch {
	case id == 0x01 && len(v) == 4:
		e.Int("odometer_m", int64(binary.BigEndian.Uint32(v))*100)
	case id == 0x02 && len(v) == 2:
		if n := binary.BigEndian.Uint16(v); n&0x8000 != 0 {
			e.Int("fuel_pct", int64(n&0x7fff))
		} else {
			e.Dec("fuel_l", int64(n), 1)
		}
	case id == 0x03 && len(v) == 2:
		e.Dec("tacho_speed_kmh", int64(binary.BigEndian.Uint16(v)), 1)
	case id == 0x04 && len(v) == 2:
		e.Int("event", int64(binary.BigEndian.Uint16(v)))
	case id == 0x25 && len(v) == 4:
		e.Int("vehicle_signals", int64(binary.BigEndian.Uint32(v)))
	case id == 0x2a && len(v) == 2:
		e.Int("io_status", int64(binary.BigEndian.Uint16(v)))
	case id == 0x2b && len(v) == 4:
		e.Int("adc1", int64(binary.BigEndian.Uint16(v)))
		e.Int("adc2", int64(binary.BigEndian.Uint16(v[2:])))
	case id == 0x30 && len(v) == 1:
		e.Int("rssi", int64(v[0]))
	case id == 0x31 && len(v) == 1:
		e.SetSats(v[0])
	default:
		return c.rare(e, id, v)
	}
	return true
}

// rare reads those items of the standard that few devices send.
func (c *call) rare(e *protocols.Event, id byte, v []byte) bool {
	switch {
	case id == 0x05 && len(v) == 30:
		l := newList()
		for _, x := range v {
			l.open()
			if x == 0xff {
				l.b = append(l.b, "null"...)
			} else {
				l.uint(uint64(x))
			}
		}
		l.add(e, "tyre_pressures")
	case id == 0x06 && len(v) == 2:
		signMagnitude(e, "temp1_c", v, 0)
	case id == 0x06 && len(v) == 1:
		e.Int("battery_pct", int64(v[0]))
	case id == 0x11 && (len(v) == 1 || len(v) == 5):
		e.Int("overspeed_place", int64(v[0]))
		if len(v) == 5 {
			e.Int("overspeed_area", int64(binary.BigEndian.Uint32(v[1:])))
		}
	case id == 0x12 && len(v) == 6:
		e.Int("fence_type", int64(v[0]))
		e.Int("geofence", int64(binary.BigEndian.Uint32(v[1:])))
		c.record.fence = 1 + v[5]&1
	case id == 0x13 && len(v) == 7:
		e.Int("section", int64(binary.BigEndian.Uint32(v)))
		e.Int("section_s", int64(binary.BigEndian.Uint16(v[4:])))
		e.Bool("section_too_long", v[6] == 1)
	case id == 0x14 && len(v) == 4:
		e.Int("video_alarms", int64(binary.BigEndian.Uint32(v)))
	case id == 0x15 && len(v) == 4:
		e.Int("video_lost", int64(binary.BigEndian.Uint32(v)))
	case id == 0x16 && len(v) == 4:
		e.Int("video_covered", int64(binary.BigEndian.Uint32(v)))
	case id == 0x17 && len(v) == 2:
		e.Int("storage_failed", int64(binary.BigEndian.Uint16(v)))
	case id == 0x18 && (len(v) == 2 || len(v) == 3):
		e.Int("abnormal_driving", int64(number(v[:len(v)-1])))
		e.Int("abnormal_degree", int64(v[len(v)-1]))
	default:
		return false
	}
	return true
}

// signMagnitude adds a temperature whose sign is bit 15, in units of 10^-scale degrees; ffff is none.
func signMagnitude(e *protocols.Event, name string, v []byte, scale uint8) {
	n := int64(binary.BigEndian.Uint16(v))
	if n == 0xffff {
		return
	}
	if n&0x8000 != 0 {
		n = -(n & 0x7fff)
	}
	e.Dec(name, n, scale)
}
