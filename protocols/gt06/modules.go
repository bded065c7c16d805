package gt06

import (
	"encoding/binary"

	"github.com/trackgate/trackgate/protocols"
)

// areModules tells whether b is a sequence of modules: id 2, length 1, data.
func areModules(b []byte) bool {
	for len(b) > 0 {
		if len(b) < 3 || len(b) < 3+int(b[2]) {
			return false
		}
		b = b[3+int(b[2]):]
	}
	return true
}

// maxModules is how many modules of one message are read; further ones are kept as they are.
const maxModules = 64

// modules reads modules of id 2, length 1, data. What is cut off is kept.
func (c *call) modules(e *protocols.Event, b []byte) {
	c.many = true
	for count := 0; len(b) > 0; count++ {
		if len(b) < 3 || len(b) < 3+int(b[2]) || count == maxModules {
			c.unread(e, b)
			return
		}
		id, data := binary.BigEndian.Uint16(b), b[3:3+int(b[2])]
		b = b[3+len(data):]
		switch {
		case id == 0x0018 && len(data) == 2:
			e.Dec("battery_v", int64(binary.BigEndian.Uint16(data)), 2)
		case id == 0x0027 && len(data) == 2:
			e.Dec("power_v", int64(binary.BigEndian.Uint16(data)), 2)
		case id == 0x002e && len(data) == 4:
			e.Int("odometer_m", int64(binary.BigEndian.Uint32(data)))
		case id == 0x0032 && len(data) == 1:
			e.Int("startup", int64(data[0]))
		case id == 0x003b && len(data) == 2:
			e.Dec("accuracy_m", int64(binary.BigEndian.Uint16(data)), 2)
		case id == 0x006a && len(data) == 1:
			c.percent(e, data[0])
		default:
			e.Text(protocols.IOKey(id), hexText(data))
		}
	}
}

// radioCellSize is the size of radio type 1, network, and a cell whose fields the radio type makes long: below 3 LAC 2, id 3,
// signal 1; else LAC 4, id 8, signal 2.
func radioCellSize(b []byte) (size int, ok bool) {
	if len(b) < 4 {
		return 0, false
	}
	_, n := readNetwork(b[1:])
	size = 1 + n + gsmCell.size()
	if b[0] >= 3 {
		size = 1 + n + lteCell2.size()
	}
	return size, size <= len(b)
}

// radioCell reads what radioCellSize measures.
func (c *call) radioCell(e *protocols.Event, b []byte) {
	e.Int("radio", int64(b[0]))
	n, size := readNetwork(b[1:])
	kind := gsmCell
	if b[0] >= 3 {
		kind = lteCell2
	}
	l := newCells()
	l.slots(b, 1+size, 1, n, kind)
	l.add(e)
}

// location4G reads message 0x38: GPS block, upload mode 1, re-upload 1, radio type and cell, modules.
func (c *call) location4G(e *protocols.Event) bool {
	b := c.info
	if len(b) < gpsSize+2 || !isGPS(b) {
		return false
	}
	size, ok := radioCellSize(b[gpsSize+2:])
	if !ok {
		return c.gpsAndRest(e)
	}
	ignitionOfCourse(e, c.gps(e, b))
	e.Int("upload_mode", int64(b[gpsSize]))
	c.reupload(e, gpsSize+1)
	c.radioCell(e, b[gpsSize+2:gpsSize+2+size])
	c.modules(e, b[gpsSize+2+size:])
	return true
}

// modular reads message 0x70, modules of id 2, length 2, data. A report asks for its answer with module 0x1000.
func (c *call) modular(e *protocols.Event) bool {
	c.many = true
	b := c.info
	l, beacons := newCells(), newCells()
	for count := 0; len(b) > 0; count++ {
		if len(b) < 4 || len(b) < 4+int(binary.BigEndian.Uint16(b[2:])) || count == maxModules {
			c.unread(e, b)
			break
		}
		id, data := binary.BigEndian.Uint16(b), b[4:4+int(binary.BigEndian.Uint16(b[2:]))]
		b = b[4+len(data):]
		if !c.module(e, &l, &beacons, id, data) {
			e.Text(protocols.IOKey(id), hexText(data))
		}
	}
	l.add(e)
	beacons.addAs(e, "beacons")
	return true
}

// module reads one module of message 0x70. False: it has no meaning here.
func (c *call) module(e *protocols.Event, cells, beacons *list, id uint16, b []byte) bool {
	switch id {
	case 0x0000:
		return len(b) == 1 && c.number1(e, "transfer", b)
	case 0x0001:
		if len(b) != 8 {
			return false
		}
		c.identity(e, b)
	case 0x0002:
		if len(b) != 8 {
			return false
		}
		e.Text("imsi", imsi(b))
	case 0x0003:
		if len(b) != 10 {
			return false
		}
		e.Text("iccid", string(bcdText(b)))
	case 0x0009:
		if len(b) != 1 {
			return false
		}
		if e.Has&protocols.HasSats == 0 {
			e.SetSats(b[0])
		}
	case 0x000a:
		return len(b) == 1 && c.number1(e, "sats_visible", b)
	case 0x0011:
		return c.moduleCell(cells, b, gsmCell, false)
	case 0x0043:
		return c.moduleCell(cells, b, longCell, true)
	case 0x0016:
		return len(b) == 1 && c.number1(e, "rssi", b)
	case 0x0018:
		if len(b) != 2 {
			return false
		}
		e.Dec("battery_v", int64(binary.BigEndian.Uint16(b)), 2)
	case 0x0028:
		if len(b) != 1 {
			return false
		}
		e.SetHDOP(float64(b[0]) / 10)
	case 0x0029:
		if len(b) != 4 {
			return false
		}
		e.Int("record", int64(binary.BigEndian.Uint32(b)))
	case 0x002a:
		if len(b) != 1 {
			return false
		}
		e.Bool("door", b[0]&15 != 0)
		e.Bool("tamper", b[0]>>4 != 0)
	case 0x002b:
		return len(b) == 1 && c.number1(e, "boot_reason", b)
	case 0x002c:
		if len(b) != 4 {
			return false
		}
		if c.at == 0 {
			c.at = unix(b)
		}
	case 0x002e:
		if len(b) != 4 {
			return false
		}
		e.Int("odometer_m", int64(binary.BigEndian.Uint32(b)))
	case 0x0033:
		return c.modulePosition(e, b)
	case 0x0034:
		return c.moduleEvent(e, b)
	case 0x0035:
		if len(b) != 1 {
			return false
		}
		e.Int("buffered", int64(b[0]))
		if b[0] == 1 {
			e.Stored = true
			e.Bool("archive", true)
		}
	case 0x0036:
		if len(b) < 1 || len(b) != 1+7*int(b[0]) {
			return false
		}
		points := newCells()
		points.points(b[1:], int(b[0]))
		points.addAs(e, "wifi")
	case 0x0045:
		return c.moduleBeacons(beacons, b)
	case 0x007f:
		return c.moduleTag(e, beacons, b)
	case 0x1000:
		if len(b) != 1 {
			return false
		}
		if b[0] == 1 {
			c.answer(c.form == extended)
		}
	default:
		return false
	}
	return true
}

func (c *call) number1(e *protocols.Event, name string, b []byte) bool {
	e.Int(name, int64(b[0]))
	return true
}

// moduleCell reads MCC 2, MNC 2 and one cell. In module 0x0043 the id's bytes come lowest first.
func (c *call) moduleCell(cells *list, b []byte, kind slot, lowFirst bool) bool {
	if len(b) != 4+kind.size() {
		return false
	}
	n := network{binary.BigEndian.Uint16(b) & 0x7fff, binary.BigEndian.Uint16(b[2:])}
	if !lowFirst {
		cells.slots(b, 4, 1, n, kind)
		return true
	}
	cells.cell(n, uint32(binary.BigEndian.Uint16(b[4:])), uint64(binary.LittleEndian.Uint32(b[6:])), int(b[10]))
	return true
}

// modulePosition reads module 0x0033: Unix time 4, satellites 1, altitude 2, latitude 4, longitude 4, speed 1, course word 2.
func (c *call) modulePosition(e *protocols.Event, b []byte) bool {
	if len(b) != 18 {
		return false
	}
	c.at = unix(b)
	e.SetSats(b[4])
	e.SetAlt(float64(int16(binary.BigEndian.Uint16(b[5:]))))
	e.SetSpeed(float64(b[15]))
	c.place(e, b[7:], binary.BigEndian.Uint16(b[16:]))
	return true
}

// moduleEvent reads module 0x0034: event 1, Unix time 4, length 1, text.
func (c *call) moduleEvent(e *protocols.Event, b []byte) bool {
	if len(b) < 6 || len(b) != 6+int(b[5]) {
		return false
	}
	e.Int("event", int64(b[0]))
	if name := eventAlarm(b[0]); name != "" {
		e.Alarm = name
		e.Int("alarm_code", int64(b[0]))
	}
	if c.at == 0 {
		c.at = unix(b[1:])
	}
	if len(b) > 6 {
		e.Text("event_text", text(b[6:]))
	}
	return true
}

// eventAlarm is the alarm of an event of module 0x0034; empty for one that is none, or whose meaning nobody wrote down.
func eventAlarm(code byte) string {
	switch code {
	case 0x10:
		return "door"
	case 0x12, 0x23:
		return "tampering"
	case 0x14:
		return "geofence_enter"
	case 0x15:
		return "geofence_exit"
	case 0x16:
		return "temperature"
	case 0x1a:
		return "low_battery"
	case 0x1b:
		return "overspeed"
	case 0x1c:
		return "power_on"
	case 0x1d:
		return "power_off"
	case 0x20:
		return "vibration"
	case 0x21:
		return "power_cut"
	}
	return ""
}

// moduleBeacons reads module 0x0045: count 1, beacons of MAC 6, signal 1, major 2, minor 2.
func (c *call) moduleBeacons(beacons *list, b []byte) bool {
	if len(b) < 1 || len(b) != 1+11*int(b[0]) {
		return false
	}
	for b = b[1:]; len(b) > 0; b = b[11:] {
		beacons.open()
		beacons.mac(b)
		beacons.number(`,"rssi":`, uint64(b[6]))
		beacons.number(`,"major":`, uint64(binary.BigEndian.Uint16(b[7:])))
		beacons.number(`,"minor":`, uint64(binary.BigEndian.Uint16(b[9:])))
		beacons.b = append(beacons.b, '}')
	}
	return true
}

// moduleTag reads module 0x007F: MAC 6, battery in mV 2 (7FFF none), battery % 1, temperature/10 2, humidity/10 2, state 1.
func (c *call) moduleTag(e *protocols.Event, beacons *list, b []byte) bool {
	if len(b) != 14 {
		return false
	}
	temperature, humidity := int16(binary.BigEndian.Uint16(b[9:])), binary.BigEndian.Uint16(b[11:])
	if _, more := e.Attrs.Get("temp1_c"); !more {
		e.Dec("temp1_c", int64(temperature), 1)
		e.Dec("humidity_pct", int64(humidity), 1)
	}
	beacons.open()
	beacons.mac(b)
	if mv := binary.BigEndian.Uint16(b[6:]); mv != 0x7fff {
		beacons.number(`,"battery_mv":`, uint64(mv))
	}
	beacons.number(`,"battery_pct":`, uint64(b[8]))
	beacons.b = append(beacons.b, `,"temp_c":`...)
	beacons.tenths(int64(temperature))
	beacons.b = append(beacons.b, `,"humidity_pct":`...)
	beacons.tenths(int64(humidity))
	beacons.number(`,"state":`, uint64(b[13]))
	beacons.b = append(beacons.b, '}')
	return true
}

// tenths appends v / 10.
func (l *list) tenths(v int64) {
	if v < 0 {
		l.b = append(l.b, '-')
		v = -v
	}
	l.number("", uint64(v/10))
	l.b = append(l.b, '.', byte('0'+v%10))
}

// imsi is a subscriber number of eight bytes of BCD: at most 15 digits, right aligned.
func imsi(b []byte) string {
	t := bcdText(b)
	if len(t) == 16 && t[0] == '0' {
		t = t[1:]
	}
	return string(t)
}

// unix reads seconds since 1970.
func unix(b []byte) protocols.Millis { return protocols.Millis(binary.BigEndian.Uint32(b)) * 1000 }

// bcdText is BCD without the F that fills it up.
func bcdText(b []byte) []byte {
	t := appendBCD(make([]byte, 0, 20), b)
	for len(t) > 0 && t[len(t)-1] == 'f' {
		t = t[:len(t)-1]
	}
	return t
}
