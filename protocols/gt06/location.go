package gt06

import (
	"encoding/binary"

	"github.com/trackgate/trackgate/protocols"
)

// location reads messages 0x12, 0x22, 0x2D, 0x37 and 0xA0: GPS block, serving cell, and a tail that its size tells:
//
//	0  nothing
//	3  ignition 1 | upload mode 1 | re-upload 1
//	4  mileage in metres 4
//	7  both
//
// Message 0x37 has modules behind the three bytes. Other sizes are variants of single vendors.
func (c *call) location(e *protocols.Event) bool {
	b := c.info
	if len(b) < gpsSize+lbsSize {
		return len(b) >= gpsSize && isGPS(b) && c.gpsAndRest(e)
	}
	if len(b) == 34 && c.number == msgGPSLBS && isIMEI(b) && isGPS(b[8:]) && (c.model("QH302R") || !isGPS(b)) {
		return c.locationQH302R(e)
	}
	wide := c.number == msgGPSLBS4
	size := cellSize(b[gpsSize:], wide)
	at := gpsSize + size
	switch left := len(b) - at; {
	case left == 0, left == 4:
		ignitionOfCourse(e, c.gps(e, b))
	case left == 3, left == 7, left > 3 && c.number == msgGPSLBSModules:
		word := c.gps(e, b)
		_ = word
		c.tail(e, at)
		at += 3
	case left < 0:
		return isGPS(b) && c.gpsAndRest(e)
	default:
		return c.locationVariant(e, at)
	}
	c.servingCell(e, b[gpsSize:gpsSize+size], wide)
	switch {
	case at == len(b):
	case c.number == msgGPSLBSModules:
		c.modules(e, b[at:])
	default:
		e.Int("odometer_m", int64(binary.BigEndian.Uint32(b[at:])))
	}
	return true
}

// tail reads ignition 1, upload mode 1 and re-upload 1 at that offset of INFO.
func (c *call) tail(e *protocols.Event, at int) {
	t := c.info[at : at+3]
	e.Bool("ignition", t[0] != 0)
	e.Int("upload_mode", int64(t[1]))
	c.reupload(e, at+2)
}

// reupload reads the mark of a stored record at that offset of INFO.
func (c *call) reupload(e *protocols.Event, at int) {
	c.skip = at
	if c.info[at] != 0 {
		e.Stored = true
		e.Bool("archive", true)
	}
}

// gpsAndRest reads a GPS block and keeps what follows as it is.
func (c *call) gpsAndRest(e *protocols.Event) bool {
	ignitionOfCourse(e, c.gps(e, c.info))
	c.unread(e, c.info[gpsSize:])
	return true
}

// gpsOnly reads message 0x10: GPS block, two reserved bytes.
func (c *call) gpsOnly(e *protocols.Event) bool {
	b := c.info
	if len(b) < gpsSize {
		return false
	}
	ignitionOfCourse(e, c.gps(e, b))
	if rest := b[gpsSize:]; len(rest) != 2 || !allZero(rest) {
		c.unread(e, rest)
	}
	return true
}

// lbsOnly reads message 0x11 of the GT03: date 6, serving cell, language 2, optional.
func (c *call) lbsOnly(e *protocols.Event) bool {
	b := c.info
	if len(b) < 6+lbsSize || !plausibleDate(b) {
		return false
	}
	size := cellSize(b[6:], false)
	rest := len(b) - 6 - size
	if rest != 0 && rest != 2 {
		return false
	}
	c.date = b[:6]
	c.servingCell(e, b[6:6+size], false)
	c.language(e, b[6+size:])
	return true
}

// gpsCell reads message 0x11 with a GPS block and a cell of a two-byte network and a four-byte id.
func (c *call) gpsCell(e *protocols.Event) bool {
	b := c.info
	if len(b) != gpsSize+lbsxSize {
		return false
	}
	ignitionOfCourse(e, c.gps(e, b))
	c.cellX(e, b[gpsSize:])
	return true
}

// gpsRFID reads message 0x17 with GPS block, serving cell, card 8, validity 1.
func (c *call) gpsRFID(e *protocols.Event) bool {
	b := c.info
	if len(b) < gpsSize+lbsSize+9 || !isGPS(b) {
		return false
	}
	size := cellSize(b[gpsSize:], false)
	if len(b) != gpsSize+size+9 {
		return false
	}
	ignitionOfCourse(e, c.gps(e, b))
	c.servingCell(e, b[gpsSize:gpsSize+size], false)
	r := b[gpsSize+size:]
	if !allZero(r[:8]) {
		e.Text("driver_id", hexText(r[:8]))
	}
	e.Bool("card_valid", r[8] == 1)
	return true
}

// gpsCells reads message 0x1E: GPS block, network, seven cells, timing advance 1, language 2.
func (c *call) gpsCells(e *protocols.Event) bool {
	b := c.info
	if len(b) < gpsSize+3 || !isGPS(b) {
		return false
	}
	network, n := readNetwork(b[gpsSize:])
	at := gpsSize + n
	if len(b) != at+7*6+3 {
		return false
	}
	ignitionOfCourse(e, c.gps(e, b))
	list := newCells()
	at = list.slots(b, at, 7, network, gsmCell)
	list.add(e)
	c.advance(e, b[at])
	c.language(e, b[at+1:])
	return true
}

// iButton reads message 0x61: IMEI 8, GPS block, cell with a four-byte id, key 6.
func (c *call) iButton(e *protocols.Event) bool {
	b := c.info
	if len(b) != 8+gpsSize+9+6 {
		return false
	}
	c.identity(e, b)
	ignitionOfCourse(e, c.gps(e, b[8:]))
	c.cellLong(e, b[8+gpsSize:])
	e.Text("driver_id", hexText(b[8+gpsSize+9:]))
	return true
}

// phoneByCell reads messages 0x17 and 0xA7, which ask for the address of a cell: serving cell, phone 21, language 2.
func (c *call) phoneByCell(e *protocols.Event) bool {
	b := c.info
	wide := c.number == msgPhoneBy4G
	if len(b) < lbsSize {
		return false
	}
	size := cellSize(b, wide)
	if len(b) != size+21+2 {
		return false
	}
	c.servingCell(e, b[:size], wide)
	e.Text("address_request", text(b[size:size+21]))
	c.language(e, b[size+21:])
	return true
}

// phoneByGPS reads messages 0x1A and 0x2A, which ask for the address of a position: GPS block, phone 21, language 0 or 2; in 0x2A
// the two bytes are alarm and language.
func (c *call) phoneByGPS(e *protocols.Event) bool {
	b := c.info
	if len(b) != gpsSize+21 && len(b) != gpsSize+23 {
		return false
	}
	ignitionOfCourse(e, c.gps(e, b))
	e.Text("address_request", text(b[gpsSize:gpsSize+21]))
	rest := b[gpsSize+21:]
	if c.number == msgAddress && len(rest) == 2 {
		c.raise(e, uint16(rest[0]), false)
		rest = rest[1:]
	}
	c.language(e, rest)
	return true
}

// language reads the language of one or two bytes, when it is there.
func (c *call) language(e *protocols.Event, b []byte) {
	if len(b) > 0 {
		e.Int("language", int64(b[len(b)-1]))
	}
}
