package gt06

import (
	"encoding/binary"

	"github.com/trackgate/trackgate/protocols"
)

// mac opens an object with a MAC address.
func (l *list) mac(b []byte) {
	l.b = append(l.b, `{"mac":"`...)
	for i, x := range b[:6] {
		if i > 0 {
			l.b = append(l.b, ':')
		}
		l.b = append(l.b, digits[x>>4], digits[x&15])
	}
	l.b = append(l.b, '"')
}

// point appends an access point unless its address is zero; level below zero: none was sent.
func (l *list) point(b []byte, level int) {
	if allZero(b[:6]) {
		return
	}
	l.open()
	l.mac(b)
	l.signal(level)
	l.b = append(l.b, '}')
}

// points reads count access points of MAC 6, level 1 and returns what is left.
func (l *list) points(b []byte, count int) []byte {
	for ; count > 0 && len(b) >= 7; count-- {
		l.point(b, int(b[6]))
		b = b[7:]
	}
	return b
}

// named reads count access points of MAC 6, level 1, SSID length 1, SSID; false when they do not end with b.
func (l *list) named(b []byte, count int) bool {
	for ; count > 0; count-- {
		if len(b) < 8 || len(b) < 8+int(b[7]) {
			return false
		}
		l.open()
		l.mac(b)
		l.signal(int(b[6]))
		if n := int(b[7]); n > 0 {
			l.b = append(l.b, `,"ssid":`...)
			l.b = appendQuoted(l.b, b[8:8+n])
		}
		l.b = append(l.b, '}')
		b = b[8+int(b[7]):]
	}
	return len(b) == 0
}

// wifi reads message 0x2C: date 6, network, seven cells, timing advance 1, count 1, access points.
func (c *call) wifi(e *protocols.Event) bool { return c.cellsAndPoints(e, gsmCell) }

// wifi4G reads message 0xA2: as 0x2C with cells of LAC 4, id 8, signal 1.
func (c *call) wifi4G(e *protocols.Event) bool { return c.cellsAndPoints(e, lteCell) }

func (c *call) cellsAndPoints(e *protocols.Event, kind slot) bool {
	b := c.info
	if len(b) < 9 {
		return false
	}
	n, size := readNetwork(b[6:])
	at := 6 + size
	end := at + 7*kind.size()
	if len(b) < end+2 {
		return false
	}
	count, rest := int(b[end+1]), b[end+2:]
	points := newCells()
	if len(rest) == 7*count {
		points.points(rest, count)
	} else if !points.named(rest, count) {
		return false
	}
	c.date = b[:6]
	cells := newCells()
	cells.slots(b, at, 7, n, kind)
	cells.add(e)
	c.advance(e, b[end])
	points.addAs(e, "wifi")
	return true
}

// wifiSL4X reads message 0x33 of the SL4X: date 6, MCC 2, MNC 2, six cells, count 1, access points, with a timing advance either
// before the network or behind the cells: there, where it leaves a country's code in the network's place.
func (c *call) wifiSL4X(e *protocols.Event) bool {
	b := c.info
	const cells = 6 * 7
	if len(b) < 6+1+4+cells+1 {
		return false
	}
	for _, at := range [...]int{7, 6} {
		end := at + 4 + cells
		advance := b[6]
		if at == 6 {
			advance = b[end]
			end++
		}
		count := int(b[end])
		if mcc := u16(b[at:]); len(b) != end+1+7*count || at == 7 && (mcc < 200 || mcc > 999) {
			continue
		}
		c.date = b[:6]
		n := network{binary.BigEndian.Uint16(b[at:]) & 0x7fff, binary.BigEndian.Uint16(b[at+2:])}
		l, points := newCells(), newCells()
		l.slots(b, at+4, 6, n, longCell)
		l.add(e)
		c.advance(e, advance)
		points.points(b[end+1:], count)
		points.addAs(e, "wifi")
		return true
	}
	return false
}

// wifiAlarm reads message 0xA9: date 6, network, generation 1 (0: LAC 2, id 3; else LAC 4, id 8), count 1, cells with signal 1,
// timing advance 1, count 1, access points, alarm 1, language 1.
func (c *call) wifiAlarm(e *protocols.Event) bool {
	b := c.info
	if len(b) < 11 {
		return false
	}
	n, size := readNetwork(b[6:])
	at := 6 + size
	if len(b) < at+2 {
		return false
	}
	kind := lteCell
	if b[at] == 0 {
		kind = gsmCell
	}
	cells := int(b[at+1])
	at += 2
	end := at + cells*kind.size()
	if len(b) < end+2 {
		return false
	}
	points := int(b[end+1])
	if len(b) != end+2+7*points+2 {
		return false
	}
	c.date = b[:6]
	l, p := newCells(), newCells()
	l.slots(b, at, cells, n, kind)
	l.add(e)
	c.advance(e, b[end])
	rest := p.points(b[end+2:], points)
	p.addAs(e, "wifi")
	c.raise(e, uint16(rest[0])|uint16(rest[1]>>4)<<8, false)
	e.Int("language", int64(rest[1]&15))
	return true
}

// wifiSurvey reads message 0xF3: date 6, count 1, entries of two unknown bytes and MAC 6.
func (c *call) wifiSurvey(e *protocols.Event) bool {
	b := c.info
	if len(b) < 7 || len(b) != 7+8*int(b[6]) {
		return false
	}
	c.date = b[:6]
	l := newCells()
	for b = b[7:]; len(b) > 0; b = b[8:] {
		l.point(b[2:], -1)
	}
	l.addAs(e, "wifi")
	return true
}

// az735 reads the extended messages 0x32 and 0x33 of the AZ735:
//
//	date 6 | GPS length 1: 0, or 12: satellites 1, latitude 4, longitude 4, speed 1, course word 2
//	LBS length 1: 0, or 9: serving cell 8, signal 1 | length 1, cells of LAC 2, id 3, signal 1
//	length 1, access points | status 1 | length 1, extension
func (c *call) az735(e *protocols.Event) bool {
	r := protocols.NewReader(c.info)
	date := r.Bytes(6)
	gps := r.Bytes(int(r.U8()))
	cell := r.Bytes(int(r.U8()))
	if r.Err() != nil || len(gps) != 0 && len(gps) != 12 || len(cell) != 0 && len(cell) != cellSize(cell, false)+1 {
		return false
	}
	cells := r.Bytes(int(r.U8()))
	points := r.Bytes(int(r.U8()))
	status := r.U8()
	more := r.Bytes(int(r.U8()))
	if r.Err() != nil {
		return false
	}
	c.date = date
	if len(gps) == 12 {
		e.SetSats(gps[0] & 15)
		e.SetSpeed(float64(gps[9]))
		c.place(e, gps[1:], binary.BigEndian.Uint16(gps[10:]))
	}
	l := newCells()
	var n network
	if len(cell) > 0 {
		var at int
		n, at = readNetwork(cell)
		l.slots(cell, at, 1, n, gsmCell)
		e.Int("rssi", int64(cell[len(cell)-1]))
	}
	l.slots(cells, 0, len(cells)/6, n, gsmCell)
	l.add(e)
	p := newCells()
	p.points(points, len(points)/7)
	p.addAs(e, "wifi")
	e.Int("status", int64(status))
	if c.number == msgSL4XWiFi {
		c.statusAZ735(e, status)
	}
	c.unread(e, c.info[len(c.info)-len(more)-r.Len():])
	return true
}

// statusAZ735 reads the status byte of an alarm of the AZ735.
func (c *call) statusAZ735(e *protocols.Event, v byte) {
	switch v {
	case 0xa0:
		e.Bool("armed", true)
		return
	case 0xa1:
		e.Bool("armed", false)
		return
	case 0xa2, 0xa3:
		e.Alarm = "low_battery"
	case 0xa4:
		e.Alarm = "general"
	case 0xa5:
		e.Alarm = "door"
	default:
		return
	}
	e.Int("alarm_code", int64(v))
}

// clockIn reads message 0xB2, a card swiped by Bluetooth: date 6, signal 1 in dBm, MAC 6, UUID 16, major 2, minor 2, battery
// volts/100 2, flags 1.
func (c *call) clockIn(e *protocols.Event) bool {
	b := c.info
	if len(b) < 36 {
		return false
	}
	c.date = b[:6]
	l := newCells()
	l.open()
	l.mac(b[7:])
	if level := int8(b[6]); level < 0 {
		l.number(`,"rssi_dbm":-`, uint64(-int(level)))
	} else {
		l.number(`,"rssi_dbm":`, uint64(level))
	}
	l.b = append(append(append(l.b, `,"uuid":"`...), hexText(b[13:29])...), '"')
	l.number(`,"major":`, uint64(binary.BigEndian.Uint16(b[29:])))
	l.number(`,"minor":`, uint64(binary.BigEndian.Uint16(b[31:])))
	l.b = append(l.b, '}')
	l.addAs(e, "beacons")
	e.Dec("battery_v", int64(binary.BigEndian.Uint16(b[33:])), 2)
	e.Int("clock_state", int64(b[35]>>2&15))
	c.unread(e, b[36:])
	return true
}
