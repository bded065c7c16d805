package t800x

import (
	"strconv"

	"github.com/trackgate/trackgate/protocols"
)

// pointSize is that of a point of driver behaviour: date 6 | altitude, longitude, latitude 12 | speed 2 | course 2 | rpm 2.
const pointSize = 24

// behaviour reads type 05 of OBD units: what happened 1, even is braking and odd accelerating, and points. The alarm is raised with the last of them.
func (c *call) behaviour(r *protocols.Reader) {
	if r.Len() < 1+pointSize {
		c.finish(c.add(protocols.Status), r)
		return
	}
	kind := r.U8()
	for r.Len() >= pointSize {
		e := c.add(protocols.Status)
		e.FP = protocols.Fingerprint(c.packet[2:3], []byte{kind}, r.Peek(pointSize))
		e.Time = date(r.Bytes(6))
		c.coordinates(e, r)
		c.motion(e, r)
		e.Int("event", int64(kind))
		if r.Len() >= pointSize {
			if e.Has&protocols.HasFix != 0 {
				e.Kind = protocols.Position
			}
			continue
		}
		if e.Alarm = "harsh_brake"; kind%2 == 1 {
			e.Alarm = "harsh_accel"
		}
		c.finish(e, r)
	}
}

// motion reads speed, course in tenths of a degree, and rpm.
func (c *call) motion(e *protocols.Event, r *protocols.Reader) {
	setSpeed(e, r.Bytes(2))
	if v := r.U16(); v != 0xffff {
		e.SetCourse(float64(v) / 10)
	}
	if v := r.U16(); v != 0xffff {
		e.Int("rpm", int64(v))
	}
}

// acceleration reads type 06 of OBD units: what happened 1 | date 6 | status 1, bit 7: not valid | acceleration 5 | altitude, longitude,
// latitude 12 | speed 2 | course 2 | rpm 2.
func (c *call) acceleration(r *protocols.Reader) {
	e := c.add(protocols.Status)
	defer c.finish(e, r)
	if r.Len() < 31 {
		return
	}
	kind := r.U8()
	e.Int("event", int64(kind))
	if kinds := [...]string{"harsh_brake", "harsh_accel", "harsh_corner"}; int(kind) < len(kinds) {
		e.Alarm = kinds[kind]
	}
	e.Time = date(r.Bytes(6))
	status := r.U8()
	accel(e, r.Bytes(5))
	c.coordinates(e, r)
	e.Valid = e.Valid && status&0x80 == 0
	c.motion(e, r)
}

// bluetooth reads type 10: date 6 | ACC 1 | items: type 2, and data by type. An item of another type has no length: it ends the list.
func (c *call) bluetooth(r *protocols.Reader) {
	e := c.add(protocols.Status)
	defer c.finish(e, r)
	if r.Len() < 7 {
		return
	}
	e.Time = date(r.Bytes(6))
	e.Bool("ignition", r.U8() == 1)
	var l list
	for r.Len() >= 2 {
		head := r.Peek(2)
		kind := int(head[0])<<8 | int(head[1])
		if kind < 1 || kind >= len(itemSizes) || r.Len() < 2+itemSizes[kind] {
			break
		}
		r.Skip(2)
		l.item(e, kind, r.Bytes(itemSizes[kind]))
	}
	if len(l.b) > 0 {
		e.JSON("beacons", string(append(l.b, ']')))
	}
}

// Types of Bluetooth items, and the sizes of their data.
const (
	itemTyre = iota + 1
	itemButton
	itemDriver
	itemClimate
	itemDoor
	itemRelay
)

var itemSizes = [...]int{itemTyre: 10, itemButton: 25, itemDriver: 25, itemClimate: 15, itemDoor: 12, itemRelay: 9}

// list is the list of beacons in JSON.
type list struct{ b []byte }

// number adds v / 10^scale.
func (l *list) number(name string, v int64, scale int) {
	l.b = append(append(append(l.b, `,"`...), name...), `":`...)
	p := [...]float64{1, 10, 100, 1000}
	l.b = strconv.AppendFloat(l.b, float64(v)/p[scale], 'f', -1, 64)
}

func (l *list) bool(name string, v bool) {
	l.b = append(append(append(l.b, `,"`...), name...), `":`...)
	l.b = strconv.AppendBool(l.b, v)
}

// item reads the data of one item: a MAC address 6, and
//
//	tyre      voltage 1, 0.01 V + 1.22 | pressure 1, 3.054 kPa | temperature 1, less 55 | status 1
//	button    voltage 1, BCD, 0.1 V | alarm 1, 1: low battery | 1 | location 16
//	driver    the same
//	climate   voltage 1, 0.01 V + 2 | % 1 | temperature 2, sign and magnitude, 0.01 | humidity 2, 0.01 | light 2 | signal 1, less 128
//	door      voltage 1 | % 1 | temperature 2 | open 1 | signal 1
//	relay     voltage 1 | output 1 | signal 1
func (l *list) item(e *protocols.Event, kind int, b []byte) {
	if len(l.b) == 0 {
		l.b = append(l.b, '[')
	} else {
		l.b = append(l.b, ',')
	}
	l.b = append(l.b, `{"mac":"`...)
	for i, x := range b[:6] {
		const digits = "0123456789abcdef"
		if i > 0 {
			l.b = append(l.b, ':')
		}
		l.b = append(l.b, digits[x>>4], digits[x&15])
	}
	l.b = append(l.b, '"')
	l.number("type", int64(kind), 0)
	d := b[6:]
	volts := func(base int64) { l.number("battery_v", int64(d[0])+base, 2) }
	signal := func(v byte) { l.number("rssi_dbm", int64(v)-128, 0) }
	magnitude := func(hi, lo byte) {
		v := int64(hi&0x7f)<<8 | int64(lo)
		if hi&0x80 != 0 {
			v = -v
		}
		l.number("temp_c", v, 2)
	}
	switch kind {
	case itemTyre:
		volts(122)
		l.number("pressure_kpa", int64(d[1])*3054, 3)
		l.number("temp_c", int64(d[2])-55, 0)
		l.number("status", int64(d[3]), 0)
	case itemButton, itemDriver:
		if v, ok := bcd(d[:1]); ok {
			l.number("battery_v", v, 1)
		}
		l.number("alarm", int64(d[1]), 0)
		switch {
		case d[1] == 1:
			addAlarm(e, "low_battery")
		case kind == itemButton && d[1] == 0:
			addAlarm(e, "sos")
		}
		if kind == itemDriver {
			if _, has := e.Attrs.Get("driver_id"); !has {
				e.Text("driver_id", hexText(b[:6]))
			}
		}
		l.b = append(append(append(l.b, `,"raw":"`...), hexText(d[2:])...), '"')
	case itemClimate:
		volts(200)
		l.number("battery_pct", int64(d[1]), 0)
		magnitude(d[2], d[3])
		l.number("humidity_pct", int64(d[4])<<8|int64(d[5]), 2)
		l.number("light", int64(d[6])<<8|int64(d[7]), 0)
		signal(d[8])
	case itemDoor:
		volts(200)
		l.number("battery_pct", int64(d[1]), 0)
		magnitude(d[2], d[3])
		l.bool("open", d[4] == 1)
		signal(d[5])
	case itemRelay:
		volts(200)
		l.number("output", int64(d[1]), 0)
		signal(d[2])
	}
	l.b = append(l.b, '}')
}

// addAlarm raises an alarm, of which SOS is the one that counts.
func addAlarm(e *protocols.Event, name string) {
	if e.Alarm == "" || name == "sos" {
		e.Alarm = name
	}
}

// network reads date 6, and with a length in front operator, in UTF-16, technology, band, IMSI and ICCID.
func (c *call) network(r *protocols.Reader) {
	e := c.add(protocols.Status)
	defer c.finish(e, r)
	if r.Len() < 6 {
		return
	}
	e.Time = date(r.Bytes(6))
	for i, name := range [...]string{"operator_name", "network_technology", "network_band", "imsi", "iccid"} {
		head := r.Peek(1)
		if head == nil || r.Len() <= int(head[0]) {
			return
		}
		r.Skip(1)
		switch b := r.Bytes(int(head[0])); {
		case len(b) == 0:
		case i == 0:
			e.Text(name, wide(b))
		default:
			e.Text(name, string(b))
		}
	}
}

// result reads the answer to a command: protocol 1 | text in UTF-16.
func (c *call) result(r *protocols.Reader) {
	e := c.add(protocols.CommandResult)
	defer c.finish(e, r)
	if r.Len() > 0 {
		e.Int("channel", int64(r.U8()))
		e.Text("result", wide(r.Bytes(r.Len()&^1)))
	}
}
