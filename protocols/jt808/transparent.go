package jt808

import (
	"bytes"
	"encoding/binary"
	"strings"

	"github.com/trackgate/trackgate/protocols"
)

// Types of pass-through data.
const (
	passGNSS    = 0x00
	passCard    = 0x0b
	passText    = 0x40
	passSerial1 = 0x41
	passSerial2 = 0x42
	passBeacons = 0x53
	passSamples = 0x54
	passOBD     = 0xf0
	passCrash   = 0xf3
	passFix     = 0xff
)

// transparent reads message 0x0900: type 1, data.
func (c *call) transparent() {
	b := c.body
	if len(b) < 1 {
		return
	}
	e := c.status()
	e.Int("pass_type", int64(b[0]))
	data := b[1:]
	ok := false
	switch b[0] {
	case passText, passSerial1, passSerial2:
		ok = serialData(e, data)
	case passBeacons, passSamples:
		ok = c.bluetooth(e, b[0], data)
	case passOBD:
		ok = c.vehicleBus(e, data)
	case passCrash:
		ok = c.crash(e, data)
	case passFix:
		ok = c.passedFix(e, data)
	}
	if !ok {
		// What was read before the layout ended in something else does not count.
		*e = protocols.Event{Kind: protocols.Status, FP: e.FP, Attrs: e.Attrs[:0]}
		e.Int("type", int64(c.id))
		e.Int("pass_type", int64(b[0]))
		hexText(e, "serial_data", data)
		return
	}
	settle(e)
}

// serialData reads what a serial port received: values of the vehicle's bus, a driver's card, or anything.
func serialData(e *protocols.Event, data []byte) bool {
	if obdText(e, data) {
		return true
	}
	body := data
	if at := bytes.Index(data, []byte("GTSL|")); at >= 0 && at <= 2 {
		body = data[at:]
		if fields := strings.Split(string(trimmed(body)), "|"); len(fields) > 4 && fields[4] != "" && printable([]byte(fields[4])) {
			e.Text("driver_id", fields[4])
		}
	}
	if !printable(trimmed(body)) {
		return false
	}
	text(e, "serial_data", body)
	return true
}

// passedFix reads type 0xff: time 6, latitude 4, longitude 4, altitude 2, speed 2, course 2.
func (c *call) passedFix(e *protocols.Event, b []byte) bool {
	if len(b) != 20 || !plausible(b) {
		return false
	}
	e.Kind = protocols.Position
	e.SetFix(float64(int32(binary.BigEndian.Uint32(b[6:])))/1e6, float64(int32(binary.BigEndian.Uint32(b[10:])))/1e6, true)
	e.SetAlt(float64(int16(binary.BigEndian.Uint16(b[14:]))))
	setSpeed(e, binary.BigEndian.Uint16(b[16:]))
	e.SetCourse(float64(binary.BigEndian.Uint16(b[18:])))
	c.setTime(e, b, false)
	return true
}

// crash reads type 0xf3: parts of id 2, length 2, value.
func (c *call) crash(e *protocols.Event, b []byte) bool {
	var rest []byte
	for len(b) >= 4 {
		id, n := binary.BigEndian.Uint16(b), int(binary.BigEndian.Uint16(b[2:]))
		if n > len(b)-4 {
			return false
		}
		v := b[4 : 4+n]
		switch {
		case id == 0x0002 && n > 0 && n <= 4:
			if _, again := e.Attrs.Get("collision_g"); again {
				return false
			}
			e.Float("collision_g", float64(number(v))/256/100)
			raise(e, "collision")
		case id == 0x0006 && n == 6 && e.Time == 0:
			c.setTime(e, v, false)
		default:
			rest = append(rest, b[:4+n]...)
		}
		b = b[4+n:]
	}
	if rest = append(rest, b...); len(rest) > 0 {
		hexText(e, "raw", rest)
	}
	return true
}

// bluetooth reads types 0x53 and 0x54: status 4, latitude 4, longitude 4, altitude 2, speed 2, course 2, time 6, then nodes or samples.
func (c *call) bluetooth(e *protocols.Event, kind byte, b []byte) bool {
	const head = 24
	if len(b) < head {
		return false
	}
	status := binary.BigEndian.Uint32(b)
	e.Kind = protocols.Position
	c.place(e, status, b[4:])
	if e.Has&protocols.HasFix != 0 {
		e.SetAlt(float64(int16(binary.BigEndian.Uint16(b[12:]))))
		setSpeed(e, binary.BigEndian.Uint16(b[14:]))
		e.SetCourse(float64(binary.BigEndian.Uint16(b[16:])))
	}
	c.setTime(e, b[18:], false)
	c.states(e, status)
	l := newList()
	if kind == passBeacons {
		return nodes(&l, b[head:]) && addList(e, &l, "beacons")
	}
	return samples(&l, b[head:]) && addList(e, &l, "samples")
}

func addList(e *protocols.Event, l *list, name string) bool {
	l.add(e, name)
	return true
}

// nodes reads total 1, then index 1, address 6, signal 1, length 1 and data of each node; the total may count those of other messages.
func nodes(l *list, b []byte) bool {
	if len(b) < 1 {
		return false
	}
	for b = b[1:]; len(b) > 0; b = b[9+int(b[8]):] {
		if len(b) < 9 || int(b[8]) > len(b)-9 {
			return false
		}
		l.open()
		l.num(`{"index":`, int64(b[0]))
		l.mac(`,"mac":`, b[1:7])
		l.num(`,"rssi_dbm":`, int64(int8(b[7])))
		l.hex(`,"data":`, b[9:9+int(b[8])])
		l.end()
	}
	return true
}

// samples reads mask 2, time 6, and what the mask announces, for each sample.
func samples(l *list, b []byte) bool {
	for len(b) > 0 {
		if len(b) < 8 {
			return false
		}
		mask := binary.BigEndian.Uint16(b)
		sizes := [...]int{2, 4, 2, 6, 2}
		n := 8
		for i, size := range sizes {
			n += size * int(mask>>i&1)
		}
		if mask>>len(sizes) != 0 || n > len(b) {
			return false
		}
		l.open()
		l.hex(`{"date":`, b[2:8])
		r := protocols.NewReader(b[8:n])
		if mask&1 != 0 {
			l.num(`,"light_lux":`, int64(r.U16()))
		}
		if mask&2 != 0 {
			l.dec(`,"temp_c":`, int64(r.I16()), 1)
			l.dec(`,"humidity_pct":`, int64(r.I16()), 1)
		}
		if mask&4 != 0 {
			l.dec(`,"temp2_c":`, int64(r.I16()), 1)
		}
		if mask&8 != 0 {
			l.num(`,"x":`, int64(r.I16()))
			l.num(`,"y":`, int64(r.I16()))
			l.num(`,"z":`, int64(r.I16()))
		}
		if mask&16 != 0 {
			l.num(`,"value":`, int64(r.U16()))
		}
		l.end()
		b = b[n:]
	}
	return true
}
