package gt06

import (
	"bytes"
	"encoding/binary"

	"github.com/trackgate/trackgate/protocols"
)

func u16(b []byte) int64 { return int64(binary.BigEndian.Uint16(b)) }
func u24(b []byte) int64 { return int64(b[0])<<16 | int64(b[1])<<8 | int64(b[2]) }
func u32(b []byte) int64 { return int64(binary.BigEndian.Uint32(b)) }

// locationVariant reads the locations of single vendors, which their size tells. at is the offset behind the serving cell.
func (c *call) locationVariant(e *protocols.Event, at int) bool {
	b := c.info
	switch c.number {
	case msgGPSLBS:
		rest := b[at:]
		switch {
		case !isGPS(b):
			return false
		case len(rest) == 2:
			c.gps(e, b)
			c.benWay(e, rest)
		case len(rest) == 5:
			c.gps(e, b)
			c.vxt01(e, rest)
		case len(rest) == 12:
			c.gps(e, b)
			c.s5(e, rest)
		case len(rest) >= 9 && len(rest) == 9+int(rest[4]):
			ignitionOfCourse(e, c.gps(e, b))
			c.weTrust(e, rest)
		case len(rest) >= 7 && len(rest) == 7+int(rest[4]):
			ignitionOfCourse(e, c.gps(e, b))
			c.cardReader(e, rest)
		default:
			ignitionOfCourse(e, c.gps(e, b))
			c.unread(e, rest)
		}
		c.servingCell(e, b[gpsSize:at], false)
		return true
	case msgGPSLBSTail:
		switch {
		case len(b) == 42 && isGPS(b):
			return c.locationSEEWORLD(e)
		case len(b) >= 55:
			if c.locationNT(e) {
				return true
			}
		}
	}
	if !isGPS(b) {
		return false
	}
	ignitionOfCourse(e, c.gps(e, b))
	c.servingCell(e, b[gpsSize:at], c.number == msgGPSLBS4)
	c.unread(e, b[at:])
	return true
}

// benWay reads a mask: bit 15 ignition, bit 14 input 2; with bit 12 a temperature, magnitude in bits 8 to 0 and sign in bit 9; else
// an analog value in bits 9 to 0, in tenths unless bit 13 is set.
func (c *call) benWay(e *protocols.Event, b []byte) {
	mask := binary.BigEndian.Uint16(b)
	e.Bool("ignition", mask&(1<<15) != 0)
	e.Bool("in2", mask&(1<<14) != 0)
	switch {
	case mask&(1<<12) != 0:
		t := int64(mask & 0x1ff)
		if mask&(1<<9) != 0 {
			t = -t
		}
		e.Int("temp1_c", t)
	case mask&(1<<13) != 0:
		e.Int("adc1_v", int64(mask&0x3ff))
	default:
		e.Dec("adc1_v", int64(mask&0x3ff), 1)
	}
}

// vxt01 reads status 1, external volts/100 2, signal 1, extension 1. Code 7 of its status is over-speed.
func (c *call) vxt01(e *protocols.Event, b []byte) {
	alarm := c.status(e, b[0])
	meaning := levelAlarm(alarm)
	if alarm == 7 {
		meaning = "overspeed"
	}
	c.level(e, alarm, meaning)
	e.Dec("power_v", u16(b[1:]), 2)
	e.Int("rssi", int64(b[3]))
	e.Int("extension", int64(b[4]))
}

// s5 reads status 1, external volts/100 2, signal 1, alarm 1, fuel 2, temperature 1 (bit 7 sign), mileage in 10 m 4.
func (c *call) s5(e *protocols.Event, b []byte) {
	c.level(e, c.status(e, b[0]), levelAlarm(b[0]>>3&7))
	e.Dec("power_v", u16(b[1:]), 2)
	e.Int("rssi", int64(b[3]))
	c.raise(e, uint16(b[4]), false)
	e.Int("fuel", u16(b[5:]))
	t := int64(b[7] & 0x7f)
	if b[7]&0x80 != 0 {
		t = -t
	}
	e.Int("temp1_c", t)
	e.Int("odometer_m", u32(b[8:])*10)
}

// weTrust reads mileage 4, card length 1, card, alarm 1, card status 1, driving time 2.
func (c *call) weTrust(e *protocols.Event, b []byte) {
	e.Int("odometer_m", u32(b))
	n := 5 + int(b[4])
	c.card(e, b[5:n])
	if b[n] != 0 {
		e.Alarm = "general"
		e.Int("alarm_code", int64(b[n]))
	}
	e.Int("card_status", int64(b[n+1]))
	e.Int("driving_time", u16(b[n+2:]))
}

// cardReader reads mileage 4, card length 1, card, alarm 1, swiped 1; the last two can be digits in ASCII.
func (c *call) cardReader(e *protocols.Event, b []byte) {
	e.Int("odometer_m", u32(b))
	n := 5 + int(b[4])
	c.card(e, b[5:n])
	c.raise(e, uint16(digit(b[n])), false)
	e.Int("card_status", int64(digit(b[n+1])))
}

// digit is the value of an ASCII digit; other bytes are their own.
func digit(v byte) byte {
	if v >= '0' && v <= '9' {
		return v - '0'
	}
	return v
}

// card keeps the text of a driver's card; without one it is spaces.
func (c *call) card(e *protocols.Event, b []byte) {
	if t := text(b); t != "" {
		e.Text("driver_id", t)
	}
}

// locationQH302R reads message 0x12 of the QH302R: IMEI 8, GPS block, serving cell.
func (c *call) locationQH302R(e *protocols.Event) bool {
	c.identity(e, c.info)
	b := c.info[8:]
	ignitionOfCourse(e, c.gps(e, b))
	if cellSize(b[gpsSize:], false) == lbsSize {
		c.servingCell(e, b[gpsSize:], false)
	} else {
		c.unread(e, b[gpsSize:])
	}
	return true
}

// locationSEEWORLD reads message 0x22 of SEEWORLD: GPS block, cell with a four-byte id, ignition 1, mode 1, re-upload 1, mileage 4,
// trip time in s 4, temperature/100 2 (bit 15 sign), humidity/100 2.
func (c *call) locationSEEWORLD(e *protocols.Event) bool {
	const at = gpsSize + 9
	b := c.info[at:]
	c.gps(e, c.info)
	c.tail(e, at)
	c.cellLong(e, c.info[gpsSize:])
	e.Int("odometer_m", u32(b[3:]))
	e.Int("trip_s", u32(b[7:]))
	t := u16(b[11:]) & 0x7fff
	if b[11]&0x80 != 0 {
		t = -t
	}
	e.Dec("temp1_c", t, 2)
	e.Dec("humidity_pct", u16(b[13:]), 2)
	return true
}

// locationNT reads messages 0x22 and 0x25 of NT11 to NT46, VL100 and XT40:
//
//	source 1 | IMEI 8 | device date 6 | GPS block | LBS length 1 | cell | status 1 | external volts/100 2 | battery volts/10 1
//	signal 1 | alarm 1 | language 1 | mileage in km 3 | engine time in minutes 3
//
// 0x25 adds driver length 1 and, unless that is 0, id type 1 and id.
func (c *call) locationNT(e *protocols.Event) bool {
	b := c.info
	const lbs = 1 + 8 + 6 + gpsSize
	if len(b) < lbs+1 || !isIMEI(b[1:]) || !isGPS(b[15:]) {
		return false
	}
	size := 0
	switch b[lbs] {
	case 0:
	case 8, 9:
		size = 8
	case 0x0a:
		size = lbsxSize
	default:
		return false
	}
	at := lbs + 1 + size
	if len(b) < at+13 {
		return false
	}
	rest := b[at+13:]
	if len(rest) > 0 && (c.number != msgDriver || len(rest) != 1+int(rest[0])) {
		return false
	}
	e.Int("source", int64(b[0]))
	c.identity(e, b[1:])
	if sent := b[9:15]; !bytes.Equal(sent, b[15:21]) {
		e.Text("device_date", hexText(sent))
		c.many = true // a date of the fix that is no time would be one more
	}
	c.gps(e, b[15:])
	switch {
	case size == lbsxSize:
		c.cellX(e, b[lbs+1:])
	case size > 0 && b[lbs+1]>>7 == 0:
		c.servingCell(e, b[lbs+1:at], false)
	case size > 0:
		c.unread(e, b[lbs+1:at])
	}
	st := b[at:]
	level := c.status(e, st[0])
	e.Dec("power_v", u16(st[1:]), 2)
	e.Dec("battery_v", int64(st[3]), 1)
	e.Int("rssi", int64(st[4]))
	c.level(e, level, levelAlarm(level))
	c.raise(e, uint16(st[5]), false)
	c.language(e, st[6:7])
	e.Int("odometer_m", u24(st[7:])*1000)
	e.Int("hours_s", u24(st[10:])*60)
	if len(rest) > 1 {
		e.Int("driver_id_type", int64(rest[1]))
		if len(rest) > 2 {
			e.Text("driver_id", hexText(rest[2:]))
		}
	}
	return true
}

// locationSR411 reads message 0x24 of the SR411 mini: GPS block, serving cell, ignition 1, external volts/100 2, battery volts/100 2, ten
// bytes that nobody explained.
func (c *call) locationSR411(e *protocols.Event) bool {
	b := c.info
	if len(b) < gpsSize+lbsSize {
		return false
	}
	at := gpsSize + cellSize(b[gpsSize:], false)
	if len(b) != at+15 || !isGPS(b) {
		return false
	}
	c.gps(e, b)
	c.servingCell(e, b[gpsSize:at], false)
	e.Bool("ignition", b[at] != 0)
	e.Dec("power_v", u16(b[at+1:]), 2)
	e.Dec("battery_v", u16(b[at+3:]), 2)
	c.unread(e, b[at+5:])
	return true
}

// locationSL4X reads message 0x31 of the SL4X: GPS block, cell, ignition 1, mode 1, re-upload 1, mileage 4, altitude 2.
func (c *call) locationSL4X(e *protocols.Event) bool {
	const at = gpsSize + lbsxSize
	b := c.info
	if len(b) != at+9 {
		return false
	}
	c.gps(e, b)
	c.tail(e, at)
	c.cellX(e, b[gpsSize:])
	e.Int("odometer_m", u32(b[at+3:]))
	e.SetAlt(float64(int16(u16(b[at+7:]))))
	return true
}

// locationX1 reads message 0x34 of the X1:
//
//	data and alarm bits 4 | GPS block | terminal information 2 | mileage 4 | cell with a four-byte id | driver 4
//	external volts/100 2 | battery volts/100 2 | ports 4 | inputs 1 | outputs 1 | analog volts/100, 2 each
//
// Bits 23 to 20 of ports count the analog inputs.
func (c *call) locationX1(e *protocols.Event) bool {
	b := c.info
	if len(b) < 51 || !isGPS(b[4:]) || len(b) != 51+2*int(b[46]>>4) {
		return false
	}
	c.gps(e, b[4:])
	if bits := u32(b); bits != 0 {
		e.Int("alarm_bits", bits)
	}
	e.Int("status", u16(b[22:]))
	e.Int("odometer_m", u32(b[24:]))
	c.cellLong(e, b[28:])
	if !allZero(b[37:41]) {
		e.Text("driver_id", hexText(b[37:41]))
	}
	e.Dec("power_v", u16(b[41:]), 2)
	e.Dec("battery_v", u16(b[43:]), 2)
	e.Int("ports", u32(b[45:]))
	e.Int("inputs", int64(b[49]))
	e.Int("outputs", int64(b[50]))
	for i, at := 0, 51; at < len(b); i, at = i+1, at+2 {
		if i < len(adcNames) {
			e.Dec(adcNames[i], u16(b[at:]), 2)
		} else {
			e.Text(protocols.IOKey(uint16(i)), hexText(b[at:at+2]))
		}
	}
	return true
}

var adcNames = [...]string{"adc1_v", "adc2_v", "adc3_v", "adc4_v"}

// locationTRX16i reads message 0x36 of the TRX16i: GPS block, cell with a four-byte id, ignition 1, mode 1, re-upload 1, mileage 4,
// external volts/100 2, battery volts/10 1, engine time in minutes 3, card 8.
func (c *call) locationTRX16i(e *protocols.Event) bool {
	const at = gpsSize + 9
	b := c.info
	if len(b) != at+21 || !isGPS(b) {
		return false
	}
	c.f.Type = "gps_lbs"
	c.gps(e, b)
	c.tail(e, at)
	c.cellLong(e, b[gpsSize:])
	e.Int("odometer_m", u32(b[at+3:]))
	e.Dec("power_v", u16(b[at+7:]), 2)
	e.Dec("battery_v", int64(b[at+9]), 1)
	e.Int("hours_s", u24(b[at+10:])*60)
	if card := b[at+13:]; !allZero(card) {
		e.Text("driver_id", hexText(card))
	}
	return true
}

// locationLWxG reads message 0xA2 of the LWxG:
//
//	GPS block | cell 15 | network 1 | status 1 | external volts/100 2 | battery % 1 | signal 1 | alarm 1 | language 1
//	mileage 4 | engine time in s 4 | terminal id 8 | inputs 2
func (c *call) locationLWxG(e *protocols.Event) bool {
	const at = gpsSize + lbs4Size
	b := c.info
	if len(b) != at+26 || !isGPS(b) || b[gpsSize]>>7 != 0 {
		return false
	}
	c.f.Type = "gps_lbs"
	c.gps(e, b)
	c.servingCell(e, b[gpsSize:at], true)
	st := b[at:]
	e.Int("radio", int64(st[0]))
	level := c.status(e, st[1])
	e.Dec("power_v", u16(st[2:]), 2)
	c.percent(e, st[4])
	e.Int("rssi", int64(st[5]))
	c.level(e, level, levelAlarm(level))
	c.raise(e, uint16(st[6]), false)
	c.language(e, st[7:8])
	e.Int("odometer_m", u32(st[8:]))
	e.Int("hours_s", u32(st[12:]))
	c.identity(e, st[16:])
	e.Int("inputs", u16(st[24:]))
	return true
}
