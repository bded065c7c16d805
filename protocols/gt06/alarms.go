package gt06

import (
	"encoding/binary"

	"github.com/trackgate/trackgate/protocols"
)

// alarm reads messages 0x16, 0x26, 0x27, 0x32, 0xA3 and 0xA4:
//
//	GPS block | LBS length 1 | serving cell | status 1 | voltage level 1 | signal 1 | alarm 1 | language 1 | more
//
// more is a fence number 1 in 0x27 and 0xA4, and behind it a mileage of 1 or 4 bytes, an altitude of 2, or a card of 8. The length
// counts itself in some firmware and not in other; the one is right that leaves a known rest.
func (c *call) alarm(e *protocols.Event) bool {
	b := c.info
	if c.number == msgAlarm4G && (len(b) == 7 || len(b) == 19) {
		return c.statusSEEWORLD(e)
	}
	if len(b) < gpsSize+5 {
		return false
	}
	if len(b) == gpsSize+lbsSize+5 && b[gpsSize] != 0 && int(b[gpsSize]) != len(b) && c.number != msgAlarm4G && !c.cellFits(b, 7) {
		return c.alarmVXT01(e)
	}
	at, size, own := gpsSize+1, 0, false
	length := int(b[gpsSize])
	switch {
	case length == 0 && c.tailFits(len(b)-at):
	case length == 0 && len(b) >= at+45+5 && allZero(b[at+9:at+45]) && b[at] == 0 && c.tailFits(len(b)-at-45):
		at += 45 // five empty slots of one firmware
	case length > 1 && c.cellFits(b, length-1) && c.tailFits(len(b)-at-length+1):
		size = length - 1
	case c.cellFits(b, length) && c.tailFits(len(b)-at-length):
		size, own = length, true
	case c.alarmVXT01(e):
		return true
	default:
		return isGPS(b) && c.gpsAndRest(e)
	}
	c.gps(e, b)
	c.alarmCellOf(e, b[at:at+size])
	at += size
	st := b[at : at+5]
	c.statusAndAlarm(e, st, own)
	c.alarmRest(e, b[at+5:])
	return true
}

// cellFits tells whether a cell of that size can stand behind the LBS length.
func (c *call) cellFits(b []byte, size int) bool {
	if len(b) < gpsSize+1+size {
		return false
	}
	long := size > 0 && b[gpsSize+1]>>7 != 0
	switch size {
	case 8, 15:
		return !long
	case 9:
		return true // a two-byte network, or an id of four bytes
	case 10:
		return true
	case 16:
		return long
	}
	return false
}

// tailFits tells whether that many bytes can follow the cell of an alarm.
func (c *call) tailFits(n int) bool {
	switch c.number {
	case msgAlarmFences, msgAlarm4GFences:
		return n == 5 || n == 6 || n == 7 || n == 10
	case msgSL4XAlarm:
		return n == 5 || n == 7
	case msgAlarm:
		return n == 5 || n == 9 || n == 13
	}
	return n == 5 || n == 9
}

// alarmCellOf reads the cell of an alarm by its size.
func (c *call) alarmCellOf(e *protocols.Event, b []byte) {
	switch {
	case len(b) == 0:
	case len(b) == lbsxSize:
		c.cellX(e, b)
	case len(b) >= lbs4Size:
		c.servingCell(e, b, true)
	case len(b) == 9 && b[0]>>7 == 0:
		c.cellLong(e, b)
	default:
		c.servingCell(e, b, false)
	}
}

// statusAndAlarm reads status 1, voltage level 1, signal 1, alarm 1, language 1. With an alarm byte of 0 the code in the status
// counts. clone says that the message has traits of firmware that is not Concox's.
func (c *call) statusAndAlarm(e *protocols.Event, b []byte, clone bool) {
	level := c.status(e, b[0])
	c.charge(e, b[1])
	e.Int("rssi", int64(b[2]))
	code := uint16(b[3])
	if c.wideAlarm() {
		code |= uint16(b[4]>>4) << 8
	}
	c.language(e, []byte{b[4] & 15})
	switch {
	case code != 0:
		c.raise(e, code, clone)
	case level != 0:
		e.Alarm = levelAlarm(level)
		e.Int("alarm_level", int64(level))
	}
	setAlarmLevel(c.s, level)
}

// wideAlarm tells whether the message has bits 11 to 8 of the alarm code in the language byte.
func (c *call) wideAlarm() bool {
	switch c.number {
	case msgAlarmFences, msgAlarmModules, msgAlarm4GFences, msgWiFiAlarm:
		return true
	}
	return false
}

// alarmRest reads what may follow the language.
func (c *call) alarmRest(e *protocols.Event, b []byte) {
	switch c.number {
	case msgAlarmFences, msgAlarm4GFences:
		if len(b) > 0 {
			if b[0] != 0xff {
				e.Int("geofence", int64(b[0]))
			}
			b = b[1:]
		}
		if len(b) == 1 {
			e.Int("mileage", int64(b[0]))
			return
		}
	case msgSL4XAlarm:
		if len(b) == 2 {
			e.SetAlt(float64(int16(binary.BigEndian.Uint16(b))))
			return
		}
	}
	switch len(b) {
	case 0:
	case 4:
		e.Int("odometer_m", int64(binary.BigEndian.Uint32(b)))
	case 8:
		// TRX16i: the alarm byte is an event, and a card follows.
		e.Int("event", int64(c.info[len(c.info)-10]))
		if !allZero(b) {
			e.Text("driver_id", hexText(b))
		}
	default:
		c.unread(e, b)
	}
}

// alarmVXT01 reads message 0x16 of the VXT01, which has no LBS length and reports over-speed in its status byte.
func (c *call) alarmVXT01(e *protocols.Event) bool {
	b := c.info
	if len(b) != gpsSize+lbsSize+5 || c.number != msgAlarm || !isGPS(b) {
		return false
	}
	c.gps(e, b)
	c.servingCell(e, b[gpsSize:gpsSize+lbsSize], false)
	c.statusAndAlarm(e, b[gpsSize+lbsSize:], false)
	if e.Alarm == levelAlarm(7) && b[len(b)-2] == 0 {
		e.Alarm = "overspeed"
	}
	return true
}

// alarmCell reads messages 0x19 and 0xA5: serving cell, status 1, voltage level 1, signal 1, alarm 1, language 1. They have no date.
// A 0x19 that begins with a date is a cell list of the SPACE10X, whose layout nobody wrote down.
func (c *call) alarmCell(e *protocols.Event) bool {
	b := c.info
	wide := c.number == msgAlarmCell4G
	if len(b) < lbsSize {
		return false
	}
	size := cellSize(b, wide)
	if len(b) != size+5 {
		if !wide && len(b) >= 18 && plausibleDate(b) {
			c.date = b[:6]
			c.unread(e, b[6:])
			return true
		}
		return false
	}
	c.servingCell(e, b[:size], wide)
	c.statusAndAlarm(e, b[size:], false)
	return true
}

// alarm4G reads message 0x39: GPS block, radio type 1, cell, status 1, voltage level 1, signal 1, alarm 1, language 1, modules.
func (c *call) alarm4G(e *protocols.Event) bool {
	b := c.info
	if len(b) < gpsSize+1 || !isGPS(b) {
		return false
	}
	size, ok := radioCellSize(b[gpsSize:])
	at := gpsSize + size
	if !ok || len(b) < at+5 || !areModules(b[at+5:]) {
		return c.gpsAndRest(e)
	}
	ignition := c.gps(e, b)
	_ = ignition // the status byte says it
	c.radioCell(e, b[gpsSize:at])
	c.statusAndAlarm(e, b[at:at+5], false)
	c.modules(e, b[at+5:])
	return true
}
